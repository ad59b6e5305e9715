"""The recogniser's arithmetic, written out so that matrix products run in bfloat16.

The parameters are those of a transformers `Wav2Vec2ForCTC`. Run `python -m training.network` to
compare the result with transformers' own forward pass.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import Wav2Vec2ForCTC

from training.model import build_model, frames_of
from training.positions import build_positions, carriers_mask, position_table


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


class Body:
    """Transformer and CTC head of a `Wav2Vec2ForCTC` over projected features.

    Positions are added from a table; `training.positions` puts them into the model for export.
    """

    def __init__(self, model: Wav2Vec2ForCTC) -> None:
        self.model = model
        self.carriers = carriers_mask(model.config.hidden_size)

    def __call__(self, features: Tensor, frames: Tensor) -> Tensor:
        """Return float32 logits of `(batch, frames, width)` features; `frames` are lengths."""
        encoder = self.model.wav2vec2.encoder
        dtype, count, device = features.dtype, features.shape[1], features.device
        real = torch.arange(count, device=device) < frames[:, None]
        padding = torch.where(real, 0.0, -1e4)[:, None, None, :].to(dtype)
        bias = None if bool(real.all()) else padding
        features = features * self.carriers.to(device) * real[:, :, None]
        hidden = features + position_table(features.shape[2], count).to(device)
        for layer in encoder.layers:
            hidden = hidden + self.attend(hidden, layer, bias, dtype)
            inner = linear(
                norm(hidden, layer.final_layer_norm, dtype), layer.feed_forward.intermediate_dense
            )
            outer = linear(F.gelu(inner), layer.feed_forward.output_dense)
            hidden = hidden + outer
        hidden = norm(hidden, encoder.layer_norm, dtype)
        return linear(hidden, self.model.lm_head).float()

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


@torch.no_grad()
def check() -> float:
    """Return the largest difference of a logit from transformers' forward pass after export."""
    model = build_model().eval()
    audio = torch.randn(2, 40_000)
    audio[1, 30_000:] = 0
    mask = torch.ones(2, 40_000, dtype=torch.bool)
    mask[1, 30_000:] = False
    spans = torch.tensor([frames_of(40_000), frames_of(30_000)])
    ours = Body(model)(raw_front(model, audio), spans)
    build_positions(model)
    theirs = model(audio, attention_mask=mask).logits
    return max(float((theirs[i, :n] - ours[i, :n]).abs().max()) for i, n in enumerate(spans))


if __name__ == "__main__":
    print(f"largest difference of a logit: {check():.2e}")
