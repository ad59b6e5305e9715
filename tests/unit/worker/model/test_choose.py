import ctypes
import platform
import sys
from dataclasses import dataclass, field

import numpy as np
import pytest

from wav2vec2_app.errors import ModelError
from wav2vec2_app.speech.audio import Float32
from wav2vec2_app.speech.windows import FrameGrid
from wav2vec2_app.worker.model.engines import choose as choosing
from wav2vec2_app.worker.model.engines.base import EngineInfo, UnsupportedArchitecture
from wav2vec2_app.worker.model.engines.choose import EngineOptions, FallbackEngine, choose
from wav2vec2_app.worker.model.resolve import Checkpoint

BATCH = np.zeros((1, 8_000), dtype=np.float32)


@dataclass
class ScriptedEngine:
    name: str
    load_error: Exception | None = None
    forward_error: Exception | None = None
    grid: FrameGrid = field(default_factory=FrameGrid)
    outputs: int = 3

    def load(self, checkpoint: Checkpoint) -> None:
        if self.load_error:
            raise self.load_error

    def forward(self, batch: Float32) -> Float32:
        if self.forward_error:
            raise self.forward_error
        return np.zeros((1, 1, self.outputs), dtype=np.float32)

    def describe(self) -> EngineInfo:
        return EngineInfo(self.name, "cpu", "fp32", 1)


def first_of(*engines: ScriptedEngine) -> FallbackEngine:
    return FallbackEngine(tuple(lambda engine=engine: engine for engine in engines))


@pytest.mark.parametrize(
    "error", [ImportError("none here"), RuntimeError("illegal"), UnsupportedArchitecture("new")]
)
def test_engine_that_cannot_load_is_replaced(tiny_checkpoint: Checkpoint, error: Exception) -> None:
    engine = first_of(ScriptedEngine("fast", load_error=error), ScriptedEngine("plain"))
    engine.load(tiny_checkpoint)

    assert engine.describe().engine == "plain"
    assert engine.forward(BATCH).shape == (1, 1, 3)


def test_error_of_the_last_engine_is_raised(tiny_checkpoint: Checkpoint) -> None:
    engine = first_of(ScriptedEngine("only", load_error=RuntimeError("no memory")))

    with pytest.raises(RuntimeError, match="no memory"):
        engine.load(tiny_checkpoint)


def test_checkpoint_that_no_engine_could_read_is_not_tried_again(
    tiny_checkpoint: Checkpoint,
) -> None:
    engine = first_of(
        ScriptedEngine("fast", load_error=ModelError("broken", code="model.broken")),
        ScriptedEngine("plain"),
    )

    with pytest.raises(ModelError):
        engine.load(tiny_checkpoint)


def test_engine_that_fails_later_is_replaced_with_a_note(
    tiny_checkpoint: Checkpoint,
) -> None:
    engine = first_of(
        ScriptedEngine("fast", forward_error=RuntimeError("bad instruction")),
        ScriptedEngine("plain"),
    )
    engine.load(tiny_checkpoint)

    assert engine.forward(BATCH).shape == (1, 1, 3)
    assert engine.describe().engine == "plain"
    assert "fast" in engine.describe().note


def test_failure_of_the_last_engine_is_raised(tiny_checkpoint: Checkpoint) -> None:
    engine = first_of(ScriptedEngine("only", forward_error=RuntimeError("bad instruction")))
    engine.load(tiny_checkpoint)

    with pytest.raises(RuntimeError, match="bad instruction"):
        engine.forward(BATCH)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (EngineOptions(device="cpu"), "openvino"),
        (EngineOptions(device="cpu", engine="openvino"), "openvino"),
        (EngineOptions(device="cpu", engine="torch"), "torch"),
        (EngineOptions(device="cuda"), "torch"),
    ],
)
def test_options_choose_the_engine(
    tiny_checkpoint: Checkpoint, options: EngineOptions, expected: str
) -> None:
    engine = choose(options)
    engine.load(tiny_checkpoint)

    assert engine.describe().engine == expected


@pytest.mark.parametrize(("accelerator", "expected"), [(True, "torch"), (False, "openvino")])
def test_automatic_device_is_an_accelerator_if_there_is_one(
    tiny_checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch, accelerator: bool, expected: str
) -> None:
    monkeypatch.setattr(choosing, "has_accelerator", lambda: accelerator)
    engine = choose(EngineOptions())
    engine.load(tiny_checkpoint)

    assert engine.describe().engine == expected


def test_system_without_openvino_answers_with_torch(
    tiny_checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "wav2vec2_app.worker.model.engines.openvino_engine", None)
    engine = choose(EngineOptions(device="cpu"))
    engine.load(tiny_checkpoint)

    assert engine.describe().engine == "torch"


class Driver:
    """NVIDIA's driver library with so many devices."""

    def __init__(self, devices: int, status: int = 0) -> None:
        self._devices, self._status = devices, status

    def cuInit(self, flags: int) -> int:  # noqa: N802 - the driver's own name
        return self._status

    def cuDeviceGetCount(self, count: object) -> int:  # noqa: N802
        ctypes.cast(count, ctypes.POINTER(ctypes.c_int))[0] = self._devices
        return 0


@pytest.mark.parametrize(
    ("driver", "expected"),
    [(Driver(1), True), (Driver(0), False), (Driver(1, status=100), False), (None, False)],
)
def test_devices_are_counted_by_the_nvidia_driver(
    monkeypatch: pytest.MonkeyPatch, driver: Driver | None, expected: bool
) -> None:
    def load(name: str) -> Driver:
        if driver is None:
            raise OSError(name)
        return driver

    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(ctypes, "CDLL", load)

    assert choosing.has_accelerator() is expected


@pytest.mark.parametrize(("machine", "expected"), [("arm64", True), ("x86_64", False)])
def test_apple_silicon_has_an_accelerator(
    monkeypatch: pytest.MonkeyPatch, machine: str, expected: bool
) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    monkeypatch.setattr(platform, "machine", lambda: machine)

    assert choosing.has_accelerator() is expected
