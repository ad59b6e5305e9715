"""What the layers of a PyTorch model output, caught by hooks during one forward pass."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from transformers import PreTrainedModel

from wav2vec2_app.speech.audio import Float32
from wav2vec2_app.speech.layers import no_layers
from wav2vec2_app.worker.model.engines.layers import (
    Int32,
    LayerTrace,
    TraceCollector,
    chosen_layer,
)

Tensors = torch.Tensor | tuple[torch.Tensor, ...]


def count_layers(model: PreTrainedModel) -> int:
    """How many layers the model has.

    Raises:
        ModelError: ``model.no_layers``: the CTC head follows something else than the last layer.
    """
    encoder = getattr(model.base_model, "encoder", None)
    if not hasattr(encoder, "layers") or getattr(model.config, "add_adapter", False):
        raise no_layers(str(model.config.model_type))
    return len(model.base_model.encoder.layers)


@torch.inference_mode()
def trace_window(model: PreTrainedModel, values: torch.Tensor, layer: int | None) -> LayerTrace:
    """What the layers output for one window ``(1, samples)``."""
    collector = TraceCollector(chosen_layer(layer, count_layers(model)))
    final_norm = _final_norm(model)

    def read(hidden: Float32) -> tuple[Int32, Float32]:
        given = torch.from_numpy(hidden).to(values.device, values.dtype)
        scores = torch.softmax(model.lm_head(final_norm(given)).float(), dim=-1)
        top = scores.max(dim=-1)
        return top.indices.cpu().numpy().astype(np.int32), top.values.cpu().numpy()

    def add(output: Tensors) -> None:
        hidden = output if isinstance(output, torch.Tensor) else output[0]
        collector.add(hidden[0].float().cpu().numpy(), read)

    layers = list(model.base_model.encoder.layers)
    hooks = [one.register_forward_hook(lambda _, __, output: add(output)) for one in layers]
    first = layers[0] if layers else model.lm_head
    hooks.append(first.register_forward_pre_hook(lambda _, given: add(given[0])))
    try:
        model(values)
    finally:
        for hook in hooks:
            hook.remove()
    return collector.trace()


def _final_norm(model: PreTrainedModel) -> Callable[[torch.Tensor], torch.Tensor]:
    """The norm between the last layer and the CTC head; models with post-norm layers have none."""
    if getattr(model.config, "do_stable_layer_norm", False):
        found: Callable[[torch.Tensor], torch.Tensor] = model.base_model.encoder.layer_norm
        return found
    return lambda hidden: hidden
