"""How likely each word of a transcript is right, judged by the emission it was aligned with.

Only the model's own probabilities speak for a word. A language model or a hotword can put it into a
transcript, but cannot make it surer; what the beam knows of its rivals, found without hotwords, can only
take away (:data:`LEADS`). A checkpoint may bring ``confidence.json``, logistic maps from :data:`FEATURES` to
the share of words that are right, one for each decoder, fitted by ``training.calibrate``::

    {"version": 4,
     "maps": {"greedy": {"bias": -0.5,
                         "features": {"purity": {"mean": -0.4, "scale": 0.4, "weight": 0.9}, …},
                         "fitted": {"words": 2233, …}},
              "beam": {…}}}

``confidence = 1 / (1 + exp(-(bias + sum(weight * (feature - mean) / scale))))``; ``fitted`` is for the
reader. Without the file a word's confidence is its score in the alignment, which ranks words but
promises nothing.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.transcript import Word
from wav2vec2_app.worker.model.alignment import AlignedWord, Letter

log = logging.getLogger(__name__)

CALIBRATION: Final = "confidence.json"
VERSION: Final = 4

FEATURES: Final = ("purity", "path", "path_whole", "doubt", "doubt_around")
"""What a word is judged by, see :func:`features`."""

LEADS: Final = ("lead", "lead_near")
"""Two more where a beam has read: what rivals take away, see :func:`rivalry`."""

WINDOW: Final = 3
"""Frames on either side of a letter in which its sound may show as well."""

AROUND: Final = 2
"""Words on either side whose decoding tells about a word's: errors come in clusters."""

LEAD_SCALE: Final = 3.0
"""A lead counts up to a few times this, in a beam's natural logarithms."""

TINY: Final = 1e-9

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Calibration:
    """One map of a ``confidence.json``; its arrays are in the order of ``names``."""

    names: tuple[str, ...]
    bias: float
    means: Numbers
    scales: Numbers
    weights: Numbers

    @classmethod
    def of(cls, document: Mapping[str, Any], decoder: str) -> Calibration:
        """The map for ``decoder`` in ``document``, the content of the file.

        Raises:
            ValueError: there is none of this version.
        """
        names = (*FEATURES, *LEADS) if decoder == "beam" else FEATURES
        try:
            if document["version"] != VERSION:
                raise ValueError(f"version {document['version']} of the calibration is not known")
            told = document["maps"][decoder]
            columns = [
                np.array([float(told["features"][name][part]) for name in names])
                for part in ("mean", "scale", "weight")
            ]
            calibration = cls(names, float(told["bias"]), *columns)
        except (KeyError, TypeError) as error:
            raise ValueError("the calibration lacks a part") from error
        if not np.isfinite([calibration.bias, *np.ravel(columns)]).all() or (columns[1] <= 0).any():
            raise ValueError("the calibration has values that make no sense")
        return calibration

    def document(self, fitted: Mapping[str, Any]) -> dict[str, Any]:
        """The map's part of the file; ``fitted`` tells how it came about."""
        values = zip(self.names, self.means, self.scales, self.weights, strict=True)
        return {
            "bias": round(self.bias, 4),
            "features": {
                name: {"mean": round(mean, 4), "scale": round(scale, 4), "weight": round(weight, 4)}
                for name, mean, scale, weight in values
            },
            "fitted": dict(fitted),
        }

    def confidences(self, values: Numbers) -> Numbers:
        """Confidences ``(words,)`` from features ``(words, features)``."""
        sums = self.bias + (values - self.means) / self.scales @ self.weights
        confidences: Numbers = 1 / (1 + np.exp(-np.clip(sums, -30, 30)))
        return confidences


