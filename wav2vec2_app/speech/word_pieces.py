"""Splits the words of a transcript into pieces that transcripts of different models can be compared by.

Models write differently: “Twenty-one” and “21” are the two pieces ``twenty`` and ``one``, “Mr.” is
``mister``, and capitals and punctuation do not count. A piece knows the written word that it is a part of,
so that the word can be shown as it was written.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import Final

from wav2vec2_app.speech.normalization import verbalize
from wav2vec2_app.speech.transcript import Transcript, Word

_ABBREVIATIONS: Final = {
    "en": {"mr": "mister", "mrs": "missus", "dr": "doctor", "st": "saint", "messrs": "messieurs"},
}
"""What abbreviated titles are spoken as, by language."""
_PIECE: Final = re.compile(r"[^\W_]+(?:['’][^\W_]+)*|[^\W_]", re.UNICODE)
_PUNCTUATION: Final = re.compile(r"[.,;:!?…]")


@dataclass(frozen=True)
class Piece:
    """A part of a written word: what it is compared by, and where it is spoken.

    Attributes:
        key: compared with those of other transcripts: lower case, without punctuation.
        word: the written word, and its number in the transcript.
        part, parts: number of the piece in its word, and how many pieces the word has.
    """

    key: str
    word: str
    number: int
    part: int
    parts: int
    start_s: float
    end_s: float
    confidence: float

    @property
    def centre_s(self) -> float:
        return (self.start_s + self.end_s) / 2

    @property
    def text(self) -> str:
        """The piece as it is shown alone: a whole word as it was written."""
        return self.word if self.parts == 1 else self.key


def pieces_of(transcript: Transcript) -> tuple[Piece, ...]:
    """The pieces of a transcript, in order; their times do not decrease."""
    return pieces_of_words(timed_words(transcript), transcript.model.language or "en")


def pieces_of_words(words: Sequence[Word], language: str = "en") -> tuple[Piece, ...]:
    """The pieces of ``words``, in order."""
    return tuple(
        piece for number, word in enumerate(words) for piece in _pieces(word, number, language)
    )


def keys_of(text: str, language: str = "en") -> list[str]:
    """What a text is compared by: the keys of all its pieces."""
    return [key for word in text.split() for key in _keys(word, language)]


def timed_words(transcript: Transcript) -> tuple[Word, ...]:
    """The words with finite times that do not decrease, and confidences in [0, 1].

    A transcript that has a text only is spread over the recording.
    """
    return tuple(_repaired(transcript.words or _spread(transcript)))


def has_times(transcript: Transcript) -> bool:
    """Whether the words have times of their own."""
    return any(math.isfinite(word.end_s) and word.end_s > 0 for word in transcript.words)


def is_written(transcript: Transcript) -> bool:
    """Whether the text has punctuation, or both capitals and small letters."""
    text = transcript.text
    return bool(_PUNCTUATION.search(text)) or (text != text.lower() and text != text.upper())


def _pieces(word: Word, number: int, language: str) -> Iterator[Piece]:
    """The pieces of a word, each with a share of its time by its length."""
    keys = _keys(word.text, language)
    ends = list(accumulate(map(len, keys)))
    span_s = (word.end_s - word.start_s) / ends[-1]
    for part, (key, end) in enumerate(zip(keys, ends, strict=True)):
        start_s, end_s = word.start_s + span_s * (end - len(key)), word.start_s + span_s * end
        if part == len(keys) - 1:
            end_s = word.end_s  # not off by rounding
        yield Piece(key, word.text, number, part, len(keys), start_s, end_s, word.confidence)


@lru_cache(maxsize=50_000)
def _keys(word: str, language: str) -> tuple[str, ...]:
    """The keys of one word, at least one."""
    plain = unicodedata.normalize("NFKC", word).replace("’", "'")
    if not plain.isalpha():
        plain = verbalize(plain, language)
    titles = _ABBREVIATIONS.get(language, {})
    found = (found.casefold() for found in _PIECE.findall(plain))
    return tuple(titles.get(key, key) for key in found) or (plain.casefold() or word,)


def _spread(transcript: Transcript) -> list[Word]:
    words = transcript.text.split()
    ends = list(accumulate(map(len, words)))
    span_s = _finite(transcript.duration_s) / ends[-1] if ends else 0.0
    return [
        Word(word, span_s * (end - len(word)), span_s * end, transcript.confidence)
        for word, end in zip(words, ends, strict=True)
    ]


def _repaired(words: tuple[Word, ...] | list[Word]) -> Iterator[Word]:
    last_s = 0.0
    for word in words:
        if word.text.strip():
            start_s = max(last_s, _finite(word.start_s, last_s))
            end_s = max(start_s, _finite(word.end_s, start_s))
            last_s = start_s
            yield Word(word.text.strip(), start_s, end_s, unit(word.confidence))


def _finite(value: float, otherwise: float = 0.0) -> float:
    return value if math.isfinite(value) else otherwise


def unit(value: float) -> float:
    """``value`` clipped to [0, 1]; 0 for NaN."""
    return min(1.0, max(0.0, value)) if not math.isnan(value) else 0.0
