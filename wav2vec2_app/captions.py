"""Words as captions: groups that can be read at a glance, in SubRip and WebVTT."""

from __future__ import annotations

from collections.abc import Sequence

from wav2vec2_app.schema import WordSchema

CHARACTERS = 84
"""Longest caption: two lines of 42 characters, what subtitling guides ask for."""
LONGEST_S = 6.0
"""Longest time one caption stands, seconds."""
PAUSE_S = 0.8
"""A silence between two words that ends a caption, seconds."""


def to_srt(words: Sequence[WordSchema]) -> str:
    """SubRip captions of the words."""
    shown = (
        f"{number}\n{_clock(cue[0].start, ',')} --> {_clock(cue[-1].end, ',')}\n{_line(cue)}\n"
        for number, cue in enumerate(cues(words), 1)
    )
    return "\n".join(shown)


def to_vtt(words: Sequence[WordSchema]) -> str:
    """WebVTT captions of the words; the text is escaped as that format wants."""
    shown = (
        f"{_clock(cue[0].start, '.')} --> {_clock(cue[-1].end, '.')}\n{_vtt_text(_line(cue))}\n"
        for cue in cues(words)
    )
    return "\n".join(["WEBVTT\n", *shown])


def cues(words: Sequence[WordSchema]) -> list[list[WordSchema]]:
    """Words in groups short enough to be read as one caption; a pause ends a group."""
    groups: list[list[WordSchema]] = []
    for word in words:
        if groups and _fits(groups[-1], word):
            groups[-1].append(word)
        else:
            groups.append([word])
    return groups


def _fits(cue: Sequence[WordSchema], word: WordSchema) -> bool:
    return (
        word.start - cue[-1].end < PAUSE_S
        and word.end - cue[0].start <= LONGEST_S
        and len(_line(cue)) + 1 + len(word.text) <= CHARACTERS
    )


def _line(cue: Sequence[WordSchema]) -> str:
    return " ".join(word.text for word in cue)


def _vtt_text(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _clock(seconds: float, separator: str) -> str:
    milliseconds = round(seconds * 1000)
    minutes, milliseconds = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    whole, milliseconds = divmod(milliseconds, 1000)
    return f"{hours:02}:{minutes:02}:{whole:02}{separator}{milliseconds:03}"
