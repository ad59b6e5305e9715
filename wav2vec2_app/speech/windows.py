"""Long audio in overlapping windows whose frames are stitched on the model's exact frame grid.

A wav2vec2 frame ``j`` sees the samples from ``j * hop`` on, ``receptive_field`` of them. A window
that starts on a multiple of ``hop`` therefore yields frames that *are* frames of the whole, so that
joining windows moves no time: see :func:`plan_windows`. Where exactly one window ends and the next one
begins is decided once both have been heard (:mod:`wav2vec2_app.seams`).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ, Float32

IN_ONE = 2.0
"""Audio up to so many windows long is taken in one pass."""
BLOCK = 1 << 22
"""Samples looked at together where all of a long recording is measured."""


@dataclass(frozen=True)
class FrameGrid:
    """Geometry of a convolutional encoder, in samples."""

    hop: int = 320
    receptive_field: int = 400

    def frames(self, samples: int) -> int:
        """How many frames the encoder makes of ``samples`` samples."""
        return max(0, (samples - self.receptive_field) // self.hop + 1)

    def samples(self, frames: int) -> int:
        """The fewest samples that yield ``frames`` frames."""
        return (frames - 1) * self.hop + self.receptive_field

    @classmethod
    def of_convolutions(cls, kernels: tuple[int, ...], strides: tuple[int, ...]) -> FrameGrid:
        """The grid of a stack of convolutions without padding (Dumoulin & Visin 2016, §2)."""
        hop, field = 1, 1
        for kernel, stride in zip(kernels, strides, strict=True):
            field += (kernel - 1) * hop
            hop *= stride
        return cls(hop=hop, receptive_field=field)


@dataclass(frozen=True)
class Window:
    """One forward pass over samples ``[start, stop)``; its frames ``[keep_from, keep_to)`` are kept."""

    start: int
    stop: int
    keep_from: int
    keep_to: int


def plan_windows(
    samples: int, grid: FrameGrid, *, window_frames: int, overlap_frames: int
) -> list[Window]:
    """Cut ``samples`` into windows whose kept frames, joined, are each frame exactly once.

    Neighbours share ``overlap_frames``; at a seam each gives up half of them for now, so that every kept
    frame has at least ``overlap_frames // 2`` frames of context inside its window. The last window
    is moved back to full length instead of being left short.
    """
    if not 0 < overlap_frames < window_frames:
        raise ValueError("the overlap must be shorter than the window")
    total = grid.frames(samples)
    if total <= window_frames:
        return [Window(0, samples, 0, total)]
    step = window_frames - overlap_frames
    starts = [*range(0, total - window_frames, step), total - window_frames]
    edges = [0]
    for left, right in pairwise(starts):
        edges.append((right + left + window_frames) // 2)
    edges.append(total)
    return [
        Window(
            start=first * grid.hop,
            stop=samples if first == starts[-1] else first * grid.hop + grid.samples(window_frames),
            keep_from=begin - first,
            keep_to=end - first,
        )
        for first, begin, end in zip(starts, edges, edges[1:], strict=False)
    ]


def windows_of(samples: int, grid: FrameGrid, *, window_s: float, overlap_s: float) -> list[Window]:
    """The windows of a recording of ``samples`` samples; one, if it is no longer than two."""
    frames_a_second = SAMPLE_RATE_HZ / grid.hop
    window_frames = max(2, round(window_s * frames_a_second))
    if grid.frames(samples) <= IN_ONE * window_frames:
        return [Window(0, samples, 0, max(1, grid.frames(samples)))]
    overlap_frames = max(1, round(overlap_s * frames_a_second))
    return plan_windows(samples, grid, window_frames=window_frames, overlap_frames=overlap_frames)


@dataclass(frozen=True)
class Level:
    """Mean and standard deviation of a whole recording, by which each of its windows is normalised."""

    mean: float
    deviation: float

    @classmethod
    def of(cls, samples: Float32) -> Level:
        """Measured block by block, so that a recording on disk is never in memory as a whole."""
        count = max(1, len(samples))
        blocks = range(0, len(samples), BLOCK)
        mean = sum(float(samples[b : b + BLOCK].sum(dtype=np.float64)) for b in blocks) / count
        squares = sum(
            float(np.square(samples[b : b + BLOCK] - np.float64(mean)).sum()) for b in blocks
        )
        return cls(mean, float(np.sqrt(squares / count + 1e-7)))

    def normalize(self, samples: Float32) -> Float32:
        """Zero mean and unit variance, as Wav2Vec2FeatureExtractor does with ``do_normalize``."""
        normalized: Float32 = ((samples - self.mean) / self.deviation).astype(np.float32)
        return normalized
