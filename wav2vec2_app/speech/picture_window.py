"""The part of a recording that its pictures show."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ, Float32
from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.features import Features
from wav2vec2_app.speech.spelling import sentence_case
from wav2vec2_app.speech.transcript import Word

MIN_PICTURE_S: Final = 0.5
"""Shortest part that is drawn; a shorter window is widened."""
GRID_S: Final = 0.02
"""A part begins at a multiple of this, or of the emission's frames."""


@dataclass(frozen=True)
class PictureWindow:
    """From ``start_s`` to ``end_s``; recordings of up to ``whole_up_to_s`` are shown whole.

    Raises:
        ValueError: it has no length.
    """

    start_s: float
    end_s: float
    whole_up_to_s: float = 0.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.start_s) and math.isfinite(self.end_s)) or (
            self.end_s <= self.start_s
        ):
            raise ValueError("a part of a recording has a start and a later end")

    def within(self, duration_s: float) -> tuple[float, float]:
        """Start and end inside a recording: moved into it, and no longer than it is."""
        if duration_s <= max(self.whole_up_to_s, MIN_PICTURE_S):
            return 0.0, duration_s
        span_s = min(max(self.end_s - self.start_s, MIN_PICTURE_S), duration_s)
        start_s = min(max(0.0, self.start_s), duration_s - span_s)
        return start_s, start_s + span_s


FIRST_WINDOW: Final = PictureWindow(0.0, 8.0, whole_up_to_s=12.0)
"""What a page shows first of a recording."""


@dataclass(frozen=True)
class Excerpt:
    """What pictures of a part are drawn from; times count from the start of the recording."""

    samples: Float32
    features: Features
    emission: Emission | None
    words: tuple[Word, ...]
    start_s: float = 0.0


def cut_excerpt(
    samples: Float32,
    features: Features,
    emission: Emission | None,
    words: tuple[Word, ...],
    window: PictureWindow | None,
) -> Excerpt:
    """The part in the ``window``, or everything; words in sentence case."""
    spelled = sentence_case([word.text for word in words])
    words = tuple(replace(word, text=text) for word, text in zip(words, spelled, strict=True))
    whole = Excerpt(samples, features, emission, words)
    duration_s = len(samples) / SAMPLE_RATE_HZ
    start_s, end_s = window.within(duration_s) if window is not None else (0.0, duration_s)
    if end_s - start_s >= duration_s:
        return whole
    grid_s = emission.frame_s if emission is not None else GRID_S
    first, last = math.floor(start_s / grid_s + 1e-6), math.ceil(end_s / grid_s - 1e-6)
    start_s, end_s = first * grid_s, last * grid_s
    return Excerpt(
        samples[round(start_s * SAMPLE_RATE_HZ) : round(end_s * SAMPLE_RATE_HZ)],
        _cut_features(features, start_s, end_s),
        emission.cut(first, last) if emission is not None else None,
        tuple(word for word in words if word.end_s > start_s and word.start_s < end_s),
        start_s,
    )


def _cut_features(features: Features, start_s: float, end_s: float) -> Features:
    """The frames of a part, and one more on each side, so that pictures have no gap at their edges."""
    first = max(0, int(np.searchsorted(features.times_s, start_s)) - 1)
    last = int(np.searchsorted(features.times_s, end_s)) + 1

    def cut(values: NDArray[np.floating]) -> NDArray[np.floating]:
        return np.ascontiguousarray(values[..., first:last])

    return replace(
        features,
        times_s=cut(features.times_s),
        f0_hz=cut(features.f0_hz),
        energy_db=cut(features.energy_db),
        log_mel_db=cut(features.log_mel_db),
        mfcc=cut(features.mfcc),
    )
