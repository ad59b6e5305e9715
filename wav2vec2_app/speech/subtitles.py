"""Subtitles: timed words as SubRip and WebVTT."""

from __future__ import annotations

from collections.abc import Sequence

from wav2vec2_app.speech.cues import Cue, TimedText, WrittenWord, cues
from wav2vec2_app.speech.export_options import DEFAULT_EXPORT, ExportOptions
from wav2vec2_app.speech.given_text import as_written

__all__ = ["Cue", "TimedText", "WrittenWord", "as_written", "cues", "to_srt", "to_vtt"]


def to_srt(words: Sequence[TimedText], options: ExportOptions = DEFAULT_EXPORT) -> str:
    """The words as SubRip subtitles."""
    blocks = (
        f"{number}\n{_times(cue, ',')}\n{_text(cue)}\n"
        for number, cue in enumerate(cues(words, options), 1)
    )
    return "\n".join(blocks)


def to_vtt(words: Sequence[TimedText], options: ExportOptions = DEFAULT_EXPORT) -> str:
    """The words as WebVTT subtitles; the text is escaped."""
    blocks = (f"{_times(cue, '.')}\n{_escaped(_text(cue))}\n" for cue in cues(words, options))
    return "\n".join(["WEBVTT\n", *blocks])


def _text(cue: Cue[TimedText]) -> str:
    return "\n".join(cue.lines)


def _times(cue: Cue[TimedText], separator: str) -> str:
    return f"{_timestamp(cue.start, separator)} --> {_timestamp(cue.end, separator)}"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _timestamp(seconds: float, separator: str) -> str:
    milliseconds = round(seconds * 1000)
    minutes, milliseconds = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    whole, milliseconds = divmod(milliseconds, 1000)
    return f"{hours:02}:{minutes:02}:{whole:02}{separator}{milliseconds:03}"
