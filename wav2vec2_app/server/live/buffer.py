"""The bounded buffer of a live session's audio: everything since the current utterance began."""

from __future__ import annotations

import numpy as np

from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ, Float32

LEVEL_BLOCK_S = 0.1
"""The level is measured in blocks of this length, seconds."""
MIN_DBFS = -120.0
"""Level of digital silence, dB relative to full scale."""


class AudioBuffer:
    """Samples ``[start, end)`` of a session, counted from its first one.

    Args:
        capacity: maximum number of samples; allocated once.
    """

    def __init__(self, capacity: int) -> None:
        self._samples = np.empty(capacity, dtype=np.float32)
        self.start = 0
        self.end = 0

    def __len__(self) -> int:
        return self.end - self.start

    @property
    def room(self) -> int:
        """How many samples can be appended now."""
        return len(self._samples) - len(self)

    def append(self, samples: Float32) -> None:
        """Add ``samples`` ``(n,)`` at the end.

        Raises:
            ValueError: there is not enough room; older samples are never dropped to make some.
        """
        if len(samples) > self.room:
            raise ValueError(f"{len(samples)} samples, but room for {self.room}")
        length = len(self)
        self._samples[length : length + len(samples)] = samples
        self.end += len(samples)

    def drop_until(self, position: int) -> None:
        """Drop the samples before ``position``."""
        position = min(max(position, self.start), self.end)
        rest = self._samples[position - self.start : len(self)]
        self._samples[: len(rest)] = rest.copy()
        self.start = position

    def between(self, start: int, stop: int) -> Float32:
        """A copy of the samples in ``[start, stop)``."""
        return self._samples[start - self.start : stop - self.start].copy()

    def loudest_dbfs(self) -> float:
        """Level of the loudest complete block, dB relative to full scale."""
        size = round(LEVEL_BLOCK_S * SAMPLE_RATE_HZ)
        whole = len(self) // size * size
        if not whole:
            return MIN_DBFS
        blocks = self._samples[len(self) - whole : len(self)].reshape(-1, size)
        power = float(blocks.var(axis=1).max())
        return 10 * float(np.log10(max(power, 10 ** (MIN_DBFS / 10))))
