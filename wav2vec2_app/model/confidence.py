"""How likely each word of a transcript is right, judged by the emission it was aligned with.

Only the model's own probabilities count: a language model or a hotword can put a word into a
transcript, but cannot make it surer. A checkpoint may bring ``confidence.json``, a logistic map from
:data:`FEATURES` to the share of words that are right, fitted by ``training.calibrate``::

    {"version": 2,
     "bias": -0.5,
     "features": {"purity": {"mean": -0.4, "scale": 0.4, "weight": 0.9}, …},
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
VERSION: Final = 2

FEATURES: Final = (
    "purity", "longest", "sureness", "margin", "doubt", "share_around", "doubt_around",
)  # fmt: skip
"""What a word is judged by, see :func:`features`."""

WINDOW: Final = 3
"""Frames on either side of a letter in which its sound may show as well."""

AROUND: Final = 2
"""Words on either side whose reading tells about a word's: errors come in clusters."""

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

    ============  =====================================================================================
    purity        around each letter, of the probability given to letters, what it has itself: mean logarithm
    longest       logarithm of the longest letter's seconds: a word that is forced on a sound has odd gaps
    sureness      mean log-probability of the letters
    margin        :attr:`AlignedWord.margin`
    doubt         entropy of the frames between the neighbours, in nats for each letter: logarithm
    share_around  of the probability given to letters, what the words' own have: mean of the :data:`AROUND`
                  words on either side, or the word's own where it is alone
    doubt_around  mean ``doubt`` of the same
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
    values[spelt] = np.hstack([own[:, :-1], _around(own[:, -2:][:, ::-1])])
    return values


def _around(values: Numbers) -> Numbers:
    """Means of ``values`` ``(words, n)`` over each word's neighbours, without itself."""
    count = len(values)
    if count == 1:
        return values
    sums = np.vstack([np.zeros(values.shape[1]), values.cumsum(axis=0)])
    here = np.arange(count)
    begin, stop = np.maximum(here - AROUND, 0), np.minimum(here + AROUND + 1, count)
    means: Numbers = (sums[stop] - sums[begin] - values) / (stop - begin - 1)[:, None]
    return means


@dataclass(frozen=True)
class _Mass:
    """Running sums over frames: of tokens' probabilities ``(frames + 1, tokens)``, all letters', entropy."""

    tokens: Numbers
    letters: Numbers
    entropy: Numbers

    @classmethod
    def of(cls, emission: Emission) -> _Mass:
        log_probs = emission.log_probs.astype(np.float64)
        probabilities = np.exp(log_probs)
        sums = np.vstack([np.zeros(probabilities.shape[1]), probabilities.cumsum(axis=0)])
        surprise = -probabilities * np.where(probabilities > 0, log_probs, 0.0)
        silent = {emission.vocabulary[emission.blank_id], emission.word_delimiter}
        spoken = [
            column
            for column, token in enumerate(emission.vocabulary)
            if token not in silent and token not in emission.special
        ]
        entropy = np.r_[0.0, surprise.sum(axis=1).cumsum()]
        return cls(sums, sums[:, spoken].sum(axis=1), entropy)

    def between(self, begin: int, stop: int) -> float:
        return float(self.letters[stop] - self.letters[begin])

    def of_letter(self, token: int, begin: int, stop: int) -> float:
        return float(self.tokens[stop, token] - self.tokens[begin, token])


def _features(word: AlignedWord, mass: _Mass, begin: int, stop: int) -> tuple[float, ...]:
    """The word's own: the first five of :data:`FEATURES`, and its share."""
    own, around = np.array(
        [
            (mass.of_letter(letter.token, *window), mass.between(*window))
            for letter, window in zip(
                word.letters, _windows(word.letters, begin, stop), strict=True
            )
        ]
    ).T
    longest = max(letter.end_s - letter.start_s for letter in word.characters)
    return (
        float(np.log((own + 1e-4) / (around + 2e-4)).mean()),
        float(np.log(longest)),
        float(np.mean([letter.log_prob for letter in word.letters])),
        word.margin,
        float(np.log((mass.entropy[stop] - mass.entropy[begin]) / len(word.letters) + 0.05)),
        float(np.minimum(own, 1).sum() / (mass.between(begin, stop) + 0.1)),
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
