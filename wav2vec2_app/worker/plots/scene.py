"""The data of a recording, or of a part of it, that pictures are drawn from."""

from __future__ import annotations

from dataclasses import dataclass

from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ, Float32
from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.features import Features
from wav2vec2_app.speech.transcript import Word


@dataclass(frozen=True)
class Scene:
    """Samples and features and, if it was transcribed, the emission and words.

    Samples and emission begin at ``start_s`` of the recording; the times of features and words count from
    the recording's start.
    """

    samples: Float32
    features: Features
    emission: Emission | None = None
    words: tuple[Word, ...] = ()
    start_s: float = 0.0

    @property
    def duration_s(self) -> float:
        return len(self.samples) / SAMPLE_RATE_HZ

    @property
    def end_s(self) -> float:
        return self.start_s + self.duration_s

    @property
    def frame_s(self) -> float:
        """Seconds from one frame of the features to the next."""
        times_s = self.features.times_s
        count = len(times_s) - 1
        return float((times_s[-1] - times_s[0]) / count) if count > 0 else 0.01

    @property
    def frames_extent_s(self) -> tuple[float, float]:
        """Where the first frame of the features begins and the last one ends."""
        times_s, half_s = self.features.times_s, self.frame_s / 2
        return float(times_s[0]) - half_s, float(times_s[-1]) + half_s
