"""Sounds for tests: tones, voices whose periods are known, clicks; and the example clips."""

from __future__ import annotations

import numpy as np
import soundfile

from tests.examples import clips
from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ

VOICES = ("coffee", "garden", "key", "train", "weather", "window")
"""Example clips of a few seconds, of several voices."""


def example(name: str) -> np.ndarray:
    (path,) = (clip.path for clip in clips() if clip.path.stem == name)
    samples, rate = soundfile.read(path, dtype="float32")
    assert rate == SAMPLE_RATE_HZ
    return np.asarray(samples)


def sine(hz: float, duration_s: float = 2.0, amplitude: float = 0.3) -> np.ndarray:
    times = np.arange(round(duration_s * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    return (amplitude * np.sin(2 * np.pi * hz * times)).astype(np.float32)


def noise(duration_s: float = 2.0, amplitude: float = 0.1) -> np.ndarray:
    random = np.random.default_rng(7)
    return (amplitude * random.standard_normal(round(duration_s * SAMPLE_RATE_HZ))).astype(
        np.float32
    )


def pulses(periods_s: np.ndarray, amplitudes: np.ndarray | None = None) -> np.ndarray:
    """A damped resonance at each pulse; the pulses are these periods apart."""
    moments = 0.05 + np.cumsum(periods_s)
    given = np.ones(len(moments)) if amplitudes is None else amplitudes
    times = np.arange(round((moments[-1] + 0.1) * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    wave = np.zeros(len(times))
    for moment, amplitude in zip(moments, given, strict=True):
        after = times - moment
        ring = np.exp(-after * 250) * np.sin(2 * np.pi * 600 * after)
        wave += np.where(after >= 0, amplitude * ring, 0.0)
    return (0.5 * wave / np.abs(wave).max()).astype(np.float32)


def clicks(bpm: float, duration_s: float = 12.0) -> np.ndarray:
    random = np.random.default_rng(3)
    wave = np.zeros(round(duration_s * SAMPLE_RATE_HZ), np.float32)
    for moment in np.arange(0.1, duration_s - 0.1, 60 / bpm):
        start = round(moment * SAMPLE_RATE_HZ)
        wave[start : start + 400] += 0.4 * random.standard_normal(400).astype(np.float32)
    return wave
