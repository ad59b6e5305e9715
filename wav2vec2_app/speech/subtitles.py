"""Subtitles: words grouped into cues that can be read at a glance, as SubRip and WebVTT."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from wav2vec2_app.speech.channels import CHANNEL, channel_label, channel_of

MAX_CUE_CHARACTERS = 84
"""Longest cue: two lines of 42 characters, as subtitling guides recommend."""
MAX_CUE_S = 6.0
"""Longest time that one cue is displayed, seconds."""
CUE_PAUSE_S = 0.8
"""Silence between two words from which they are in different cues, seconds."""


class TimedText(Protocol):
    """A word, or several, with start and end in seconds."""

    @property
    def text(self) -> str:
        """The text to display."""

    @property
    def start(self) -> float:
        """Start of the first sound."""

    @property
    def end(self) -> float:
        """End of the last sound."""


@dataclass(frozen=True)
class WrittenWord:
    """A word of a given text as written, together with the punctuation beside it."""

    text: str
    start: float
    end: float


W = TypeVar("W", bound=TimedText)


def as_written(text: str, aligned: Sequence[TimedText]) -> list[WrittenWord]:
    """All of ``text``, word by word, with the times of its ``aligned`` words.

    Punctuation between spaces (a dash) has no time; it joins the word before it, or the first one.
    """
    written: list[WrittenWord] = []
    leading: list[str] = []
    words = iter(aligned)
    word = next(words, None)
    for token in unicodedata.normalize("NFC", text).split():
        if word is not None and token == word.text:
            written.append(WrittenWord(" ".join([*leading, token]), word.start, word.end))
            leading, word = [], next(words, None)
        elif written:
            last = written[-1]
            written[-1] = WrittenWord(f"{last.text} {token}", last.start, last.end)
        else:
            leading.append(token)
    return written


def to_srt(words: Sequence[TimedText]) -> str:
    """The words as SubRip subtitles."""
    blocks = (
        f"{number}\n{_timestamp(cue[0].start, ',')} --> {_timestamp(cue[-1].end, ',')}\n"
        f"{channel_label(cue[0])}{_text(cue)}\n"
        for number, cue in enumerate(cues(words), 1)
    )
    return "\n".join(blocks)


def to_vtt(words: Sequence[TimedText]) -> str:
    """The words as WebVTT subtitles; the text is escaped."""
    blocks = (
        f"{_timestamp(cue[0].start, '.')} --> {_timestamp(cue[-1].end, '.')}\n"
        f"{_voice(cue[0])}{_escaped(_text(cue))}\n"
        for cue in cues(words)
    )
    return "\n".join(["WEBVTT\n", *blocks])


def cues(words: Sequence[W]) -> list[list[W]]:
    """The words of each cue: cut at pauses, and within the limits of time and characters.

    A cue is of one channel; cues of several channels are in the order of their start.
    """
    channels: dict[int | None, list[W]] = {}
    for word in words:
        channels.setdefault(channel_of(word), []).append(word)
    groups = [cue for one in channels.values() for cue in _cues(one)]
    return sorted(groups, key=lambda cue: cue[0].start) if len(channels) > 1 else groups


def _cues(words: Sequence[W]) -> list[list[W]]:
    groups: list[list[W]] = []
    for word in words:
        if groups and _fits(groups[-1], word):
            groups[-1].append(word)
        else:
            groups.append([word])
    return groups


def _fits(cue: Sequence[TimedText], word: TimedText) -> bool:
    return (
        word.start - cue[-1].end < CUE_PAUSE_S
        and word.end - cue[0].start <= MAX_CUE_S
        and len(_text(cue)) + 1 + len(word.text) <= MAX_CUE_CHARACTERS
    )


def _text(cue: Sequence[TimedText]) -> str:
    return " ".join(word.text for word in cue)


def _voice(word: object) -> str:
    """The tag of WebVTT that names who speaks."""
    channel = channel_of(word)
    return "" if channel is None else f"<v {CHANNEL.format(channel=channel)}>"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _timestamp(seconds: float, separator: str) -> str:
    milliseconds = round(seconds * 1000)
    minutes, milliseconds = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    whole, milliseconds = divmod(milliseconds, 1000)
    return f"{hours:02}:{minutes:02}:{whole:02}{separator}{milliseconds:03}"
