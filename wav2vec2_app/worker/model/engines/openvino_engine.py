"""The OpenVINO engine: the graphs of :mod:`openvino_graph`, compiled for this processor."""

from __future__ import annotations

import hashlib
import json
import logging
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
from safetensors import SafetensorError

from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ, Float32
from wav2vec2_app.speech.windows import FrameGrid
from wav2vec2_app.worker.model.engines.base import (
    EngineInfo,
    UnsupportedArchitecture,
    broken,
    no_ctc_head,
)
from wav2vec2_app.worker.model.engines.openvino_graph import Architecture, Graphs, build
from wav2vec2_app.worker.model.engines.openvino_request import Request
from wav2vec2_app.worker.model.engines.weights import Weights
from wav2vec2_app.worker.model.languages import CONFIG
from wav2vec2_app.worker.model.release import return_memory
from wav2vec2_app.worker.model.resolve import Checkpoint

log = logging.getLogger(__name__)

ReadGraphs = Callable[[], tuple[Weights, Graphs]]

HINTS = {"fp32": "f32", "bf16": "bf16"}
"""Our names of precisions, and OpenVINO's."""
INT8 = "int8"
INT8_GROUP = 128
"""Inputs that share a scale when they are rounded to 8 bits; smaller is more exact and slower."""
WARM_UP_S = 2
"""Audio with which the weights are packed, seconds. OpenVINO may pack a linear layer's in another way for few
frames (on AVX2, of one second): with so short a clip here, most would be kept both ways."""
TRIAL_S = 4.0
"""Length of the audio on which precisions are compared, seconds."""
TRIALS = 3
CLEARLY_FASTER = 1.2
"""bfloat16 has to be this much faster than float32 to be worth its rounding."""
FASTER_STILL = 1.1
"""And 8 bits this much faster than what was chosen of the two."""
INT8_FROM = 50_000_000
"""Parameters from which ``auto`` tries 8 bits: smaller models are quick as they are, and lose more by it."""


