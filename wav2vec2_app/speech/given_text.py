"""The text that a client gives to be aligned: plain text, or the content of an SRT or VTT file.

Of subtitles, only the words of the cues are aligned. The cues of an export follow the text: a line break ends
a cue; the cues and lines of subtitles are kept.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import unescape
from itertools import groupby
from typing import Final

from wav2vec2_app.speech.cues import TimedText, WrittenWord

_CLOCK: Final = r"(?:\d+:)?\d{1,2}:\d{1,2}(?:[,.]\d{1,3})?"
_TIMING: Final = re.compile(rf"\s*{_CLOCK}\s*-{{1,2}}>\s*{_CLOCK}(?:\s.*)?$")
_TAG: Final = re.compile(r"</?[A-Za-z](?:[^<>]*)>|<(?:\d+:)?\d\d:\d\d\.\d{3}>|\{\\[^{}]*\}")
_HEADER: Final = re.compile(r"WEBVTT(?:[ \t].*)?$")
_LINE_BREAK: Final = re.compile(r"\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")

Lines = Sequence[str]


def spoken_text(text: str) -> str:
    """The words of ``text`` without the numbers, times and tags of subtitles."""
    subtitles = _subtitle_cues(text)
    return text if subtitles is None else "\n".join("\n".join(lines) for lines in subtitles)


def as_written(text: str, aligned: Sequence[TimedText]) -> list[WrittenWord]:
    """All of ``text``, word by word, with the times of its ``aligned`` words.

    Punctuation between spaces (a dash) has no time; it joins the word before it in its line, or the
    first one. A line of punctuation alone joins the line before; in subtitles it stays a line or a cue of
    its own.
    """
    subtitles = _subtitle_cues(text)
    words = _Aligned(aligned)
    if subtitles is None:
        return _joined([word for number, line in enumerate(_LINE_BREAK.split(text))
                        for word in words.of(line, cue=number)])  # fmt: skip
    written: list[WrittenWord] = []
    for number, lines in enumerate(subtitles):
        cue = [
            replace(word, line=line, kept=True)
            for line, content in enumerate(lines)
            for word in words.of(content, cue=number)
        ]
        written += words.timed(cue)
    return written


@dataclass(frozen=True)
class GivenLine:
    """A line of a given text: its words are ``[first, last)`` of the aligned ones."""

    text: str
    start: float
    end: float
    first: int
    last: int


def lines_of(text: str, aligned: Sequence[TimedText]) -> list[GivenLine]:
    """The lines of ``text`` with the times of their ``aligned`` words; empty lines are left out."""
    lines: list[GivenLine] = []
    for _, group in groupby(as_written(text, aligned), key=lambda word: (word.cue, word.line)):
        words = list(group)
        numbers = [word.index for word in words if word.index >= 0]
        first = numbers[0] if numbers else lines[-1].last if lines else 0
        lines.append(
            GivenLine(
                " ".join(word.text for word in words),
                words[0].start,
                max(word.end for word in words),
                first,
                first + len(numbers),
            )
        )
    return lines


_SILENT: Final = -1.0
"""Start of a :class:`WrittenWord` that is not spoken."""


class _Aligned:
    """The aligned words, taken one after the other."""

    def __init__(self, words: Sequence[TimedText]) -> None:
        self._words = words
        self._at = 0

    def of(self, line: str, *, cue: int) -> list[WrittenWord]:
        """The words of one line, each with the punctuation beside it; or its punctuation as one word."""
        tokens = unicodedata.normalize("NFC", line).split()
        leading: list[str] = []
        found: list[WrittenWord] = []
        while tokens:
            taken = self._count_matching(tokens)
            if taken:
                word = self._words[self._at]
                text = " ".join([*leading, *tokens[:taken]])
                found.append(WrittenWord(text, word.start, word.end, cue, index=self._at))
                leading, self._at = [], self._at + 1
            elif found:
                found[-1] = replace(found[-1], text=f"{found[-1].text} {tokens[0]}")
            else:
                leading.append(tokens[0])
            tokens = tokens[max(taken, 1) :]
        return found or [WrittenWord(" ".join(leading), _SILENT, _SILENT, cue)] * bool(leading)

    def timed(self, cue: Sequence[WrittenWord]) -> list[WrittenWord]:
        """A cue whose silent lines have a time: that of the cue, or between those before and after it."""
        spoken = [word for word in cue if word.start != _SILENT]
        before = self._words[self._at - 1].end if self._at else 0.0
        after = self._words[self._at].start if self._at < len(self._words) else before
        start, end = (spoken[0].start,) * 2 if spoken else (before, max(before, after))
        return [replace(word, start=start, end=end) if word.start == _SILENT else word
                for word in cue]  # fmt: skip

    def _count_matching(self, tokens: Sequence[str]) -> int:
        """How many of ``tokens`` are the next aligned word: several for “1 000 000”."""
        if self._at == len(self._words):
            return 0
        parts = self._words[self._at].text.split()
        return len(parts) if tokens[: len(parts)] == parts else 0


def _joined(words: Sequence[WrittenWord]) -> list[WrittenWord]:
    """``words`` in which silent lines join the line before, or else the first spoken word."""
    found: list[WrittenWord] = []
    leading: list[str] = []
    for word in words:
        if word.start != _SILENT:
            found.append(replace(word, text=" ".join([*leading, word.text])))
            leading = []
        elif found:
            found[-1] = replace(found[-1], text=f"{found[-1].text} {word.text}")
        else:
            leading.append(word.text)
    return found


# --- subtitles as text --------------------------------------------------------------------------


def _subtitle_cues(text: str) -> list[Lines] | None:
    """The lines of each cue, if ``text`` is the content of an SRT or VTT file."""
    lines = [line.rstrip() for line in _LINE_BREAK.split(text.lstrip("\ufeff"))]
    is_vtt = any(_HEADER.match(line) for line in lines[:1])
    timings = [number for number, line in enumerate(lines) if _TIMING.match(line)]
    first = next((number for number, line in enumerate(lines) if line.strip()), 0)
    if not timings or not (is_vtt or timings[0] - first <= 1):
        return None
    ends = [*(_cue_end(lines, number) for number in timings[1:]), len(lines)]
    cues = []
    for timing, end in zip(timings, ends, strict=True):
        content = lines[timing + 1 : end]
        if is_vtt and "" in content:
            content = content[: content.index("")]
        cues.append([plain for line in content if (plain := _plain(line))])
    return [lines for lines in cues if lines]


def _cue_end(lines: Lines, timing: int) -> int:
    """Where the cue before a line of times ends: before the number or name above that line."""
    above = lines[timing - 1].strip()
    named = above.isdecimal() or (timing > 1 and above and not lines[timing - 2].strip())
    return timing - 1 if named else timing


def _plain(line: str) -> str:
    return " ".join(unescape(_TAG.sub("", line)).split())
