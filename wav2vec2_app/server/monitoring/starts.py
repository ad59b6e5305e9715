"""Metrics of initialisation and success: of each worker, and of each model."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram

from wav2vec2_app.server.events import Done, Event, Failed, WorkerEvent
from wav2vec2_app.server.monitoring.labels import BoundedLabel
from wav2vec2_app.server.results import AudioResult
from wav2vec2_app.server.service.inference import LOADING
from wav2vec2_app.server.tasks import AudioTask

START_BUCKETS_S = (0.1, 0.25, 0.5, 1, 2, 3, 5, 8, 13, 20, 40, 90)
MAX_MODELS = 50
"""Different models that are counted: clients choose their names."""


class StartMetrics:
    """A sink that measures starts of workers, loads of models, and the outcomes of both."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._model = BoundedLabel(MAX_MODELS)
        self._starts = Counter(
            "wav2vec2_worker_starts",
            "Started worker processes: ready, or failed because they ended before that.",
            ["role", "outcome"],
            registry=registry,
        )
        self._start_s = Histogram(
            "wav2vec2_worker_start_seconds",
            "Time until a worker process was ready, its default model included.",
            ["role"],
            buckets=START_BUCKETS_S,
            registry=registry,
        )
        self._load_s = Histogram(
            "wav2vec2_model_load_seconds",
            "Time that requests waited for a model that was loaded for them.",
            ["model"],
            buckets=START_BUCKETS_S,
            registry=registry,
        )
        self._tasks = Counter(
            "wav2vec2_model_tasks",
            "Tasks by the model that answered, or that was requested if the task failed.",
            ["model", "outcome"],
            registry=registry,
        )

    def __call__(self, event: Event) -> None:
        """Measure one event."""
        match event:
            case WorkerEvent(kind="ready", role=role, took_s=took_s):
                self._starts.labels(role, "ready").inc()
                self._start_s.labels(role).observe(took_s or 0.0)
            case WorkerEvent(kind="died", role=role, took_s=None):
                self._starts.labels(role, "failed").inc()
            case Done(result=result) if not result.cached:
                self._succeeded(result)
            case Failed(task=task, error=error) if error.layer != "validation":
                self._failed(task)

    def _succeeded(self, result: AudioResult) -> None:
        for recognition in result.recognitions.values():
            model = self._model(recognition.transcript.model.name)
            self._tasks.labels(model, "done").inc()
        if result.transcript is None:
            return
        model = self._model(result.transcript.model.name)
        for stage in result.stages:
            if stage.name == LOADING:
                self._load_s.labels(model).observe(stage.duration_s)

    def _failed(self, task: AudioTask) -> None:
        if not task.cached_id:
            for target in task.transcribers:
                self._tasks.labels(self._model(target.model), "failed").inc()
