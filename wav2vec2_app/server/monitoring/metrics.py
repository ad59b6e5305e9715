"""Prometheus metrics, made of the orchestrator's events."""

from __future__ import annotations

from typing import ClassVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from wav2vec2_app.server.bridge.events import WorkerEvent
from wav2vec2_app.server.events import Done, Failed, Queued, Started, TaskEvent
from wav2vec2_app.server.tasks import AudioResult, AudioTask, Operation

STAGE_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
RTF_BUCKETS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)


class TaskMetrics:
    """A sink of the orchestrator's events with a registry of its own.

    ``orchestrator.subscribe(metrics)`` feeds it, :meth:`render` gives the text a scraper reads.
    """

    content_type: ClassVar[str] = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._waiting: set[str] = set()
        self._working: set[str] = set()
        self._tasks = Counter(
            "wav2vec2_tasks", "Finished tasks.", ["outcome", "code"], registry=self.registry
        )
        self._problems = Counter(
            "wav2vec2_task_problems",
            "Parts that are missing from tasks that succeeded.",
            ["operation", "code"],
            registry=self.registry,
        )
        self._retries = Counter(
            "wav2vec2_retries", "Operations tried again.", ["operation"], registry=self.registry
        )
        self._workers = Counter(
            "wav2vec2_worker_events",
            "Starts, deaths and restarts of worker processes.",
            ["role", "event"],
            registry=self.registry,
        )
        self._depth = Gauge(
            "wav2vec2_queue_depth", "Tasks that wait for a slot.", registry=self.registry
        )
        self._depth.set_function(lambda: len(self._waiting))
        self._running = Gauge("wav2vec2_tasks_running", "Tasks in work.", registry=self.registry)
        self._running.set_function(lambda: len(self._working))
        self._stages = Histogram(
            "wav2vec2_stage_seconds",
            "Time of each stage of successful tasks, waiting and total included.",
            ["stage"],
            buckets=STAGE_BUCKETS_S,
            registry=self.registry,
        )
        self._audio = Counter(
            "wav2vec2_audio_seconds", "Audio of successful tasks.", registry=self.registry
        )
        self._rtf = Histogram(
            "wav2vec2_real_time_factor",
            "Seconds of work per second of audio, waiting left out.",
            buckets=RTF_BUCKETS,
            registry=self.registry,
        )

    def __call__(self, task: AudioTask, event: TaskEvent) -> None:
        """Take note of one event."""
        self._follow(task.id, event)
        if isinstance(event, Started) and event.attempt > 1:
            self._retries.labels(event.operation.value).inc()
        elif isinstance(event, Done):
            self._tasks.labels("done", "").inc()
            self._measure(event.result)
        elif isinstance(event, Failed):
            self._tasks.labels("failed", event.error.code).inc()

    def note_worker(self, event: WorkerEvent) -> None:
        """Take note of what befell a worker process."""
        self._workers.labels(event.role, event.kind).inc()

    def render(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self.registry)

    def _follow(self, task_id: str, event: TaskEvent) -> None:
        """Keep count of who waits and who is in work; the probe comes before the waiting."""
        if isinstance(event, Queued):
            self._waiting.add(task_id)
        elif isinstance(event, Started) and event.operation is not Operation.PROBE:
            self._waiting.discard(task_id)
            self._working.add(task_id)
        elif isinstance(event, Done | Failed):
            self._waiting.discard(task_id)
            self._working.discard(task_id)

    def _measure(self, result: AudioResult) -> None:
        for stage in result.stages:
            self._stages.labels(stage.name).observe(stage.duration_s)
        for problem in result.problems:
            self._problems.labels(problem.operation.value, problem.error.code).inc()
        self._audio.inc(result.audio.duration_s)
        self._rtf.observe(result.real_time_factor)
