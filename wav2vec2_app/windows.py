"""Long audio in overlapping windows whose frames are stitched on the model's exact frame grid.

A wav2vec2 frame ``j`` sees the samples from ``j * hop`` on, ``receptive_field`` of them. A window
that starts on a multiple of ``hop`` therefore yields frames that *are* frames of the whole, so that
joining windows moves no time: see :func:`plan_windows`. Where exactly one window ends and the next one
begins is decided once both have been heard: in a pause, if they share one (:func:`at_pauses`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from wav2vec2_app.types import SAMPLE_RATE_HZ, Emission, Float32

IN_ONE = 2.0
"""Audio up to so many windows long is taken in one pass."""
CONTEXT = 12
"""Frames at a window's ends that are not kept if another one has them too: they lack what is beyond."""
PAUSE = 15
"""Frames over which a pause is looked for: 0.3 s."""
QUIET_DB = 100.0
"""So much less level is worth as much as surely hearing nothing."""
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


def at_pauses(windows: Sequence[Window], emissions: Sequence[Emission]) -> list[Window]:
    """``windows`` with their seams where both neighbours hear a pause, so that no word is cut in two.

    A seam stays within what its neighbours share, :data:`CONTEXT` from the ends of it, and nearer to its
    planned place than to the next one's. Without a pause it stays where it was.
    """
    hop = round(emissions[0].frame_s * SAMPLE_RATE_HZ)
    firsts = [window.start // hop for window in windows]
    planned = [first + window.keep_from for first, window in zip(firsts, windows, strict=True)]
    planned.append(firsts[-1] + windows[-1].keep_to)
    edges = planned[:1]
    for left, edge in enumerate(planned[1:-1]):
        right = left + 1
        shared = firsts[left] + len(emissions[left].log_probs) - firsts[right]
        gap = min(edge - planned[left], planned[right + 1] - edge)
        reach = max(0, min(shared // 2 - CONTEXT, (gap - 1) // 2))
        if reach:
            ears = [(emissions[one], edge - firsts[one]) for one in (left, right)]
            edge += _quietest(ears, reach)
        edges.append(edge)
    edges.append(planned[-1])
    return [
        replace(window, keep_from=begin - first, keep_to=end - first)
        for window, first, begin, end in zip(windows, firsts, edges, edges[1:], strict=False)
    ]


def _quietest(ears: Sequence[tuple[Emission, int]], reach: int) -> int:
    """Where the deepest pause is: how many frames, up to ``reach``, from the same frame of two emissions."""
    around = reach + PAUSE // 2  # at most CONTEXT more: all of them are there
    spans = [(one, slice(frame - around, frame + around + 1)) for one, frame in ears]
    pause = np.minimum.reduce([np.exp(one.log_probs[span, one.blank_id]) for one, span in spans])
    first, span = spans[0]
    if first.energy_db is not None:
        pause = pause - first.energy_db[span].astype(np.float32) / QUIET_DB
    depth = np.convolve(pause, np.full(PAUSE, 1 / PAUSE), mode="valid")
    shifts = np.arange(-reach, reach + 1)
    return int(shifts[np.argmax(depth - 1e-4 * np.abs(shifts))])  # none, where all is alike


def join(windows: Sequence[Window], emissions: Sequence[Emission]) -> Emission:
    """The emission of the whole from those of its windows, with the seams in pauses."""
    if len(windows) == 1:
        return emissions[0]
    pairs = list(zip(at_pauses(windows, emissions), emissions, strict=True))
    log_probs = np.concatenate([one.log_probs[w.keep_from : w.keep_to] for w, one in pairs])
    levels = [
        one.energy_db[w.keep_from : w.keep_to] for w, one in pairs if one.energy_db is not None
    ]
    energy_db = np.concatenate(levels) if len(levels) == len(pairs) else None
    return replace(emissions[0], log_probs=log_probs, energy_db=energy_db)


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
