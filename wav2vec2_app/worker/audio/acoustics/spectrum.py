"""The spectrum of each frame: centroid, bandwidth, roll-off, zero crossings; and MFCC differences, chroma.

The definitions are librosa's, with which the tests compare.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ, Float32
from wav2vec2_app.worker.audio.acoustics import Doubles
from wav2vec2_app.worker.audio.features import BLOCK_FRAMES, FFT_SIZE, HOP, WINDOW

ROLLOFF: Final = 0.85

CHROMA_HOP: Final = 1600  # ten times a second
CHROMA_FFT: Final = 4096
LOWEST_CHROMA_HZ: Final = 65.0
HIGHEST_CHROMA_HZ: Final = 4000.0
C0_HZ: Final = 16.3516

DELTA_REACH: Final = 4
"""Frames to both sides from which differences are computed."""


@dataclass(frozen=True)
class Shape:
    """``(n,)`` each; NaN in silent frames, but for the zero crossings."""

    centroid_hz: Float32
    bandwidth_hz: Float32
    rolloff_hz: Float32
    zero_crossing_rate: Float32


def shape(samples: Float32, frames: int, *, on_block: Callable[[], None] = lambda: None) -> Shape:
    """The shape of the spectrum of each frame of 25 ms, 10 ms apart."""
    found = np.full((4, frames), np.nan, np.float32)
    for start in range(0, frames, BLOCK_FRAMES):
        stop = min(start + BLOCK_FRAMES, frames)
        windows = _frames(samples, start, stop, WINDOW, HOP)
        magnitude = np.abs(np.fft.rfft(windows * _hann(WINDOW), FFT_SIZE, axis=1))
        found[:3, start:stop] = _of_magnitude(magnitude)
        signs = np.signbit(windows)
        found[3, start:stop] = np.mean(signs[:, 1:] != signs[:, :-1], axis=1)
        on_block()
    return Shape(*found)


def _of_magnitude(magnitude: Doubles) -> Doubles:
    hz = np.linspace(0, SAMPLE_RATE_HZ / 2, magnitude.shape[1])
    total = magnitude.sum(axis=1)
    audible = total > 1e-6
    share = magnitude / np.where(audible, total, 1.0)[:, None]
    centroid = share @ hz
    bandwidth = np.sqrt(np.sum(share * np.square(hz[None, :] - centroid[:, None]), axis=1))
    rolloff = hz[np.argmax(np.cumsum(share, axis=1) >= ROLLOFF, axis=1)]
    return np.where(audible, np.stack([centroid, bandwidth, rolloff]), np.nan)


def chroma(samples: Float32) -> Float32:
    """Strength of each pitch class from C on, ten times a second, ``(12, m)``; the largest is 1."""
    frames = 1 + len(samples) // CHROMA_HOP
    found = np.zeros((12, frames), np.float32)
    for start in range(0, frames, BLOCK_FRAMES // 10):
        stop = min(start + BLOCK_FRAMES // 10, frames)
        windows = _frames(samples, start, stop, CHROMA_FFT, CHROMA_HOP)
        spectrum = np.fft.rfft(windows * _hann(CHROMA_FFT), axis=1)
        power = np.square(spectrum.real) + np.square(spectrum.imag)
        found[:, start:stop] = (power @ _pitch_classes()).T
    largest = found.max(axis=0)
    return np.where(largest > 1e-6, found / np.maximum(largest, 1e-6), 0.0).astype(np.float32)


@lru_cache(maxsize=1)
def _pitch_classes() -> Doubles:
    """How much each bin belongs to each pitch class: ``(bins, 12)``."""
    hz = np.fft.rfftfreq(CHROMA_FFT, 1 / SAMPLE_RATE_HZ)
    used = (hz >= LOWEST_CHROMA_HZ) & (hz <= HIGHEST_CHROMA_HZ)
    semitone = 12 * np.log2(np.maximum(hz, 1.0) / C0_HZ)
    distance = (semitone[:, None] - np.arange(12) + 6) % 12 - 6
    weights = np.exp(-0.5 * np.square(2 * distance))
    return np.asarray(np.where(used[:, None], weights, 0.0))


def deltas(values: Float32, order: int) -> Float32:
    """First or second differences over time of ``(rows, n)``, by fitting a line or a parabola."""
    reach = np.arange(-DELTA_REACH, DELTA_REACH + 1)
    if values.shape[1] < len(reach):
        return np.zeros_like(values)
    powers = np.vander(reach, order + 1, increasing=True).astype(np.float64)
    kernel = np.linalg.pinv(powers)[order] * (1, 1, 2)[order]
    windows = np.lib.stride_tricks.sliding_window_view(
        values.astype(np.float64), len(reach), axis=1
    )
    inner = windows @ kernel
    return np.pad(inner, ((0, 0), (DELTA_REACH, DELTA_REACH)), mode="edge").astype(np.float32)


@lru_cache(maxsize=4)
def _hann(size: int) -> Float32:
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)).astype(np.float32)


def _frames(samples: Float32, start: int, stop: int, length: int, hop: int) -> Float32:
    """Frames of ``length`` samples, centred at multiples of ``hop``: ``(stop - start, length)``."""
    first = start * hop - length // 2
    last = (stop - 1) * hop - length // 2 + length
    piece = samples[max(first, 0) : max(min(last, len(samples)), 0)]
    before = max(-first, 0)
    padded = np.pad(piece, (before, max(0, last - first - before - len(piece))))
    return np.lib.stride_tricks.sliding_window_view(padded, length)[::hop]
