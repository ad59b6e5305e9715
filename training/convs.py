"""The convolutional encoder, computed channels-last: the same numbers as transformers' own, faster.

A strided convolution becomes a gather of neighbouring frames and one matrix product; layer norm and
GELU then run over contiguous channels. Only the parameters of the transformers module are used.
"""

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers.models.wav2vec2.modeling_wav2vec2 import Wav2Vec2FeatureEncoder

from training.machine import fast_type


def neighbours(frames: Tensor, kernel: int, stride: int) -> Tensor:
    """Gather windows of a `(batch, time, channels)` tensor: `(batch, time', kernel * channels)`."""
    count = (frames.shape[1] - kernel) // stride + 1
    taps = [frames[:, tap : tap + (count - 1) * stride + 1 : stride] for tap in range(kernel)]
    return torch.cat(taps, dim=-1)


def encode(encoder: Wav2Vec2FeatureEncoder, audio: Tensor) -> Tensor:
    """Return `(batch, frames, channels)` features of normalised audio `(batch, samples)`.

    All is computed in the machine's fastest type.
    """
    dtype = fast_type(audio.device.type)
    hidden = audio.to(dtype).unsqueeze(-1)
    for layer in encoder.conv_layers:
        conv = layer.conv
        weight = conv.weight.permute(0, 2, 1).flatten(1).to(dtype)
        hidden = neighbours(hidden, conv.kernel_size[0], conv.stride[0])
        hidden = F.linear(hidden, weight, conv.bias.to(dtype))
        norm = layer.layer_norm
        hidden = F.layer_norm(
            hidden, norm.normalized_shape, norm.weight.to(dtype), norm.bias.to(dtype), norm.eps
        )
        hidden = F.gelu(hidden)
    return hidden


def normalise(audio: Tensor) -> Tensor:
    """Return audio `(..., samples)` with zero mean and unit variance, as the processor does it."""
    audio = audio - audio.mean(-1, keepdim=True)
    return audio / (audio.square().mean(-1, keepdim=True) + 1e-7).sqrt()
