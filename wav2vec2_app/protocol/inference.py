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


@dataclass(frozen=True)
class InferenceInfo(Message):
    """What the role says in its ready and pong frames: the default model, and the models to choose from."""

    model: ModelInfo
    choices: tuple[ModelChoice, ...] = ()


@dataclass(frozen=True)
class LoadResponse(Response):
    """The loaded model, the geometry of its frames, and how many windows it computes faster as a batch."""

    model: ModelInfo
    grid: FrameGrid
    batch: int


@dataclass(frozen=True)
class LoadRequest(Request[LoadResponse, Empty]):
    """Load the model called ``model``."""

    op = "load"

    model: str


@dataclass(frozen=True)
class EmitResponse(Response):
    """The emission, the model that computed it, and how many requests were in its batch.

    ``batch_limit``: how many requests of this length the model computes faster as a batch.
    """

    emission: Emission
    model: ModelInfo
    batch: int
    batch_limit: int = 1

    def __post_init__(self) -> None:
        check_emission(self.emission)


@dataclass(frozen=True)
class EmitRequest(Request[EmitResponse, Empty]):
    """Compute the emission of ``samples``, float32 ``(n,)``, 16 kHz.

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
