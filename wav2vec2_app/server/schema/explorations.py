"""The JSON of explorations: a part of a recording as data, and words compared in one place."""

from __future__ import annotations

from base64 import b64encode
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import FiniteFloat

from wav2vec2_app.server.results import AudioResult
from wav2vec2_app.server.schema.alignments import AlignedCharacterJson
from wav2vec2_app.server.schema.base import JsonModel, finite, probability, seconds
from wav2vec2_app.speech.exploration import ComparedWord, EmissionPart, Explanation, Exploration

CERTAIN: Final = 65535
"""The number of probability 1."""


class SpectrumJson(JsonModel):
    """Levels of a spectrogram: row ``k`` is centred at ``k * bin_hz``."""

    rows: int
    columns: int
    bin_hz: FiniteFloat
    range_db: FiniteFloat
    levels: str
    """base64 of unsigned bytes, row after row: 255 is the loudest cell, 0 is ``range_db`` below it"""


class EmissionPartJson(JsonModel):
    """The emission of a part, in columns of ``merged`` frames of the model."""

    start: FiniteFloat
    frame_s: FiniteFloat
    """length of a column"""
    columns: int
    merged: int
    """where it is above 1: probabilities are the highest of these frames, entropies and the blank the mean"""
    tokens: tuple[str, ...]
    """the rows; a blank character is the word delimiter"""
    probabilities: str
    """base64 of unsigned 16-bit numbers, little-endian, row after row; 65535 is certain"""
    blank: str
    """the same of the CTC blank, one row"""
    entropy_bits: tuple[FiniteFloat, ...]


class ExplorationResponse(JsonModel):
    """Response of ``/explore``; times count from the start of the recording."""

    request_id: str
    start: FiniteFloat
    end: FiniteFloat
    duration_s: FiniteFloat
    channels: int
    """channels that were transcribed separately; 0: the mix was"""
    low: tuple[FiniteFloat, ...]
    """least sample of each column, in [-1, 1]; the columns divide the part equally"""
    high: tuple[FiniteFloat, ...]
    spectrum: SpectrumJson
    emission: EmissionPartJson | None
    """``null`` for a model that gives no emission"""


class CandidateJson(JsonModel):
    """One of the words that were compared."""

    text: str
    score: FiniteFloat
    """geometric mean of the letters' probabilities"""
    log_prob: FiniteFloat | None
    """natural logarithm of the most probable path that spells it there; ``null``: it does not fit in"""
    language_log10: FiniteFloat | None
    """log10 probability after the words before it; ``null``: not in the lexicon, or no language model"""
    total: FiniteFloat | None
    """``log_prob + lm_weight * language_log10 + word_score``: what a beam search compares"""
    characters: tuple[AlignedCharacterJson, ...]


class ExplanationResponse(JsonModel):
    """Response of ``/explain``: words compared in one place, in the order in which they were sent."""

    request_id: str
    words: tuple[CandidateJson, ...]
    lm_weight: FiniteFloat
    """0: the transcript was decoded without a language model"""
    word_score: FiniteFloat
    letters: str
    """what the emission alone says there: its greedy path"""


def exploration(result: AudioResult) -> ExplorationResponse:
    """The response of an explored part.

    Raises:
        ValueError: the task was for something else.
    """
    found = result.explored
    if not isinstance(found, Exploration):
        raise ValueError("the result has no explored part: the task did not want one")
    rows, columns = found.spectrum.shape
    return ExplorationResponse(
        request_id=result.id,
        start=seconds(found.start_s),
        end=seconds(found.end_s),
        duration_s=seconds(result.audio.duration_s),
        channels=found.channels,
        low=_numbers(found.low),
        high=_numbers(found.high),
        spectrum=SpectrumJson(
            rows=rows, columns=columns, bin_hz=found.bin_hz, range_db=found.range_db,
            levels=_base64(found.spectrum),
        ),
        emission=None if found.emission is None else _emission(found.emission),
    )  # fmt: skip


def explanation(result: AudioResult) -> ExplanationResponse:
    """The response of compared words.

    Raises:
        ValueError: the task was for something else.
    """
    found = result.explored
    if not isinstance(found, Explanation):
        raise ValueError("the result has no compared words: the task did not want them")
    return ExplanationResponse(
        request_id=result.id,
        words=tuple(_candidate(one, found) for one in found.candidates),
        lm_weight=found.lm_weight,
        word_score=found.word_score,
        letters=found.letters,
    )


def _emission(part: EmissionPart) -> EmissionPartJson:
    return EmissionPartJson(
        start=seconds(part.start_s),
        frame_s=part.frame_s,
        columns=len(part.blank),
        merged=part.merged,
        tokens=part.tokens,
        probabilities=_base64(_quantised(part.probabilities)),
        blank=_base64(_quantised(part.blank)),
        entropy_bits=_numbers(part.entropy_bits),
    )


def _candidate(one: ComparedWord, found: Explanation) -> CandidateJson:
    total = one.log_prob
    if total is not None and found.lm_weight and one.language_log10 is not None:
        total += found.lm_weight * one.language_log10 + found.word_score
    elif found.lm_weight:
        total = None
    return CandidateJson(
        text=one.text,
        score=probability(one.score),
        log_prob=finite(one.log_prob),
        language_log10=finite(one.language_log10),
        total=finite(total),
        characters=tuple(
            AlignedCharacterJson(
                text=letter.text,
                start=seconds(letter.start_s),
                end=seconds(letter.end_s),
                score=probability(letter.score),
            )
            for letter in one.characters
        ),
    )


def _quantised(probabilities: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Probabilities as numbers up to :data:`CERTAIN`, little-endian."""
    return np.rint(np.clip(probabilities, 0, 1) * CERTAIN).astype("<u2")


def _numbers(values: NDArray[np.float32]) -> tuple[float, ...]:
    return tuple(np.round(values.astype(np.float64), 4).tolist())


def _base64(values: NDArray[np.generic]) -> str:
    return b64encode(np.ascontiguousarray(values).tobytes()).decode()
