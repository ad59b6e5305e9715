"""What the service sends to workers and reads from them: types on one side, frames on the other."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from wav2vec2_app.protocol.emissions import pack_emission
from wav2vec2_app.protocol.frame import Array, Arrays
from wav2vec2_app.server.bridge.process import Answer
from wav2vec2_app.server.tasks import WAITING, Stage
from wav2vec2_app.speech.alignment import AlignedCharacter, AlignedWord, Alignment
from wav2vec2_app.speech.audio import Audio, AudioSource
from wav2vec2_app.speech.emission import Emission, Emitted
from wav2vec2_app.speech.features import Features
from wav2vec2_app.speech.options import DecodingOptions
from wav2vec2_app.speech.transcript import Recognition, Transcript, Word

NOTICEABLE_S = 0.02
"""Shorter than this is the way to the worker and back, seconds."""


def source_frame(source: AudioSource) -> tuple[dict[str, Any], Arrays]:
    """The request for an audio that is a file here, or bytes."""
    if source.path is not None:
        return {"path": str(source.path), "name": source.name}, {}
    return {"name": source.name}, {"bytes": np.frombuffer(source.data or b"", dtype=np.uint8)}


def decoding_frame(
    emission: Emission, decoding: DecodingOptions, *, embedded: bool
) -> tuple[dict[str, Any], Arrays]:
    """The request to read an emission."""
    meta, arrays = pack_emission(emission)
    return {"emission": meta, "decoding": asdict(decoding), "embedded": embedded}, arrays


def transcript(answer: Answer, emitted: Emitted) -> Transcript:
    """The transcript that the text worker read from an emission."""
    told = answer.meta
    words = tuple(Word(**word) for word in told["words"])
    return Transcript(
        text=(" " if emitted.emission.word_delimiter else "").join(word.text for word in words),
        words=words,
        confidence=told["confidence"],
        duration_s=emitted.duration_s,
        model=emitted.model,
        decoder=told["decoder"],
        reason=told["reason"],
        note=told["note"],
    )


def aligning_frame(emission: Emission, text: str) -> tuple[dict[str, Any], Arrays]:
    """The request to align a text."""
    meta, arrays = pack_emission(emission)
    return {"emission": meta, "text": text}, arrays


def alignment(answer: Answer) -> Alignment:
    """The alignment that the text worker found."""
    letters = iter(answer.arrays["letters"].tolist())
    words = []
    for word, span in zip(answer.meta["words"], answer.arrays["words"].tolist(), strict=True):
        spans = zip(word["letters"], letters, strict=False)  # each word takes as many as it has
        characters = tuple(AlignedCharacter(text, *_rounded(one)) for text, one in spans)
        words.append(AlignedWord(word["text"], *_rounded(span), characters, word["wildcard"]))
    return Alignment(tuple(words), answer.meta["score"])


def _rounded(span: list[float]) -> tuple[float, float, float]:
    start_s, end_s, score = span
    return round(start_s, 4), round(end_s, 4), round(score, 6)


def drawing_frame(
    audio: Audio, features: Features, recognition: Recognition
) -> tuple[dict[str, Any], Arrays]:
    """The request for every picture of a result."""
    told, packed = pack_emission(recognition.emitted.emission)
    meta = {
        "summary": dict(features.summary),
        "words": [
            {"text": w.text, "start_s": w.start_s, "end_s": w.end_s, "confidence": w.confidence}
            for w in recognition.transcript.words
        ],
        "emission": told,
    }
    arrays: dict[str, Array] = {
        "samples": audio.samples,
        "times_s": features.times_s,
        "f0_hz": features.f0_hz,
        "energy_db": features.energy_db,
        "log_mel_db": features.log_mel_db,
        "mfcc": features.mfcc,
        **packed,
    }
    return meta, arrays


def stages(answer: Answer, process: str, elapsed_s: float) -> tuple[Stage, ...]:
    """The worker's stages on the caller's time axis.

    The worker counts from when it took the request up; what it did ended when the answer came. What
    lay before, where it is noticeable, was waiting for a worker that was busy or just starting.
    """
    told = answer.meta.get("stages", ())
    busy_s = max((stage["start_s"] + stage["duration_s"] for stage in told), default=0.0)
    offset_s = max(0.0, elapsed_s - busy_s)
    waiting = Stage(WAITING, 0.0, offset_s, process)
    return (waiting,) * (offset_s > NOTICEABLE_S) + tuple(
        Stage(
            name=stage["name"],
            start_s=offset_s + stage["start_s"],
            duration_s=stage["duration_s"],
            process=process,
        )
        for stage in told
    )
