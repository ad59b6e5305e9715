"""``Wav2Vec2ForCTC`` written in OpenVINO operations, straight from a checkpoint's safetensors.

Two graphs: the convolutions, which process audio piece by piece, and the transformer, which needs all
frames. Without torch and a conversion, reading the weights and compiling takes about a second, so that a
new worker is ready soon. The architecture is that of Baevski et al. 2020, "wav2vec 2.0", in both
published variants (group norm and post-norm layers as in *base*; layer norm and pre-norm layers as in
*large*, XLSR and MMS), with attention adapters (MMS). Tests compare it with the implementation in
``transformers``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import openvino as ov
from openvino import opset13 as ops

from wav2vec2_app.speech.audio import Float32
from wav2vec2_app.worker.model.engines.base import UnsupportedArchitecture
from wav2vec2_app.worker.model.engines.group_norm import GroupNorm
from wav2vec2_app.worker.model.engines.positions import (
    constant_channels,
    position_kernel,
    position_table,
)
from wav2vec2_app.worker.model.engines.weights import Weights

OpenvinoNode = Any  # an openvino.Node; its package has no complete annotations

CONVOLUTION_PREFIX = "wav2vec2.feature_extractor.conv_layers"

ACTIVATIONS: dict[str, Callable[[OpenvinoNode], OpenvinoNode]] = {
    "gelu": lambda x: ops.gelu(x, "erf"),
    "gelu_new": lambda x: ops.gelu(x, "tanh"),
    "relu": ops.relu,
}


@dataclass(frozen=True)
class Architecture:
    """The part of a checkpoint's config.json that determines the graphs; names as there."""

    conv_dim: tuple[int, ...]
    conv_kernel: tuple[int, ...]
    conv_stride: tuple[int, ...]
    conv_bias: bool
    feat_extract_norm: str
    feat_extract_activation: str
    hidden_act: str
    hidden_size: int
    num_attention_heads: int
    num_hidden_layers: int
    num_conv_pos_embeddings: int
    num_conv_pos_embedding_groups: int
    do_stable_layer_norm: bool
    layer_norm_eps: float
    vocab_size: int
    adapter_attn_dim: int | None = None

    @classmethod
    def of(cls, config: Mapping[str, object]) -> Architecture:
        """The architecture of ``config``; missing values are those of wav2vec2-base.

        Raises:
            UnsupportedArchitecture: it is not a wav2vec2 model, or has parts that are not supported.
        """
        if config.get("model_type", "wav2vec2") != "wav2vec2":
            raise UnsupportedArchitecture(f"model type {config['model_type']}")
        if config.get("add_adapter"):
            raise UnsupportedArchitecture("convolutional adapter")
        values = BASE_CONFIG | {key: value for key, value in config.items() if value is not None}
        known: dict[str, Any] = {field.name: values.get(field.name) for field in fields(cls)}
        for name in ("conv_dim", "conv_kernel", "conv_stride"):
            known[name] = tuple(known[name])
        for name in ("hidden_act", "feat_extract_activation"):
            if known[name] not in ACTIVATIONS:
                raise UnsupportedArchitecture(f"activation {known[name]}")
        return cls(**known)


BASE_CONFIG: dict[str, Any] = {
    "conv_dim": (512,) * 7,
    "conv_kernel": (10, 3, 3, 3, 3, 2, 2),
    "conv_stride": (5, 2, 2, 2, 2, 2, 2),
    "conv_bias": False,
    "feat_extract_norm": "group",
    "feat_extract_activation": "gelu",
    "hidden_act": "gelu",
    "hidden_size": 768,
    "num_attention_heads": 12,
    "num_hidden_layers": 12,
    "num_conv_pos_embeddings": 128,
    "num_conv_pos_embedding_groups": 16,
    "do_stable_layer_norm": False,
    "layer_norm_eps": 1e-5,
    "vocab_size": 32,
}


@dataclass(frozen=True)
class Graphs:
    """The two parts of a model.

    ``convolutions``: audio ``(batch, samples)`` to features ``(batch, channels, frames)``; with
    ``group_norm`` they also take its scale and shift, ``(batch, channels, 1)`` each. ``transformer``:
    features to log-probabilities ``(batch, frames, tokens)``.
    """

    convolutions: ov.Model
    transformer: ov.Model
    group_norm: GroupNorm | None


def build(architecture: Architecture, weights: Weights, *, int8: bool = False) -> Graphs:
    """The graphs of a checkpoint.

    With ``int8`` the weights of the transformer's linear layers are quantized to 8 bits, with a scale for
    each output; OpenVINO quantizes their inputs dynamically. Convolutions and the CTC head are not
    quantized.

    Raises:
        KeyError: the file lacks a tensor that the architecture needs.
    """
    return GraphBuilder(architecture, weights, int8=int8).graphs()


