"""The recording's clock: where the container's timestamps leave a hole, silence takes its place.

Times count from the container's start, so that a word's time is the time a player shows. A jump
counts only if the following block confirms it: one damaged timestamp moves nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from wav2vec2_app.worker.audio.reader import Block

MAX_HOLE_S = 0.05
"""Shorter holes are rounding of the timestamps; longer ones become silence."""
JOINED_FRAMES = 1 << 14
"""Short blocks are joined to this many samples: each block costs a call of the resampler."""
SILENCE_FRAMES = 1 << 16
"""Samples of silence in one block."""


class Timeline:
    """Follows the blocks and says how much silence belongs before each.

    Args:
        limit_s: silence never makes the recording longer than this.

    Attributes:
        position_s: duration so far, silence included.
        sound_s: duration of decoded samples so far.
        skipped_s: silence that was left out because it exceeds the limit.
    """

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._shift_s = 0.0
        self.position_s = 0.0
        self.sound_s = 0.0
        self.skipped_s = 0.0

    def with_silence(self, blocks: Iterable[Block]) -> Iterator[Block]:
        """The blocks, and silence where the timestamps leave a hole."""
        pending: Block | None = None
        for block in blocks:
            if not len(block.samples):
                yield block
                continue
            if pending is not None:
                yield from self._placed(pending, block)
            pending = block
        if pending is not None:
            yield from self._placed(pending, None)

    def _placed(self, block: Block, following: Block | None) -> Iterator[Block]:
        yield from self._silence(self._hole_s(block, following), block)
        self.position_s += block.duration_s
        self.sound_s += block.duration_s
        yield block

    def _hole_s(self, block: Block, following: Block | None) -> float:
        """Silence before ``block``, seconds."""
        if block.start_s is None:
            return 0.0
        hole_s = block.start_s + self._shift_s - self.position_s
        if abs(hole_s) <= MAX_HOLE_S or not self._confirmed(block, following, hole_s):
            return 0.0
        if hole_s > 0 and self.position_s + hole_s <= self._limit_s:
            return hole_s
        self._shift_s -= hole_s  # the timestamps begin again, or leave more than the limit
        self.skipped_s += max(0.0, hole_s)
        return 0.0

    def _confirmed(self, block: Block, following: Block | None, hole_s: float) -> bool:
        """Whether the following block continues from this one, not from the one before."""
        if following is None or following.start_s is None or block.start_s is None:
            return True
        here = following.start_s - block.start_s - block.duration_s
        before = here + hole_s
        return abs(here) <= MAX_HOLE_S or abs(here) < abs(before)

    def _silence(self, duration_s: float, block: Block) -> Iterator[Block]:
        frames = round(duration_s * block.rate_hz)
        for begin in range(0, frames, SILENCE_FRAMES):
            count = min(SILENCE_FRAMES, frames - begin)
            silence = Block(np.zeros((count, block.samples.shape[1]), np.float32), block.rate_hz)
            self.position_s += silence.duration_s
            yield silence


def joined(blocks: Iterable[Block]) -> Iterator[Block]:
    """The samples of ``blocks`` in fewer, larger blocks; empty blocks mark progress as before."""
    parts: list[Block] = []
    frames = 0
    for block in blocks:
        if not len(block.samples):
            yield block
            continue
        if parts and (frames >= JOINED_FRAMES or not _alike(parts[0], block)):
            yield _join(parts)
            parts, frames = [], 0
        parts.append(block)
        frames += len(block.samples)
    if parts:
        yield _join(parts)


def _alike(first: Block, second: Block) -> bool:
    same_channels = first.samples.shape[1] == second.samples.shape[1]
    return same_channels and first.rate_hz == second.rate_hz


def _join(parts: list[Block]) -> Block:
    if len(parts) == 1:
        return parts[0]
    samples = np.concatenate([part.samples for part in parts])
    return Block(samples, parts[0].rate_hz, parts[0].start_s)
