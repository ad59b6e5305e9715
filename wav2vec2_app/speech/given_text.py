"""The text that a client gives to be aligned: plain text, or the content of a file of subtitles.

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

_CLOCK: Final = r"(?:\d+:)?\d{1,2}:\d{1,2}(?:[,.:][ ]?\d{1,3})?"
_SBV_CLOCK: Final = r"\d+:\d\d:\d\d\.\d{3}"
_ARROW: Final = r"\s*(?:[-–—]{1,2}>|→)\s*"
_TIMING: Final = re.compile(rf"\s*(?:{_CLOCK}{_ARROW}{_CLOCK}|{_SBV_CLOCK},{_SBV_CLOCK})(?:\s.*)?$")
_WORD_TIME: Final = re.compile(r"<(?:\d+:)?\d\d:\d\d\.\d{2,3}>")
_TAG: Final = re.compile(rf"</?[A-Za-z](?:[^<>]*)>|{_WORD_TIME.pattern}|\{{\\[^{{}}]*\}}")
_BRACKETED: Final = re.compile(
    rf"\s*(?:\[\d+:\d\d(?::\d\d)?(?:[.,:]\d{{1,3}})?\]\s*)+|\s*\[{_CLOCK}{_ARROW}{_CLOCK}\]"
)
_LYRICS_FACT: Final = re.compile(
    r"\s*\[(?:ti|ar|al|au|by|re|ve|tool|la|length|offset):[^\]]*\]\s*$"
)
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
    """The lines of each cue, if ``text`` is the content of a file of subtitles."""
    lines = _LINE_BREAK.split(text.lstrip("\ufeff"))
    for read in (_substation_cues, _bracketed_cues, _timed_cues):
        cues = read(lines)
        if cues is not None:
            plain = [[one for line in cue if (one := _plain(line))] for cue in cues]
            return [cue for cue in (_without_repeats(plain) if _rolls_up(lines) else plain) if cue]
    return None


def _timed_cues(lines: Lines) -> list[Lines] | None:
    """The cues of SRT, VTT and SBV: a line of times before each."""
    is_vtt = any(_HEADER.match(line) for line in lines[:1])
    lines = _without_comments(lines) if is_vtt else lines
    timings = [number for number, line in enumerate(lines) if _TIMING.match(line)]
    first = next((number for number, line in enumerate(lines) if line.strip()), 0)
    if not timings:
        return [] if is_vtt and not any(line.strip() for line in lines[1:]) else None
    if not (is_vtt or timings[0] - first <= 1):
        return None
    ends = [*(_cue_end(lines, number) for number in timings[1:]), len(lines)]
    cues = []
    for timing, end in zip(timings, ends, strict=True):
        content = lines[timing + 1 : end]
        if is_vtt and "" in content:
            content = content[: content.index("")]
        cues.append(content)
    return cues


def _without_comments(lines: Lines) -> Lines:
    """The lines of a VTT file without its comments, which may hold cues."""
    kept: list[str] = []
    inside = False
    for line in lines:
        begins = (not kept or not kept[-1]) and re.match(r"NOTE(?:\s|$)", line) is not None
        inside = bool(line) and (inside or begins)
        if not inside:
            kept.append(line)
    return kept


def _cue_end(lines: Lines, timing: int) -> int:
    """Where the cue before a line of times ends: before the number or name above that line."""
    above = lines[timing - 1].strip()
    named = above.isdecimal() or (timing > 1 and above and not lines[timing - 2].strip())
    return timing - 1 if named else timing


def _rolls_up(lines: Lines) -> bool:
    """Whether words have times of their own, as in captions that roll up: each line is written again."""
    return any(_WORD_TIME.search(line) for line in lines)


def _without_repeats(cues: Sequence[Lines]) -> list[Lines]:
    before: Sequence[Lines] = [(), *cues[:-1]]
    return [
        [line for line in cue if line not in last] for last, cue in zip(before, cues, strict=True)
    ]


def _bracketed_cues(lines: Lines) -> list[Lines] | None:
    """The cues of lyrics (LRC) and of transcripts with a time in brackets before each line."""
    spoken = [line for line in lines if line.strip() and not _LYRICS_FACT.match(line)]
    if not spoken or not all(_BRACKETED.match(line) for line in spoken):
        return None
    return [[_BRACKETED.sub("", line, count=1)] for line in spoken]


def _substation_cues(lines: Lines) -> list[Lines] | None:
    """The cues of SubStation Alpha (SSA, ASS) in the order of their times, without drawings."""
    if not any(line.strip() in ("[Script Info]", "[Events]") for line in lines):
        return None
    names = ["Start"] * 2 + ["Text"] * 8
    found: list[tuple[str, Lines]] = []
    for line in lines:
        kind, _, rest = line.partition(":")
        if kind == "Format" and "Text" in rest:
            names = [name.strip() for name in rest.split(",")]
        fields = rest.strip().split(",", len(names) - 1)
        if kind == "Dialogue" and len(fields) == len(names) and r"\p1" not in fields[-1]:
            start = fields[names.index("Start")] if "Start" in names else ""
            spoken = fields[-1].replace(r"\h", " ").replace(r"\n", " ")
            found.append((start.strip().zfill(11), spoken.split(r"\N")))
    return [cue for _, cue in sorted(found, key=lambda one: one[0])]


def _plain(line: str) -> str:
    return " ".join(unescape(_TAG.sub("", line)).split())