def document_of(maps: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The content of the file with these maps, by decoder."""
    return {"version": VERSION, "maps": dict(maps)}


def read_calibration(folder: Path) -> dict[str, Any] | None:
    """What the checkpoint in ``folder`` brings; ``None`` if it brings nothing that can be used."""
    path = folder / CALIBRATION
    if not path.is_file():
        return None
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        for decoder in ("greedy", "beam"):
            Calibration.of(document, decoder)
    except (OSError, ValueError) as error:
        log.warning("%s is not used: %s", CALIBRATION, error)
        return None
    return dict(document)


def rate(
    emission: Emission, words: Sequence[AlignedWord], leads: Sequence[float] | None = None
) -> list[float]:
    """Confidence in [0, 1] of each of ``words``, by the calibration that ``emission`` brings.

    ``leads`` are those of a beam, see :func:`rivalry`. A wildcard's confidence is 0: nothing was checked.
    """
    calibration = _calibration(emission, "greedy" if leads is None else "beam")
    if calibration is None:
        return [word.score for word in words]
    values = features(emission, words)
    if leads is not None:
        values = np.hstack([values, rivalry(leads)])
    confidences = calibration.confidences(values)
    return [
        0.0 if word.wildcard else float(value)
        for word, value in zip(words, confidences, strict=True)
    ]


def rivalry(leads: Sequence[float]) -> Numbers:
    """What rivals take away from a beam's words: ``(words, 2)``, in the order of :data:`LEADS`.

    0 if the best hypothesis without the word is far behind; less, the closer it is. However sure a
    language model is of a word, it adds nothing: no value exceeds 0. ``lead_near`` is the least of the
    word's own and its neighbours'.
    """
    own = -np.logaddexp(0.0, -np.asarray(leads, dtype=np.float64) / LEAD_SCALE)
    beside = np.r_[own[:1], own, own[-1:]]
    near = np.minimum(np.minimum(beside[:-2], beside[2:]), own)
    values: Numbers = np.column_stack([own, near])
    return values


def transcript_confidence(words: Sequence[Word]) -> float:
    """The share of ``words`` that is right, as far as their confidences tell; 0 for no words."""
    return float(np.mean([word.confidence for word in words])) if words else 0.0


def features(emission: Emission, words: Sequence[AlignedWord]) -> Numbers:
    """What ``words``, all of an emission's, are judged by: ``(words, features)``.

    ============  =====================================================================================
    purity        around each letter, of the probability given to letters, what it has itself: mean logarithm
    path          log-probability of the frames between the neighbours if this word is what they say, for
                  each letter
    path_whole    mean ``path`` of all the words: how well the whole was heard
    doubt         entropy of the frames between the neighbours, in nats for each letter: logarithm
    doubt_around  mean ``doubt`` of the :data:`AROUND` words on either side, or the word's own if alone
    ============  =====================================================================================

    A wildcard's are 0, and it is nobody's neighbour.
    """
    values = np.zeros((len(words), len(FEATURES)))
    spelt = [number for number, word in enumerate(words) if word.letters]
    if not spelt:
        return values
    mass = _Mass.of(emission)
    middles = [
        0,
        *((left.frames[1] + right.frames[0]) // 2 for left, right in pairwise(words)),
        len(emission.log_probs),
    ]
    own = np.array(
        [_features(words[number], mass, middles[number], middles[number + 1]) for number in spelt]
    )
    purity, path, doubt = own.T
    whole = np.full(len(path), path.mean())
    values[spelt] = np.column_stack([purity, path, whole, doubt, _around(doubt, AROUND)])
    return values


def _around(values: Numbers, reach: int) -> Numbers:
    """Mean of ``values`` ``(words,)`` over ``reach`` neighbours on either side, without the word itself."""
    count = len(values)
    if count == 1:
        return values
    sums = np.r_[0.0, values.cumsum()]
    here = np.arange(count)
    begin, stop = np.maximum(here - reach, 0), np.minimum(here + reach + 1, count)
    means: Numbers = (sums[stop] - sums[begin] - values) / (stop - begin - 1)
    return means


@dataclass(frozen=True)
class _Mass:
    """Running sums over frames ``(frames + 1, …)``.

    Of each token's probability, of all letters', of the log-probability that nothing is spelled, of entropy.
    """

    tokens: Numbers
    letters: Numbers
    silence: Numbers
    entropy: Numbers

    @classmethod
    def of(cls, emission: Emission) -> _Mass:
        log_probs = emission.log_probs.astype(np.float64)
        probabilities = np.exp(log_probs)
        sums = np.vstack([np.zeros(probabilities.shape[1]), probabilities.cumsum(axis=0)])
        surprise = -probabilities * np.where(probabilities > 0, log_probs, 0.0)
        silent = {emission.vocabulary[emission.blank_id], emission.word_delimiter}
        numbered = list(enumerate(emission.vocabulary))
        spoken = [n for n, token in numbered if token not in silent | set(emission.special)]
        quiet = np.log(
            probabilities[:, [n for n, token in numbered if token in silent]].sum(axis=1) + TINY
        )
        entropy = np.r_[0.0, surprise.sum(axis=1).cumsum()]
        return cls(sums, sums[:, spoken].sum(axis=1), np.r_[0.0, quiet.cumsum()], entropy)

    def between(self, begin: int, stop: int) -> float:
        return float(self.letters[stop] - self.letters[begin])

    def of_letter(self, token: int, begin: int, stop: int) -> float:
        return float(self.tokens[stop, token] - self.tokens[begin, token])


def _features(word: AlignedWord, mass: _Mass, begin: int, stop: int) -> tuple[float, ...]:
    """The word's own: purity, path and doubt."""
    own, around = np.array(
        [
            (mass.of_letter(letter.token, *window), mass.between(*window))
            for letter, window in zip(
                word.letters, _windows(word.letters, begin, stop), strict=True
            )
        ]
    ).T
    count = len(word.letters)
    path = mass.silence[stop] - mass.silence[begin]
    for letter in word.letters:
        path += (letter.stop - letter.start) * letter.log_prob
        path -= mass.silence[letter.stop] - mass.silence[letter.start]
    return (
        float(np.log((own + 1e-4) / (around + 2e-4)).mean()),
        float(path) / count,
        float(np.log((mass.entropy[stop] - mass.entropy[begin]) / count + 0.05)),
    )


def _windows(letters: Sequence[Letter], begin: int, stop: int) -> list[tuple[int, int]]:
    """Frames ``[from, to)`` in which each letter may show: half-way to its neighbours, if so far."""
    middles = [
        begin,
        *((left.stop + right.start) // 2 for left, right in pairwise(letters)),
        stop,
    ]
    return [
        (max(first, letter.start - WINDOW), min(last, letter.stop + WINDOW))
        for letter, first, last in zip(letters, middles, middles[1:], strict=False)
    ]


def _calibration(emission: Emission, decoder: str) -> Calibration | None:
    if emission.calibration is None:
        return None
    try:
        return Calibration.of(emission.calibration, decoder)
    except ValueError as error:
        log.warning("the emission's calibration is not used: %s", error)
        return None
