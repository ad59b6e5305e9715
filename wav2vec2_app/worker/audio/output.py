"""Collecting decoded samples at 16 kHz: resampling, in memory or in a file, at full scale or below."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

import numpy as np
import soxr

from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ
from wav2vec2_app.worker.audio.reader import Samples

SPOOL_S = 60.0
"""Longer audio goes to a file, where the caller names one, seconds."""
SAMPLES_IN_MEMORY = 1 << 20
"""Samples of a file that are in memory at a time."""
OVERSHOOT = 1.1
"""Peaks up to here are what codecs and resampling do; beyond, the level was wrong: a warning says so."""


@dataclass(frozen=True)
class ChannelRecording:
    """Samples of one channel, in [-1, 1]: in memory, or as raw float32 in ``file``.

    A long recording is never mapped here: the address space of the process is limited.
    """

    count: int
    samples: Samples | None = None
    file: Path | None = None
    warnings: tuple[str, ...] = ()

    def load(self) -> Samples:
        """All samples; those in a file are mapped."""
        if self.file is not None:
            return np.memmap(self.file, np.float32, mode="r", shape=(self.count,))
        return np.zeros(0, np.float32) if self.samples is None else self.samples

    def blocks(self, length: int) -> Iterator[Samples]:
        """``length`` samples in blocks of :data:`SAMPLES_IN_MEMORY`, with silence behind the last one."""
        sizes = (
            min(SAMPLES_IN_MEMORY, length - start) for start in range(0, length, SAMPLES_IN_MEMORY)
        )
        if self.file is None:
            samples, done = self.load(), 0
            for size in sizes:
                yield _padded(samples[done : done + size], size)
                done += size
            return
        with self.file.open("rb") as file:
            for size in sizes:
                yield _padded(np.fromfile(file, np.float32, size), size)

    def remove(self) -> None:
        """Remove the file, if there is one."""
        if self.file is not None:
            self.file.unlink(missing_ok=True)


def _padded(samples: Samples, length: int) -> Samples:
    missing = length - len(samples)
    return np.pad(samples, (0, missing)) if missing else samples


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

    def finish(self) -> ChannelRecording:
        """All samples in [-1, 1], with a warning if their level had to be lowered noticeably."""
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

    def within_full_scale(self) -> ChannelRecording:
        """All samples, lowered to a peak of 1 if they exceed it, and a warning beyond ``OVERSHOOT``."""
        warnings: tuple[str, ...] = ()
        if self._peak > OVERSHOOT:
            warnings = (
                f"The recording went beyond full scale (peak {self._peak:.3g});"
                " its level was lowered to fit.",
            )
        if self._file is not None and self._spool is not None:
            self._file.close()
            if self._peak > 1.0:
                self._lower_file(self._spool)
            return ChannelRecording(self._count, file=self._spool, warnings=warnings)
        samples = np.concatenate(self._blocks) if self._blocks else np.zeros(0, np.float32)
        if self._peak > 1.0:
            samples = self._lowered(samples)
        return ChannelRecording(self._count, samples, warnings=warnings)

    def _lowered(self, samples: Samples) -> Samples:
        lowered: Samples = np.clip(samples / np.float32(self._peak), -1.0, 1.0)
        return lowered

    def _lower_file(self, path: Path) -> None:
        with path.open("r+b") as file:
            while len(block := np.fromfile(file, np.float32, SAMPLES_IN_MEMORY)):
                file.seek(-block.nbytes, 1)
                file.write(self._lowered(block).tobytes())
                file.flush()
                file.seek(0, 1)

    def close(self) -> None:
        """Remove the file, if there is one."""
        if self._file is not None and self._spool is not None:
            self._file.close()
            self._spool.unlink(missing_ok=True)
