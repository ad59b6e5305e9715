"""The data of a recording that pictures are drawn from."""

from __future__ import annotations

from dataclasses import dataclass

from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ, Float32
from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.features import Features
from wav2vec2_app.speech.transcript import Word


@dataclass(frozen=True)
class Scene:
    """One recording: its samples and features and, if it was transcribed, its emission and words."""

    samples: Float32
    features: Features
    emission: Emission | None = None
    words: tuple[Word, ...] = ()

    @property
    def duration_s(self) -> float:
        return len(self.samples) / SAMPLE_RATE_HZ
