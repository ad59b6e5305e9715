"""How likely each word of a transcript is right, judged by the emission it was aligned with.

Only the model's own probabilities count: a language model or a hotword can put a word into a
transcript, but cannot make it surer. A checkpoint may bring ``confidence.json``, a logistic map from
:data:`FEATURES` to the share of words that are right, fitted by ``training.calibrate``::

    {"version": 1,
     "bias": -0.5,
     "features": {"share": {"mean": 0.6, "scale": 0.2, "weight": 0.9}, …},
     "fitted": {"words": 2233, …}}

``confidence = 1 / (1 + exp(-(bias + sum(weight * (feature - mean) / scale))))``; ``features`` names each
of :data:`FEATURES`; ``fitted`` is for the reader. Without the file a word's confidence is its score in
the alignment, which ranks words but promises nothing.
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

from wav2vec2_app.model.alignment import AlignedWord, Letter
from wav2vec2_app.types import Emission, Word

log = logging.getLogger(__name__)

CALIBRATION: Final = "confidence.json"
VERSION: Final = 1

FEATURES: Final = ("share", "purity", "longest", "shortest", "sureness", "margin")
"""What a word is judged by, see :func:`features`."""

WINDOW: Final = 3
"""Frames on either side of a letter in which its sound may show as well."""

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Calibration:
    """The map of a ``confidence.json``; its arrays are in the order of :data:`FEATURES`."""

    bias: float
    means: Numbers
    scales: Numbers
    weights: Numbers

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Calibration:
        """The map that ``document``, the content of the file, describes.

        Raises:
            ValueError: it is none of this version.
        """
        try:
            if document["version"] != VERSION:
                raise ValueError(f"version {document['version']} of the calibration is not known")
            columns = [
                np.array([float(document["features"][name][part]) for name in FEATURES])
                for part in ("mean", "scale", "weight")
            ]
            calibration = cls(float(document["bias"]), *columns)
        except (KeyError, TypeError) as error:
            raise ValueError("the calibration lacks a part") from error
        if not np.isfinite([calibration.bias, *np.ravel(columns)]).all() or (columns[1] <= 0).any():
            raise ValueError("the calibration has values that make no sense")
        return calibration

    def document(self, fitted: Mapping[str, Any]) -> dict[str, Any]:
        """The content of the file; ``fitted`` tells how the map came about."""
        values = zip(FEATURES, self.means, self.scales, self.weights, strict=True)
        return {
            "version": VERSION,
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


def read_calibration(folder: Path) -> dict[str, Any] | None:
    """What the checkpoint in ``folder`` brings; ``None`` if it brings nothing that can be used."""
    path = folder / CALIBRATION
    if not path.is_file():
        return None
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        Calibration.of(document)
    except (OSError, ValueError) as error:
        log.warning("%s is not used: %s", CALIBRATION, error)
        return None
    return dict(document)


def rate(emission: Emission, words: Sequence[AlignedWord]) -> list[float]:
    """Confidence in [0, 1] of each of ``words``, by the calibration that ``emission`` brings.

    A wildcard's is 0: nothing was checked.
    """
    calibration = _calibration(emission)
    if calibration is None:
        return [word.score for word in words]
    values = calibration.confidences(features(emission, words))
    return [
        0.0 if word.wildcard else float(value) for word, value in zip(words, values, strict=True)
    ]


def transcript_confidence(words: Sequence[Word]) -> float:
    """The share of ``words`` that is right, as far as their confidences tell; 0 for no words."""
    return float(np.mean([word.confidence for word in words])) if words else 0.0


def features(emission: Emission, words: Sequence[AlignedWord]) -> Numbers:
    """What ``words``, all of an emission's, are judged by: ``(words, features)``.

    ========  =========================================================================================
    share     of the probability given to letters between the neighbours, what the word's own letters have
    purity    the same around each letter: mean logarithm
    longest   logarithm of the longest letter's seconds: a word that is forced on a sound has odd gaps
    shortest  logarithm of the shortest letter's seconds
    sureness  mean log-probability of the letters
    margin    :attr:`AlignedWord.margin`
    ========  =========================================================================================

    A wildcard's are 0.
    """
    mass = _Mass.of(emission)
    middles = [
        0,
        *((left.frames[1] + right.frames[0]) // 2 for left, right in pairwise(words)),
        len(emission.log_probs),
    ]
    values = np.zeros((len(words), len(FEATURES)))
    for row, word, begin, stop in zip(values, words, middles, middles[1:], strict=False):
        if word.letters:
            row[:] = _features(word, mass, begin, stop)
    return values


@dataclass(frozen=True)
class _Mass:
    """Running sums over frames ``(frames + 1, tokens)`` of each token's probability, and of all letters'."""

    tokens: Numbers
    letters: Numbers

    @classmethod
    def of(cls, emission: Emission) -> _Mass:
        probabilities = np.exp(emission.log_probs.astype(np.float64))
        sums = np.vstack([np.zeros(probabilities.shape[1]), probabilities.cumsum(axis=0)])
        silent = {emission.vocabulary[emission.blank_id], emission.word_delimiter}
        spoken = [
            column
            for column, token in enumerate(emission.vocabulary)
            if token not in silent and token not in emission.special
        ]
        return cls(sums, sums[:, spoken].sum(axis=1))

    def between(self, begin: int, stop: int) -> float:
        return float(self.letters[stop] - self.letters[begin])

    def of_letter(self, token: int, begin: int, stop: int) -> float:
        return float(self.tokens[stop, token] - self.tokens[begin, token])


def _features(word: AlignedWord, mass: _Mass, begin: int, stop: int) -> tuple[float, ...]:
    own, around = np.array(
        [
            (mass.of_letter(letter.token, *window), mass.between(*window))
            for letter, window in zip(
                word.letters, _windows(word.letters, begin, stop), strict=True
            )
        ]
    ).T
    seconds = [letter.end_s - letter.start_s for letter in word.characters]
    return (
        float(np.minimum(own, 1).sum() / (mass.between(begin, stop) + 0.1)),
        float(np.log((own + 1e-4) / (around + 2e-4)).mean()),
        float(np.log(max(seconds))),
        float(np.log(max(min(seconds), 1e-3))),
        float(np.mean([letter.log_prob for letter in word.letters])),
        word.margin,
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


def _calibration(emission: Emission) -> Calibration | None:
    if emission.calibration is None:
        return None
    try:
        return Calibration.of(emission.calibration)
    except ValueError as error:
        log.warning("the emission's calibration is not used: %s", error)
        return None
