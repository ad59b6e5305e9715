"""What a picture is drawn from."""

from __future__ import annotations

from dataclasses import dataclass

from wav2vec2_app.types import SAMPLE_RATE_HZ, Emission, Features, Float32, Word


@dataclass(frozen=True)
class Scene:
    """One recording: its samples, features, and, where a model has heard it, emission and words."""

    samples: Float32
    features: Features
    emission: Emission | None = None
    words: tuple[Word, ...] = ()

    @property
    def duration_s(self) -> float:
        return len(self.samples) / SAMPLE_RATE_HZ
