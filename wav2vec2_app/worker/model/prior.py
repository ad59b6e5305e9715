"""The prior of a CTC model's tokens, which beam search with a language model subtracts.

Where a model is uncertain, its output approaches the frequencies of the tokens: mostly blanks. The language
model has learned the frequencies of letters as well: they would count twice, and rare letters and short
sounds would be lost. As in hybrid recognition (Bourlard and Morgan 1994), a part of the logarithm of the
prior is subtracted in every frame. A checkpoint may bring ``prior.json``, measured by
``training.calibrate``::

    {"version": 1, "weight": 0.45, "log_prior": {"<pad>": -0.45, "E": -3.43, …}}

Tokens that it does not name keep their probability. The emission itself is not changed: pictures,
alignment and confidence do not use the prior.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from wav2vec2_app.speech.audio import Float32
from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.worker.model.checkpoint_files import JsonDocument, json_number, json_object

log = logging.getLogger(__name__)

PRIOR_FILE: Final = "prior.json"
PRIOR_VERSION: Final = 1
MIN_MEAN_PROBABILITY: Final = 1e-5
"""Tokens with a lower mean probability get no prior."""


def read_prior(folder: Path, tokens: Sequence[str]) -> tuple[float, ...] | None:
    """What to subtract from each of ``tokens``, natural logarithm; ``None`` without a usable file."""
    path = folder / PRIOR_FILE
    if not path.is_file():
        return None
    try:
        return _weighted(json_object(json.loads(path.read_text(encoding="utf-8"))), tokens)
    except (OSError, ValueError) as error:
        log.warning("%s is not used: %s", PRIOR_FILE, error)
        return None


def _weighted(document: Mapping[str, object], tokens: Sequence[str]) -> tuple[float, ...]:
    if document.get("version") != PRIOR_VERSION:
        raise ValueError(f"version {document.get('version')} of the prior is not known")
    if not isinstance(document.get("log_prior"), dict):
        raise ValueError("the prior has no log_prior")
    weight, log_prior = json_number(document.get("weight")), json_object(document["log_prior"])
    values = tuple(weight * json_number(log_prior.get(token, 0.0)) for token in tokens)
    if not np.isfinite(values).all() or not 0 <= weight <= 1:
        raise ValueError("the prior has values that are not finite, or its weight is not in [0, 1]")
    return values


def measure_prior(emissions: Sequence[Emission], weight: float) -> JsonDocument:
    """The content of the file: the logarithm of each token's mean probability over all frames."""
    probabilities = np.concatenate([np.exp(one.log_probs.astype(np.float64)) for one in emissions])
    blank = emissions[0].vocabulary[emissions[0].blank_id]
    unspelled = set(emissions[0].special) - {blank}
    means = dict(zip(emissions[0].vocabulary, probabilities.mean(axis=0), strict=True))
    log_prior = {
        token: round(float(np.log(mean)), 3)
        for token, mean in means.items()
        if mean > MIN_MEAN_PROBABILITY and token not in unspelled
    }
    return {"version": PRIOR_VERSION, "weight": weight, "log_prior": log_prior}


def subtract_prior(emission: Emission) -> Float32:
    """Scores ``(frames, tokens)`` for beam search: the log-probabilities minus the prior."""
    if emission.prior is None:
        return emission.log_probs
    scores: Float32 = emission.log_probs - np.array(emission.prior, dtype=np.float32)
    return scores
