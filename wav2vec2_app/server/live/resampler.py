"""A stream of 16-bit samples at any rate as float32 at 16 kHz."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ, Float32

if TYPE_CHECKING:
    from soxr import ResampleStream

FULL_SCALE = 32768.0
BYTES = 2


class Stream:
    """PCM bytes (16-bit, little-endian, mono) in, samples at 16 kHz out.

    Args:
        rate_hz: of what comes in; it holds for the whole stream.
    """

    def __init__(self, rate_hz: int) -> None:
        self._soxr: ResampleStream | None = None
        self._odd = b""
        if rate_hz != SAMPLE_RATE_HZ:
            import soxr  # only for those who need it; the page's process stays light

            self._soxr = soxr.ResampleStream(rate_hz, SAMPLE_RATE_HZ, 1, dtype="float32")

    def take(self, pcm: bytes, *, last: bool = False) -> Float32:
        """The samples that ``pcm`` completes; a block may end in the middle of a sample."""
        pcm = self._odd + pcm
        whole = len(pcm) // BYTES * BYTES
        self._odd = pcm[whole:]
        samples = np.frombuffer(pcm, dtype="<i2", count=whole // BYTES).astype(np.float32)
        samples /= FULL_SCALE
        if self._soxr is None:
            return samples
        resampled: Float32 = self._soxr.resample_chunk(samples, last=last)
        return resampled
