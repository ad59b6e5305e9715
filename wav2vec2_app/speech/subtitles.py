"""Subtitles: timed words as SubRip and WebVTT."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from wav2vec2_app.speech.channels import channel_of, has_speakers, runs, voice_label, voice_of
from wav2vec2_app.speech.cues import Cue, TimedText, W, WrittenWord, cues
from wav2vec2_app.speech.export_options import DEFAULT_EXPORT, ExportOptions
from wav2vec2_app.speech.given_text import as_written

__all__ = [
    "Cue", "TimedText", "WrittenWord", "as_written", "channel_cues", "cues", "to_srt", "to_vtt"
]  # fmt: skip


def to_srt(words: Sequence[TimedText], options: ExportOptions = DEFAULT_EXPORT) -> str:
    """The words as SubRip subtitles."""
    blocks = (
        f"{number}\n{_times(cue, ',')}\n{voice_label(cue.words[0])}{_text(cue)}\n"
        for number, cue in enumerate(channel_cues(words, options), 1)
    )
    return "\n".join(blocks)


def to_vtt(words: Sequence[TimedText], options: ExportOptions = DEFAULT_EXPORT) -> str:
    """The words as WebVTT subtitles; the text is escaped."""
    blocks = (
        f"{_times(cue, '.')}\n{_voice(cue.words[0])}{_escaped(_text(cue))}\n"
        for cue in channel_cues(words, options)
    )
    return "\n".join(["WEBVTT\n", *blocks])


def channel_cues(words: Sequence[W], options: ExportOptions = DEFAULT_EXPORT) -> list[Cue[W]]:
    """The words in cues of one channel or speaker each, in the order of their start."""
    if has_speakers(words):
        return _apart([cue for turn in runs(words) for cue in cues(turn, options)])
    channels: dict[int | None, list[W]] = {}
    for word in words:
        channels.setdefault(channel_of(word), []).append(word)
    found = [cue for one in channels.values() for cue in cues(one, options)]
    return sorted(found, key=lambda cue: cue.start) if len(channels) > 1 else found


def _apart(found: list[Cue[W]]) -> list[Cue[W]]:
    """Cues that end before the next one begins, if they are spoken before it."""
    nexts = [*(cue.start for cue in found[1:]), math.inf]
    return [
        replace(cue, end=max(cue.spoken[1], min(cue.end, following)))
        for cue, following in zip(found, nexts, strict=True)
    ]


def _text(cue: Cue[TimedText]) -> str:
    """The lines of a cue; a blank line within a word would end it."""
    return "\n".join(" ".join(line.split()) for line in cue.lines)


def _times(cue: Cue[TimedText], separator: str) -> str:
    return f"{_timestamp(cue.start, separator)} --> {_timestamp(cue.end, separator)}"


def _voice(word: object) -> str:
    """The tag of WebVTT that names who speaks."""
    voice = voice_of(word)
    return f"<v {_escaped(voice)}>" if voice else ""


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _timestamp(seconds: float, separator: str) -> str:
    milliseconds = round(seconds * 1000)
    minutes, milliseconds = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    whole, milliseconds = divmod(milliseconds, 1000)
    return f"{hours:02}:{minutes:02}:{whole:02}{separator}{milliseconds:03}"
