"""Clips of a given length, joined from the example clips."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

import numpy as np
import soundfile

from wav2vec2_app.server.assets import assets_path

HISS = 1e-3
"""Standard deviation of the noise that makes one clip differ from another: 60 dB below full scale."""


@functools.cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    """Folder of the clips, deleted when this process ends."""
    return tempfile.TemporaryDirectory(prefix="clips-")


def clip_of(seconds: float, *, shift_s: float = 0.0, seed: int | None = None) -> Path:
    """A 16 kHz mono WAV of exactly ``seconds``, made of example clips in a temporary folder.

    ``shift_s`` rotates them by so many seconds: a different recording of the same voices. ``seed`` adds
    inaudible noise, so that no two files are equal and none is served from a cache.
    """
    examples = sorted((assets_path() / "examples").glob("*.flac"))
    needed = int(seconds * 16_000)
    joined = np.concatenate([soundfile.read(path, dtype="float32")[0] for path in examples])
    joined = np.roll(joined, -round(16_000 * shift_s))
    samples = np.tile(joined, needed // len(joined) + 1)[:needed]
    if seed is not None:
        samples = samples + HISS * np.random.default_rng(seed).standard_normal(needed)
    path = Path(tempfile.mkdtemp(dir=_folder().name)) / f"clip-{seconds:g}s.wav"
    soundfile.write(path, np.clip(samples, -1, 1), 16_000, subtype="PCM_16")
    return path