@dataclass
class OpenVinoEngine:
    """Compiled graphs on the CPU.

    Args:
        precision: ``fp32``, ``bf16``, or ``auto``: bfloat16 where the processor has it and a trial
            shows it clearly faster with a model of this shape; the trial's outcome is kept on disk.
            ``int8`` rounds the transformer's linear layers to 8 bits and does the rest in the faster
            of the two; ``auto`` tries that as well with large models.
        threads: of the forward pass; 0 leaves OpenVINO's choice.
        cache: the folder of what is remembered; ``None``: nothing is.
    """

    precision: str = "auto"
    threads: int = 0
    cache: Path | None = None
    grid: FrameGrid = field(default_factory=FrameGrid)
    outputs: int = 0

    def load(self, checkpoint: Checkpoint) -> None:
        """Read, build and compile.

        Raises:
            UnsupportedArchitecture: the checkpoint has parts that only another engine knows.
            ModelError: its files are damaged or belong to another kind of model.
        """
        files = (checkpoint.weights, checkpoint.adapter)
        if any(file is not None and file.suffix != ".safetensors" for file in files):
            raise UnsupportedArchitecture("weights in pickle format")
        architecture = _read_architecture(checkpoint)
        weights, graphs = _read_graphs(checkpoint, architecture)
        self.grid = FrameGrid.of_convolutions(architecture.conv_kernel, architecture.conv_stride)
        self.outputs = int(graphs.transformer.output(0).partial_shape[2].get_length())
        self._parameters = weights.parameters
        self._core = ov.Core()
        read_rounded = partial(_read_graphs, checkpoint, architecture, int8=True)
        rounded = read_rounded if self._may_round() else None
        self._plan = self._choose(graphs, rounded, architecture)
        if self._plan.int8:
            del graphs
            weights, graphs = read_rounded()
        self._request = self._compile(graphs, self._plan)
        self._weights = weights  # mapped: the graphs' constants are their memory
        del graphs
        self.forward(np.zeros((1, WARM_UP_S * SAMPLE_RATE_HZ), np.float32))  # packs the weights
        return_memory()

    def forward(self, batch: Float32) -> Float32:
        found = self._request.infer(np.asarray(batch, dtype=np.float32))
        self._weights.release()  # a new shape may have packed some of them anew
        return found

    def describe(self) -> EngineInfo:
        return EngineInfo(
            engine="openvino",
            device="cpu",
            precision=INT8 if self._plan.int8 else self._plan.rest,
            parameters=self._parameters,
        )

    def _compile(self, graphs: Graphs, plan: Plan) -> Request:
        options: dict[str, Any] = {
            "INFERENCE_PRECISION_HINT": HINTS[plan.rest],
            "PERFORMANCE_HINT": "LATENCY",
        }
        if plan.int8:
            options["DYNAMIC_QUANTIZATION_GROUP_SIZE"] = INT8_GROUP
        if self.threads:
            options["INFERENCE_NUM_THREADS"] = self.threads
        convolutions, transformer = (
            self._core.compile_model(graph, "CPU", options).create_infer_request()
            for graph in (graphs.convolutions, graphs.transformer)
        )
        return Request(convolutions, transformer, graphs.group_norm, self.grid)

    def _may_round(self) -> bool:
        large = self._parameters >= INT8_FROM
        return self.precision == INT8 or (self.precision == "auto" and large)

    def _choose(
        self, graphs: Graphs, rounded: ReadGraphs | None, architecture: Architecture
    ) -> Plan:
        if self.precision in HINTS:
            return Plan(self.precision)
        has_bf16 = "BF16" in self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        if not has_bf16 and (rounded is None or self.precision == INT8):
            return Plan("fp32", int8=rounded is not None)
        memory = TrialMemory(self.cache)
        key = _fingerprint(self._core, architecture, self.threads, self.precision)
        plan = Plan.of(memory.recall(key))
        if plan is None:
            plan = self._try_out(graphs, rounded, has_bf16=has_bf16)
            memory.remember(key, plan.name)
        return plan

    def _try_out(self, graphs: Graphs, rounded: ReadGraphs | None, *, has_bf16: bool) -> Plan:
        """Time what may be chosen, two at a time and in turn, on noise; their medians decide."""
        if self.precision == INT8 and rounded is not None:
            _, graphs = rounded()
        always = self.precision == INT8
        chosen = Plan("fp32", int8=always)
        if has_bf16:
            other = Plan("bf16", int8=always)
            if self._gain(graphs, chosen, graphs, other) > CLEARLY_FASTER:
                chosen = other
        if rounded is not None and not always:
            weights, small = rounded()
            other = replace(chosen, int8=True)
            if self._gain(graphs, chosen, small, other) > FASTER_STILL:
                chosen = other
            weights.release()
        return chosen

    def _gain(self, graphs: Graphs, plan: Plan, other_graphs: Graphs, other: Plan) -> float:
        """How many times as fast ``other`` is."""
        noise = np.random.default_rng(0).standard_normal((1, int(TRIAL_S * SAMPLE_RATE_HZ)))
        batch = noise.astype(np.float32)
        requests = (self._compile(graphs, plan), self._compile(other_graphs, other))
        taken: tuple[list[float], list[float]] = ([], [])
        for request in requests:
            request.infer(batch)  # the first call of a new shape also prepares its kernels
        for _ in range(TRIALS):
            for request, seconds in zip(requests, taken, strict=True):
                begin = time.perf_counter()
                request.infer(batch)
                seconds.append(time.perf_counter() - begin)
        before_s, after_s = map(statistics.median, taken)
        log.info(
            "%.0f s of audio: %s %.3f s, %s %.3f s",
            TRIAL_S,
            plan.name,
            before_s,
            other.name,
            after_s,
        )
        return before_s / after_s


@dataclass(frozen=True)
class Plan:
    """How a graph is run: linear layers in 8 bits or not, and the precision of the rest."""

    rest: str
    int8: bool = False

    @property
    def name(self) -> str:
        return f"{INT8} {self.rest}" if self.int8 else self.rest

    @classmethod
    def of(cls, name: str) -> Plan | None:
        """The plan of that name; ``None`` if there is none."""
        rest = name.removeprefix(f"{INT8} ")
        return cls(rest, int8=rest != name) if rest in HINTS else None


@dataclass(frozen=True)
class TrialMemory:
    """What trials on this machine came to, in one JSON file of ``folder``; losing it costs a trial."""

    folder: Path | None

    def recall(self, key: str) -> str:
        """The outcome under ``key``; empty if there is none."""
        return str(self._read().get(key, ""))

    def remember(self, key: str, outcome: str) -> None:
        if self.folder is None:
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            fresh = self._path.with_suffix(".new")
            fresh.write_text(json.dumps({**self._read(), key: outcome}), encoding="utf-8")
            fresh.replace(self._path)
        except OSError as error:
            log.warning("the trial's outcome cannot be kept: %s", error)

    @property
    def _path(self) -> Path:
        return (self.folder or Path()) / "precision.json"

    def _read(self) -> dict[str, str]:
        if self.folder is None:
            return {}
        try:
            content = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}


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
    about = (
        core.get_property("CPU", "FULL_DEVICE_NAME"),
        ov.__version__,
        platform.machine(),
        threads,
        (precision, CLEARLY_FASTER, FASTER_STILL, INT8_FROM),  # another question, another trial
        asdict(architecture),
    )
    return hashlib.sha256(repr(about).encode()).hexdigest()[:32]
