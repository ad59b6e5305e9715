"""Metrics of errors, by layer, severity and code."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter

from wav2vec2_app.errors import Wav2Vec2Error
from wav2vec2_app.server.events import Done, Event, Failed, Retried, WorkerEvent
from wav2vec2_app.server.monitoring.labels import BoundedLabel

MAX_CODES = 200
"""Different codes that are counted; the package has fewer."""


class ErrorMetrics:
    """A sink that counts errors where they end: a task, an extra, an attempt, a worker process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._code = BoundedLabel(MAX_CODES)
        self._errors = Counter(
            "wav2vec2_errors",
            "Errors: of a task, of an extra of a successful task, of an attempt that is repeated, of a "
            "worker process.",
            ["scope", "layer", "severity", "code"],
            registry=registry,
        )

    def __call__(self, event: Event) -> None:
        """Count the errors of one event."""
        match event:
            case Failed(error=error):
                self._count("task", error)
            case Retried(error=error):
                self._count("attempt", error)
            case Done(result=result):
                for problem in result.problems:
                    self._count("extra", problem.error)
            case WorkerEvent(kind="died", error=error) if error is not None:
                self._count("worker", error)

    def _count(self, scope: str, error: Wav2Vec2Error) -> None:
        self._errors.labels(scope, error.layer, error.severity, self._code(error.code)).inc()
