"""A long emission in parts that are read one by one, cut where nothing is said.

So a reader's memory is bounded, and others come between two parts. Words do not reach across a cut: it lies
in the longest pause that there is near the length wished for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.pauses import longest_blank_run
from wav2vec2_app.speech.transcript import Transcript

DECODED_PART_S = (15.0, 30.0)
"""Shortest and longest part, seconds."""
MIN_LAST_PART_S = 5.0
"""Shortest last part, seconds: less has too little context to be decoded well."""


def parts_of(emission: Emission) -> list[tuple[int, int]]:
    """Frames ``[start, stop)`` of each part; one for what is no longer than a part may be."""
    shortest, longest, last = (
        round(s / emission.frame_s) for s in (*DECODED_PART_S, MIN_LAST_PART_S)
    )
    frames = len(emission.log_probs)
    parts, start = [], 0
    while frames - start > longest:
        until = min(start + longest, frames - last)
        pause = longest_blank_run(emission, start + shortest, until) or (until, until)
        cut = sum(pause) // 2
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
