"""Formats of phonetics and speech recognition: Praat's TextGrid, and NIST's CTM.

Sources: the long text format of TextGrid in Praat's manual ("TextGrid file formats"); CTM in the
documentation of NIST's Scoring Toolkit (``sctk/doc/infmts.htm``).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from wav2vec2_app.speech.channels import by_voice
from wav2vec2_app.speech.cues import TimedText
from wav2vec2_app.speech.exports.document import ExportDocument, ExportWord, one_line

SHORTEST_INTERVAL_S: Final = 0.001
"""Length of an interval whose word has no length of its own, seconds: Praat's have one."""


class Interval(NamedTuple):
    """One interval of a tier; its text is empty in a pause."""

    start: float
    end: float
    text: str


class Tier(NamedTuple):
    """A named sequence of intervals without gaps."""

    name: str
    intervals: Sequence[Interval]


def to_textgrid(document: ExportDocument) -> str:
    """Interval tiers of the words and, if there are any, characters; those of each channel or speaker."""
    tiers = list(_tiers(document))
    end = max(tier.intervals[-1].end for tier in tiers)
    lines = [
        'File type = "ooTextFile"', 'Object class = "TextGrid"', "",
        "xmin = 0", f"xmax = {end:.6f}", "tiers? <exists>", f"size = {len(tiers)}", "item []:",
    ]  # fmt: skip
    for number, tier in enumerate(tiers, start=1):
        padded = tier.intervals
        if padded[-1].end < end:
            padded = [*padded, Interval(padded[-1].end, end, "")]
        lines += _tier_lines(number, tier.name, padded, end)
    return "\n".join(lines) + "\n"


def _tier_lines(number: int, name: str, intervals: Sequence[Interval], end: float) -> Iterator[str]:
    yield f"    item [{number}]:"
    yield '        class = "IntervalTier"'
    yield f'        name = "{name.replace(chr(34), chr(34) * 2)}"'
    yield "        xmin = 0"
    yield f"        xmax = {end:.6f}"
    yield f"        intervals: size = {len(intervals)}"
    for index, interval in enumerate(intervals, start=1):
        text = interval.text.replace('"', '""')
        yield f"        intervals [{index}]:"
        yield f"            xmin = {interval.start:.6f}"
        yield f"            xmax = {interval.end:.6f}"
        yield f'            text = "{text}"'


def _tiers(document: ExportDocument) -> Iterator[Tier]:
    voices: dict[str, list[ExportWord]] = by_voice(document.words) or {"": []}
    for voice, words in voices.items():
        prefix = f"{one_line(voice)} " if voice else ""
        yield Tier(f"{prefix}words", intervals(words, document.duration_s))
        characters = [one for word in words for one in word.characters]
        if characters:
            yield Tier(f"{prefix}characters", intervals(characters, document.duration_s))


def intervals(parts: Sequence[TimedText], duration_s: float) -> list[Interval]:
    """The parts in order without overlap, and empty intervals between them, from 0 to the end."""
    found: list[Interval] = []
    at = 0.0
    spoken = sorted(parts, key=lambda one: (one.start, one.end))
    nexts = [*(one.start for one in spoken[1:]), math.inf]
    for part, following in zip(spoken, nexts, strict=False):
        if part.start - at >= SHORTEST_INTERVAL_S:
            found.append(Interval(at, part.start, ""))
            at = part.start
        end = min(part.end, following) if following > at else part.end
        found.append(Interval(at, max(end, at + SHORTEST_INTERVAL_S), one_line(part.text)))
        at = found[-1].end
    if duration_s - at >= SHORTEST_INTERVAL_S or not found:
        found.append(Interval(at, max(duration_s, at + SHORTEST_INTERVAL_S), ""))
    return found


def to_ctm(document: ExportDocument) -> str:
    """One line for each word: recording, channel, start, duration, word and confidence."""
    recording = "_".join(document.name.split()) or "recording"
    in_order = sorted(document.words, key=lambda word: (word.channel or 1, word.start))
    lines = (
        f"{recording} {word.channel or 1} {word.start:.3f} {max(0.0, word.end - word.start):.3f} "
        f"{'_'.join(one_line(word.text).split())} {word.confidence:.4f}\n"
        for word in in_order
    )
    return "".join(lines)
