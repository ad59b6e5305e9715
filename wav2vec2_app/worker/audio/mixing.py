"""From several channels to one: the mean, unless the channels cancel each other out.

A stereo recording whose right channel is the inverse of the left averages to silence. Whether it
does is decided over the whole file; the louder channel is used then.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wav2vec2_app.errors import InputError
from wav2vec2_app.worker.audio.reader import Samples

CANCELLED_POWER = 0.1
"""The mean's power, relative to that of independent channels, below which channels cancel out."""
AUDIBLE_POWER = 1e-9
"""Mean power below which there is nothing to cancel (-90 dBFS)."""


class ChannelMeter:
    """Sums up the power of each channel and of their mean, without their constant offsets."""

    def __init__(self) -> None:
        self._count = 0
        self._sums = np.zeros(0)
        self._squares = np.zeros(0)
        self._mean_sum = 0.0
        self._mean_square = 0.0

    def add(self, block: Samples, mean: Samples) -> None:
        """Account for a block ``(n, channels)`` and its mean ``(n,)``."""
        channels = block.shape[1]
        if channels < 2:
            return
        if channels > len(self._sums):
            more = channels - len(self._sums)
            self._sums = np.concatenate([self._sums, np.zeros(more)])
            self._squares = np.concatenate([self._squares, np.zeros(more)])
        self._count += len(block)
        self._sums[:channels] += block.sum(axis=0, dtype=np.float64)
        self._squares[:channels] += np.einsum("ij,ij->j", block, block, dtype=np.float64)
        self._mean_sum += float(mean.sum(dtype=np.float64))
        self._mean_square += float(np.einsum("i,i->", mean, mean, dtype=np.float64))

    def louder_channel(self) -> int | None:
        """The loudest channel's index if the channels cancel each other out, else ``None``."""
        if not self._count:
            return None
        powers = self._powers()
        mean_power = self._mean_square / self._count - (self._mean_sum / self._count) ** 2
        independent = float(powers.sum()) / len(powers) ** 2
        if independent < AUDIBLE_POWER or mean_power >= CANCELLED_POWER * independent:
            return None
        return int(powers.argmax())

    def _powers(self) -> NDArray[np.float64]:
        return np.maximum(self._squares / self._count - np.square(self._sums / self._count), 0.0)


def mean_of(block: Samples) -> Samples:
    """The mean of the channels of ``(n, channels)``.

    Raises:
        InputError: ``audio.not_finite``.
    """
    if block.shape[1] == 1:
        return finite(block[:, 0])
    with np.errstate(over="ignore", invalid="ignore"):
        mean: Samples = block.mean(axis=1, dtype=np.float32)
    return finite(mean)


def channel_of(block: Samples, channel: int) -> Samples:
    """One channel of ``(n, channels)``; silence where the block has fewer channels.

    Raises:
        InputError: ``audio.not_finite``.
    """
    if channel >= block.shape[1]:
        return np.zeros(len(block), np.float32)
    return finite(np.ascontiguousarray(block[:, channel]))


def finite(samples: Samples) -> Samples:
    """The samples, checked to be numbers."""
    if not np.isfinite(samples).all():
        raise InputError(
            "The recording holds values that are not numbers (NaN or infinity).",
            code="audio.not_finite",
            hint="Export it again, for example as 16-bit WAV.",
        )
    return samples
