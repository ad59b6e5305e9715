"""Cuts long emissions into parts that are decoded one by one.

This bounds the memory of decoders, and other requests are served between parts. No word lies across a cut:
it is in the longest pause near the wanted length.
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
