"""The OpenVINO engine: the graph of :mod:`openvino_graph`, compiled for this processor."""

from __future__ import annotations

import hashlib
import json
import logging
import platform
import statistics
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
from safetensors import SafetensorError

from wav2vec2_app.model.engines.base import (
    EngineInfo,
    UnsupportedArchitecture,
    broken,
    no_ctc_head,
)
from wav2vec2_app.model.engines.openvino_graph import (
    Architecture,
    build,
)
from wav2vec2_app.model.engines.weights import Weights
from wav2vec2_app.model.freeing import return_memory
from wav2vec2_app.model.languages import CONFIG
from wav2vec2_app.model.resolve import Checkpoint
from wav2vec2_app.types import SAMPLE_RATE_HZ, Float32
from wav2vec2_app.windows import FrameGrid

log = logging.getLogger(__name__)

HINTS = {"fp32": "f32", "bf16": "bf16"}
"""Our names of precisions, and OpenVINO's."""
INT8 = "int8"
INT8_GROUP = 128
"""Inputs that share a scale when they are rounded to 8 bits; smaller is more exact and slower."""
TRIAL_S = 4.0
"""Length of the audio on which precisions are compared, seconds."""
TRIALS = 3
CLEARLY_FASTER = 1.2
"""bfloat16 has to be this much faster than float32 to be worth its rounding."""


@dataclass
class OpenVinoEngine:
    """A compiled graph on the CPU.

    Args:
        precision: ``fp32``, ``bf16``, or ``auto``: bfloat16 where the processor has it and a trial
            shows it clearly faster with a model of this shape; the trial's outcome is kept on disk.
            ``int8`` rounds the transformer's linear layers to 8 bits and does the rest as ``auto`` would.
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
        int8 = self.precision == INT8
        weights, graph = _read_graph(checkpoint, architecture, int8)
        self.grid = FrameGrid.of_convolutions(architecture.conv_kernel, architecture.conv_stride)
        self.outputs = int(graph.output(0).partial_shape[2].get_length())
        self._parameters = weights.parameters
        self._core = ov.Core()
        self._chosen = self._choose(graph, architecture)
        self._request = self._compile(graph, self._chosen)
        self._weights = weights  # mapped: the graph's constants are their memory
        del graph
        self.forward(np.zeros((1, SAMPLE_RATE_HZ), np.float32))  # packs the weights
        return_memory()

    def forward(self, batch: Float32) -> Float32:
        found = self._request.infer({0: np.ascontiguousarray(batch, dtype=np.float32)})
        self._weights.let_go()  # a new shape may have packed some of them anew
        return np.array(found[0], dtype=np.float32)  # the request's own buffer is used again

    def describe(self) -> EngineInfo:
        return EngineInfo(
            engine="openvino",
            device="cpu",
            precision=INT8 if self.precision == INT8 else self._chosen,
            parameters=self._parameters,
        )

    def _compile(self, graph: ov.Model, precision: str) -> Any:
        options: dict[str, Any] = {
            "INFERENCE_PRECISION_HINT": HINTS[precision],
            "PERFORMANCE_HINT": "LATENCY",
        }
        if self.precision == INT8:
            options["DYNAMIC_QUANTIZATION_GROUP_SIZE"] = INT8_GROUP
        if self.threads:
            options["INFERENCE_NUM_THREADS"] = self.threads
        return self._core.compile_model(graph, "CPU", options).create_infer_request()

    def _choose(self, graph: ov.Model, architecture: Architecture) -> str:
        if self.precision in HINTS:
            return self.precision
        if "BF16" not in self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            return "fp32"
        memory = TrialMemory(self.cache)
        key = _fingerprint(self._core, architecture, self.threads, self.precision)
        chosen = memory.recall(key)
        if chosen not in HINTS:
            chosen = self._try_out(graph)
            memory.remember(key, chosen)
        return chosen

    def _try_out(self, graph: ov.Model) -> str:
        """Time both precisions in turn on noise; their medians decide."""
        noise = np.random.default_rng(0).standard_normal((1, int(TRIAL_S * SAMPLE_RATE_HZ)))
        batch = {0: noise.astype(np.float32)}
        requests = {name: self._compile(graph, name) for name in HINTS}
        taken: dict[str, list[float]] = {name: [] for name in HINTS}
        for request in requests.values():
            request.infer(batch)  # the first call of a new shape also prepares its kernels
        for _ in range(TRIALS):
            for name, request in requests.items():
                begin = time.perf_counter()
                request.infer(batch)
                taken[name].append(time.perf_counter() - begin)
        median_s = {name: statistics.median(times) for name, times in taken.items()}
        log.info("trial of precisions on %.0f s of audio: %s", TRIAL_S, median_s)
        return "bf16" if median_s["fp32"] > CLEARLY_FASTER * median_s["bf16"] else "fp32"


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


def _read_graph(
    checkpoint: Checkpoint, architecture: Architecture, int8: bool
) -> tuple[Weights, ov.Model]:
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
        precision,
        asdict(architecture),
    )
    return hashlib.sha256(repr(about).encode()).hexdigest()[:32]
