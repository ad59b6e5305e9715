"""Scenes to draw: a voice that changes, and an emission with letters in known places."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ
from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.transcript import Word
from wav2vec2_app.worker.audio.features import extract
from wav2vec2_app.worker.plots.scene import Scene

FRAME_S = 0.02
VOCABULARY = ("<pad>", "|", "A", "B", "C", "D")


def voice(duration_s: float) -> np.ndarray:
    """A buzzing glide from 110 to 190 Hz that swells and fades."""
    count = round(duration_s * SAMPLE_RATE_HZ)
    phase = 2 * np.pi * np.cumsum(np.linspace(110, 190, count)) / SAMPLE_RATE_HZ
    swell = np.abs(np.sin(np.linspace(0, 3 * np.pi, count)))
    tones = sum(np.sin(k * phase) / k for k in range(1, 7))
    return (0.2 * swell * tones).astype(np.float32)


def emission_of(letters: Sequence[tuple[int, str]], frames: int = 100) -> Emission:
    """Blank everywhere, but each ``(frame, token)`` is nearly certain."""
    probabilities = np.full((frames, len(VOCABULARY)), 0.001)
    probabilities[:, 0] = 0.99
    for frame, token in letters:
        probabilities[frame] = 0.001
        probabilities[frame, VOCABULARY.index(token)] = 0.99
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return Emission(np.log(probabilities).astype(np.float32), VOCABULARY, 0, "|", FRAME_S)


def words_of(*texts: str, duration_s: float = 2.0) -> tuple[Word, ...]:
    """Words side by side over the whole duration."""
    step = duration_s / max(len(texts), 1)
    return tuple(
        Word(text, number * step, (number + 0.8) * step, 0.9) for number, text in enumerate(texts)
    )


def scene(duration_s: float = 2.0, words: tuple[Word, ...] = ()) -> Scene:
    """A recording of ``duration_s`` with features, an emission and words."""
    samples = voice(duration_s)
    frames = int(duration_s / FRAME_S)
    letters = [(f, "ABCD"[f // 10 % 4]) for f in range(5, frames, 10)]
    return Scene(samples, extract(samples), emission_of(letters, frames), words)
