"""The JSON of a given text aligned with a recording."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import FiniteFloat

from wav2vec2_app.server.results import AudioResult
from wav2vec2_app.server.schema.base import JsonModel, probability, seconds
from wav2vec2_app.server.schema.recording import RecordingResponse, recording_fields
from wav2vec2_app.speech.alignment import AlignedCharacter, AlignedWord
from wav2vec2_app.speech.given_text import GivenLine, lines_of
from wav2vec2_app.speech.retiming import AudioStretch
from wav2vec2_app.speech.spelling import spelled
from wav2vec2_app.speech.text_check import (
    CheckedWord,
    InsertedWord,
    check_text,
    require_spelled,
    words_within,
)
from wav2vec2_app.speech.transcript import Transcript, Word
from wav2vec2_app.speech.word_pieces import timed_words


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
    mark: Literal["said", "skipped", "mispronounced", "unchecked"] = "said"
    """by the score and the transcript: ``skipped`` words are not in the recording, ``mispronounced`` ones
    have a poor score or another word in their place; ``unchecked`` are wildcards"""
    said: str = ""
    """what the transcript has in place of a ``mispronounced`` word; empty where it has the same"""


class InsertedWordJson(JsonModel):
    """A word that the transcript has and the text lacks."""

    text: str
    start: FiniteFloat
    end: FiniteFloat
    confidence: FiniteFloat
    """that the model transcribed it correctly"""
    before: int
    """index in ``words`` of the word that follows; their number at the end of the text"""


class AlignedLineJson(JsonModel):
    """One line of the given text, or of its subtitles; its words are ``words[first:last]``."""

    text: str
    start: FiniteFloat
    end: FiniteFloat
    first: int
    last: int


class AlignmentResponse(RecordingResponse):
    """Response of ``/align``: the time of each word and character of a given text."""

    text: str
    """the given text, unchanged"""
    words: tuple[AlignedWordJson, ...]
    score: FiniteFloat
    """geometric mean over all characters; near 0, the text does not match the recording"""
    inserted: tuple[InsertedWordJson, ...] = ()
    """words that were said but are not in the text"""
    lines: tuple[AlignedLineJson, ...] = ()
    """the lines of the text with their times"""


def alignment(
    result: AudioResult, text: str, stretch: AudioStretch | None = None
) -> AlignmentResponse:
    """The response to an alignment of ``text``, with all of the recording or a ``stretch``.

    Raises:
        ValueError: the task did not produce an alignment.
        InputError: ``align.other_script``.
    """
    transcript, found = result.transcript, result.alignment
    if transcript is None or found is None:
        raise ValueError("the result has no alignment: the task did not want one")
    require_spelled(found.words)
    check = check_text(
        found.words, _transcribed(transcript, stretch), transcript.model.language or "en"
    )
    words = tuple(_word(*pair) for pair in zip(found.words, check.words, strict=True))
    return AlignmentResponse(
        text=text,
        words=words,
        score=probability(found.score),
        inserted=tuple(_inserted(word) for word in check.inserted),
        lines=tuple(_line(line) for line in lines_of(text, words)),
        **recording_fields(result, transcript),
    )


def _transcribed(transcript: Transcript, stretch: AudioStretch | None) -> Sequence[Word]:
    words = timed_words(transcript)
    return words if stretch is None else words_within(words, stretch.start_s, stretch.end_s)


def _inserted(word: InsertedWord) -> InsertedWordJson:
    return InsertedWordJson(
        text=_in_sentence(word.text),
        start=seconds(word.start_s),
        end=seconds(word.end_s),
        confidence=probability(word.confidence),
        before=word.before,
    )


def _line(line: GivenLine) -> AlignedLineJson:
    return AlignedLineJson(
        text=line.text,
        start=seconds(line.start),
        end=seconds(line.end),
        first=line.first,
        last=line.last,
    )


def _in_sentence(text: str) -> str:
    """Transcribed words as they are written inside a sentence, without the capital of its first word."""
    first = "A"
    return " ".join(spelled([first, *text.split()], "sentence")[1:])


def _word(word: AlignedWord, checked: CheckedWord) -> AlignedWordJson:
    return AlignedWordJson(
        text=word.text,
        start=seconds(word.start_s),
        end=seconds(word.end_s),
        score=probability(word.score),
        wildcard=word.wildcard,
        characters=tuple(_character(character) for character in word.characters),
        mark=checked.mark,
        said=_in_sentence(checked.said),
    )


def _character(character: AlignedCharacter) -> AlignedCharacterJson:
    return AlignedCharacterJson(
        text=character.text,
        start=seconds(character.start_s),
        end=seconds(character.end_s),
        score=probability(character.score),
    )
