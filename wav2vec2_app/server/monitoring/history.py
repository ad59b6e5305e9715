"""The recent past, for the status view: finished tasks, times of stages, ends of workers, memory."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from wav2vec2_app.server.events import BreakerEvent, Done, Event, Failed, WorkerEvent
from wav2vec2_app.server.status import MemoryReport

HISTORY_S: Final = 900.0
"""How far back the history goes, seconds."""
MAX_TASKS: Final = 5000
MAX_TIMES: Final = 500
"""Times of one stage that percentiles are computed from."""
MAX_STAGES: Final = 40
MAX_INCIDENTS: Final = 20
MEMORY_STEP_S: Final = 2.0
"""Shortest time between two samples of the memory, seconds."""


@dataclass(frozen=True)
class Finished:
    """A finished task."""

    at_s: float
    done: bool


@dataclass(frozen=True)
class Incident:
    """A worker ended, or a circuit breaker opened or closed."""

    at_s: float
    subject: str
    what: str


@dataclass(frozen=True)
class MemorySample:
    """Resident memory at one moment, bytes by process."""

    at_s: float
    bytes_of: dict[str, int]


@dataclass(frozen=True)
class StageTimes:
    """Times of a stage, seconds; ``count`` is how many were measured."""

    stage: str
    count: int
    p50_s: float
    p95_s: float
    p99_s: float


class History:
    """A sink of events with the last fifteen minutes in bounded memory.

    The memory is measured while the view is open; see :meth:`note_memory`.

    Args:
        clock: monotonic, seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._tasks: deque[Finished] = deque(maxlen=MAX_TASKS)
        self._times: dict[str, deque[tuple[float, float]]] = {}
        self._incidents: deque[Incident] = deque(maxlen=MAX_INCIDENTS)
        self._memory: deque[MemorySample] = deque(maxlen=round(HISTORY_S / MEMORY_STEP_S))

    def __call__(self, event: Event) -> None:
        """Note one event."""
        now_s = self.clock()
        match event:
            case Done(result=result):
                self._tasks.append(Finished(now_s, done=True))
                for stage in result.stages:
                    self._note_time(stage.name, now_s, stage.duration_s)
            case Failed():
                self._tasks.append(Finished(now_s, done=False))
            case WorkerEvent(kind="died", role=role, reason=reason):
                self._incidents.append(Incident(now_s, role, reason))
            case BreakerEvent(circuit=circuit, before=before, after=after):
                self._incidents.append(Incident(now_s, circuit, f"{before} → {after}"))

    def note_memory(self, report: MemoryReport) -> None:
        """Note the memory of this moment, if the last sample is old enough."""
        now_s = self.clock()
        if self._memory and now_s < self._memory[-1].at_s + MEMORY_STEP_S:
            return
        found = {process.name: process.rss_bytes for process in report.processes}
        self._memory.append(MemorySample(now_s, found))

    def finished(self) -> Sequence[Finished]:
        """The tasks that finished in the last fifteen minutes, the oldest first."""
        oldest_s = self.clock() - HISTORY_S
        return [task for task in self._tasks if task.at_s >= oldest_s]

    def stages(self) -> Sequence[StageTimes]:
        """Percentiles of each stage in the last fifteen minutes, the slowest first."""
        oldest_s = self.clock() - HISTORY_S
        found = []
        for stage, times in self._times.items():
            recent = sorted(took_s for at_s, took_s in times if at_s >= oldest_s)
            if recent:
                p50, p95, p99 = (percentile(recent, share) for share in (0.5, 0.95, 0.99))
                found.append(StageTimes(stage, len(recent), p50, p95, p99))
        return sorted(found, key=lambda one: -one.p95_s)

    def incidents(self) -> Sequence[Incident]:
        """Ends of workers and transitions of breakers, the newest first."""
        return list(reversed(self._incidents))

    def memory(self) -> Sequence[MemorySample]:
        """Samples of the memory in the last fifteen minutes, the oldest first."""
        oldest_s = self.clock() - HISTORY_S
        return [sample for sample in self._memory if sample.at_s >= oldest_s]

    def _note_time(self, stage: str, at_s: float, took_s: float) -> None:
        if stage not in self._times:
            if len(self._times) >= MAX_STAGES:
                return
            self._times[stage] = deque(maxlen=MAX_TIMES)
        self._times[stage].append((at_s, took_s))


def percentile(ordered: Sequence[float], share: float) -> float:
    """The smallest of the ordered values that is not below ``share`` of them."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
