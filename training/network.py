"""The recogniser's arithmetic, written out so that matrix products run in bfloat16.

The parameters are those of a transformers `Wav2Vec2ForCTC`. Run `python -m training.network` to
compare the result with transformers' own forward pass.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import Wav2Vec2ForCTC

from training.model import build_model, frames_of
from training.teacher import sinusoids

MAX_FRAMES = 1500


def fast_type(device: str) -> torch.dtype:
    """Return bfloat16 where the machine computes with it, otherwise float32."""
    native = device != "cpu" or torch.cpu._is_avx512_bf16_supported()
    return torch.bfloat16 if native else torch.float32


def norm(hidden: Tensor, layer: nn.LayerNorm, dtype: torch.dtype) -> Tensor:
    """Return the layer norm of `hidden` in `dtype`."""
    return F.layer_norm(hidden, layer.normalized_shape, layer.weight, layer.bias, layer.eps).to(
        dtype
    )


def linear(hidden: Tensor, *layers: nn.Linear) -> Tensor:
    """Apply linear layers side by side as one product, in the type of `hidden`."""
    weights = [layer.weight.to(hidden.dtype) for layer in layers]
    biases = [layer.bias.to(hidden.dtype) for layer in layers]
    weight = torch.cat(weights) if len(layers) > 1 else weights[0]
    return F.linear(hidden, weight, torch.cat(biases) if len(layers) > 1 else biases[0])


def drop(hidden: Tensor, share: float) -> Tensor:
    """Drop channels, the same ones in all frames of a clip: far fewer random numbers."""
    if not share:
        return hidden
    kept = torch.rand(hidden.shape[0], 1, hidden.shape[2], device=hidden.device) >= share
    return hidden * (kept / (1 - share)).to(hidden.dtype)


def neighbours(frames: Tensor, kernel: int, stride: int) -> Tensor:
    """Gather windows of a `(batch, time, channels)` tensor: `(batch, time', kernel * channels)`."""
    count = (frames.shape[1] - kernel) // stride + 1
    taps = [frames[:, tap : tap + (count - 1) * stride + 1 : stride] for tap in range(kernel)]
    return torch.cat(taps, dim=-1)


def normalise(audio: Tensor) -> Tensor:
    """Return audio `(..., samples)` with zero mean and unit variance, as the processor does it."""
    audio = audio - audio.mean(-1, keepdim=True)
    return audio / (audio.square().mean(-1, keepdim=True) + 1e-7).sqrt()


def raw_front(model: Wav2Vec2ForCTC, audio: Tensor) -> Tensor:
    """Return projected features `(batch, frames, width)` of normalised audio `(batch, samples)`."""
    dtype = fast_type(audio.device.type)
    hidden = audio.to(dtype).unsqueeze(-1)
    for layer in model.wav2vec2.feature_extractor.conv_layers:
        conv = layer.conv
        weight = conv.weight.permute(0, 2, 1).flatten(1).to(dtype)
        hidden = neighbours(hidden, conv.kernel_size[0], conv.stride[0])
        hidden = F.linear(hidden, weight, conv.bias.to(dtype))
        hidden = F.gelu(norm(hidden, layer.layer_norm, dtype))
    projection = model.wav2vec2.feature_projection
    return linear(norm(hidden, projection.layer_norm, dtype), projection.projection)


def positions(hidden: Tensor, conv: nn.Conv1d) -> Tensor:
    """Return the convolutional position embedding of `(batch, frames, width)`."""
    weight, bias = conv.weight.to(hidden.dtype), conv.bias.to(hidden.dtype)
    half = conv.kernel_size[0] // 2
    out = F.conv1d(hidden.transpose(1, 2), weight, bias, padding=half, groups=conv.groups)
    return F.gelu(out[:, :, : hidden.shape[1]]).transpose(1, 2)


class Body:
    """Transformer and CTC head of a `Wav2Vec2ForCTC` over projected features.

    Without `positional` it has no positional convolution, as the teacher.
    """

    def __init__(self, model: Wav2Vec2ForCTC, *, positional: bool = True) -> None:
        self.model, self.positional = model, positional
        self.sinusoids = sinusoids(MAX_FRAMES, model.config.hidden_size)

    def __call__(
        self, features: Tensor, frames: Tensor, absolute: float = 0.0, dropout: float = 0.0
    ) -> tuple[Tensor, Tensor]:
        """Return the last hidden state and float32 logits.

        `absolute` scales Whisper's absolute positions; `frames` are lengths.
        """
        encoder = self.model.wav2vec2.encoder
        dtype, count = features.dtype, features.shape[1]
        real = torch.arange(count, device=features.device) < frames[:, None]
        padding = torch.where(real, 0.0, -1e4)[:, None, None, :].to(dtype)
        bias = None if bool(real.all()) else padding
        features = features * real[:, :, None]
        hidden = features.float()
        if self.positional:
            hidden = hidden + positions(features, encoder.pos_conv_embed.conv)
        if absolute:
            hidden = hidden + absolute * self.sinusoids[:count].to(hidden.device)
        for layer in encoder.layers:
            hidden = hidden + drop(self.attend(hidden, layer, bias, dtype), dropout)
            inner = linear(
                norm(hidden, layer.final_layer_norm, dtype), layer.feed_forward.intermediate_dense
            )
            outer = linear(F.gelu(inner), layer.feed_forward.output_dense)
            hidden = hidden + drop(outer, dropout)
        hidden = norm(hidden, encoder.layer_norm, dtype)
        return hidden, linear(hidden, self.model.lm_head).float()

    def attend(
        self, hidden: Tensor, layer: nn.Module, bias: Tensor | None, dtype: torch.dtype
    ) -> Tensor:
        """Return the self-attention of one layer.

        Written as matrix products: on processors the fused kernel's backward pass is slower.
        """
        parts = layer.attention
        normed = norm(hidden, layer.layer_norm, dtype)
        qkv = linear(normed, parts.q_proj, parts.k_proj, parts.v_proj)
        heads, width = parts.num_heads, parts.head_dim
        shape = (hidden.shape[0] * heads, hidden.shape[1], width)
        q, k, v = (
            part.unflatten(-1, (heads, width)).transpose(1, 2).reshape(shape)
            for part in qkv.chunk(3, dim=-1)
        )
        scores = torch.bmm(q * width**-0.5, k.mT).unflatten(0, (-1, heads))
        if bias is not None:
            scores = scores + bias
        mixed = torch.bmm(scores.softmax(-1).flatten(0, 1), v).unflatten(0, (-1, heads))
        return linear(mixed.transpose(1, 2).flatten(2), parts.out_proj)


def check() -> float:
    """Return the largest difference of a logit from transformers' forward pass."""
    reference = build_model().eval()
    audio = torch.randn(2, 40_000)
    audio[1, 30_000:] = 0
    mask = torch.ones(2, 40_000, dtype=torch.bool)
    mask[1, 30_000:] = False
    spans = torch.tensor([frames_of(40_000), frames_of(30_000)])
    with torch.no_grad():
        expected = reference(audio, attention_mask=mask).logits
        _, got = Body(reference)(raw_front(reference, audio), spans)
    return max(float((expected[i, :n] - got[i, :n]).abs().max()) for i, n in enumerate(spans))


if __name__ == "__main__":
    print(f"largest difference of a logit: {check():.2e}")
