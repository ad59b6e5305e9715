"""Long audio in overlapping windows whose frames are stitched on the model's exact frame grid.

A wav2vec2 frame ``j`` sees the samples from ``j * hop`` on, ``receptive_field`` of them. A window
that starts on a multiple of ``hop`` therefore yields frames that *are* frames of the whole, so that
joining windows moves no time: see :func:`plan_windows`.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise


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
    """One forward pass over samples ``[start, stop)``; frames ``[keep_from, keep_to)`` are kept."""

    start: int
    stop: int
    keep_from: int
    keep_to: int


def plan_windows(
    samples: int, grid: FrameGrid, *, window_frames: int, overlap_frames: int
) -> list[Window]:
    """Cut ``samples`` into windows whose kept frames, joined, are each frame exactly once.

    Neighbours share ``overlap_frames``; at a seam each gives up half of them, so that every kept
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
