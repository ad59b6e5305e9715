"""Group norm after the first convolution, computed from the audio before that convolution.

Checkpoints like wav2vec2-base normalize each channel over the whole clip. The first convolution is linear
in the audio, so mean and variance of a channel follow from those of its input: with ``x`` the samples
under the kernel ``w``, the mean of ``w · x`` is ``w · mean(x)`` and its variance ``w · cov(x) w``. Only a
covariance of ten by ten is needed, so a clip can be convolved in pieces and still be normalized
together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from wav2vec2_app.speech.audio import Float32

EPSILON = 1e-5


@dataclass(frozen=True)
class GroupNorm:
    """Group norm of one channel per group; ``kernel`` ``(channels, width)`` of the first convolution."""

    kernel: NDArray[np.float64]
    stride: int
    weight: Float32
    bias: Float32

    def scale_and_shift(self, batch: Float32) -> tuple[Float32, Float32]:
        """Scale and shift of each channel for audio ``(batch, samples)``, ``(batch, channels, 1)`` each."""
        pairs = [self._of_row(row) for row in batch]
        scale, shift = np.array(pairs, np.float32).swapaxes(0, 1)[..., None]
        return scale, shift

    def _of_row(self, row: Float32) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        windows = sliding_window_view(row, self.kernel.shape[1])[:: self.stride].astype(np.float64)
        mean = windows.mean(axis=0)
        windows -= mean
        covariance = windows.T @ windows / len(windows)
        variance = np.einsum("ci,ij,cj->c", self.kernel, covariance, self.kernel)
        scale = self.weight / np.sqrt(np.maximum(variance, 0) + EPSILON)
        return scale, self.bias - scale * (self.kernel @ mean)
