"""The interface of model adapters, and the measurement of their recent performance."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from wav2vec2_app.errors import (
    BusyError,
    CancelledError,
    CircuitOpenError,
    Wav2Vec2Error,
    translate,
)
from wav2vec2_app.server.operations import Operation
from wav2vec2_app.server.results import Report, TaskResult, ignore_progress
from wav2vec2_app.server.status import AdapterStatus, ModelCapabilities
from wav2vec2_app.server.tasks import ModelTask


@runtime_checkable
class ModelAdapter(Protocol):
    """One interface to every model, whatever implements it."""

    @property
    def name(self) -> str:
        """A short, stable identifier; part of the names of its circuit breakers."""
        ...

    async def initialize(self) -> None:
        """Prepare the adapter for tasks; called once, before the first task."""
        ...

    async def dispose(self) -> None:
        """Release all resources; called once, also when it never became ready."""
        ...

    async def handle_task(self, task: ModelTask, report: Report = ignore_progress) -> TaskResult:
        """Run one step before ``task.deadline``; cancelling the call stops the work.

        Raises:
            Wav2Vec2Error: the operation failed; any other exception counts as a defect.
        """
        ...

    def time_limit_s(self, task: ModelTask) -> float:
        """How long the step may take if it starts now, seconds; its deadline is made from this."""
        ...

    def answering_model(self, model: str) -> str:
        """Name of the model that would transcribe a task for ``model`` now; empty if not known yet.

        It is the ``name`` of the transcript's ModelInfo, and a key of the result cache.
        """
        ...

    def get_capabilities(self) -> ModelCapabilities:
        """What it can do at this moment, with its measured performance; cheap, no worker is called."""
        ...

    def get_status(self) -> AdapterStatus:
        """Its state at this moment; cheap, no worker is called."""
        ...


NO_FAULTS = frozenset({"resource.disk", "resource.files", "audio.needs_memory"})
"""Codes of errors of the machine, or of one file: pausing an operation does not help."""


def is_fault(error: BaseException) -> bool:
    """Whether a failure is a fault of what did the work.

    Unusable input, a wrong choice of the caller, a lack of room, also on the disk, and cancellation are
    not.
    """
    if isinstance(error, CancelledError | BusyError | CircuitOpenError):
        return False
    if isinstance(error, OSError):
        error = translate(error)
    if isinstance(error, Wav2Vec2Error):
        return error.code not in NO_FAULTS and error.layer not in ("validation", "context")
    return isinstance(error, Exception) and not isinstance(error, asyncio.CancelledError)


@dataclass(frozen=True)
class _Sample:
    at_s: float
    latency_s: float
    audio_s: float
    success: bool


@dataclass(frozen=True)
class AudioLimits:
    """Largest audio that is accepted; reported in the capabilities."""

    max_duration_s: float
    max_bytes: int


class RollingMeasure:
    """Latency, throughput and success rate of operations in a sliding window.

    Args:
        window: maximum number of operations in the window.
        window_s: age at which an operation leaves the window, seconds.
        clock: monotonic, seconds.
    """

    def __init__(
        self,
        *,
        window: int = 200,
        window_s: float = 900.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._window_s = window_s
        self._clock = clock
        self._samples: deque[_Sample] = deque(maxlen=window)

    def record(self, *, latency_s: float, audio_s: float = 0.0, success: bool = True) -> None:
        """Record one finished operation on ``audio_s`` seconds of audio."""
        self._samples.append(_Sample(self._clock(), latency_s, audio_s, success))

    @contextmanager
    def timing(self, audio_s: float = 0.0) -> Iterator[None]:
        """Time the block and record it; failures that are not faults (:func:`is_fault`) are left out."""
        began_s = self._clock()
        try:
            yield
        except BaseException as error:
            if is_fault(error):
                self.record(latency_s=self._clock() - began_s, audio_s=audio_s, success=False)
            raise
        self.record(latency_s=self._clock() - began_s, audio_s=audio_s)

    def capabilities(
        self, name: str, operations: frozenset[Operation], audio: AudioLimits
    ) -> ModelCapabilities:
        """What the adapter ``name`` can do and has done lately; formats and features are left empty."""
        return ModelCapabilities(
            name=name,
            operations=operations,
            max_duration_s=audio.max_duration_s,
            max_bytes=audio.max_bytes,
            formats=(),
            features=(),
            average_latency_s=self.average_latency_s,
            throughput=self.throughput,
            success_rate=self.success_rate,
            samples=self.samples,
        )

    @property
    def samples(self) -> int:
        """Number of operations in the window."""
        return len(self._recent())

    @property
    def average_latency_s(self) -> float | None:
        """Mean seconds of a successful operation; ``None`` before the first."""
        latencies = [sample.latency_s for sample in self._recent() if sample.success]
        return sum(latencies) / len(latencies) if latencies else None

    @property
    def throughput(self) -> float | None:
        """Audio seconds per second of successful work; ``None`` before the first with audio."""
        measured = [s for s in self._recent() if s.success and s.audio_s > 0 and s.latency_s > 0]
        busy_s = sum(sample.latency_s for sample in measured)
        return sum(sample.audio_s for sample in measured) / busy_s if measured else None

    @property
    def success_rate(self) -> float | None:
        """Share of operations that succeeded, in [0, 1]; ``None`` before the first."""
        recent = self._recent()
        return sum(sample.success for sample in recent) / len(recent) if recent else None

    def _recent(self) -> deque[_Sample]:
        oldest_s = self._clock() - self._window_s
        while self._samples and self._samples[0].at_s < oldest_s:
            self._samples.popleft()
        return self._samples