class GraphBuilder:
    """Builds the graphs of a checkpoint from its weights."""

    def __init__(self, architecture: Architecture, weights: Weights, *, int8: bool) -> None:
        self._a = architecture
        self._w = weights
        self._int8 = int8

    def graphs(self) -> Graphs:
        group_norm = self._group_norm()
        features = ops.parameter([-1, self._a.conv_dim[-1], -1], np.float32, name="features")
        hidden = self._project(features)
        hidden = self._encode(ops.add(hidden, self._positions(hidden)))
        scores = ops.log_softmax(self._linear(hidden, "lm_head"), -1)
        return Graphs(
            convolutions=self._convolve(scaled=group_norm is not None),
            transformer=ov.Model([scores], [features], "transformer"),
            group_norm=group_norm,
        )

    # --- parts ---

    def _group_norm(self) -> GroupNorm | None:
        if self._a.feat_extract_norm == "layer":
            return None
        return GroupNorm(
            kernel=self._w(f"{CONVOLUTION_PREFIX}.0.conv.weight")[:, 0].astype(np.float64),
            stride=self._a.conv_stride[0],
            weight=self._w(f"{CONVOLUTION_PREFIX}.0.layer_norm.weight"),
            bias=self._w(f"{CONVOLUTION_PREFIX}.0.layer_norm.bias"),
        )

    def _convolve(self, *, scaled: bool) -> ov.Model:
        """The feature encoder; if ``scaled``, with group norm as a scale and shift after its first layer."""
        a = self._a
        activate = ACTIVATIONS[a.feat_extract_activation]
        inputs = [ops.parameter([-1, -1], np.float32, name="audio")]
        hidden = ops.unsqueeze(inputs[0], 1)
        for number, stride in enumerate(a.conv_stride):
            prefix = f"{CONVOLUTION_PREFIX}.{number}"
            kernel = _constant(self._w(f"{prefix}.conv.weight"))
            hidden = ops.convolution(hidden, kernel, [stride], [0], [0], [1])
            if scaled and number == 0:  # group norm cancels a bias
                scale, shift = (
                    ops.parameter([-1, a.conv_dim[0], 1], np.float32, name=name)
                    for name in ("scale", "shift")
                )
                inputs += [scale, shift]
                hidden = ops.add(ops.multiply(hidden, scale), shift)
            elif a.conv_bias:
                bias = self._w(f"{prefix}.conv.bias")
                hidden = ops.add(hidden, ops.constant(bias[None, :, None]))
            if a.feat_extract_norm == "layer":
                transposed = ops.transpose(hidden, [0, 2, 1])
                transposed = self._norm(transposed, f"{prefix}.layer_norm", 1e-5)
                hidden = ops.transpose(transposed, [0, 2, 1])
            hidden = activate(hidden)
        return ov.Model([hidden], inputs, "convolutions")

    def _project(self, hidden: OpenvinoNode) -> OpenvinoNode:
        hidden = ops.transpose(hidden, [0, 2, 1])
        eps = self._a.layer_norm_eps
        hidden = self._norm(hidden, "wav2vec2.feature_projection.layer_norm", eps)
        return self._linear(hidden, "wav2vec2.feature_projection.projection")

    def _positions(self, hidden: OpenvinoNode) -> OpenvinoNode:
        """The convolutional position embedding (weight norm over all but the kernel's axis)."""
        a = self._a
        prefix = "wav2vec2.encoder.pos_conv_embed.conv"
        kernel, bias = position_kernel(self._w, prefix), self._w(f"{prefix}.bias")
        groups, width = a.num_conv_pos_embedding_groups, kernel.shape[2]
        table = position_table(kernel, bias, groups, constant_channels(self._w))
        if table is not None:
            return ACTIVATIONS[a.feat_extract_activation](_looked_up(table, hidden))
        kernel = kernel.reshape(groups, -1, kernel.shape[1], width)
        transposed = ops.transpose(hidden, [0, 2, 1])
        before, after = width // 2, width // 2 - (1 - width % 2)
        out = ops.group_convolution(transposed, ops.constant(kernel), [1], [before], [after], [1])
        out = ops.add(out, ops.constant(bias[None, :, None]))
        out = ACTIVATIONS[a.feat_extract_activation](out)
        return ops.transpose(out, [0, 2, 1])

    def _encode(self, hidden: OpenvinoNode) -> OpenvinoNode:
        a = self._a
        final = "wav2vec2.encoder.layer_norm"
        if not a.do_stable_layer_norm:
            hidden = self._norm(hidden, final, a.layer_norm_eps)
        for number in range(a.num_hidden_layers):
            hidden = self._layer(hidden, f"wav2vec2.encoder.layers.{number}")
        if a.do_stable_layer_norm:
            hidden = self._norm(hidden, final, a.layer_norm_eps)
        return hidden

    def _layer(self, hidden: OpenvinoNode, prefix: str) -> OpenvinoNode:
        eps = self._a.layer_norm_eps
        first, second = f"{prefix}.layer_norm", f"{prefix}.final_layer_norm"
        if not self._a.do_stable_layer_norm:
            hidden = ops.add(hidden, self._attend(hidden, f"{prefix}.attention"))
            hidden = self._norm(hidden, first, eps)
            hidden = ops.add(hidden, self._feed_forward(hidden, f"{prefix}.feed_forward"))
            return self._norm(hidden, second, eps)
        normed = self._norm(hidden, first, eps)
        hidden = ops.add(hidden, self._attend(normed, f"{prefix}.attention"))
        normed = self._norm(hidden, second, eps)
        hidden = ops.add(hidden, self._feed_forward(normed, f"{prefix}.feed_forward"))
        if self._a.adapter_attn_dim:
            hidden = ops.add(hidden, self._adapter(hidden, f"{prefix}.adapter_layer"))
        return hidden

    def _attend(self, hidden: OpenvinoNode, prefix: str) -> OpenvinoNode:
        a = self._a
        width = a.hidden_size // a.num_attention_heads
        split = ops.constant(np.array([0, 0, a.num_attention_heads, width], np.int64))
        q, k, v = (
            ops.transpose(
                ops.reshape(self._linear(hidden, f"{prefix}.{name}_proj"), split, True),
                [0, 2, 1, 3],
            )
            for name in "qkv"
        )
        mixed = ops.transpose(ops.scaled_dot_product_attention(q, k, v), [0, 2, 1, 3])
        joined = ops.constant(np.array([0, 0, a.hidden_size], np.int64))
        return self._linear(ops.reshape(mixed, joined, True), f"{prefix}.out_proj")

    def _feed_forward(self, hidden: OpenvinoNode, prefix: str) -> OpenvinoNode:
        inner = ACTIVATIONS[self._a.hidden_act](
            self._linear(hidden, f"{prefix}.intermediate_dense")
        )
        return self._linear(inner, f"{prefix}.output_dense")

    def _adapter(self, hidden: OpenvinoNode, prefix: str) -> OpenvinoNode:
        inner = self._linear(self._norm(hidden, f"{prefix}.norm", 1e-5), f"{prefix}.linear_1")
        return self._linear(ops.relu(inner), f"{prefix}.linear_2")

    # --- operations ---

    def _linear(self, hidden: OpenvinoNode, name: str) -> OpenvinoNode:
        values = self._w(f"{name}.weight")
        in_encoder = name.startswith("wav2vec2.encoder.")
        weight = _quantized(values) if self._int8 and in_encoder else _constant(values)
        product = ops.matmul(hidden, weight, False, True)
        return ops.add(product, ops.constant(self._w(f"{name}.bias")))

    def _norm(self, hidden: OpenvinoNode, name: str, eps: float) -> OpenvinoNode:
        hidden = ops.mvn(hidden, [-1], True, eps, "INSIDE_SQRT")
        hidden = ops.multiply(hidden, ops.constant(self._w(f"{name}.weight")))
        return ops.add(hidden, ops.constant(self._w(f"{name}.bias")))


