"""Confidence: the probability that each decoded word is right, judged by the emission.

The features come from the model's own probabilities. A language model or a hotword can put a word into a
transcript but cannot raise its confidence; rival hypotheses of the beam, found without hotwords, can only
lower it (:data:`LEAD_FEATURES`). A checkpoint may bring ``confidence.json``: for each decoder, a logistic
regression from :data:`EMISSION_FEATURES` to the share of words that are right, fitted by
``training.calibrate``::

    {"version": 4,
     "maps": {"greedy": {"bias": -0.5,
                         "features": {"purity": {"mean": -0.4, "scale": 0.4, "weight": 0.9}, …},
                         "fitted": {"words": 2233, …}},
              "beam": {…}}}

``confidence = 1 / (1 + exp(-(bias + sum(weight * (feature - mean) / scale))))``; ``fitted`` documents the
data and is not evaluated. Without the file a word's confidence is its alignment score, which ranks words
but is not calibrated.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.transcript import Word
from wav2vec2_app.worker.model.checkpoint_files import JsonDocument, json_number, json_object
from wav2vec2_app.worker.model.word_paths import LetterPath, WordPath

log = logging.getLogger(__name__)

CALIBRATION_FILE: Final = "confidence.json"
CALIBRATION_VERSION: Final = 4

EMISSION_FEATURES: Final = ("purity", "path", "path_whole", "doubt", "doubt_around")
"""Features of a word in the emission, see :func:`features`."""
LEAD_FEATURES: Final = ("lead", "lead_near")
"""Features of a word in a beam, see :func:`lead_features`."""

LETTER_MARGIN_FRAMES: Final = 3
"""How far from a letter's frames its probability still counts for it."""
NEIGHBOUR_WORDS: Final = 2
"""Words on either side whose doubt is a feature of a word: errors come in clusters."""
LEAD_SCALE: Final = 3.0
"""Scale of a lead, natural logarithm: it saturates at a few times this."""
TINY: Final = 1e-9

Float64 = NDArray[np.float64]


@dataclass(frozen=True)
class Calibration:
    """One logistic regression of a ``confidence.json``; its arrays are in the order of ``names``."""

    names: tuple[str, ...]
    bias: float
    means: Float64
    scales: Float64
    weights: Float64

    @classmethod
    def of(cls, document: Mapping[str, object], decoder: str) -> Calibration:
        """The regression for ``decoder`` in ``document``, the content of the file.

        Raises:
            ValueError: there is none of this version, or it is incomplete.
        """
        names = (*EMISSION_FEATURES, *LEAD_FEATURES) if decoder == "beam" else EMISSION_FEATURES
        if document.get("version") != CALIBRATION_VERSION:
            raise ValueError(f"version {document.get('version')} of the calibration is not known")
        regression = json_object(json_object(document.get("maps")).get(decoder))
        table = json_object(regression.get("features"))
        columns = [
            np.array([json_number(json_object(table.get(name)).get(part)) for name in names])
            for part in ("mean", "scale", "weight")
        ]
        calibration = cls(names, json_number(regression.get("bias")), *columns)
        if not np.isfinite([calibration.bias, *np.ravel(columns)]).all() or (columns[1] <= 0).any():
            raise ValueError("the calibration has values that are not finite or not positive")
        return calibration

    def document(self, fitted: Mapping[str, object]) -> JsonDocument:
        """The part of the file with this regression; ``fitted`` describes the data."""
        values = zip(self.names, self.means, self.scales, self.weights, strict=True)
        return {
            "bias": round(self.bias, 4),
            "features": {
                name: {"mean": round(mean, 4), "scale": round(scale, 4), "weight": round(weight, 4)}
                for name, mean, scale, weight in values
            },
            "fitted": dict(fitted),
        }

    def confidences(self, values: Float64) -> Float64:
        """Confidences ``(words,)`` from features ``(words, features)``."""
        sums = self.bias + (values - self.means) / self.scales @ self.weights
        confidences: Float64 = 1 / (1 + np.exp(-np.clip(sums, -30, 30)))
        return confidences


def document_of(maps: Mapping[str, Mapping[str, object]]) -> JsonDocument:
    """The content of the file with these regressions, by decoder."""
    return {"version": CALIBRATION_VERSION, "maps": dict(maps)}


def read_calibration(folder: Path) -> JsonDocument | None:
    """The content of ``confidence.json`` in ``folder``; ``None`` if it is missing or unusable."""
    path = folder / CALIBRATION_FILE
    if not path.is_file():
        return None
    try:
        document = json_object(json.loads(path.read_text(encoding="utf-8")))
        for decoder in ("greedy", "beam"):
            Calibration.of(document, decoder)
    except (OSError, ValueError) as error:
        log.warning("%s is not used: %s", CALIBRATION_FILE, error)
        return None
    return document


def rate(
    emission: Emission, words: Sequence[WordPath], leads: Sequence[float] | None = None
) -> list[float]:
    """Confidence in [0, 1] of each of ``words``, by the calibration of ``emission``.

    ``leads`` are those of a beam, see :func:`lead_features`. The confidence of a wildcard is 0.
    """
    calibration = _calibration(emission, "greedy" if leads is None else "beam")
    if calibration is None:
        return [word.score for word in words]
    values = features(emission, words)
    if leads is not None:
        values = np.hstack([values, lead_features(leads)])
    confidences = calibration.confidences(values)
    return [
        0.0 if word.wildcard else float(value)
        for word, value in zip(words, confidences, strict=True)
    ]


