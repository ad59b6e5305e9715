"""Tempo: the period in which a recording becomes louder again and again.

Source: D. P. W. Ellis, Beat tracking by dynamic programming, Journal of New Music Research 36(1), 2007: the
autocorrelation of the onset strength, weighted by how usual a tempo is.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from wav2vec2_app.speech.audio import Float16

FRAMES_PER_S: Final = 100
SLOWEST_BPM, FASTEST_BPM = 30, 300
USUAL_BPM: Final = 120.0
SHORTEST_RHYTHM_S: Final = 4.0
"""Shorter recordings have no tempo."""
LEAST_STRENGTH: Final = 0.1
"""Least autocorrelation, relative to that at lag 0, at which there is a tempo."""


def tempo_bpm(log_mel_db: Float16) -> float | None:
    """Beats a minute of a log-mel spectrogram ``(mels, n)``, 100 frames a second; ``None`` without any."""
    if log_mel_db.shape[1] < SHORTEST_RHYTHM_S * FRAMES_PER_S:
        return None
    rises = np.maximum(np.diff(log_mel_db.astype(np.float32), axis=1), 0.0)
    strength = rises.mean(axis=0) - rises.mean()
    size = 2 << int(np.ceil(np.log2(len(strength))))
    spectrum = np.fft.rfft(strength, size)
    similar = np.fft.irfft(np.square(np.abs(spectrum)), size)
    lags = np.arange(60 * FRAMES_PER_S // FASTEST_BPM, 60 * FRAMES_PER_S // SLOWEST_BPM + 1)
    if similar[0] <= 0 or len(strength) <= lags[-1]:
        return None
    bpm = 60 * FRAMES_PER_S / lags
    usual = np.exp(-0.5 * np.square(np.log2(bpm / USUAL_BPM)))
    best = int(np.argmax(similar[lags] * usual))
    if similar[lags[best]] < LEAST_STRENGTH * similar[0]:
        return None
    return float(60 * FRAMES_PER_S / (lags[best] + _offset(similar, int(lags[best]))))


def _offset(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]], at: int) -> float:
    """The top of the parabola through three neighbours."""
    before, here, after = values[at - 1 : at + 2]
    bend = 2 * here - before - after
    return float(0.5 * (after - before) / bend) if bend > 1e-12 else 0.0
