"""The interface every model adapter has, and the measure of how well one has done lately."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from wav2vec2_app.errors import BusyError, CancelledError, CircuitOpenError, Wav2Vec2Error
from wav2vec2_app.server.status import AdapterStatus, ModelCapabilities
from wav2vec2_app.server.tasks import ModelTask, Report, TaskResult, ignore_progress


@runtime_checkable
class ModelAdapter(Protocol):
    """What the orchestrator asks of a model: one interface, whatever stands behind it."""

    @property
    def name(self) -> str:
        """A short, stable word; part of the name of its circuit breakers."""
        ...

    async def initialize(self) -> None:
        """Make the adapter ready for tasks; called once, before the first task."""
        ...

    async def dispose(self) -> None:
        """Release all it holds; called once, also when it never became ready."""
        ...

    async def handle_task(self, task: ModelTask, report: Report = ignore_progress) -> TaskResult:
        """Do one operation; cancelling the call stops the work.

        Raises:
            Wav2Vec2Error: the operation failed; any other exception counts as a defect.
        """
        ...

    def get_capabilities(self) -> ModelCapabilities:
        """What it can do at this moment, with what it measured of itself; cheap, asks no worker."""
        ...

    def get_status(self) -> AdapterStatus:
        """How it is at this moment; cheap, asks no worker."""
        ...


def is_fault(error: BaseException) -> bool:
    """Whether a failure speaks against the one who did the work.

    It does not when the caller's input or choice was unusable, when there was no room, or when
    somebody asked for the work to stop.
    """
    if isinstance(error, CancelledError | BusyError | CircuitOpenError):
        return False
    if isinstance(error, Wav2Vec2Error):
        return error.layer not in ("validation", "context")
    return isinstance(error, Exception) and not isinstance(error, asyncio.CancelledError)


@dataclass(frozen=True)
class _Sample:
    at_s: float
    latency_s: float
    audio_s: float
    success: bool


class RollingMeasure:
    """Latency, throughput and success of the operations in a sliding window.

    Args:
        window: operations remembered at most.
        window_s: age at which an operation is forgotten, seconds.
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
        """Note one finished operation on ``audio_s`` seconds of audio."""
        self._samples.append(_Sample(self._clock(), latency_s, audio_s, success))

    @contextmanager
    def timing(self, audio_s: float = 0.0) -> Iterator[None]:
        """Time the block and record it; failures that are nobody's fault here are left out."""
        began_s = self._clock()
        try:
            yield
        except BaseException as error:
            if is_fault(error):
                self.record(latency_s=self._clock() - began_s, audio_s=audio_s, success=False)
            raise
        self.record(latency_s=self._clock() - began_s, audio_s=audio_s)

    @property
    def samples(self) -> int:
        """How many operations the figures stand on."""
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
