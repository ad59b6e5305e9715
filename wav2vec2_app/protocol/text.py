"""Messages of the ``text`` role: decode an emission, align a text with one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wav2vec2_app.protocol.emission import check_emission
from wav2vec2_app.protocol.message import Empty, Message, Request, Response
from wav2vec2_app.speech.alignment import AlignedCharacter, AlignedWord, Alignment
from wav2vec2_app.speech.audio import Float32
from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.options import DecodingOptions
from wav2vec2_app.speech.transcript import Word


@dataclass(frozen=True)
class TextInfo(Message):
    """What the role says in its ready and pong frames: a sentence for users if a decoder is missing."""

    note: str = ""


@dataclass(frozen=True)
class DecodeTextResponse(Response):
    """The words; ``reason`` says why there are none, ``note`` why another decoder was used than wanted."""

    words: tuple[Word, ...]
    confidence: float
    decoder: str
    reason: str = ""
    note: str = ""


@dataclass(frozen=True)
class DecodeTextRequest(Request[DecodeTextResponse, Empty]):
    """Decode an emission.

    Attributes:
        embedded: whether the embedded model computed it.
        written: whether the words get :attr:`Word.written`.
    """

    op = "decode_text"

    emission: Emission
    decoding: DecodingOptions
    embedded: bool
    written: bool = True

    def __post_init__(self) -> None:
        check_emission(self.emission)


@dataclass(frozen=True)
class PunctuateResponse(Response):
    """The words as they are written, one for each; as :class:`PunctuateRequest` has them."""

    text: NDArray[np.uint8]

    @property
    def words(self) -> list[str]:
        """The words."""
        return _words(self.text)


@dataclass(frozen=True)
class PunctuateRequest(Request[PunctuateResponse, Empty]):
    """Marks and case for words of English; ``names`` are spellings of names among them.

    Attributes:
        text: uint8 ``(bytes,)``, the words with blanks between them as UTF-8: a long text has too many words
            for the frame's JSON.
    """

    op = "punctuate"

    text: NDArray[np.uint8]
    names: tuple[str, ...] = ()

    @property
    def words(self) -> list[str]:
        """The words."""
        return _words(self.text)


def text_bytes(words: Sequence[str]) -> NDArray[np.uint8]:
    """Words, which have no blanks, as :class:`PunctuateRequest` sends them."""
    return np.frombuffer(" ".join(words).encode(), np.uint8)


def _words(text: NDArray[np.uint8]) -> list[str]:
    joined = text.tobytes().decode("utf-8")
    return joined.split(" ") if joined else []


@dataclass(frozen=True)
class AlignResponse(Response):
    """An alignment, column by column: a long text has too many letters for the frame's JSON.

    Attributes:
        texts: the words.
        wildcards: bool ``(words,)``.
        word_spans: float32 ``(words, 3)``: start and end in seconds, score.
        letters: of all words, one after the other.
        letter_counts: int32 ``(words,)``: how many of ``letters`` are each word's.
        letter_spans: float32 ``(letters, 3)``.
        score: of the alignment.
    """

    texts: tuple[str, ...]
    wildcards: NDArray[np.bool_]
    word_spans: Float32
    letters: tuple[str, ...]
    letter_counts: NDArray[np.int32]
    letter_spans: Float32
    score: float

    def __post_init__(self) -> None:
        words, letters = len(self.texts), len(self.letters)
        shapes = (self.wildcards.shape, self.word_spans.shape, self.letter_counts.shape)
        if shapes != ((words,), (words, 3), (words,)) or self.letter_spans.shape != (letters, 3):
            raise ValueError("the columns of an alignment have different lengths")
        if (self.letter_counts < 0).any() or self.letter_counts.sum() != letters:
            raise ValueError("the letters of an alignment do not fill its words")

    @property
    def alignment(self) -> Alignment:
        """The alignment; times rounded to 0.1 ms, as float32 has no more."""
        letters = iter(
            [AlignedCharacter(text, *_rounded(span)) for text, span in zip(
                self.letters, self.letter_spans.tolist(), strict=True)]
        )  # fmt: skip
        rows = zip(
            self.texts, self.word_spans.tolist(), self.letter_counts.tolist(),
            self.wildcards.tolist(), strict=True,
        )  # fmt: skip
        words = tuple(
            AlignedWord(text, *_rounded(span), tuple(next(letters) for _ in range(count)), wildcard)
            for text, span, count, wildcard in rows
        )
        return Alignment(words, self.score)


@dataclass(frozen=True)
class AlignRequest(Request[AlignResponse, Empty]):
    """Align ``text`` with an emission."""

    op = "align"

    emission: Emission
    text: str

    def __post_init__(self) -> None:
        check_emission(self.emission)


def _rounded(span: Sequence[float]) -> tuple[float, float, float]:
    start_s, end_s, score = span
    return round(start_s, 4), round(end_s, 4), round(score, 6)
