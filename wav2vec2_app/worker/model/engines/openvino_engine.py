"""The OpenVINO engine: the graphs of :mod:`openvino_graph`, compiled for this processor."""

from __future__ import annotations

import hashlib
import json
import logging
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
from safetensors import SafetensorError

from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ, Float32
from wav2vec2_app.speech.windows import FrameGrid
from wav2vec2_app.worker.model.cancellation import CheckCancelled, never_cancelled
from wav2vec2_app.worker.model.checkpoint_files import CONFIG
from wav2vec2_app.worker.model.engines.base import (
    EngineInfo,
    UnsupportedArchitecture,
    broken,
    no_ctc_head,
    recomputed,
)
from wav2vec2_app.worker.model.engines.layers import LayerTrace, chosen_layer, is_finite
from wav2vec2_app.worker.model.engines.openvino_graph import Architecture, Graphs, build
from wav2vec2_app.worker.model.engines.openvino_layers import LayerGraphs, trace_layers
from wav2vec2_app.worker.model.engines.openvino_request import ModelRequest
from wav2vec2_app.worker.model.engines.precision import (
    FULL_PRECISION,
    INT8,
    OPENVINO_PRECISIONS,
    PrecisionPlan,
    TrialCache,
)
from wav2vec2_app.worker.model.engines.weights import Weights
from wav2vec2_app.worker.model.release import return_memory
from wav2vec2_app.worker.model.resolve import Checkpoint

log = logging.getLogger(__name__)

ReadGraphs = Callable[[], tuple[Weights, Graphs]]

INT8_GROUP_SIZE = 128
"""Inputs that share a scale when they are quantized to 8 bits; smaller is more exact and slower."""
WARM_UP_S = 2
"""Length of the audio with which the weights are packed, seconds. For few frames (on AVX2, one second)
OpenVINO may pack a linear layer differently; after a shorter warm-up, most weights would be in memory
twice."""
TRIAL_S = 4.0
"""Length of the audio on which precisions are compared, seconds."""
PRECISION_TRIALS = 3
"""Timed runs of each plan in a trial."""
MIN_BF16_SPEEDUP = 1.2
"""Speed of bfloat16 relative to float32 from which it is chosen."""
MIN_INT8_SPEEDUP = 1.1
"""Speed of 8 bits relative to the chosen of the two from which they are chosen."""
INT8_MIN_PARAMETERS = 50_000_000
"""Smaller models are not quantized by ``auto``: they are fast anyway, and lose more accuracy."""


