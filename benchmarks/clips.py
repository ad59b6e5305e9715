"""Clips of a given length, joined from the example clips."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import soundfile

from wav2vec2_app.build import assets_path


def clip_of(seconds: float, *, shift_s: float = 0.0) -> Path:
    """A 16 kHz mono WAV of exactly ``seconds``, made of example clips in a temporary folder.

    ``shift_s`` turns them by so many seconds: another recording, of the same voices.
    """
    examples = sorted((assets_path() / "examples").glob("*.flac"))
    needed = int(seconds * 16_000)
    joined = np.concatenate([soundfile.read(path, dtype="float32")[0] for path in examples])
    joined = np.roll(joined, -round(16_000 * shift_s))
    samples = np.tile(joined, needed // len(joined) + 1)[:needed]
    path = Path(tempfile.mkdtemp()) / f"clip-{seconds:g}s.wav"
    soundfile.write(path, samples, 16_000, subtype="PCM_16")
    return path
