"""Divides long audio into overlapping windows on the model's frame grid.

Frame ``j`` of a wav2vec2 model depends on ``receptive_field`` samples from ``j * hop`` on. The frames of
a window that starts at a multiple of ``hop`` are therefore at frame positions of the recording, and
joining windows shifts no times: see :func:`plan_windows`. The exact frame at which one window ends and
the next one begins is chosen after the emissions of both are known (:mod:`wav2vec2_app.speech.seams`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ, Float32

IN_ONE = 2.0
"""Audio of up to this many window lengths is not divided, if one forward pass of the model may be so long."""
ABSOLUTE_TAPS = 512
"""A positional convolution with more taps gives a frame its position in the audio, up to half the taps.

Those of published wav2vec2 models have 128; they say where frames are relative to each other.
"""
STATISTICS_BLOCK = 1 << 22
"""Samples of a long recording in memory while it is measured."""


@dataclass(frozen=True)
class FrameGrid:
    """Geometry of a model's input: of its convolutional encoder, in samples, and of one forward pass.

    Attributes:
        hop: from one frame to the next, samples.
        receptive_field: samples that a frame depends on.
        longest: frames that the model can tell apart in one forward pass; 0: any number.
    """

    hop: int = 320
    receptive_field: int = 400
    longest: int = 0

    def frames(self, samples: int) -> int:
        """How many frames the encoder outputs for ``samples`` samples."""
        return max(0, (samples - self.receptive_field) // self.hop + 1)

    def samples(self, frames: int) -> int:
        """The least number of samples with ``frames`` frames."""
        return (frames - 1) * self.hop + self.receptive_field

    @classmethod
    def of_convolutions(
        cls, kernels: tuple[int, ...], strides: tuple[int, ...], *, position_taps: int = 0
    ) -> FrameGrid:
        """The grid of a stack of convolutions without padding (Dumoulin & Visin 2016, §2).

        Args:
            kernels: their lengths.
            strides: as many.
            position_taps: length of the positional convolution, see :data:`ABSOLUTE_TAPS`.
        """
        hop, field = 1, 1
        for kernel, stride in zip(kernels, strides, strict=True):
            field += (kernel - 1) * hop
            hop *= stride
        longest = position_taps // 2 if position_taps > ABSOLUTE_TAPS else 0
        return cls(hop=hop, receptive_field=field, longest=longest)


@dataclass(frozen=True)
class Window:
    """One forward pass over samples ``[start, stop)``; its frames ``[keep_from, keep_to)`` are used."""

    start: int
    stop: int
    keep_from: int
    keep_to: int


def plan_windows(
    samples: int, grid: FrameGrid, *, window_frames: int, overlap_frames: int
) -> list[Window]:
    """Windows whose used frames, joined, are all frames of the recording, each exactly once.

    Neighbours share ``overlap_frames`` and use half of them each, so that every used frame has at least
    ``overlap_frames // 2`` frames of context inside its window. The last window starts earlier instead of
    being shorter.

    Raises:
        ValueError: the overlap is not shorter than the window.
    """
    if not 0 < overlap_frames < window_frames:
        raise ValueError("the overlap must be shorter than the window, and not empty")
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
    """The windows of a recording of ``samples`` samples; a single one up to :data:`IN_ONE` windows.

    No window is longer than one forward pass of the model may be.
    """
    frames_a_second = SAMPLE_RATE_HZ / grid.hop
    wanted = max(2, round(window_s * frames_a_second))
    window_frames = min(wanted, grid.longest or wanted)
    in_one = min(IN_ONE * window_frames, grid.longest or math.inf)
    if grid.frames(samples) <= in_one:
        return [Window(0, samples, 0, max(1, grid.frames(samples)))]
    overlap_frames = min(max(1, round(overlap_s * frames_a_second)), window_frames // 2)
    return plan_windows(samples, grid, window_frames=window_frames, overlap_frames=overlap_frames)


@dataclass(frozen=True)
class SampleStatistics:
    """Mean and standard deviation of a recording, by which each of its windows is normalized."""

    mean: float
    deviation: float

    @classmethod
    def of(cls, samples: Float32) -> SampleStatistics:
        """Measured block by block, so that a recording on disk is never completely in memory."""
        count = max(1, len(samples))
        blocks = range(0, len(samples), STATISTICS_BLOCK)
        mean = (
            sum(float(samples[b : b + STATISTICS_BLOCK].sum(dtype=np.float64)) for b in blocks)
            / count
        )
        squares = sum(
            float(np.square(samples[b : b + STATISTICS_BLOCK] - np.float64(mean)).sum())
            for b in blocks
        )
        return cls(mean, float(np.sqrt(squares / count + 1e-7)))

    def normalize(self, samples: Float32) -> Float32:
        """Normalize like Wav2Vec2FeatureExtractor with ``do_normalize``."""
        normalized: Float32 = ((samples - self.mean) / self.deviation).astype(np.float32)
        return normalized
