"""Projection and transformer over cached convolution features, with a tap for the phone heads.

The arithmetic is that of transformers' `Wav2Vec2EncoderStableLayerNorm` (checked by
`python -m training.encoder`), written out so that all between features and loss runs in their type.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import Wav2Vec2ForCTC

from training.model import FRAME_WIDTH, build_model, frames_of

PHONE_TAP = 3  # phones are read off after this many transformer layers


def cast_norm(hidden: Tensor, norm: nn.LayerNorm) -> Tensor:
    """Layer norm in the type of `hidden`."""
    dtype = hidden.dtype
    weight, bias = norm.weight.to(dtype), norm.bias.to(dtype)
    return F.layer_norm(hidden, norm.normalized_shape, weight, bias, norm.eps)


def cast_linear(hidden: Tensor, *layers: nn.Linear) -> Tensor:
    """Apply linear layers side by side as one product, in the type of `hidden`."""
    weight = torch.cat([layer.weight for layer in layers]).to(hidden.dtype)
    bias = torch.cat([layer.bias for layer in layers]).to(hidden.dtype)
    return F.linear(hidden, weight, bias)


def positions(hidden: Tensor, conv: nn.Conv1d) -> Tensor:
    """Convolutional position embedding of `(batch, frames, width)`."""
    dtype = hidden.dtype
    out = F.conv1d(
        hidden.transpose(1, 2),
        conv.weight.to(dtype),
        conv.bias.to(dtype),
        padding=conv.kernel_size[0] // 2,
        groups=conv.groups,
    )
    return F.gelu(out[:, :, : hidden.shape[1]]).transpose(1, 2)


def run(
    model: Wav2Vec2ForCTC, features: Tensor, lengths: Tensor, dropout: float = 0.0
) -> tuple[Tensor, Tensor]:
    """Return the tap's hidden state and letter logits of `(batch, frames, channels)` features."""
    body = model.wav2vec2
    heads = model.config.num_attention_heads
    hidden = cast_norm(features, body.feature_projection.layer_norm)
    hidden = cast_linear(hidden, body.feature_projection.projection)
    real = torch.arange(features.shape[1], device=features.device) < lengths[:, None]
    hidden = hidden * real[:, :, None]
    mask = None if bool(real.all()) else real[:, None, None, :]
    hidden = hidden + positions(hidden, body.encoder.pos_conv_embed.conv)
    tap = hidden
    for depth, layer in enumerate(body.encoder.layers, start=1):
        attention = layer.attention
        normed = cast_norm(hidden, layer.layer_norm)
        qkv = cast_linear(normed, attention.q_proj, attention.k_proj, attention.v_proj)
        q, k, v = qkv.unflatten(-1, (3, heads, -1)).permute(2, 0, 3, 1, 4).unbind()
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        mixed = cast_linear(mixed.transpose(1, 2).flatten(2), attention.out_proj)
        hidden = hidden + F.dropout(mixed, dropout)
        normed = cast_norm(hidden, layer.final_layer_norm)
        inner = F.gelu(cast_linear(normed, layer.feed_forward.intermediate_dense))
        outer = cast_linear(inner, layer.feed_forward.output_dense)
        hidden = hidden + F.dropout(outer, dropout)
        if depth == PHONE_TAP:
            tap = hidden
    hidden = cast_norm(hidden, body.encoder.layer_norm)
    return tap, cast_linear(hidden, model.lm_head).float()


if __name__ == "__main__":
    reference = build_model().eval()
    audio = torch.randn(2, 40_000)
    audio[1, 30_000:] = 0
    mask = torch.ones(2, 40_000, dtype=torch.bool)
    mask[1, 30_000:] = False
    with torch.no_grad():
        expected = reference(audio, attention_mask=mask).logits
        conv_features = reference.wav2vec2.feature_extractor(audio).transpose(1, 2)
        spans = torch.tensor([frames_of(40_000), frames_of(30_000)])
        _, got = run(reference, conv_features, spans)
    assert FRAME_WIDTH == 400
    worst = max(float((expected[i, :n] - got[i, :n]).abs().max()) for i, n in enumerate(spans))
    print(f"largest difference of a logit: {worst:.2e}")
