"""Acoustic features of 16 kHz speech: log-mel, MFCC, pitch, level, and a summary of scalar facts.

Computed with numpy's FFT. librosa has the same features, but its first mel spectrogram takes half a
minute and 200 MB of just-in-time compilation in a fresh installation, which is too long for a worker
that must be ready within seconds. The tests compare the filters with librosa's.

All features share one frame grid: frame ``i`` is centred at ``i * HOP_S``, and the ends are padded
with zeros. Frames are processed in blocks, so memory does not grow with the recording.

Sources:

- mel scale and filters: M. Slaney, Auditory Toolbox, Interval Technical Report 1998-010.
- MFCC: S. Davis, P. Mermelstein, Comparison of parametric representations for monosyllabic word
  recognition, IEEE Transactions on ASSP 28(4), 1980.
- pitch: A. de Cheveigné, H. Kawahara, YIN, a fundamental frequency estimator for speech and music,
  JASA 111(4), 2002, steps 2 to 5 (equations 6 and 8, absolute threshold, parabolic interpolation).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ, Float32
from wav2vec2_app.speech.features import Features

HOP_S = 0.010
HOP = 160  # samples in 10 ms
WINDOW = 400  # samples in 25 ms
FFT_SIZE = 512
MELS = 80
MFCCS = 13
MEL_RANGE_DB = 80.0
"""Cells further below the loudest one are shown as this far below."""

FLOOR_DBFS = -100.0
"""Level of digital silence; 16-bit rounding noise lies at about -101 dBFS."""
CLIPPED_AT = 0.999
"""Samples from here to full scale count as clipped."""

F0_MIN_HZ, F0_MAX_HZ = 60.0, 500.0
LAG_MIN, LAG_MAX = 32, 267  # samples: SAMPLE_RATE_HZ / F0_MAX_HZ and / F0_MIN_HZ
F0_WINDOW = 512  # samples summed for each lag (32 ms, two periods of the lowest pitch)
F0_FFT_SIZE = 1024  # >= F0_WINDOW + LAG_MAX + 2, so that the correlation does not wrap
VOICED_APERIODICITY = 0.2
"""YIN's absolute threshold: how much of a period may differ from the next one, as a share."""
VOICED_FLOOR_DBFS = -65.0
VOICED_RANGE_DB = 40.0
"""Frames further below the recording's loud frames are not called voiced."""
SHORTEST_VOICING = 3  # frames; voicing of 20 ms is an error of measurement

BLOCK_FRAMES = 2000  # 20 s: some 30 MB of work space


