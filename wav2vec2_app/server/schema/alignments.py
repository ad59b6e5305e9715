"""The JSON of a given text aligned with a recording."""

from __future__ import annotations

from pydantic import FiniteFloat

from wav2vec2_app.server.results import AudioResult
from wav2vec2_app.server.schema.base import JsonModel, probability, seconds
from wav2vec2_app.server.schema.recording import RecordingResponse, recording_fields
from wav2vec2_app.speech.alignment import AlignedCharacter, AlignedWord


class AlignedCharacterJson(JsonModel):
    """One character as the model spells it: those of “9” are ``NINE``."""

    text: str
    start: FiniteFloat
    end: FiniteFloat
    score: FiniteFloat
    """mean probability of the character in its frames"""


class AlignedWordJson(JsonModel):
    """One word of the given text with its time in the audio."""

    text: str
    """the word as written; punctuation between spaces (a dash) is not a word"""
    start: FiniteFloat
    end: FiniteFloat
    score: FiniteFloat
    """geometric mean of the characters' scores"""
    wildcard: bool
    """whether the model's characters cannot spell the word: then it has no ``characters``, a score of 0, and
    the time between its neighbours"""
    characters: tuple[AlignedCharacterJson, ...]


class AlignmentResponse(RecordingResponse):
    """Response of ``/align``: the time of each word and character of a given text."""

    text: str
    """the given text, unchanged"""
    words: tuple[AlignedWordJson, ...]
    score: FiniteFloat
    """geometric mean over all characters; near 0, the text does not match the recording"""


def alignment(result: AudioResult, text: str) -> AlignmentResponse:
    """The response to an alignment of ``text``.

    Raises:
        ValueError: the task did not produce an alignment.
    """
    transcript, found = result.transcript, result.alignment
    if transcript is None or found is None:
        raise ValueError("the result has no alignment: the task did not want one")
    return AlignmentResponse(
        text=text,
        words=tuple(_word(word) for word in found.words),
        score=probability(found.score),
        **recording_fields(result, transcript),
    )


def _word(word: AlignedWord) -> AlignedWordJson:
    return AlignedWordJson(
        text=word.text,
        start=seconds(word.start_s),
        end=seconds(word.end_s),
        score=probability(word.score),
        wildcard=word.wildcard,
        characters=tuple(_character(character) for character in word.characters),
    )


def _character(character: AlignedCharacter) -> AlignedCharacterJson:
    return AlignedCharacterJson(
        text=character.text,
        start=seconds(character.start_s),
        end=seconds(character.end_s),
        score=probability(character.score),
    )
