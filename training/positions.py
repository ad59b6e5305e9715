"""Whisper's absolute positions inside a standard wav2vec2 model.

A wav2vec2 model knows no absolute positions, but its positional convolution pads with zeros. Where an
input channel is a constant, a tap sees that constant or, before the start of the clip, zero. So the
convolution's output is a sum over the taps that lie inside the clip: any function of the frame number
can be written that way, up to half the kernel. That gives Whisper's sinusoids exactly, for `COUNT`
frames; later frames have the position of the last one.

The constant comes from channels of Whisper's second convolution that are practically always zero
(`CARRIERS`). Each group of the convolution gets one of them, which takes a permutation of channels. An
offset keeps GELU, which follows the convolution, in the range where it can be inverted; the projection's
bias takes it off again.
"""

import functools
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from transformers import Wav2Vec2ForCTC

from training.teacher import sinusoids

COUNT = 758  # frames with a position of their own: 15.2 s
# Not a multiple of 8: with AMX, OpenVINO 2026.4 computes such grouped convolutions wrongly in bfloat16.
KERNEL = 2 * COUNT
OFFSET = 1.25  # output of the positional convolution lies within 1 of it
CARRIERS = tuple(
    int(number) for number in (Path(__file__).parent / "carriers.txt").read_text().split()
)
GROUPS = len(CARRIERS)


@functools.cache
def position_table(width: int, frames: int) -> Tensor:
    """Return `(frames, width)` positions as the exported model has them."""
    rows = torch.arange(frames).clamp_max(COUNT)
    return sinusoids(COUNT + 1, width)[rows]


def carriers_mask(width: int) -> Tensor:
    """Return 0 for channels that carry the constant, 1 for the others."""
    mask = torch.ones(width)
    mask[list(CARRIERS)] = 0
    return mask


def permutation(width: int) -> Tensor:
    """Return an order of channels in which every group starts with a carrier."""
    others = iter([c for c in range(width) if c not in set(CARRIERS)])
    rest = width // GROUPS - 1
    return torch.tensor(
        [c for carrier in CARRIERS for c in (carrier, *(next(others) for _ in range(rest)))]
    )


def inverse_gelu(values: np.ndarray) -> np.ndarray:
    """Return z with gelu(z) = values, for values above 0, by bisection."""
    from scipy.special import erf

    low, high = np.zeros_like(values), np.full_like(values, 10.0)
    for _ in range(60):
        middle = (low + high) / 2
        too_small = middle * 0.5 * (1 + erf(middle / np.sqrt(2))) < values
        low, high = np.where(too_small, middle, low), np.where(too_small, high, middle)
    return (low + high) / 2


@torch.no_grad()
def permute_channels(model: Wav2Vec2ForCTC, order: Tensor) -> None:
    """Reorder the residual stream's channels; the model computes the same."""
    body = model.wav2vec2
    for name in ("weight", "bias"):
        rows = [
            getattr(body.feature_projection.projection, name),
            getattr(body.encoder.layer_norm, name),
        ]
        for layer in body.encoder.layers:
            rows += [getattr(layer.layer_norm, name), getattr(layer.final_layer_norm, name)]
            rows += [
                getattr(layer.attention.out_proj, name),
                getattr(layer.feed_forward.output_dense, name),
            ]
        for value in rows:
            value.copy_(value[order])
    for layer in body.encoder.layers:
        parts = layer.attention
        for part in (
            parts.q_proj,
            parts.k_proj,
            parts.v_proj,
            layer.feed_forward.intermediate_dense,
        ):
            part.weight.copy_(part.weight[:, order])
    model.lm_head.weight.copy_(model.lm_head.weight[:, order])


@torch.no_grad()
def build_positions(model: Wav2Vec2ForCTC) -> None:
    """Write the positions into the positional convolution of a model trained with `position_table`."""
    projection = model.wav2vec2.feature_projection.projection
    width = projection.out_features
    projection.weight[list(CARRIERS)] = 0
    projection.bias[list(CARRIERS)] = 0
    order = permutation(width)
    permute_channels(model, order)
    projection.bias -= OFFSET
    table = sinusoids(COUNT + 1, width)[:, order].double().numpy()
    wanted = inverse_gelu(table + OFFSET)
    conv = model.wav2vec2.encoder.pos_conv_embed.conv
    direction = torch.zeros_like(conv.parametrizations.weight.original1)  # (width, 4, KERNEL)
    reached = wanted[0]
    for step in range(1, COUNT + 1):
        tap = ((reached - wanted[step]) / OFFSET).astype(np.float16)  # rounding does not add up
        reached = reached - OFFSET * tap.astype(np.float64)
        direction[:, 0, COUNT - step] = torch.from_numpy(tap.astype(np.float32))
    norms = direction.square().sum(dim=(0, 1), keepdim=True).sqrt()
    direction[0, 1, COUNT:] = 1.0  # taps of the present and the future: no gain, but a norm
    conv.parametrizations.weight.original0.copy_(norms)
    conv.parametrizations.weight.original1.copy_(direction)
    conv.bias.copy_(torch.from_numpy(wanted[0]).float())
