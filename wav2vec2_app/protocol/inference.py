"""Messages of the ``inference`` role: load a model, turn samples into an emission."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from pathlib import Path

from wav2vec2_app.protocol.emission import check_emission
from wav2vec2_app.protocol.message import Empty, Message, Request, Response
from wav2vec2_app.speech.audio import Float32
from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.models import ModelChoice, ModelInfo
from wav2vec2_app.speech.windows import FrameGrid, SampleStatistics

NOT_LOADED = "model.not_loaded"
"""Code of the error for a model that has to be loaded with :class:`LoadRequest` first."""
UNLIMITED_BYTES = 1 << 60
"""The ``memory_bytes`` of a request without a limit."""


@dataclass(frozen=True)
class InferenceInfo(Message):
    """What the role says in its ready, pong and info frames.

    Attributes:
        model: the default model.
        choices: the models to choose from.
        start_bytes: private memory with the default model alone.
    """

    model: ModelInfo
    choices: tuple[ModelChoice, ...] = ()
    start_bytes: int = 0


@dataclass(frozen=True)
class LoadResponse(Response):
    """The loaded model."""

    model: ModelInfo


@dataclass(frozen=True)
class LoadRequest(Request[LoadResponse, Empty]):
    """Load the model called ``model``, beside the requests for others.

    Attributes:
        memory_bytes: private memory that the worker may use.
        unload_others: whether others may be unloaded for it.
    """

    op = "load"
    background = True

    model: str
    memory_bytes: int
    unload_others: bool = True

    def content(self) -> Iterable[str | memoryview | Path]:
        yield f"{self.op} {self.model}"


@dataclass(frozen=True)
class UnloadResponse(Response):
    """How many models were unloaded."""

    count: int


@dataclass(frozen=True)
class UnloadRequest(Request[UnloadResponse, Empty]):
    """Unload models that are not needed, and those whose folder is gone.

    Attributes:
        idle_s: those that were not used for so long, seconds; 0: none for that reason.
        keep: names of models that may be idle.
        memory_bytes: the least recently used ones while the worker uses more private memory; only the
            default model stays then.
    """

    op = "unload"
    background = True

    idle_s: float
    keep: tuple[str, ...]
    memory_bytes: int


@dataclass(frozen=True)
class DescribeResponse(Response):
    """A loaded model, the geometry of its frames, and how many windows it computes faster as a batch.

    ``better_on_disk``: a better one for that name can be loaded.
    """

    model: ModelInfo
    grid: FrameGrid
    batch: int
    better_on_disk: bool = False


@dataclass(frozen=True)
class DescribeRequest(Request[DescribeResponse, Empty]):
    """Describe the model called ``model``; fails with :data:`NOT_LOADED` if it is not loaded."""

    op = "describe"

    model: str


@dataclass(frozen=True)
class EmitResponse(Response):
    """The emission, the model that computed it, and how many requests were in its batch.

    ``batch_limit``: how many requests of this length the model computes faster as a batch.
    ``better_on_disk``: a better model for the name in the request can be loaded.
    """

    emission: Emission
    model: ModelInfo
    batch: int
    batch_limit: int = 1
    better_on_disk: bool = False

    def __post_init__(self) -> None:
        check_emission(self.emission)


@dataclass(frozen=True)
class EmitRequest(Request[EmitResponse, Empty]):
    """Compute the emission of ``samples``, float32 ``(n,)``, 16 kHz.

    Fails with :data:`NOT_LOADED` if the model is not loaded.

    Attributes:
        level: of the complete recording, if ``samples`` are a window of it.
        batch: how many requests of this model and length may be sent as one batch.
    """

    op = "emit"

    model: str
    samples: Float32
    level: SampleStatistics | None = None
    batch: int = 1

    def __post_init__(self) -> None:
        if self.samples.ndim != 1:
            raise ValueError("the model takes audio with one channel")

    def batch_key(self) -> Hashable:
        return self.op, self.model, len(self.samples)

    def batch_limit(self) -> int:
        return self.batch

    def content(self) -> Iterable[str | memoryview | Path]:
        yield f"{self.op} {self.model} {self.level}"
        yield memoryview(self.samples.tobytes())
