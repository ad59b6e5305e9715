"""What a CTC model says before it has heard anything, which a beam with a language model takes off.

A model that is unsure falls back on how often each token occurs: on blanks, mostly. The language model
knows already which letters are frequent, so that knowledge counts twice, and rare letters and short sounds
are lost. As in hybrid recognition (Bourlard and Morgan 1994), a part of the prior's logarithm is taken off in
every frame. A checkpoint may bring ``prior.json``, measured by ``training.calibrate``::

    {"version": 1, "weight": 0.45, "log_prior": {"<pad>": -0.45, "E": -3.43, …}}

Tokens that it does not name keep their probability. The emission itself stays as the model gave it: pictures,
alignment and confidence never see the prior.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from wav2vec2_app.speech.audio import Float32
from wav2vec2_app.speech.emission import Emission

log = logging.getLogger(__name__)

PRIOR: Final = "prior.json"
VERSION: Final = 1
RAREST: Final = 1e-5
"""Mean probability below which a token counts as never said."""


def read_prior(folder: Path, tokens: Sequence[str]) -> tuple[float, ...] | None:
    """What to take off each of ``tokens``, natural logarithm; ``None`` if ``folder`` tells nothing usable."""
    path = folder / PRIOR
    if not path.is_file():
        return None
    try:
        return _weighted(json.loads(path.read_text(encoding="utf-8")), tokens)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        log.warning("%s is not used: %s", PRIOR, error)
        return None


def _weighted(document: Mapping[str, Any], tokens: Sequence[str]) -> tuple[float, ...]:
    if document["version"] != VERSION:
        raise ValueError(f"version {document['version']} of the prior is not known")
    weight, told = float(document["weight"]), document["log_prior"]
    values = tuple(weight * float(told.get(token, 0.0)) for token in tokens)
    if not np.isfinite(values).all() or not 0 <= weight <= 1:
        raise ValueError("the prior has values that make no sense")
    return values


def measure_prior(emissions: Sequence[Emission], weight: float) -> dict[str, Any]:
    """The content of the file: the mean probability of each token over all frames, as a logarithm."""
    probabilities = np.concatenate([np.exp(one.log_probs.astype(np.float64)) for one in emissions])
    blank = emissions[0].vocabulary[emissions[0].blank_id]
    unspelled = set(emissions[0].special) - {blank}
    means = dict(zip(emissions[0].vocabulary, probabilities.mean(axis=0), strict=True))
    log_prior = {
        token: round(float(np.log(mean)), 3)
        for token, mean in means.items()
        if mean > RAREST and token not in unspelled
    }
    return {"version": VERSION, "weight": weight, "log_prior": log_prior}


def without_prior(emission: Emission) -> Float32:
    """Scores ``(frames, tokens)`` for a beam: the log-probabilities without what needs no hearing."""
    if emission.prior is None:
        return emission.log_probs
    scores: Float32 = emission.log_probs - np.array(emission.prior, dtype=np.float32)
    return scores
