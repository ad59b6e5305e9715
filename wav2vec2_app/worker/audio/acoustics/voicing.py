"""Pitch and voicing for measuring a voice: the autocorrelation method, with the costs of Praat.

Source: P. Boersma, Accurate short-term analysis of the fundamental frequency and the harmonics-to-noise ratio
of a sampled sound, IFA Proceedings 17, 1993. It decides more finely than YIN what is voiced, on which jitter
and shimmer depend.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ, Float32
from wav2vec2_app.worker.audio.acoustics import Doubles

FLOOR_HZ, CEILING_HZ = 60.0, 500.0
PITCH_WINDOW: Final = 800  # three periods of the floor
PITCH_FFT_SIZE: Final = 2048  # no lag up to the longest wraps
LONGEST_LAG: Final = 270
CANDIDATES: Final = 8
SILENCE: Final = 0.03
VOICING: Final = 0.45
OCTAVE_COST: Final = 0.01
JUMP_COST: Final = 0.35
SWITCH_COST: Final = 0.14
"""Between voiced and unvoiced frames; the costs are those of frames 10 ms apart."""
PITCH_BLOCK: Final = 1000


def voiced_pitch(
    samples: Float32, times_s: Float32, *, on_block: Callable[[], None] = lambda: None
) -> Float32:
    """Pitch at ``times_s``, 10 ms apart, ``(n,)`` Hz; NaN where unvoiced."""
    wave = np.pad(samples.astype(np.float64), PITCH_WINDOW)
    peak = float(np.abs(samples - samples.mean()).max(initial=0.0)) if len(samples) else 0.0
    if peak == 0.0:
        return np.full(len(times_s), np.nan, np.float32)
    hz = np.zeros((len(times_s), CANDIDATES + 1))
    strength = np.full((len(times_s), CANDIDATES + 1), -np.inf)
    for start in range(0, len(times_s), PITCH_BLOCK):
        part = slice(start, min(start + PITCH_BLOCK, len(times_s)))
        begins = np.round(times_s[part].astype(np.float64) * SAMPLE_RATE_HZ).astype(int)
        begins = np.clip(begins + PITCH_WINDOW // 2, 0, len(wave) - PITCH_WINDOW)
        frames = wave[begins[:, None] + np.arange(PITCH_WINDOW)]
        hz[part], strength[part] = _candidates(frames, peak)
        on_block()
    chosen = hz[np.arange(len(hz)), _best_path(hz, strength)]
    return np.where(chosen > 0, chosen, np.nan).astype(np.float32)


def _candidates(frames: Doubles, peak: float) -> tuple[Doubles, Doubles]:
    """Frequencies and strengths of each frame; the first candidate, 0 Hz, is that it is unvoiced."""
    centred = frames - frames.mean(axis=1, keepdims=True)
    intensity = np.minimum(1.0, np.abs(centred).max(axis=1) / peak)
    similar = _autocorrelation(centred)
    here, before, after = similar[:, 1:-1], similar[:, :-2], similar[:, 2:]
    lags = np.arange(1, similar.shape[1] - 1)
    bend = np.maximum(2 * here - before - after, 1e-12)
    exact = lags + 0.5 * (after - before) / bend
    height = np.minimum(here + 0.125 * np.square(after - before) / bend, 1.0)
    hz = SAMPLE_RATE_HZ / np.maximum(exact, 1.0)
    top = (here > before) & (here >= after) & (here > 0.5 * VOICING)
    usable = top & (hz >= FLOOR_HZ) & (hz <= CEILING_HZ)
    strength = np.where(usable, height - OCTAVE_COST * np.log2(CEILING_HZ / hz), -np.inf)
    best = np.argpartition(-strength, CANDIDATES, axis=1)[:, :CANDIDATES]
    silent = VOICING + np.maximum(0.0, 2.0 - intensity / (SILENCE / (1 + VOICING)))
    zero = np.zeros((len(frames), 1))
    return (
        np.hstack([zero, np.take_along_axis(hz, best, 1)]),
        np.hstack([silent[:, None], np.take_along_axis(strength, best, 1)]),
    )


def _autocorrelation(frames: Doubles) -> Doubles:
    """Of each frame, divided by that of the window; 1 at lag 0: ``(frames, LONGEST_LAG)``."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(PITCH_WINDOW) + 0.5) / PITCH_WINDOW)
    of_window = np.fft.irfft(np.abs(np.fft.rfft(window, PITCH_FFT_SIZE)) ** 2)[:LONGEST_LAG]
    spectrum = np.fft.rfft(frames * window, PITCH_FFT_SIZE, axis=1)
    power = np.square(spectrum.real) + np.square(spectrum.imag)
    of_frames = np.fft.irfft(power, axis=1)[:, :LONGEST_LAG]
    at_zero = np.maximum(of_frames[:, :1], 1e-30)
    return np.asarray((of_frames / at_zero) / (of_window / of_window[0]))


def _best_path(hz: Doubles, strength: Doubles) -> NDArray[np.intp]:
    """The candidate of each frame on the path with the greatest strength after costs (Viterbi)."""
    octaves = np.log2(np.where(hz > 0, hz, 1.0))
    score = strength[0]
    back = np.zeros(hz.shape, np.intp)
    for at in range(1, len(hz)):
        voiced_before, voiced = hz[at - 1] > 0, hz[at] > 0
        cost = JUMP_COST * np.abs(octaves[at - 1][:, None] - octaves[at][None, :])
        cost = np.where(voiced_before[:, None] != voiced[None, :], SWITCH_COST, cost)
        cost[0, 0] = 0.0
        total = score[:, None] - cost
        back[at] = total.argmax(axis=0)
        score = total[back[at], np.arange(hz.shape[1])] + strength[at]
    path = np.empty(len(hz), np.intp)
    path[-1] = int(score.argmax())
    for at in range(len(hz) - 1, 0, -1):
        path[at - 1] = back[at, path[at]]
    return path
