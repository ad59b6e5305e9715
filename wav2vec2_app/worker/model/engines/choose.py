"""Chooses the engine of a checkpoint: the fastest that the machine and the checkpoint support."""

from __future__ import annotations

import ctypes
import logging
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from wav2vec2_app.speech.audio import Float32
from wav2vec2_app.speech.windows import FrameGrid
from wav2vec2_app.worker.model.cancellation import CheckCancelled, never_cancelled
from wav2vec2_app.worker.model.engines.base import Engine, EngineInfo, UnsupportedArchitecture
from wav2vec2_app.worker.model.engines.layers import LayerTrace
from wav2vec2_app.worker.model.resolve import Checkpoint

log = logging.getLogger(__name__)

MakeEngine = Callable[[], Engine]


@dataclass(frozen=True)
class EngineOptions:
    """The settings of engines; see :class:`wav2vec2_app.settings.Settings`."""

    engine: str = "auto"
    device: str = "auto"
    precision: str = "auto"
    threads: int = 0
    cache: Path | None = None

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> EngineOptions:
        cache = config.get("cache_folder")
        return cls(
            engine=config.get("engine", "auto"),
            device=config["device"],
            precision=config.get("precision", "auto"),
            threads=config["threads"],
            cache=Path(cache) if cache else None,
        )


def choose(options: EngineOptions) -> Engine:
    """On the CPU, OpenVINO with PyTorch as fallback; on an accelerator, or if configured, PyTorch alone."""
    makers = [lambda: _torch(options)]
    device = options.device
    on_cpu = device == "cpu" or (device == "auto" and not has_accelerator())
    if on_cpu and options.engine in ("auto", "openvino"):
        makers.insert(0, lambda: _openvino(options))
    return FallbackEngine(tuple(makers))


def _openvino(options: EngineOptions) -> Engine:
    from wav2vec2_app.worker.model.engines.openvino_engine import OpenVinoEngine

    return OpenVinoEngine(options.precision, options.threads, options.cache)


def _torch(options: EngineOptions) -> Engine:
    from wav2vec2_app.worker.model.engines.torch_engine import TorchEngine

    return TorchEngine(options.device, options.threads, options.precision)


def has_accelerator() -> bool:
    """Whether PyTorch is likely to find an accelerator, without importing it (one second).

    Queries the number of devices from NVIDIA's driver; Apple's chips always have one.
    """
    if platform.system() == "Darwin":
        return platform.machine() == "arm64"
    name = "nvcuda.dll" if platform.system() == "Windows" else "libcuda.so.1"
    try:
        driver = ctypes.CDLL(name)
    except OSError:
        return False
    count = ctypes.c_int(0)
    return (
        driver.cuInit(0) == 0
        and driver.cuDeviceGetCount(ctypes.byref(count)) == 0
        and count.value > 0
    )


@dataclass
class FallbackEngine:
    """Engines in order of preference: the next one replaces one that is missing or fails, with a note.

    A ModelError is about the checkpoint, not the engine, and is raised immediately.
    """

    makers: tuple[MakeEngine, ...]
    grid: FrameGrid = field(default_factory=FrameGrid)
    outputs: int = 0
    note: str = ""

    def load(self, checkpoint: Checkpoint) -> None:
        self._checkpoint = checkpoint
        self._remaining = list(self.makers)
        self._load_next()

    def forward(self, batch: Float32) -> Float32:
        try:
            return self._engine.forward(batch)
        except RuntimeError as error:
            if not self._remaining:
                raise
            log.warning("%s failed: %s", self._engine.describe().engine, error)
            self.note = f"The {self._engine.describe().engine} engine failed; another one is used."
            self._load_next()
            return self.forward(batch)

    def trace(
        self,
        windows: Sequence[Float32],
        layer: int | None,
        check_cancelled: CheckCancelled = never_cancelled,
    ) -> list[LayerTrace]:
        return self._engine.trace(windows, layer, check_cancelled)

    def describe(self) -> EngineInfo:
        info = self._engine.describe()
        return replace(info, note=" ".join(filter(None, (self.note, info.note))))

    def _load_next(self) -> None:
        make = self._remaining.pop(0)
        try:
            engine = make()
            engine.load(self._checkpoint)
        except (ImportError, RuntimeError, UnsupportedArchitecture) as error:
            if not self._remaining:
                raise
            log.warning("an engine is not used for %s: %s", self._checkpoint.name, error)
            self._load_next()
            return
        self._engine, self.grid, self.outputs = engine, engine.grid, engine.outputs
