"""Clips of a given length, joined from the example clips."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import soundfile

from wav2vec2_app.build import assets_path


def clip_of(seconds: float) -> Path:
    """A 16 kHz mono WAV of exactly ``seconds``, made of example clips in a temporary folder."""
    examples = sorted((assets_path() / "examples").glob("*.flac"))
    needed = int(seconds * 16_000)
    joined = np.concatenate([soundfile.read(path, dtype="float32")[0] for path in examples])
    samples = np.tile(joined, needed // len(joined) + 1)[:needed]
    path = Path(tempfile.mkdtemp()) / f"clip-{seconds:g}s.wav"
    soundfile.write(path, samples, 16_000, subtype="PCM_16")
    return path
