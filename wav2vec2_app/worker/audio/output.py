"""Collecting decoded samples at 16 kHz: resampling, in memory or in a file, at full scale or below."""

from __future__ import annotations

import time
from pathlib import Path
from typing import BinaryIO, Protocol

import numpy as np
import soxr

from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ
from wav2vec2_app.worker.audio.reader import Samples

SPOOL_S = 60.0
"""Longer audio goes to a file, where the caller names one, seconds."""
SCALED_TOGETHER = 1 << 22
"""Samples whose level is lowered at a time."""
OVERSHOOT = 1.1
"""Peaks up to here are what codecs and resampling do; beyond, the level was wrong: a warning says so."""


class _Stream(Protocol):
    def resample_chunk(self, x: Samples, last: bool = False) -> Samples: ...


class Output:
    """Resamples one channel to 16 kHz and collects it; ``resample_s`` is the time that it took.

    A change of rate begins a new resampler. Rates that match pass through unchanged.
    """

    def __init__(self, spool: Path | None) -> None:
        self.resample_s = 0.0
        self._collected = Collected(spool)
        self._rate_hz = 0
        self._stream: _Stream | None = None

    def push(self, samples: Samples, rate_hz: int) -> None:
        """Append samples ``(n,)`` at ``rate_hz``."""
        if rate_hz != self._rate_hz:
            self._flush()
            self._rate_hz = rate_hz
            if rate_hz != SAMPLE_RATE_HZ:
                self._stream = soxr.ResampleStream(
                    rate_hz, SAMPLE_RATE_HZ, 1, dtype="float32", quality="HQ"
                )
        self._collected.add(samples if self._stream is None else self._resampled(samples))

    def finish(self) -> tuple[Samples, tuple[str, ...]]:
        """All samples in [-1, 1], and a warning if their level had to be lowered noticeably."""
        self._flush()
        return self._collected.within_full_scale()

    def close(self) -> None:
        """Remove the file, if there is one."""
        self._collected.close()

    def _flush(self) -> None:
        if self._stream is not None:
            self._collected.add(self._resampled(np.zeros(0, np.float32), last=True))
            self._stream = None

    def _resampled(self, samples: Samples, *, last: bool = False) -> Samples:
        if self._stream is None:
            return samples
        started = time.perf_counter()
        resampled = self._stream.resample_chunk(samples, last=last)
        self.resample_s += time.perf_counter() - started
        return resampled


class Collected:
    """Samples in memory while there are few, then in a file, if one is named."""

    def __init__(self, spool: Path | None) -> None:
        self._spool = spool
        self._file: BinaryIO | None = None
        self._blocks: list[Samples] = []
        self._count = 0
        self._peak = 0.0

    def add(self, block: Samples) -> None:
        """Append samples ``(n,)``."""
        self._count += len(block)
        self._peak = max(self._peak, float(block.max(initial=0.0)), -float(block.min(initial=0.0)))
        if self._file is not None:
            self._file.write(block.tobytes())
            return
        self._blocks.append(block)
        if self._spool is not None and self._count > SPOOL_S * SAMPLE_RATE_HZ:
            self._file = self._spool.open("wb")
            for earlier in self._blocks:
                self._file.write(earlier.tobytes())
            self._blocks = []

    def within_full_scale(self) -> tuple[Samples, tuple[str, ...]]:
        """All samples, lowered to a peak of 1 if they exceed it, and a warning beyond ``OVERSHOOT``."""
        samples = self._joined()
        if self._peak <= 1.0:
            return samples, ()
        for begin in range(0, len(samples), SCALED_TOGETHER):
            part = samples[begin : begin + SCALED_TOGETHER]
            np.clip(part / np.float32(self._peak), -1.0, 1.0, out=part)
        warning = (
            f"The recording went beyond full scale (peak {self._peak:.3g});"
            " its level was lowered to fit."
        )
        return samples, (warning,) if self._peak > OVERSHOOT else ()

    def close(self) -> None:
        """Remove the file, if there is one."""
        if self._file is not None and self._spool is not None:
            self._file.close()
            self._spool.unlink(missing_ok=True)

    def _joined(self) -> Samples:
        if self._file is not None and self._spool is not None:
            self._file.close()
            return np.memmap(self._spool, np.float32, mode="r+", shape=(self._count,))
        return np.concatenate(self._blocks) if self._blocks else np.zeros(0, np.float32)
