"""Data of a part of a recording for the page's own plots: waveform, spectrogram and emission in columns."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ, Float32
from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.exploration import EmissionPart, Exploration, UInt8
from wav2vec2_app.worker.plots.emission import token_rows

FFT_SAMPLES = 512
"""32 ms: bins of 31.25 Hz."""
RANGE_DB = 80.0
MAX_HOP_SAMPLES = 256
"""Between two spectra; a column has the highest levels of all that begin in it."""


def explore(
    samples: Float32, emission: Emission | None, start_s: float, columns: int
) -> Exploration:
    """The part that ``samples`` ``(n,)`` and ``emission`` are, in at most ``columns`` columns."""
    columns = max(1, min(columns, len(samples)))
    low, high = _extremes(samples, columns)
    return Exploration(
        start_s=start_s,
        end_s=start_s + len(samples) / SAMPLE_RATE_HZ,
        low=low,
        high=high,
        spectrum=_spectrum(samples, columns),
        bin_hz=SAMPLE_RATE_HZ / FFT_SAMPLES,
        range_db=RANGE_DB,
        emission=None if emission is None else _emission_part(emission, start_s, columns),
    )


def _extremes(samples: Float32, columns: int) -> tuple[Float32, Float32]:
    """Least and greatest sample of each column."""
    edges = np.arange(columns) * len(samples) // columns
    low, high = np.minimum.reduceat(samples, edges), np.maximum.reduceat(samples, edges)
    return low.astype(np.float32), high.astype(np.float32)


def _spectrum(samples: Float32, columns: int) -> UInt8:
    """Levels of the bins below half the sample rate, uint8 ``(bins, columns)``."""
    step = len(samples) / columns
    inside = max(1, math.ceil(step / MAX_HOP_SAMPLES))
    padded = np.pad(samples, (FFT_SAMPLES // 2, FFT_SAMPLES))
    window = np.hanning(FFT_SAMPLES).astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(padded, FFT_SAMPLES)
    power = np.zeros((columns, FFT_SAMPLES // 2), np.float32)
    for number in range(inside):
        centres = ((np.arange(columns) + (number + 0.5) / inside) * step).astype(np.intp)
        spectra = np.abs(np.fft.rfft(frames[centres] * window, axis=1))[:, : FFT_SAMPLES // 2]
        power = np.maximum(power, spectra.astype(np.float32) ** 2)
    return _levels(power.T)


def _levels(power: NDArray[np.float32]) -> UInt8:
    """Levels within :data:`RANGE_DB` below the highest; silence is 0 everywhere."""
    peak = float(power.max(initial=0.0))
    if not math.isfinite(peak) or peak <= 1e-9:
        return np.zeros(power.shape, np.uint8)
    decibels = 10 * np.log10(np.maximum(power / peak, 1e-12))
    levels: UInt8 = np.rint(np.clip(1 + decibels / RANGE_DB, 0, 1) * 255).astype(np.uint8)
    return np.ascontiguousarray(levels)


def _emission_part(emission: Emission, start_s: float, columns: int) -> EmissionPart:
    log_probs = emission.log_probs.astype(np.float32)
    frames = len(log_probs)
    merged = max(1, math.ceil(frames / columns))
    probabilities = np.exp(log_probs)
    rows = token_rows(emission, probabilities.T)
    entropy = -(probabilities * np.maximum(log_probs, -100.0)).sum(axis=1) / np.log(2)
    return EmissionPart(
        start_s=start_s,
        frame_s=emission.frame_s * merged,
        merged=merged,
        tokens=tuple(_shown(emission, token) for token in rows),
        probabilities=_merge(np.maximum, probabilities[:, rows], merged),
        blank=_mean(probabilities[:, emission.blank_id], merged),
        entropy_bits=_mean(entropy, merged),
    )


def _merge(ufunc: np.ufunc, values: NDArray[np.floating], merged: int) -> Float32:
    """``ufunc`` over each ``merged`` frames of ``values`` ``(frames, ...)``; frames last."""
    if merged > 1 and len(values):
        values = ufunc.reduceat(values, np.arange(0, len(values), merged), axis=0)
    return np.ascontiguousarray(values.T, np.float32)


def _mean(values: NDArray[np.floating], merged: int) -> Float32:
    counts = np.diff(np.append(np.arange(0, len(values), merged), len(values)))
    return (_merge(np.add, values, merged) / counts).astype(np.float32)


def _shown(emission: Emission, token: int) -> str:
    """The token, a blank character for the word delimiter."""
    text = emission.vocabulary[token]
    return " " if text == emission.word_delimiter else text