def extract(samples: Float32, *, on_block: Callable[[], None] = lambda: None) -> Features:
    """All features of 16 kHz mono float32 ``(n,)``; frames: ``1 + n // HOP``.

    ``on_block`` is called after each ``BLOCK_FRAMES``; it may raise to cancel.
    """
    frames = 1 + len(samples) // HOP
    energy_db = np.empty(frames, np.float32)
    mel_power = np.empty((frames, MELS), np.float32)
    period = np.empty(frames, np.float32)
    aperiodicity = np.empty(frames, np.float32)
    spectrum = np.zeros(FFT_SIZE // 2 + 1)
    for start in range(0, frames, BLOCK_FRAMES):
        stop = min(start + BLOCK_FRAMES, frames)
        windows = _frames(samples, start, stop, WINDOW)
        energy_db[start:stop] = _level_db(windows)
        power = _power_spectrum(windows)
        spectrum += power.sum(axis=0)
        mel_power[start:stop] = power @ _mel_filters()
        period[start:stop], aperiodicity[start:stop] = _yin(
            _frames(samples, start, stop, F0_WINDOW + LAG_MAX + 1)
        )
        on_block()
    f0_hz = _voiced_f0(period, aperiodicity, energy_db)
    log_mel_db = _log_mel(mel_power)
    return Features(
        times_s=(np.arange(frames) * HOP_S).astype(np.float32),
        f0_hz=f0_hz,
        energy_db=energy_db,
        log_mel_db=np.ascontiguousarray(log_mel_db.T).astype(np.float16),
        mfcc=np.ascontiguousarray((log_mel_db @ _cosines()).T).astype(np.float16),
        summary=_summary(samples, energy_db, f0_hz, spectrum),
    )


def warm_up() -> None:
    """Compute the tables in advance, before the first request."""
    extract(np.zeros(SAMPLE_RATE_HZ // 10, np.float32))


# --- frames ------------------------------------------------------------------------------------


def _frames(samples: Float32, start: int, stop: int, length: int) -> Float32:
    """Frames of ``length`` samples, centred on the grid: ``(stop - start, length)``."""
    first = start * HOP - length // 2
    last = (stop - 1) * HOP - length // 2 + length
    piece = samples[max(first, 0) : max(min(last, len(samples)), 0)]
    padded = np.pad(piece, (max(-first, 0), last - max(first, 0) - len(piece)))
    return np.lib.stride_tricks.sliding_window_view(padded, length)[::HOP]


def _level_db(windows: Float32) -> Float32:
    """RMS of each frame in dB relative to full scale; a full-scale sine has -3.01."""
    mean_square = np.einsum("ij,ij->i", windows, windows) / windows.shape[1]
    level: Float32 = np.maximum(10 * np.log10(mean_square + 1e-12), FLOOR_DBFS).astype(np.float32)
    return level


def _power_spectrum(windows: Float32) -> Float32:
    spectrum = np.fft.rfft(windows * _hann(), FFT_SIZE, axis=1)
    power: Float32 = np.square(spectrum.real) + np.square(spectrum.imag)
    return power


@lru_cache(maxsize=1)
def _hann() -> Float32:
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)).astype(np.float32)


# --- mel, MFCC ---------------------------------------------------------------------------------

_LINEAR_HZ_PER_MEL = 200 / 3
_KNEE_HZ = 1000.0
_KNEE_MEL = _KNEE_HZ / _LINEAR_HZ_PER_MEL
_LOG_STEP = np.log(6.4) / 27


def hz_to_mel(hz: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """Slaney's mel scale: linear up to 1 kHz, logarithmic above."""
    hz = np.asarray(hz, np.float64)
    above = _KNEE_MEL + np.log(np.maximum(hz, _KNEE_HZ) / _KNEE_HZ) / _LOG_STEP
    return np.where(hz < _KNEE_HZ, hz / _LINEAR_HZ_PER_MEL, above)


def mel_to_hz(mel: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """The inverse of :func:`hz_to_mel`."""
    mel = np.asarray(mel, np.float64)
    above = _KNEE_HZ * np.exp(_LOG_STEP * (np.maximum(mel, _KNEE_MEL) - _KNEE_MEL))
    return np.where(mel < _KNEE_MEL, mel * _LINEAR_HZ_PER_MEL, above)


def mel_edges_hz() -> NDArray[np.float64]:
    """Where the triangular filters start, peak and end, Hz: ``(MELS + 2,)``."""
    return mel_to_hz(np.linspace(0.0, float(hz_to_mel(SAMPLE_RATE_HZ / 2)), MELS + 2))


@lru_cache(maxsize=1)
def _mel_filters() -> Float32:
    """Triangles of equal area over the power spectrum: ``(bins, MELS)``."""
    bins_hz = np.linspace(0, SAMPLE_RATE_HZ / 2, FFT_SIZE // 2 + 1)[:, None]
    edges = mel_edges_hz()
    low, peak, high = edges[:-2], edges[1:-1], edges[2:]
    triangles = np.minimum((bins_hz - low) / (peak - low), (high - bins_hz) / (high - peak))
    filters: Float32 = (np.maximum(triangles, 0) * 2 / (high - low)).astype(np.float32)
    return filters


def _log_mel(mel_power: Float32) -> Float32:
    """Power ``(frames, MELS)`` as dB relative to the loudest cell, at least ``-MEL_RANGE_DB``."""
    loudest = max(float(mel_power.max()), 1e-10)
    ratio: Float32 = np.maximum(mel_power / np.float32(loudest), np.float32(1e-10))
    log_mel: Float32 = np.maximum(np.float32(10) * np.log10(ratio), np.float32(-MEL_RANGE_DB))
    return log_mel


@lru_cache(maxsize=1)
def _cosines() -> Float32:
    """The orthonormal cosine transform (DCT-II) of a log-mel frame: ``(MELS, MFCCS)``."""
    bands, orders = np.arange(MELS)[:, None], np.arange(MFCCS)
    cosines = np.cos(np.pi * (bands + 0.5) * orders / MELS) * np.sqrt(2 / MELS)
    cosines[:, 0] /= np.sqrt(2)
    matrix: Float32 = cosines.astype(np.float32)
    return matrix


# --- pitch -------------------------------------------------------------------------------------


def _yin(windows: Float32) -> tuple[Float32, Float32]:
    """Period in samples and aperiodicity in [0, 1] of frames of ``F0_WINDOW + LAG_MAX + 1``."""
    difference = _difference(windows)
    lags = np.arange(1, LAG_MAX + 2, dtype=np.float32)
    running_mean = np.cumsum(difference[:, 1:], axis=1) / lags
    normalised = difference[:, 1:] / np.maximum(running_mean, 1e-9)  # column k is lag k + 1
    dips = normalised[:, LAG_MIN - 1 : LAG_MAX]  # lags LAG_MIN .. LAG_MAX
    is_dip = (dips <= normalised[:, LAG_MIN - 2 : LAG_MAX - 1]) & (
        dips < normalised[:, LAG_MIN : LAG_MAX + 1]
    )
    good = is_dip & (dips < VOICED_APERIODICITY)
    found = good.any(axis=1)
    best = np.where(found, good.argmax(axis=1), 0)
    rows = np.arange(len(dips))
    offset = _parabola_offset(normalised, rows, best + LAG_MIN - 1)
    return (best + LAG_MIN + offset).astype(np.float32), np.where(found, dips[rows, best], 1.0)


def _difference(windows: Float32) -> Float32:
    """YIN's difference function (equation 6) of lags 0 to LAG_MAX + 1: ``(frames, LAG_MAX + 2)``."""
    reach = LAG_MAX + 2
    spectrum = np.fft.rfft(windows, F0_FFT_SIZE, axis=1)
    fixed = np.fft.rfft(windows[:, :F0_WINDOW], F0_FFT_SIZE, axis=1)
    correlation = np.fft.irfft(spectrum * fixed.conj(), F0_FFT_SIZE, axis=1)[:, :reach]
    squares = np.cumsum(np.square(windows, dtype=np.float64), axis=1)
    squares = np.concatenate([np.zeros((len(windows), 1)), squares], axis=1)
    shifted = squares[:, F0_WINDOW : F0_WINDOW + reach] - squares[:, :reach]
    difference = shifted[:, :1] + shifted - 2 * correlation
    positive: Float32 = np.maximum(difference, 0).astype(np.float32)
    return positive


def _parabola_offset(
    values: Float32, rows: NDArray[np.intp], columns: NDArray[np.intp]
) -> NDArray[np.float64]:
    """The lowest point of the parabola through three neighbours, in [-0.5, 0.5] of a column."""
    before, here, after = (values[rows, columns + step].astype(np.float64) for step in (-1, 0, 1))
    curvature = before - 2 * here + after
    flat = curvature <= 1e-12
    offset = 0.5 * (before - after) / np.where(flat, 1.0, curvature)
    return np.where(flat, 0.0, np.clip(offset, -0.5, 0.5))


def _voiced_f0(period: Float32, aperiodicity: Float32, energy_db: Float32) -> Float32:
    """F0 in Hz, NaN where a frame is too quiet, too aperiodic, or voiced for a moment only."""
    loud_db = float(np.percentile(energy_db, 95))
    floor_db = max(VOICED_FLOOR_DBFS, loud_db - VOICED_RANGE_DB)
    voiced = (aperiodicity < VOICED_APERIODICITY) & (energy_db > floor_db)
    f0_hz = np.where(voiced, SAMPLE_RATE_HZ / period, np.nan).astype(np.float32)
    f0_hz = _without_octave_jumps(f0_hz)
    return _without_short_runs(f0_hz, SHORTEST_VOICING)


def _without_octave_jumps(f0_hz: Float32) -> Float32:
    """Replace values a third of an octave or more off the median of their five neighbours by it."""
    smooth = f0_hz.copy()
    around = np.lib.stride_tricks.sliding_window_view(np.pad(f0_hz, 2, constant_values=np.nan), 5)
    inner = np.flatnonzero(np.isfinite(around).all(axis=1))
    median = np.median(around[inner], axis=1)
    jumps = np.abs(np.log2(f0_hz[inner] / median)) > 1 / 3
    smooth[inner[jumps]] = median[jumps]
    return smooth


def _without_short_runs(f0_hz: Float32, shortest: int) -> Float32:
    voiced = np.isfinite(f0_hz)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], voiced, [False]]).astype(np.int8)))
    longer = f0_hz.copy()
    for start, stop in edges.reshape(-1, 2):
        if stop - start < shortest:
            longer[start:stop] = np.nan
    return longer


