"""Runs a model in OpenVINO layer by layer, to see what each layer outputs.

Each layer is a graph of its own that is compiled, run and released before the next one. So the pass needs
the memory of one layer besides the loaded model, and leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import openvino as ov
from openvino import opset13 as ops

from wav2vec2_app.speech.audio import Float32
from wav2vec2_app.worker.model.cancellation import CheckCancelled
from wav2vec2_app.worker.model.engines.layers import Int32, LayerTrace, TraceCollector
from wav2vec2_app.worker.model.engines.openvino_graph import (
    Architecture,
    GraphBuilder,
    OpenvinoNode,
)

Compile = Callable[[ov.Model], ov.InferRequest]
"""Compiles a graph to an inference request."""


class LayerGraphs(GraphBuilder):
    """The graphs of single layers."""

    @property
    def architecture(self) -> Architecture:
        """Of the checkpoint."""
        return self._a

    def entry(self) -> ov.Model:
        """Features ``(batch, channels, frames)`` to the hidden frames that enter the first layer."""
        features = ops.parameter([-1, self._a.conv_dim[-1], -1], np.float32, name="features")
        hidden = self._project(features)
        hidden = ops.add(hidden, self._positions(hidden))
        if not self._a.do_stable_layer_norm:
            hidden = self._norm(hidden, "wav2vec2.encoder.layer_norm", self._a.layer_norm_eps)
        return ov.Model([hidden], [features], "entry")

    def layer(self, number: int) -> ov.Model:
        """Hidden frames ``(batch, frames, width)`` to those after layer ``number``, from 1."""
        hidden = self._hidden()
        prefix = f"wav2vec2.encoder.layers.{number - 1}"
        return ov.Model([self._layer(hidden, prefix)], [hidden], f"layer {number}")

    def head(self) -> ov.Model:
        """Hidden frames to the most probable token and its log-probability, ``(batch, frames, 1)`` each."""
        hidden = normed = self._hidden()
        if self._a.do_stable_layer_norm:
            normed = self._norm(hidden, "wav2vec2.encoder.layer_norm", self._a.layer_norm_eps)
        scores = ops.log_softmax(self._linear(normed, "lm_head"), -1)
        top = ops.topk(
            scores, ops.constant(1, np.int32), -1, "max", "value", index_element_type="i32"
        )
        return ov.Model([top.output(1), top.output(0)], [hidden], "head")

    def _hidden(self) -> OpenvinoNode:
        return ops.parameter([-1, -1, self._a.hidden_size], np.float32, name="hidden")


def trace_layers(
    graphs: LayerGraphs,
    compile_graph: Compile,
    features: Sequence[Float32],
    chosen: int,
    check_cancelled: CheckCancelled,
) -> list[LayerTrace]:
    """What the layers output for each window of ``features`` ``(1, channels, frames)``."""
    head = compile_graph(graphs.head())

    def read(hidden: Float32) -> tuple[Int32, Float32]:
        tokens, log_probs = _outputs(head, hidden[None])
        return tokens[0, :, 0].astype(np.int32), np.exp(log_probs[0, :, 0])

    collectors = [TraceCollector(chosen) for _ in features]
    inputs = list(features)
    for number in range(graphs.architecture.num_hidden_layers + 1):
        check_cancelled()
        request = compile_graph(graphs.layer(number) if number else graphs.entry())
        for at, values in enumerate(inputs):
            inputs[at] = _outputs(request, values)[0]
            collectors[at].add(inputs[at][0], read)
        del request
    return [collector.trace() for collector in collectors]


def _outputs(request: ov.InferRequest, values: Float32) -> list[Float32]:
    """Copies of the outputs; the request reuses its buffers."""
    found = request.infer([values])
    return [np.array(found[number]) for number in range(len(found))]
