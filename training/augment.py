"""What happens to a clip on its way to the network, and clips in which nothing is said."""

import numpy as np
import soxr
from scipy.signal import fftconvolve

from training.model import SAMPLE_RATE_HZ


def change_speed(clip: np.ndarray, factor: float) -> np.ndarray:
    """Return `clip` played `factor` times as fast, pitch and formants moved along."""
    return soxr.resample(clip, SAMPLE_RATE_HZ * factor, SAMPLE_RATE_HZ, quality="QQ")


def add_noise(clip: np.ndarray, rng: np.random.Generator, lowest_db: float = 12) -> np.ndarray:
    """Return `clip` with coloured noise `lowest_db` to 45 dB below it."""
    noise = rng.standard_normal(len(clip) + 1, dtype=np.float32)
    noise = noise[1:] + np.float32(rng.uniform(-0.9, 0.9)) * noise[:-1]
    level = clip.std() / (noise.std() + 1e-6) * 10 ** (-rng.uniform(lowest_db, 45) / 20)
    return clip + np.float32(level) * noise


def tilt(clip: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return `clip` a little brighter or duller."""
    return clip + np.float32(rng.uniform(-0.4, 0.4)) * np.concatenate([clip[:1], clip[:-1]])


def reverberate(clip: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return `clip` as heard in a room: an echo of noise that dies away (by 60 dB in 0.15 to 0.7 s).

    Model: Polack, "La transmission de l'energie sonore dans les salles" (1988), with one direct path. The
    delay is none, so that words stay where they are.
    """
    fade_s = rng.uniform(0.15, 0.7)
    times = np.arange(int(fade_s * SAMPLE_RATE_HZ), dtype=np.float32) / SAMPLE_RATE_HZ
    echo = rng.standard_normal(len(times), dtype=np.float32) * 10 ** (-3 * times / fade_s)
    echo[: int(0.002 * SAMPLE_RATE_HZ)] = 0
    echo *= 10 ** (-rng.uniform(-2, 15) / 20) / np.linalg.norm(echo)
    echo[0] = 1
    return fftconvolve(clip, echo)[: len(clip)].astype(np.float32)


def limit_band(clip: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return `clip` without what lies above 2.8 to 6 kHz, as after a telephone or a thrifty codec."""
    narrow_hz = rng.uniform(5600, 12_000)
    narrow = soxr.resample(clip, SAMPLE_RATE_HZ, narrow_hz, quality="QQ")
    wide = soxr.resample(narrow, narrow_hz, SAMPLE_RATE_HZ, quality="QQ")
    return np.pad(wide[: len(clip)], (0, max(0, len(clip) - len(wide))))


def notes(count: int, rng: np.random.Generator) -> np.ndarray:
    """Return `count` samples of struck notes with overtones that die away, one to three at once."""
    music = np.zeros(count, np.float32)
    stroke_s, decay_s = rng.uniform(0.1, 0.8), rng.uniform(0.05, 1.0)
    for begin in range(0, count, int(stroke_s * SAMPLE_RATE_HZ)):
        times = np.arange(min(count - begin, SAMPLE_RATE_HZ), dtype=np.float32) / SAMPLE_RATE_HZ
        fade = np.exp(-times / decay_s)
        for pitch_hz in 80 * 2 ** rng.uniform(0, 4, rng.integers(1, 4)):
            for overtone in range(1, 6):
                wave = np.sin(2 * np.pi * pitch_hz * overtone * times)
                music[begin : begin + len(times)] += rng.uniform(0, 1) / overtone * fade * wave
    return music


def nothing_said(rng: np.random.Generator) -> np.ndarray:
    """Return 0.5 to 8 s of noise, swelling, at times hum, of struck notes, or digital silence."""
    count = int(rng.uniform(0.5, 8) * SAMPLE_RATE_HZ)
    if rng.random() < 0.3:
        return (rng.uniform(0.01, 0.1) * notes(count, rng)).astype(np.float32)
    noise = rng.standard_normal(count, dtype=np.float32)
    colour = rng.integers(0, 4)
    if colour == 1:
        noise = np.diff(noise, prepend=noise[:1])
    elif colour == 2:
        noise = np.cumsum(noise)
        noise -= np.convolve(noise, np.ones(401, np.float32) / 401, mode="same")
    swell = np.interp(np.arange(count), np.linspace(0, count, 9), rng.uniform(0.2, 1, 9))
    clip = noise / (noise.std() + 1e-6) * swell
    if rng.random() < 0.3:
        hum_hz = rng.choice([50, 60, 100, 120])
        turn = 2 * np.pi * hum_hz / SAMPLE_RATE_HZ
        clip = clip + rng.uniform(0, 2) * np.sin(np.arange(count) * turn)
    quiet = 0.0 if rng.random() < 0.05 else 1e-2
    return (quiet * clip).astype(np.float32)
