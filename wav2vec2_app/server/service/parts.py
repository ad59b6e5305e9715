"""A long emission in parts that are read one by one, cut where nothing is said.

So a reader's memory is bounded, and others come between two parts. Words do not reach across a cut: it lies
in the longest pause that there is near the length wished for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.pauses import blank_runs
from wav2vec2_app.speech.transcript import Transcript

PART_S = (15.0, 30.0)
"""Between these a part is cut, seconds."""
LAST_S = 5.0
"""What the last one lasts at least, seconds: too little tells too little about itself."""


def parts_of(emission: Emission) -> list[tuple[int, int]]:
    """Frames ``[start, stop)`` of each part; one for what is no longer than a part may be."""
    shortest, longest, last = (round(s / emission.frame_s) for s in (*PART_S, LAST_S))
    frames = len(emission.log_probs)
    parts, start = [], 0
    while frames - start > longest:
        until = min(start + longest, frames - last)
        cut = start + shortest + _pause(emission, start + shortest, until)
        parts.append((start, cut))
        start = cut
    return [*parts, (start, frames)]


def join(transcripts: Sequence[Transcript], offsets_s: Sequence[float], text: str) -> Transcript:
    """The transcript of the whole; ``text`` stands between the parts' texts."""
    words = tuple(
        replace(
            word,
            start_s=round(word.start_s + offset_s, 6),
            end_s=round(word.end_s + offset_s, 6),
        )
        for one, offset_s in zip(transcripts, offsets_s, strict=True)
        for word in one.words
    )
    reasons = {one.reason for one in transcripts}
    silent = "silence" if reasons == {"silence"} else "no_speech"
    return replace(
        transcripts[0],
        text=text.join(one.text for one in transcripts if one.text),
        words=words,
        confidence=sum(one.confidence * len(one.words) for one in transcripts) / max(1, len(words)),
        reason="" if words else silent,
    )


def _pause(emission: Emission, start: int, stop: int) -> int:
    """The middle of the longest pause within frames ``[start, stop)``, counted from ``start``."""
    found = blank_runs(emission.cut(start, stop))
    if not found:
        return stop - start
    begin, end = max(found, key=lambda pause: pause[1] - pause[0])
    return (begin + end) // 2