# --- summary -----------------------------------------------------------------------------------


def _summary(
    samples: Float32, energy_db: Float32, f0_hz: Float32, spectrum: NDArray[np.float64]
) -> dict[str, float]:
    """Scalar facts; a key is absent where there is nothing to measure (no voiced frame, silence).

    ``snr_db`` is an estimate: loud frames (95th percentile of level) against quiet ones (10th).
    """
    peak = float(np.abs(samples).max(initial=0.0))
    mean_square = float(np.mean(np.square(samples), dtype=np.float64)) if len(samples) else 0.0
    quiet_db, loud_db = (float(value) for value in np.percentile(energy_db, (10, 95)))
    voiced = f0_hz[np.isfinite(f0_hz)]
    summary = {
        "duration_s": len(samples) / SAMPLE_RATE_HZ,
        "peak_dbfs": _dbfs(peak**2),
        "rms_dbfs": _dbfs(mean_square),
        "noise_floor_dbfs": quiet_db,
        "snr_db": loud_db - quiet_db,
        "clipped_fraction": float(np.mean(np.abs(samples) >= CLIPPED_AT)) if len(samples) else 0.0,
        "voiced_fraction": len(voiced) / len(f0_hz),
    }
    if len(voiced):
        low, median, high = np.percentile(voiced, (5, 50, 95))
        summary |= {"f0_median_hz": median, "f0_p05_hz": low, "f0_p95_hz": high}
    total = float(spectrum.sum())
    if total > 0:
        bins_hz = np.linspace(0, SAMPLE_RATE_HZ / 2, len(spectrum))
        summary["spectral_centroid_hz"] = float(spectrum @ bins_hz) / total
    return {name: round(float(value), 4) for name, value in summary.items()}


def _dbfs(mean_square: float) -> float:
    return max(10 * float(np.log10(mean_square + 1e-12)), FLOOR_DBFS)