def lead_features(leads: Sequence[float]) -> Float64:
    """Features of a beam's words: ``(words, 2)``, in the order of :data:`LEAD_FEATURES`.

    0 if the best hypothesis without the word is far behind, and lower the closer it is. No value exceeds
    0, so that a language model cannot raise a confidence. ``lead_near`` is the lowest of the word's own
    and its neighbours'.
    """
    own = -np.logaddexp(0.0, -np.asarray(leads, dtype=np.float64) / LEAD_SCALE)
    padded = np.r_[own[:1], own, own[-1:]]
    near = np.minimum(np.minimum(padded[:-2], padded[2:]), own)
    values: Float64 = np.column_stack([own, near])
    return values


def transcript_confidence(words: Sequence[Word]) -> float:
    """Expected share of ``words`` that is right: the mean confidence; 0 for no words."""
    return float(np.mean([word.confidence for word in words])) if words else 0.0


def features(emission: Emission, words: Sequence[WordPath]) -> Float64:
    """Features of ``words``, all of an emission's: ``(words, features)``.

    ============  =====================================================================================
    purity        around each letter, its share of the probability of all letters: mean logarithm
    path          log-probability of the word's path in the frames between its neighbours, for each letter
    path_whole    mean ``path`` of all the words
    doubt         entropy of the frames between the neighbours, in nats for each letter: logarithm
    doubt_around  mean ``doubt`` of :data:`NEIGHBOUR_WORDS` words on either side; the word's own if alone
    ============  =====================================================================================

    Those of a wildcard are 0, and it does not count as a neighbour.
    """
    values = np.zeros((len(words), len(EMISSION_FEATURES)))
    spelled = [number for number, word in enumerate(words) if word.letters]
    if not spelled:
        return values
    sums = _RunningSums.of(emission)
    middles = [
        0,
        *((left.frames[1] + right.frames[0]) // 2 for left, right in pairwise(words)),
        len(emission.log_probs),
    ]
    own = np.array(
        [_features(words[number], sums, middles[number], middles[number + 1]) for number in spelled]
    )
    purity, path, doubt = own.T
    mean_path = np.full(len(path), path.mean())
    doubt_around = _mean_of_neighbours(doubt, NEIGHBOUR_WORDS)
    values[spelled] = np.column_stack([purity, path, mean_path, doubt, doubt_around])
    return values


def _mean_of_neighbours(values: Float64, reach: int) -> Float64:
    """Mean of ``values`` ``(words,)`` over ``reach`` neighbours on either side, without the word itself."""
    count = len(values)
    if count == 1:
        return values
    sums = np.r_[0.0, values.cumsum()]
    here = np.arange(count)
    begin, stop = np.maximum(here - reach, 0), np.minimum(here + reach + 1, count)
    means: Float64 = (sums[stop] - sums[begin] - values) / (stop - begin - 1)
    return means


@dataclass(frozen=True)
class _RunningSums:
    """Sums over all frames before each, ``(frames + 1, …)``.

    Of each token's probability, of all letters' probability, of the log-probability of silence (blank or
    delimiter), and of the entropy.
    """

    tokens: Float64
    letters: Float64
    silence: Float64
    entropy: Float64

    @classmethod
    def of(cls, emission: Emission) -> _RunningSums:
        log_probs = emission.log_probs.astype(np.float64)
        probabilities = np.exp(log_probs)
        tokens = np.vstack([np.zeros(probabilities.shape[1]), probabilities.cumsum(axis=0)])
        surprise = -probabilities * np.where(probabilities > 0, log_probs, 0.0)
        silent = {emission.vocabulary[emission.blank_id], emission.word_delimiter}
        numbered = list(enumerate(emission.vocabulary))
        letters = [n for n, token in numbered if token not in silent | set(emission.special)]
        silence = np.log(
            probabilities[:, [n for n, token in numbered if token in silent]].sum(axis=1) + TINY
        )
        entropy = np.r_[0.0, surprise.sum(axis=1).cumsum()]
        return cls(tokens, tokens[:, letters].sum(axis=1), np.r_[0.0, silence.cumsum()], entropy)

    def letters_between(self, begin: int, stop: int) -> float:
        return float(self.letters[stop] - self.letters[begin])

    def token_between(self, token: int, begin: int, stop: int) -> float:
        return float(self.tokens[stop, token] - self.tokens[begin, token])


def _features(word: WordPath, sums: _RunningSums, begin: int, stop: int) -> tuple[float, ...]:
    """Purity, path and doubt of a word in frames ``[begin, stop)``."""
    own, around = np.array(
        [
            (sums.token_between(letter.token, *window), sums.letters_between(*window))
            for letter, window in zip(
                word.letters, _windows(word.letters, begin, stop), strict=True
            )
        ]
    ).T
    count = len(word.letters)
    path = sums.silence[stop] - sums.silence[begin]
    for letter in word.letters:
        path += (letter.stop - letter.start) * letter.log_prob
        path -= sums.silence[letter.stop] - sums.silence[letter.start]
    return (
        float(np.log((own + 1e-4) / (around + 2e-4)).mean()),
        float(path) / count,
        float(np.log((sums.entropy[stop] - sums.entropy[begin]) / count + 0.05)),
    )


def _windows(letters: Sequence[LetterPath], begin: int, stop: int) -> list[tuple[int, int]]:
    """Frames ``[first, last)`` that count for each letter: at most half-way to its neighbours."""
    middles = [
        begin,
        *((left.stop + right.start) // 2 for left, right in pairwise(letters)),
        stop,
    ]
    return [
        (
            max(first, letter.start - LETTER_MARGIN_FRAMES),
            min(last, letter.stop + LETTER_MARGIN_FRAMES),
        )
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
