"""From several channels to one: the mean, unless the channels cancel each other out.

A stereo recording whose right channel is the inverse of the left averages to silence. Whether it
does, for all or for much of the sound, is decided over the whole file; the louder channel is used then.
Channels can also be kept apart, for calls with one speaker on each.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from wav2vec2_app.errors import InputError
from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ
from wav2vec2_app.worker.audio.limits import refuse_channels
from wav2vec2_app.worker.audio.output import Output
from wav2vec2_app.worker.audio.reader import Block, Samples

CANCELLED_POWER = 0.3
"""The mean's power, relative to that of independent channels, below which channels cancel out.

Of two equally loud channels it is 1 plus their correlation, so this is a correlation of -0.7. As much is
left of a channel and its inverse that is 0.4 times as loud.
"""
CANCELLED_SHARE = 0.4
"""Share of the sound that cancels out above which the channels cancel out although the rest does not."""
METERED_FRAMES = 16_384
"""Samples that are looked at together: a third of a second to a second."""
AUDIBLE_POWER = 1e-9
"""Mean power below which there is nothing to cancel (-90 dBFS)."""


class Channels(Protocol):
    """Where decoded blocks go; each output becomes a recording."""

    outputs: list[Output]

    @property
    def resample_s(self) -> float:
        """Seconds of resampling."""

    def push(self, block: Block) -> None:
        """Append a block.

        Raises:
            InputError: ``audio.not_finite``, ``audio.too_many_channels``.
        """

    def close(self) -> None:
        """Remove what was written to files."""


class Downmix:
    """All channels mixed to one; ``channel`` uses a single one instead."""

    def __init__(self, spool: Path | None, channel: int | None = None) -> None:
        self._channel = channel
        self._meter = ChannelMeter()
        self.outputs = [Output(spool)]

    @property
    def resample_s(self) -> float:
        return self.outputs[0].resample_s

    def push(self, block: Block) -> None:
        if self._channel is None:
            samples = mean_of(block.samples)
            self._meter.add(block.samples)
        else:
            samples = channel_of(block.samples, min(self._channel, block.samples.shape[1] - 1))
        self.outputs[0].push(samples, block.rate_hz)

    def cancelled_by(self) -> int | None:
        """The channel to use because the mean of all is far quieter, or ``None``."""
        return self._meter.louder_channel()

    def close(self) -> None:
        self.outputs[0].close()


class Separation:
    """Every channel by itself; ``spool`` gets ``.0``, ``.1`` … appended to its name.

    Where there are fewer channels than elsewhere in the recording, the others are silent.
    """

    def __init__(self, spool: Path | None, channels: int) -> None:
        self._spool = spool
        self._position_s = 0.0
        self.outputs: list[Output] = []
        self._grow(channels)

    @property
    def resample_s(self) -> float:
        return sum(output.resample_s for output in self.outputs)

    def push(self, block: Block) -> None:
        if block.samples.shape[1] > len(self.outputs):
            self._grow(block.samples.shape[1])
        for channel, output in enumerate(self.outputs):
            output.push(channel_of(block.samples, channel), block.rate_hz)
        self._position_s += block.duration_s

    def _grow(self, channels: int) -> None:
        refuse_channels(channels)
        for number in range(len(self.outputs), channels):
            spool = self._spool and self._spool.with_name(f"{self._spool.name}.{number}")
            output = Output(spool)
            output.push(
                np.zeros(round(self._position_s * SAMPLE_RATE_HZ), np.float32), SAMPLE_RATE_HZ
            )
            self.outputs.append(output)

    def close(self) -> None:
        for output in self.outputs:
            output.close()


class ChannelMeter:
    """Sums up the power of each channel and of their mean, without their constant offsets."""

    def __init__(self) -> None:
        self._count = 0
        self._sums = np.zeros(0)
        self._squares = np.zeros(0)
        self._mean_sum = 0.0
        self._mean_square = 0.0
        self._energy = 0.0
        self._cancelled_energy = 0.0

    def add(self, block: Samples) -> None:
        """Account for a block ``(n, channels)``."""
        if block.shape[1] > 1:
            for begin in range(0, len(block), METERED_FRAMES):
                self._add(block[begin : begin + METERED_FRAMES])

    def _add(self, block: Samples) -> None:
        channels = block.shape[1]
        if channels > len(self._sums):
            more = np.zeros(channels - len(self._sums))
            self._sums = np.concatenate([self._sums, more])
            self._squares = np.concatenate([self._squares, more])
        with np.errstate(over="ignore", invalid="ignore"):
            products = (block.T @ block).astype(np.float64)
            sums = (np.ones(len(block), np.float32) @ block).astype(np.float64)
        self._count += len(block)
        self._sums[:channels] += sums
        self._squares[:channels] += products.diagonal()
        self._mean_sum += float(sums.sum()) / channels
        self._mean_square += float(products.sum()) / channels**2
        self._add_energy(products, sums / len(block), len(block))

    def _add_energy(
        self, products: NDArray[np.float64], means: NDArray[np.float64], count: int
    ) -> None:
        """Account for the share of the sound that is lost where channels are inverse for a while."""
        covariances = products / count - np.outer(means, means)
        powers = covariances.diagonal()
        energy = float(powers.sum()) * count
        if not math.isfinite(energy):
            return
        self._energy += energy
        if loudest_of_cancelling(float(covariances.mean()), powers) is not None:
            self._cancelled_energy += energy

    def louder_channel(self) -> int | None:
        """The loudest channel's index if the channels cancel each other out, else ``None``."""
        if not self._count:
            return None
        powers = self._squares / self._count - np.square(self._sums / self._count)
        mean_power = self._mean_square / self._count - (self._mean_sum / self._count) ** 2
        if self._cancelled_energy > CANCELLED_SHARE * self._energy:
            return int(powers.argmax())
        return loudest_of_cancelling(mean_power, powers)


def loudest_of_cancelling(mean_power: float, powers: NDArray[np.float64]) -> int | None:
    """The loudest channel's index if the channels cancel each other out, else ``None``.

    Args:
        mean_power: of the mean of the channels.
        powers: of each channel, ``(channels,)``.
    """
    independent = float(powers.sum()) / len(powers) ** 2
    audible = math.isfinite(independent) and independent > AUDIBLE_POWER
    if not audible or mean_power >= CANCELLED_POWER * independent:
        return None
    return int(powers.argmax())


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
