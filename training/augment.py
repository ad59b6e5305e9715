"""Distortions of raw audio: rooms, microphones, bands, noise, babble, music, codecs and clipping.

All works on float32 samples at 16 kHz and keeps words where they are in time.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.fft
import soxr

from training.paths import STATE

RATE_HZ = 16_000
ROOMS_FILE = STATE / "rooms.npy"
ROOM_SAMPLES = RATE_HZ // 2
BANK_S = 120  # length of each prepared noise


@dataclass(frozen=True)
class Strength:
    """How often each distortion is applied."""

    room: float = 0.3
    microphone: float = 0.6
    band: float = 0.2
    telephone: float = 0.08
    notch: float = 0.15
    noise: float = 0.5
    clipping: float = 0.04
    lowest_snr_db: float = 3.0


def change_speed(clip: np.ndarray, factor: float) -> np.ndarray:
    """Return `clip` played `factor` times as fast; pitch and formants change by the same factor."""
    return soxr.resample(clip, RATE_HZ * factor, RATE_HZ, quality="QQ")


def simulate_rooms(count: int, seed: int, path: Path = ROOMS_FILE) -> np.ndarray:
    """Return impulse responses `(count, ROOM_SAMPLES)`; the direct path is the first sample.

    Shoebox rooms by the image method (Allen and Berkley, 1979), written to `path` on first use.
    """
    if path.exists():
        return np.load(path, mmap_mode="r")
    import pyroomacoustics

    rng = np.random.default_rng(seed)
    responses = np.zeros((count, ROOM_SAMPLES), np.float32)
    for row in responses:
        size = rng.uniform([2.5, 2.5, 2.2], [9, 7, 3.5])
        t60_s = rng.uniform(0.12, 0.8)
        try:
            absorption, order = pyroomacoustics.inverse_sabine(t60_s, size)
        except ValueError:  # so short a reverberation is impossible in so large a room
            absorption, order = 0.9, 6
        room = pyroomacoustics.ShoeBox(
            size,
            fs=RATE_HZ,
            materials=pyroomacoustics.Material(absorption),
            max_order=min(order, 22),
        )
        source = rng.uniform(0.4, size - 0.4)
        offset = rng.standard_normal(3)
        offset *= rng.uniform(0.3, 4.0) / np.linalg.norm(offset)
        room.add_source(source)
        room.add_microphone(np.clip(source + offset, 0.2, size - 0.2))
        room.compute_rir()
        response = room.rir[0][0]
        start = max(0, int(np.abs(response).argmax()) - 2)
        response = response[start : start + ROOM_SAMPLES].astype(np.float32)
        row[: len(response)] = response / (np.linalg.norm(response) + 1e-9)
    np.save(path, responses)
    return responses


def coloured_noise(count: int, exponent: float, rng: np.random.Generator) -> np.ndarray:
    """Return noise of unit variance whose power falls with frequency to the `exponent`."""
    spectrum = scipy.fft.rfft(rng.standard_normal(count).astype(np.float32))
    frequency = np.maximum(np.arange(len(spectrum)), 20 * count / RATE_HZ)
    noise = scipy.fft.irfft(spectrum * frequency ** (-exponent / 2), count)
    return (noise / noise.std()).astype(np.float32)


def struck_notes(count: int, rng: np.random.Generator) -> np.ndarray:
    """Return `count` samples of struck notes with decaying overtones, one to three at a time."""
    music = np.zeros(count, np.float32)
    at = 0
    stroke_s, decay_s = rng.uniform(0.1, 0.8), rng.uniform(0.05, 1.0)
    while at < count:
        if rng.random() < 0.03:
            stroke_s, decay_s = rng.uniform(0.1, 0.8), rng.uniform(0.05, 1.0)
        times = np.arange(min(count - at, RATE_HZ), dtype=np.float32) / RATE_HZ
        fade = np.exp(-times / decay_s)
        for pitch_hz in 80 * 2 ** rng.uniform(0, 4, rng.integers(1, 4)):
            for overtone in range(1, 6):
                wave = np.sin(2 * np.pi * pitch_hz * overtone * times)
                music[at : at + len(times)] += rng.uniform(0, 1) / overtone * fade * wave
        at += int(stroke_s * RATE_HZ)
    return music / (music.std() + 1e-6)


def microphone_curve(bins: int, rng: np.random.Generator) -> np.ndarray:
    """Return a smooth random gain for each frequency bin, within about 10 dB."""
    knots = np.linspace(0, 1, 9)
    gains_db = rng.normal(0, 4, 9) + rng.uniform(-6, 6) * knots
    return 10 ** (np.interp(np.linspace(0, 1, bins) ** 0.5, knots, gains_db) / 20)


def mu_law(clip: np.ndarray) -> np.ndarray:
    """Return `clip` after 8-bit companding (ITU-T G.711, mu = 255)."""
    peak = np.abs(clip).max() + 1e-9
    curved = np.sign(clip) * np.log1p(255 * np.abs(clip) / peak) / np.log(256)
    coarse = np.round(curved * 127) / 127
    return (np.sign(coarse) * np.expm1(np.abs(coarse) * np.log(256)) / 255 * peak).astype(
        np.float32
    )


class Distorter:
    """Distorts clips at random; background sounds are prepared once."""

    def __init__(self, seed: int, strength: Strength, rooms: int = 400) -> None:
        self.rng = np.random.default_rng(seed)
        self.strength = strength
        self.rooms = simulate_rooms(rooms, seed=1)
        fixed, count = np.random.default_rng(2), BANK_S * RATE_HZ
        self.sounds = [coloured_noise(count, e, fixed) for e in (-1, 0, 0.5, 1, 1.5, 2)]
        self.sounds += [struck_notes(count, fixed) for _ in range(2)]
        self.voices: list[np.ndarray] = []  # speech for babble, set by the corpus

    def chance(self, probability: float) -> bool:
        """Return true with the given probability."""
        return self.rng.random() < probability

    def background(self, count: int) -> np.ndarray:
        """Return `count` samples of noise, music or babble of unit variance."""
        if self.voices and self.chance(0.3):
            sound = np.zeros(count, np.float32)
            for _ in range(self.rng.integers(3, 9)):
                voice = self.voices[self.rng.integers(len(self.voices))]
                start = int(self.rng.integers(len(voice)))
                sound += np.resize(np.roll(voice, -start)[: count + 1], count) * self.rng.uniform(
                    0.3, 1
                )
        else:
            sound = self.sounds[self.rng.integers(len(self.sounds))]
            start = int(self.rng.integers(len(sound) - count)) if count < len(sound) else 0
            sound = np.resize(sound[start : start + count], count)
            if self.chance(0.4):
                knots = self.rng.uniform(0.1, 1, max(2, count // 8000))
                sound = sound * np.interp(
                    np.arange(count), np.linspace(0, count, len(knots)), knots
                ).astype(np.float32)
        return sound / (sound.std() + 1e-6)

    def filter(self, clip: np.ndarray) -> np.ndarray:
        """Apply a room, a microphone, a band limit and a notch in one pass, each at random."""
        rng, strength = self.rng, self.strength
        size = scipy.fft.next_fast_len(len(clip) + ROOM_SAMPLES, real=True)
        gain: np.ndarray | None = None
        bins = size // 2 + 1
        edges_hz = np.linspace(0, RATE_HZ / 2, bins)
        if self.chance(strength.room):
            room = np.array(self.rooms[rng.integers(len(self.rooms))])
            room[80:] *= 10 ** (rng.uniform(-6, 3) / 20)
            gain = scipy.fft.rfft(room, size)
        if self.chance(strength.microphone):
            curve = microphone_curve(bins, rng)
            gain = curve if gain is None else gain * curve
        if self.chance(strength.band):
            low, high = rng.uniform(20, 400), rng.uniform(2800, 7500)
            curve = 1 / (1 + np.exp(-(edges_hz - low) / 25)) / (1 + np.exp((edges_hz - high) / 60))
            gain = curve if gain is None else gain * curve
        if self.chance(strength.notch):
            centre = rng.uniform(200, 6000)
            width = centre * rng.uniform(0.05, 0.25)
            curve = 1 - 0.99 * (np.abs(edges_hz - centre) < width)
            gain = curve if gain is None else gain * curve
        if gain is None:
            return clip
        spectrum = scipy.fft.rfft(clip, size) * gain.astype(np.complex64)
        return scipy.fft.irfft(spectrum, size)[: len(clip)].astype(np.float32)

    def telephone(self, clip: np.ndarray) -> np.ndarray:
        """Return `clip` as 8 kHz, 300 to 3,400 Hz, mostly with mu-law companding."""
        narrow = soxr.resample(clip, RATE_HZ, 8000, quality="QQ")
        spectrum = scipy.fft.rfft(narrow)
        edges_hz = np.linspace(0, 4000, len(spectrum))
        spectrum *= (1 / (1 + np.exp(-(edges_hz - self.rng.uniform(100, 320)) / 20))).astype(
            np.float32
        )
        spectrum *= edges_hz < self.rng.uniform(3300, 3900)
        narrow = scipy.fft.irfft(spectrum, len(narrow)).astype(np.float32)
        if self.chance(0.8):
            narrow = mu_law(narrow)
        wide = soxr.resample(narrow, 8000, RATE_HZ, quality="QQ")
        return np.pad(wide, (0, max(0, len(clip) - len(wide))))[: len(clip)]

    def __call__(self, clip: np.ndarray) -> np.ndarray:
        """Return `clip` distorted at random."""
        strength, rng = self.strength, self.rng
        clip = self.filter(clip)
        if self.chance(strength.noise):
            snr_db = rng.uniform(strength.lowest_snr_db, 35)
            level = clip.std() * 10 ** (-snr_db / 20)
            clip = clip + np.float32(level) * self.background(len(clip))
        if self.chance(strength.clipping):
            limit = np.float32(rng.uniform(1.5, 4) * clip.std() + 1e-9)
            clip = np.clip(clip, -limit, limit)
        if self.chance(strength.telephone):
            clip = self.telephone(clip)
        return clip

    def nothing_said(self) -> np.ndarray:
        """Return 1 to 12 s without speech: noise, music, hum or digital silence."""
        count = int(self.rng.uniform(1, 12) * RATE_HZ)
        if self.chance(0.08):
            return np.zeros(count, np.float32)
        voices, self.voices = self.voices, []
        clip = self.background(count)
        self.voices = voices
        if self.chance(0.3):
            hum_hz = self.rng.choice([50, 60, 100, 120, 440, 1000])
            turn = 2 * np.pi * hum_hz / RATE_HZ
            clip = clip * self.rng.uniform(0, 1) + np.sin(np.arange(count) * turn)
        return (0.01 * clip).astype(np.float32)


if __name__ == "__main__":
    print(f"{len(simulate_rooms(400, seed=1))} rooms")
