"""Words as captions: groups that can be read at a glance, in SubRip and WebVTT."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

CHARACTERS = 84
"""Longest caption: two lines of 42 characters, what subtitling guides ask for."""
LONGEST_S = 6.0
"""Longest time one caption stands, seconds."""
PAUSE_S = 0.8
"""A silence between two words that ends a caption, seconds."""


class Timed(Protocol):
    """A word and when it is said, seconds."""

    @property
    def text(self) -> str:
        """What is shown."""

    @property
    def start(self) -> float:
        """When it begins."""

    @property
    def end(self) -> float:
        """When it ends."""


@dataclass(frozen=True)
class Shown:
    """A word of a given text as it was written, with the signs that stand by themselves beside it."""

    text: str
    start: float
    end: float


W = TypeVar("W", bound=Timed)


def as_written(text: str, aligned: Sequence[Timed]) -> list[Shown]:
    """The given text, word by word, with nothing of it lost.

    Signs that nobody says (a dash between spaces) have no time; they go with the word before them, or
    with the first one.
    """
    shown: list[Shown] = []
    leading: list[str] = []
    words = iter(aligned)
    word = next(words, None)
    for token in unicodedata.normalize("NFC", text).split():
        if word is not None and token == word.text:
            text = " ".join([*leading, token])
            shown.append(Shown(text, word.start, word.end))
            leading, word = [], next(words, None)
        elif shown:
            last = shown[-1]
            shown[-1] = Shown(f"{last.text} {token}", last.start, last.end)
        else:
            leading.append(token)
    return shown


def to_srt(words: Sequence[Timed]) -> str:
    """SubRip captions of the words."""
    shown = (
        f"{number}\n{_clock(cue[0].start, ',')} --> {_clock(cue[-1].end, ',')}\n{_line(cue)}\n"
        for number, cue in enumerate(cues(words), 1)
    )
    return "\n".join(shown)


def to_vtt(words: Sequence[Timed]) -> str:
    """WebVTT captions of the words; the text is escaped as that format wants."""
    shown = (
        f"{_clock(cue[0].start, '.')} --> {_clock(cue[-1].end, '.')}\n{_vtt_text(_line(cue))}\n"
        for cue in cues(words)
    )
    return "\n".join(["WEBVTT\n", *shown])


def cues(words: Sequence[W]) -> list[list[W]]:
    """Words in groups short enough to be read as one caption; a pause ends a group."""
    groups: list[list[W]] = []
    for word in words:
        if groups and _fits(groups[-1], word):
            groups[-1].append(word)
        else:
            groups.append([word])
    return groups


def _fits(cue: Sequence[Timed], word: Timed) -> bool:
    return (
        word.start - cue[-1].end < PAUSE_S
        and word.end - cue[0].start <= LONGEST_S
        and len(_line(cue)) + 1 + len(word.text) <= CHARACTERS
    )


def _line(cue: Sequence[Timed]) -> str:
    return " ".join(word.text for word in cue)


def _vtt_text(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _clock(seconds: float, separator: str) -> str:
    milliseconds = round(seconds * 1000)
    minutes, milliseconds = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    whole, milliseconds = divmod(milliseconds, 1000)
    return f"{hours:02}:{minutes:02}:{whole:02}{separator}{milliseconds:03}"
