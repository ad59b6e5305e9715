"""The bounded memory of what was said lately: everything since the current utterance began."""

from __future__ import annotations

import numpy as np

from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ, Float32

BLOCK_S = 0.1
"""The level is that of the loudest block of this length, seconds."""
SILENT_DBFS = -120.0


class Tape:
    """Samples ``[start, end)`` of a session, counted from its first one.

    Args:
        capacity: samples held at most; allocated once.
    """

    def __init__(self, capacity: int) -> None:
        self._samples = np.empty(capacity, dtype=np.float32)
        self.start = 0
        self.end = 0

    def __len__(self) -> int:
        return self.end - self.start

    @property
    def room(self) -> int:
        """How many samples can still be appended."""
        return len(self._samples) - len(self)

    def append(self, samples: Float32) -> None:
        """Add ``samples`` ``(n,)`` at the end.

        Raises:
            ValueError: there is no room for them; nothing is ever dropped to make some.
        """
        if len(samples) > self.room:
            raise ValueError(f"{len(samples)} samples, but room for {self.room}")
        at = len(self)
        self._samples[at : at + len(samples)] = samples
        self.end += len(samples)

    def drop_until(self, position: int) -> None:
        """Forget what is before ``position``."""
        position = min(max(position, self.start), self.end)
        kept = self._samples[position - self.start : len(self)]
        self._samples[: len(kept)] = kept.copy()
        self.start = position

    def between(self, start: int, stop: int) -> Float32:
        """A copy of the samples in ``[start, stop)``."""
        return self._samples[start - self.start : stop - self.start].copy()

    def loudest_dbfs(self) -> float:
        """Level of the loudest block, dB relative to full scale."""
        block = round(BLOCK_S * SAMPLE_RATE_HZ)
        whole = len(self) // block * block
        if not whole:
            return SILENT_DBFS
        blocks = self._samples[len(self) - whole : len(self)].reshape(-1, block)
        power = float(blocks.var(axis=1).max())
        return 10 * float(np.log10(max(power, 10 ** (SILENT_DBFS / 10))))
