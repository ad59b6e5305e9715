"""Prometheus metrics, computed from events."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Literal, TypeAlias

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from wav2vec2_app.server.events import (
    BreakerEvent,
    Done,
    Event,
    Failed,
    Queued,
    Retried,
    Started,
    TaskEvent,
    WorkerEvent,
)
from wav2vec2_app.server.monitoring.failures import ErrorMetrics
from wav2vec2_app.server.monitoring.starts import StartMetrics
from wav2vec2_app.server.monitoring.system import SystemCollector
from wav2vec2_app.server.operations import Operation
from wav2vec2_app.server.results import AudioResult
from wav2vec2_app.server.status import OrchestratorStatus
from wav2vec2_app.server.tasks import AudioTask

STAGE_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
RTF_BUCKETS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)

BREAKER_STATES = ("closed", "half-open", "open")
"""States of a circuit breaker; the gauge shows their positions here."""

TaskKind: TypeAlias = Literal["upload", "live", "cached"]
"""What a task was: a recording, a pass of live captions, or an answer from the result cache."""


class Metrics:
    """A sink of events with a registry of its own.

    ``bus.subscribe(metrics)`` feeds it; :meth:`render` gives the text for a scraper.
    """

    content_type: ClassVar[str] = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._waiting: set[str] = set()
        self._running: set[str] = set()
        self._tasks = self._counter("tasks", "Finished tasks.", "outcome", "code", "kind")
        self._problems = self._counter(
            "task_problems", "Parts that are missing from successful tasks.", "operation", "code"
        )
        self._retries = self._counter("retries", "Steps tried again.", "operation")
        self._workers = self._counter(
            "worker_events",
            "Starts, deaths and restarts of worker processes, and retried requests.",
            "role",
            "event",
        )
        self._breakers = self._counter(
            "breaker_transitions", "Changes of state of circuit breakers.", "circuit", "state"
        )
        self._breaker_state = Gauge(
            "wav2vec2_breaker_state",
            "State of each circuit breaker: 0 closed, 1 half-open, 2 open.",
            ["circuit"],
            registry=self.registry,
        )
        self._audio = self._counter(
            "audio_seconds", "Audio of successful uploads, without live passes and cached answers."
        )
        self._stages = Histogram(
            "wav2vec2_stage_seconds",
            "Time of each stage of successful tasks, waiting and total included.",
            ["stage"],
            buckets=STAGE_BUCKETS_S,
            registry=self.registry,
        )
        self._rtf = Histogram(
            "wav2vec2_real_time_factor",
            "Processing seconds per second of audio, without waiting, live passes, cached answers.",
            buckets=RTF_BUCKETS,
            registry=self.registry,
        )
        self._sinks = (ErrorMetrics(self.registry), StartMetrics(self.registry))
        self._gauge("queue_depth", "Tasks that wait for a slot.", self._waiting)
        self._gauge("tasks_running", "Tasks that are running.", self._running)

    def __call__(self, event: Event) -> None:
        """Count one event."""
        for sink in self._sinks:
            sink(event)
        match event:
            case WorkerEvent(role=role, kind=kind):
                self._workers.labels(role, kind).inc()
            case BreakerEvent(circuit=circuit, after=after):
                self._breakers.labels(circuit, after).inc()
                self._breaker_state.labels(circuit).set(BREAKER_STATES.index(after))
            case TaskEvent():
                self._follow(event)
                self._count(event)

    def observe(self, status: Callable[[], OrchestratorStatus]) -> None:
        """Export the state of the system, which is read at each rendering."""
        self.registry.register(SystemCollector(status))

    def render(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self.registry)

    def _follow(self, event: TaskEvent) -> None:
        """Keep the sets of waiting and running tasks; the probe runs before the waiting."""
        if isinstance(event, Queued):
            self._waiting.add(event.task_id)
        elif isinstance(event, Started) and event.operation is not Operation.PROBE:
            self._waiting.discard(event.task_id)
            self._running.add(event.task_id)
        elif isinstance(event, Done | Failed):
            self._waiting.discard(event.task_id)
            self._running.discard(event.task_id)

    def _count(self, event: TaskEvent) -> None:
        match event:
            case Retried():
                self._retries.labels(event.operation.value).inc()
            case Done(task=task, result=result):
                kind = _kind(task, cached=result.cached)
                self._tasks.labels("done", "", kind).inc()
                self._measure(result, kind)
            case Failed(task=task, error=error):
                kind = _kind(task, cached=bool(task.cached_id))
                self._tasks.labels("failed", error.code, kind).inc()

    def _measure(self, result: AudioResult, kind: TaskKind) -> None:
        for stage in result.stages:
            self._stages.labels(stage.name).observe(stage.duration_s)
        for problem in result.problems:
            self._problems.labels(problem.operation.value, problem.error.code).inc()
        if kind == "upload":
            self._audio.inc(result.audio.duration_s)
            self._rtf.observe(result.real_time_factor)

    def _counter(self, name: str, description: str, *labels: str) -> Counter:
        return Counter(f"wav2vec2_{name}", description, labels, registry=self.registry)

    def _gauge(self, name: str, description: str, tasks: set[str]) -> None:
        gauge = Gauge(f"wav2vec2_{name}", description, registry=self.registry)
        gauge.set_function(lambda: len(tasks))


def _kind(task: AudioTask, *, cached: bool) -> TaskKind:
    if task.live:
        return "live"
    return "cached" if cached else "upload"
