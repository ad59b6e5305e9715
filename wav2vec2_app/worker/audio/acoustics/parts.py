"""Parts of a recording: where it is silent, and where it is clipped."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from wav2vec2_app.speech.acoustics import MAX_PARTS
from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ, Float32
from wav2vec2_app.worker.audio.features import CLIPPED_AT

SILENCE_S: Final = 0.2
"""Shortest silence."""
BELOW_SPEECH_DB: Final = 30.0
"""Frames so far below the loud ones are silent."""
SILENT_DBFS: Final = -60.0
"""Frames below are silent in any recording."""
JOINED_S: Final = 0.05
"""Clipped samples nearer to each other are one part."""


def silences(times_s: Float32, energy_db: Float32, duration_s: float) -> Float32:
    """Starts and ends of silences, seconds ``(k, 2)``, from the level of frames 10 ms apart."""
    loud_db = float(np.percentile(energy_db, 95))
    quiet = energy_db < max(SILENT_DBFS, loud_db - BELOW_SPEECH_DB)
    half_s = 0.005
    found = [
        (max(0.0, times_s[start] - half_s), min(duration_s, times_s[stop - 1] + half_s))
        for start, stop in _runs(quiet)
        if (stop - start) * 2 * half_s >= SILENCE_S
    ]
    return _table(found)


def clipped(samples: Float32) -> Float32:
    """Starts and ends of clipped parts, seconds ``(k, 2)``."""
    at = np.flatnonzero(np.abs(samples) >= CLIPPED_AT)
    if not len(at):
        return _table([])
    gaps = np.flatnonzero(np.diff(at) > JOINED_S * SAMPLE_RATE_HZ)
    starts = at[np.concatenate([[0], gaps + 1])]
    ends = at[np.concatenate([gaps, [len(at) - 1]])] + 1
    rate = float(SAMPLE_RATE_HZ)
    return _table([(start / rate, end / rate) for start, end in zip(starts, ends, strict=True)])


def _runs(flags: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Starts and ends of the runs of true values: ``(k, 2)``."""
    edges = np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8))
    return np.flatnonzero(edges).reshape(-1, 2)


def _table(parts: list[tuple[float, float]]) -> Float32:
    return np.array(parts[:MAX_PARTS], np.float32).reshape(-1, 2)
