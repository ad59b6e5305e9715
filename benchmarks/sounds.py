"""Sounds without speech: noises, tones and chords, each generated from a seed.

All are float32, mono, 16 kHz, within [-1, 1]; ``level_db`` is the RMS level relative to full scale.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ, Float32

NOISE_LEVELS_DB = (-50.0, -35.0, -20.0, -12.0)
TONES_HZ = (80.0, 125.0, 220.0, 440.0, 1000.0, 2500.0, 6000.0)
TONE_LEVELS_DB = (-45.0, -20.0, -9.0)
TEMPI_BPM = (60, 84, 112, 140)
MAJOR, MINOR = (0, 4, 7), (0, 3, 7)
PROGRESSION = ((0, MAJOR), (9, MINOR), (5, MAJOR), (7, MAJOR))
"""Root in semitones above the key and kind of each chord: I, vi, IV, V."""


def white_noise(seconds: float, level_db: float, seed: int) -> Float32:
    """Gaussian noise, equal power at all frequencies."""
    noise = np.random.default_rng(seed).standard_normal(_count(seconds))
    return _at_level(noise, level_db)


def coloured_noise(seconds: float, level_db: float, seed: int, slope: float) -> Float32:
    """Noise whose power falls as ``1 / f ** slope``: pink at 1, brown at 2."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(_count(seconds)))
    hertz = np.fft.rfftfreq(_count(seconds), 1 / SAMPLE_RATE_HZ)
    spectrum *= np.where(hertz < 20, 0, np.maximum(hertz, 20) ** (-slope / 2))
    return _at_level(np.fft.irfft(spectrum, _count(seconds)), level_db)


def tone(seconds: float, hertz: float, level_db: float) -> Float32:
    """A sine of one pitch."""
    return _at_level(np.sin(2 * np.pi * hertz * _clock(seconds)), level_db)


def chords(seconds: float, tempo_bpm: float, level_db: float, seed: int) -> Float32:
    """A progression of chords, struck on the beat and decaying, with a bass and soft harmonics.

    The seed draws the key, the loudness of the harmonics, the decay of the notes, and the rhythm.
    """
    draw = np.random.default_rng(seed)
    beat_s = 60 / tempo_bpm
    key_hz = 110 * 2 ** (draw.integers(0, 12) / 12)
    decay_s = draw.uniform(0.4, 1.5)
    brightness = draw.uniform(0.35, 0.8)
    music = np.zeros(_count(seconds))
    strokes = draw.choice([1.0, 0.5], size=int(seconds / beat_s * 2) + 2, p=[0.6, 0.4])
    for number, start_s in enumerate(np.cumsum(strokes) * beat_s - beat_s * strokes[0]):
        begin = int(start_s * SAMPLE_RATE_HZ)
        if begin >= len(music):
            break
        root, kind = PROGRESSION[number // 4 % len(PROGRESSION)]
        struck = np.sum(
            [
                _note(key_hz * 2 ** ((root + step) / 12), decay_s, brightness)
                for step in (-12, *kind, 12)
            ],
            axis=0,
        )
        music[begin : begin + len(struck)] += struck[: len(music) - begin]
    return _at_level(music, level_db)


def everything(seconds: float, seed: int) -> Iterator[tuple[str, Float32]]:
    """Every kind of sound at several pitches and levels, with its name."""
    yield "digital silence", np.zeros(_count(seconds), np.float32)
    for level_db in NOISE_LEVELS_DB:
        yield f"white noise {level_db:g} dBFS", white_noise(seconds, level_db, seed)
        for name, slope in (("pink", 1.0), ("brown", 2.0)):
            noise = coloured_noise(seconds, level_db, seed, slope)
            yield f"{name} noise {level_db:g} dBFS", noise
    for level_db in TONE_LEVELS_DB:
        for hertz in TONES_HZ:
            yield f"tone {hertz:g} Hz {level_db:g} dBFS", tone(seconds, hertz, level_db)
    for number, tempo_bpm in enumerate(TEMPI_BPM):
        for level_db in (-30.0, -15.0):
            music = chords(seconds, tempo_bpm, level_db, seed + number)
            yield f"chords {tempo_bpm} bpm {level_db:g} dBFS", music


def mixed(speech: Float32, noise: Float32, snr_db: float) -> Float32:
    """``speech`` with ``noise`` ``snr_db`` below it."""
    noise = np.resize(noise, len(speech))
    gain = speech.std() / (noise.std() + 1e-12) * 10 ** (-snr_db / 20)
    return (speech + np.float32(gain) * noise).astype(np.float32)


def joined(*parts: Float32, pause_s: float = 0.3) -> Float32:
    """``parts`` one after the other, with ``pause_s`` of silence between."""
    pause = np.zeros(_count(pause_s), np.float32)
    return np.concatenate([piece for part in parts for piece in (part, pause)][:-1])


@lru_cache(maxsize=64)
def _note(hertz: float, decay_s: float, brightness: float) -> Float32:
    clock = _clock(4 * decay_s)
    partials = sum(
        brightness ** (number - 1) * np.sin(2 * np.pi * number * hertz * clock)
        for number in range(1, 9)
        if number * hertz < SAMPLE_RATE_HZ / 2
    )
    attack = np.minimum(1, clock / 0.01)
    note: Float32 = (partials * attack * np.exp(-clock / decay_s)).astype(np.float32)
    return note


def _at_level(sound: np.ndarray, level_db: float) -> Float32:
    scaled = sound * (10 ** (level_db / 20) / (sound.std() + 1e-12))
    levelled: Float32 = np.clip(scaled, -1, 1).astype(np.float32)
    return levelled


def _clock(seconds: float) -> np.ndarray:
    return np.arange(_count(seconds)) / SAMPLE_RATE_HZ


def _count(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE_HZ)
