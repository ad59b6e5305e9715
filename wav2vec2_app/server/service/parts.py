"""Cuts long emissions into parts that are decoded one by one.

This bounds the memory of decoders, and other requests are served between parts. No word lies across a cut:
it is in the longest pause near the wanted length.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.pauses import blank_runs
from wav2vec2_app.speech.transcript import Transcript

PART_S = (15.0, 30.0)
"""Shortest and longest part, seconds."""
LAST_S = 5.0
"""Shortest last part, seconds: less is not enough to tell speech from noise."""


def parts_of(emission: Emission) -> list[tuple[int, int]]:
    """Frames ``[start, stop)`` of each part; a single one if the emission is no longer than a part."""
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
    """The transcript of all parts; ``text`` is put between their texts."""
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