def _looked_up(table: Float32, hidden: OpenvinoNode) -> OpenvinoNode:
    """The row of each frame of ``hidden`` ``(batch, frames, channels)``; late frames have the last row."""
    count = ops.gather(ops.shape_of(hidden), ops.constant(1), ops.constant(0))
    numbers = ops.range(ops.constant(0, np.int64), count, ops.constant(1, np.int64), "i64")
    rows = ops.minimum(numbers, ops.constant(len(table) - 1, np.int64))
    return ops.gather(ops.constant(table[None]), rows, ops.constant(1))


def _constant(weight: Float32) -> OpenvinoNode:
    """A constant that shares the memory of a mapped weight; a copy of other arrays."""
    mapped = isinstance(weight, np.memmap)
    return ops.constant(weight, shared_memory=True) if mapped else ops.constant(weight)


def _quantized(weight: Float32) -> OpenvinoNode:
    """``weight`` ``(outputs, inputs)`` as integers of 8 bits times a scale for each output."""
    scale = np.abs(weight).max(axis=1, keepdims=True) / 127
    scale = np.maximum(scale, np.finfo(np.float16).tiny).astype(np.float16)
    rounded = np.clip(np.rint(weight / scale.astype(np.float32)), -127, 127).astype(np.int8)
    restored = ops.multiply(ops.convert(ops.constant(rounded), np.float16), ops.constant(scale))
    return ops.convert(restored, np.float32)
