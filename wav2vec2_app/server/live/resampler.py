"""Converts a stream of PCM, 16-bit or float32, at any rate to float32 at 16 kHz."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ, Float32

if TYPE_CHECKING:
    from soxr import ResampleStream

PCM_FULL_SCALE = 32768.0
S16LE, F32LE = "s16le", "f32le"
TYPES: Final[dict[str, np.dtype[Any]]] = {S16LE: np.dtype("<i2"), F32LE: np.dtype("<f4")}
"""Encodings of samples, little-endian, and their types."""


class PcmResampler:
    """PCM bytes (little-endian, mono) in, samples at 16 kHz out.

    Args:
        rate_hz: sampling rate of the input stream.
        encoding: one of :data:`TYPES`.
    """

    def __init__(self, rate_hz: int, encoding: str = S16LE) -> None:
        self._type = TYPES[encoding]
        self._soxr: ResampleStream | None = None
        self._incomplete = b""
        if rate_hz != SAMPLE_RATE_HZ:
            import soxr  # only loaded in sessions that resample, to keep the server process small

            self._soxr = soxr.ResampleStream(rate_hz, SAMPLE_RATE_HZ, 1, dtype="float32")

    def resample(self, pcm: bytes, *, last: bool = False) -> Float32:
        """The samples that ``pcm`` completes; a block may end in the middle of a sample."""
        pcm = self._incomplete + pcm
        count = len(pcm) // self._type.itemsize
        self._incomplete = pcm[count * self._type.itemsize :]
        samples = self._samples(np.frombuffer(pcm, self._type, count))
        if self._soxr is None:
            return samples
        resampled: Float32 = self._soxr.resample_chunk(samples, last=last)
        return resampled

    def _samples(self, values: NDArray[Any]) -> Float32:
        if self._type.kind == "f":  # what is not a number is silence; nothing exceeds full scale
            values = np.clip(np.nan_to_num(values, posinf=1.0, neginf=-1.0), -1, 1)
            return values.astype(np.float32)
        samples: Float32 = values.astype(np.float32) / np.float32(PCM_FULL_SCALE)
        return samples
