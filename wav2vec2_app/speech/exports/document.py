"""What an export is made from: a transcript or an alignment, independent of the format."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from wav2vec2_app.speech.cues import TimedText

_NOT_WRITTEN: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
"""Control characters and halves of surrogate pairs, which neither XML nor UTF-8 can represent."""
MAX_STEM_CHARACTERS: Final = 150
"""Longest name of a file, without its ending."""


@dataclass(frozen=True)
class ExportCharacter:
    """One character of an aligned word."""

    text: str
    start: float
    end: float


@dataclass(frozen=True)
class ExportWord:
    """One word; ``confidence`` is the score of an aligned word."""

    text: str
    start: float
    end: float
    confidence: float
    channel: int | None = None
    characters: tuple[ExportCharacter, ...] = ()
    speaker: str = ""


@dataclass(frozen=True)
class ExportDocument:
    """A transcript or an alignment.

    Attributes:
        name: of the recording, without folder and ending.
        text: as a text file has it.
        words: in the order of their times.
        captions: the words as subtitles show them; those of an alignment have its punctuation.
        duration_s: length of the recording, seconds.
        model: name of the model.
        data: the complete JSON.
        rating: what ``confidence`` of the words is called.
    """

    name: str
    text: str
    words: Sequence[ExportWord]
    captions: Sequence[TimedText]
    duration_s: float
    model: str
    data: Mapping[str, object]
    rating: Literal["confidence", "score"] = "confidence"


def file_stem(name: str, otherwise: str = "recording") -> str:
    """The name of a file without folders, ending, and characters that file systems reject."""
    last = re.split(r"[/\\]", name)[-1]
    stem = last.rpartition(".")[0] or last
    plain = re.sub(r'[<>:"|?*\s]+', " ", writable(stem)).strip(" .")
    return plain[:MAX_STEM_CHARACTERS] or otherwise


def writable(text: str) -> str:
    """``text`` without control characters but tabs and line breaks."""
    return _NOT_WRITTEN.sub("", text)


def one_line(text: str) -> str:
    """``text`` in one line, with single blanks."""
    return " ".join(writable(text).split())
