"""Formants: the resonances of the vocal tract, by linear prediction.

Sources: J. P. Burg, Maximum entropy spectral analysis, 1975; the settings are those of Praat ("Sound: To
Formant (burg)"): 5 formants below 5500 Hz, windows of 50 ms, pre-emphasis from 50 Hz.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import soxr

from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ, Float32
from wav2vec2_app.worker.audio.acoustics import Doubles

RATE_HZ: Final = 11_000
ORDER: Final = 10
FORMANTS: Final = 4
"""Formants that are returned."""
FORMANT_WINDOW: Final = 550  # 50 ms
EDGE_HZ: Final = 50.0
"""Resonances nearer to 0 Hz and to half the rate are not formants."""
FORMANT_BLOCK: Final = 1000


def formants(
    samples: Float32, times_s: Float32, *, on_block: Callable[[], None] = lambda: None
) -> Float32:
    """Formants at ``times_s``, ``(FORMANTS, n)`` Hz; NaN where there are fewer."""
    slow = np.asarray(soxr.resample(samples, SAMPLE_RATE_HZ, RATE_HZ), np.float64)
    slow[1:] -= slow[:-1] * np.exp(-2 * np.pi * 50 / RATE_HZ)
    padded = np.pad(slow, FORMANT_WINDOW)
    window = _gaussian()
    found = np.full((FORMANTS, len(times_s)), np.nan, np.float32)
    for start in range(0, len(times_s), FORMANT_BLOCK):
        part = times_s[start : start + FORMANT_BLOCK]
        begins = (
            np.round(part.astype(np.float64) * RATE_HZ).astype(int)
            + FORMANT_WINDOW
            - FORMANT_WINDOW // 2
        )
        begins = np.clip(begins, 0, len(padded) - FORMANT_WINDOW)
        frames = padded[begins[:, None] + np.arange(FORMANT_WINDOW)] * window
        found[:, start : start + len(part)] = _resonances(_burg(frames))
        on_block()
    return found


def _gaussian() -> Doubles:
    """Praat's Gaussian window, which is nearly zero at its ends."""
    middle, edge = 0.5 * (FORMANT_WINDOW + 1), np.exp(-12.0)
    positions = np.arange(1, FORMANT_WINDOW + 1)
    return np.asarray(
        (np.exp(-48.0 * np.square(positions - middle) / (FORMANT_WINDOW + 1) ** 2) - edge)
        / (1.0 - edge)
    )


def _burg(frames: Doubles) -> Doubles:
    """Coefficients of linear prediction of each frame: ``(frames, ORDER)``."""
    forward, backward = frames[:, 1:].copy(), frames[:, :-1].copy()
    coefficients = np.zeros((len(frames), ORDER))
    for order in range(ORDER):
        products = np.einsum("ij,ij->i", forward, backward)
        powers = np.einsum("ij,ij->i", forward, forward) + np.einsum("ij,ij->i", backward, backward)
        reflection = np.where(powers > 0, 2 * products / np.maximum(powers, 1e-300), 0.0)
        before = coefficients[:, :order].copy()
        coefficients[:, :order] = before - reflection[:, None] * before[:, ::-1]
        coefficients[:, order] = reflection
        forward, backward = (
            (forward - reflection[:, None] * backward)[:, 1:],
            (backward - reflection[:, None] * forward)[:, :-1],
        )
    return coefficients


def _resonances(coefficients: Doubles) -> Float32:
    """The lowest resonances, Hz: the angles of the roots of the prediction polynomial."""
    companion = np.zeros((len(coefficients), ORDER, ORDER))
    companion[:, 0, :] = coefficients
    companion[:, np.arange(1, ORDER), np.arange(ORDER - 1)] = 1.0
    roots = np.linalg.eigvals(companion)
    hz = np.abs(np.angle(roots)) * RATE_HZ / (2 * np.pi)
    usable = (roots.imag > 0) & (hz > EDGE_HZ) & (hz < RATE_HZ / 2 - EDGE_HZ)
    lowest = np.sort(np.where(usable, hz, np.nan), axis=1)[:, :FORMANTS]
    return np.ascontiguousarray(lowest.T).astype(np.float32)
