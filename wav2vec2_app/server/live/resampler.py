"""Converts a stream of 16-bit PCM at any rate to float32 at 16 kHz."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ, Float32

if TYPE_CHECKING:
    from soxr import ResampleStream

PCM_FULL_SCALE = 32768.0
PCM_BYTES = 2
"""Bytes of one sample."""


class PcmResampler:
    """PCM bytes (16-bit, little-endian, mono) in, samples at 16 kHz out.

    Args:
        rate_hz: sampling rate of the whole input stream.
    """

    def __init__(self, rate_hz: int) -> None:
        self._soxr: ResampleStream | None = None
        self._incomplete = b""
        if rate_hz != SAMPLE_RATE_HZ:
            import soxr  # only loaded in sessions that resample, to keep the server process small

            self._soxr = soxr.ResampleStream(rate_hz, SAMPLE_RATE_HZ, 1, dtype="float32")

    def resample(self, pcm: bytes, *, last: bool = False) -> Float32:
        """The samples that ``pcm`` completes; a block may end in the middle of a sample."""
        pcm = self._incomplete + pcm
        complete = len(pcm) // PCM_BYTES * PCM_BYTES
        self._incomplete = pcm[complete:]
        samples = np.frombuffer(pcm, dtype="<i2", count=complete // PCM_BYTES).astype(np.float32)
        samples /= PCM_FULL_SCALE
        if self._soxr is None:
            return samples
        resampled: Float32 = self._soxr.resample_chunk(samples, last=last)
        return resampled