@dataclass
class OpenVinoEngine:
    """Compiled graphs on the CPU.

    Args:
        precision: ``fp32``, ``bf16``, or ``auto``: bfloat16 if the processor supports it and a trial
            finds it clearly faster with a model of this shape; the outcome is cached on disk. ``int8``
            quantizes the transformer's linear layers to 8 bits and computes the rest in the faster of the
            two; ``auto`` tries that as well with large models.
        threads: of the forward pass; 0 is OpenVINO's default.
        cache: folder of the outcomes of trials; ``None`` disables the cache.
    """

    precision: str = "auto"
    threads: int = 0
    cache: Path | None = None
    grid: FrameGrid = field(default_factory=FrameGrid)
    outputs: int = 0

    def load(self, checkpoint: Checkpoint) -> None:
        """Read the weights, then build and compile the graphs.

        Raises:
            UnsupportedArchitecture: the checkpoint has parts that this engine does not support.
            ModelError: its files are damaged or belong to another type of model.
        """
        self._full: tuple[Weights, ModelRequest] | None = None
        self._checkpoint = checkpoint
        files = (checkpoint.weights, checkpoint.adapter)
        if any(file is not None and file.suffix != ".safetensors" for file in files):
            raise UnsupportedArchitecture("weights in pickle format")
        self._architecture = architecture = _read_architecture(checkpoint)
        weights, graphs = _read_graphs(checkpoint, architecture)
        self.grid = FrameGrid.of_convolutions(
            architecture.conv_kernel,
            architecture.conv_stride,
            position_taps=architecture.num_conv_pos_embeddings,
        )
        self.outputs = int(graphs.transformer.output(0).partial_shape[2].get_length())
        self._parameters = weights.parameters
        self._core = ov.Core()
        read_quantized = partial(_read_graphs, checkpoint, architecture, int8=True)
        quantized = read_quantized if self._may_quantize() else None
        self._plan = self._choose(graphs, quantized, architecture)
        if self._plan.int8:
            del graphs
            weights, graphs = read_quantized()
        self._request = self._compile(graphs, self._plan)
        self._weights = weights  # mapped, and shared with the constants of the graphs
        del graphs
        self.forward(np.zeros((1, WARM_UP_S * SAMPLE_RATE_HZ), np.float32))  # packs the weights
        return_memory()

    def forward(self, batch: Float32) -> Float32:
        batch = np.asarray(batch, dtype=np.float32)
        found = self._request.infer(batch)
        self._weights.release()  # a new shape may have packed some of them again
        if self._plan == FULL_PRECISION:
            return found
        return recomputed(batch, found, self._forward_in_full)

    def _forward_in_full(self, batch: Float32) -> Float32:
        if self._full is None:
            weights, graphs = _read_graphs(self._checkpoint, self._architecture)
            self._full = weights, self._compile(graphs, FULL_PRECISION)
        return self._full[1].infer(batch)

    def trace(
        self,
        windows: Sequence[Float32],
        layer: int | None,
        check_cancelled: CheckCancelled = never_cancelled,
    ) -> list[LayerTrace]:
        chosen = chosen_layer(layer, self._architecture.num_hidden_layers)
        features = [self._request.features(window[None]) for window in windows]
        try:
            found = self._trace(features, chosen, self._plan, check_cancelled)
            if not is_finite(found) and self._plan != FULL_PRECISION:
                found = self._trace(features, chosen, FULL_PRECISION, check_cancelled)
        finally:
            return_memory()
        return found

    def _trace(
        self,
        features: Sequence[Float32],
        chosen: int,
        plan: PrecisionPlan,
        check_cancelled: CheckCancelled,
    ) -> list[LayerTrace]:
        weights = Weights(self._checkpoint.weights, self._checkpoint.adapter)
        graphs = LayerGraphs(self._architecture, weights, int8=plan.int8)

        def compile_graph(graph: ov.Model) -> ov.InferRequest:
            request = self._compile_one(graph, plan)
            weights.release()
            return request

        return trace_layers(graphs, compile_graph, features, chosen, check_cancelled)

    def describe(self) -> EngineInfo:
        return EngineInfo(
            engine="openvino",
            device="cpu",
            precision=INT8 if self._plan.int8 else self._plan.rest,
            parameters=self._parameters,
        )

    def _compile(self, graphs: Graphs, plan: PrecisionPlan) -> ModelRequest:
        convolutions, transformer = (
            self._compile_one(graph, plan) for graph in (graphs.convolutions, graphs.transformer)
        )
        return ModelRequest(convolutions, transformer, graphs.group_norm, self.grid)

    def _compile_one(self, graph: ov.Model, plan: PrecisionPlan) -> ov.InferRequest:
        """An inference request of one graph."""
        options: dict[str, Any] = {
            "INFERENCE_PRECISION_HINT": OPENVINO_PRECISIONS[plan.rest],
            "PERFORMANCE_HINT": "LATENCY",
        }
        if plan.int8:
            options["DYNAMIC_QUANTIZATION_GROUP_SIZE"] = INT8_GROUP_SIZE
        if self.threads:
            options["INFERENCE_NUM_THREADS"] = self.threads
        return self._core.compile_model(graph, "CPU", options).create_infer_request()

    def _may_quantize(self) -> bool:
        large = self._parameters >= INT8_MIN_PARAMETERS
        return self.precision == INT8 or (self.precision == "auto" and large)

    def _choose(
        self, graphs: Graphs, quantized: ReadGraphs | None, architecture: Architecture
    ) -> PrecisionPlan:
        if self.precision in OPENVINO_PRECISIONS:
            return PrecisionPlan(self.precision)
        has_bf16 = "BF16" in self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        if not has_bf16 and (quantized is None or self.precision == INT8):
            return PrecisionPlan("fp32", int8=quantized is not None)
        trials = TrialCache(self.cache)
        key = _fingerprint(self._core, architecture, self.threads, self.precision)
        plan = PrecisionPlan.of(trials.get(key))
        if plan is None:
            plan = self._try_out(graphs, quantized, has_bf16=has_bf16)
            trials.put(key, plan.name)
        return plan

    def _try_out(
        self, graphs: Graphs, quantized: ReadGraphs | None, *, has_bf16: bool
    ) -> PrecisionPlan:
        """Compare the plans two at a time, by the median time of alternate runs on noise."""
        if self.precision == INT8 and quantized is not None:
            _, graphs = quantized()
        always = self.precision == INT8
        chosen = PrecisionPlan("fp32", int8=always)
        if has_bf16:
            other = PrecisionPlan("bf16", int8=always)
            if self._speedup(graphs, chosen, graphs, other) > MIN_BF16_SPEEDUP:
                chosen = other
        if quantized is not None and not always:
            weights, small = quantized()
            other = replace(chosen, int8=True)
            if self._speedup(graphs, chosen, small, other) > MIN_INT8_SPEEDUP:
                chosen = other
            weights.release()
        return chosen

    def _speedup(
        self, graphs: Graphs, plan: PrecisionPlan, other_graphs: Graphs, other: PrecisionPlan
    ) -> float:
        """How many times as fast ``other`` is."""
        noise = np.random.default_rng(0).standard_normal((1, int(TRIAL_S * SAMPLE_RATE_HZ)))
        batch = noise.astype(np.float32)
        requests = (self._compile(graphs, plan), self._compile(other_graphs, other))
        timings: tuple[list[float], list[float]] = ([], [])
        for request in requests:
            request.infer(batch)  # the first call of a new shape also prepares its kernels
        for _ in range(PRECISION_TRIALS):
            for request, seconds in zip(requests, timings, strict=True):
                begin = time.perf_counter()
                request.infer(batch)
                seconds.append(time.perf_counter() - begin)
        before_s, after_s = map(statistics.median, timings)
        log.info(
            "%.0f s of audio: %s %.3f s, %s %.3f s",
            TRIAL_S,
            plan.name,
            before_s,
            other.name,
            after_s,
        )
        return before_s / after_s


def _read_architecture(checkpoint: Checkpoint) -> Architecture:
    try:
        return Architecture.of(json.loads((checkpoint.path / CONFIG).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise broken(checkpoint, error) from error


def _read_graphs(
    checkpoint: Checkpoint, architecture: Architecture, *, int8: bool = False
) -> tuple[Weights, Graphs]:
    try:
        weights = Weights(checkpoint.weights, checkpoint.adapter)
        return weights, build(architecture, weights, int8=int8)
    except KeyError as error:
        if "lm_head" in str(error):
            raise no_ctc_head() from error
        raise broken(checkpoint, error) from error
    except (OSError, SafetensorError, ValueError, RuntimeError) as error:
        raise broken(checkpoint, error) from error


def _fingerprint(core: ov.Core, architecture: Architecture, threads: int, precision: str) -> str:
    facts = (
        core.get_property("CPU", "FULL_DEVICE_NAME"),
        ov.__version__,
        platform.machine(),
        threads,
        (
            precision,
            MIN_BF16_SPEEDUP,
            MIN_INT8_SPEEDUP,
            INT8_MIN_PARAMETERS,
        ),  # a change of these repeats the trial
        asdict(architecture),
    )
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:32]
