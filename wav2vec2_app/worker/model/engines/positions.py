"""Positions that do not depend on the sound, as a table.

A checkpoint can have absolute positions, as the embedded one has: its positional convolution looks only
at channels that are the same in every frame, and only backwards. What it adds to a frame then depends on
the frame's number alone. Looking it up takes no time; a convolution over hundreds of frames takes longer
than the rest of a small model.
"""

from __future__ import annotations

import numpy as np

from wav2vec2_app.speech.audio import Float32
from wav2vec2_app.worker.model.engines.weights import Weights


def constant_channels(weights: Weights) -> Float32:
    """The value of each channel that the projection computes from no feature, NaN for the others."""
    prefix = "wav2vec2.feature_projection.projection"
    weight, bias = weights(f"{prefix}.weight"), weights(f"{prefix}.bias")
    constants: Float32 = np.where(weight.any(axis=1), np.nan, bias).astype(np.float32)
    return constants


def position_kernel(weights: Weights, prefix: str) -> Float32:
    """The kernel of the positional convolution, ``(outputs, inputs of a group, taps)``.

    Weight norm, over all axes but the last, is under either of the names that torch has given it.
    """
    names = (f"{prefix}.parametrizations.weight.original0", f"{prefix}.weight_g")
    scale_name, direction_name = names[0], f"{prefix}.parametrizations.weight.original1"
    if scale_name not in weights:
        scale_name, direction_name = names[1], f"{prefix}.weight_v"
    if scale_name not in weights:
        return weights(f"{prefix}.weight")
    scale, direction = weights(scale_name), weights(direction_name)
    norm = np.sqrt(np.square(direction).sum(axis=(0, 1), keepdims=True))
    kernel: Float32 = scale * direction / norm
    return kernel


def position_table(
    kernel: Float32, bias: Float32, groups: int, constants: Float32
) -> Float32 | None:
    """What a positional convolution gives for each frame, before the activation.

    Args:
        kernel: ``(outputs, inputs of a group, taps)``.
        bias: ``(outputs,)``.
        groups: of the convolution.
        constants: ``(channels,)``: the value of each channel that is the same in every frame, NaN for
            the others.

    Returns:
        ``(taps // 2 + 1, outputs)``; later frames are like the last one. ``None`` if the output depends
        on other channels, or on frames that come later.
    """
    outputs, inputs, taps = kernel.shape
    present = taps // 2
    if np.any(kernel[:, :, present + 1 :]):
        return None
    values = np.repeat(constants.reshape(groups, inputs), outputs // groups, axis=0)
    if np.any(np.isnan(values) & np.any(kernel, axis=2)):
        return None
    seen = np.einsum("oit,oi->to", kernel[:, :, : present + 1], np.nan_to_num(values), dtype=float)
    return (np.cumsum(seen[::-1], axis=0) + bias).astype(np.float32)
