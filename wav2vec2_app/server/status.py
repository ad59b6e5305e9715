"""Status and capabilities that the parts of the system report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from wav2vec2_app.server.operations import Operation
from wav2vec2_app.speech.models import AUTO_MODEL, ModelChoice, ModelInfo


@dataclass(frozen=True)
class ProcessMemory:
    """Resident memory of one process, now and at its highest, in bytes.

    ``private_bytes``: without mapped files; 0 if unknown.
    """

    name: str
    pid: int
    rss_bytes: int
    peak_rss_bytes: int
    private_bytes: int = 0

    @property
    def own_bytes(self) -> int:
        """What counts for the limit."""
        return self.private_bytes or self.rss_bytes


@dataclass(frozen=True)
class MemoryReport:
    """Memory of all of the application's processes against the limit, in bytes."""

    processes: tuple[ProcessMemory, ...]
    limit_bytes: int
    model_bytes: int

    @property
    def total_rss_bytes(self) -> int:
        return sum(process.rss_bytes for process in self.processes)

    @property
    def total_bytes(self) -> int:
        """What the limit is for."""
        return sum(process.own_bytes for process in self.processes)


@dataclass(frozen=True)
class FeatureScore:
    """How well a feature works, as it was measured at a release.

    Attributes:
        score: in [0, 1].
        measure: what is counted, such as ``1 - word error rate``.
        data: the recordings it was measured on.
        date: of the measurement, ``YYYY-MM-DD``.
    """

    score: float
    measure: str
    data: str
    date: str


Scores = Mapping[str, Mapping[str, FeatureScore]]
"""Scores by the name of the model, then by feature; the model ``""`` has what depends on none."""


@dataclass(frozen=True)
class ModelCapabilities:
    """What an adapter can do, and its measured performance.

    ``scores`` are measured at a release; features and models without a measurement have none.

    ``average_latency_s``, ``throughput`` (audio seconds per second) and ``success_rate`` are measured
    over a sliding window of ``samples`` operations; ``None`` before the first one.
    """

    name: str
    operations: frozenset[Operation]
    max_duration_s: float
    max_bytes: int
    formats: tuple[str, ...]
    features: tuple[str, ...]
    models: tuple[str, ...] = ()
    average_latency_s: float | None = None
    throughput: float | None = None
    success_rate: float | None = None
    samples: int = 0
    scores: Scores = field(default_factory=dict)
    default_model: str = ""

    def scores_of(self, model: str) -> Mapping[str, FeatureScore]:
        """The scores of the features with one model."""
        return {**self.scores.get("", {}), **self.scores.get(model, {})}


@dataclass(frozen=True)
class WorkerStatus:
    """The state of one worker process.

    Attributes:
        state: ``starting``, ``ready``, ``restarting``, ``down`` or ``stopped``.
        init_s: how long its process took to get ready, seconds; ``None`` before that.
        age_s: time since its process was started, seconds; ``None`` without one.
        busy_s: time in which it had a request, over all of its processes, seconds.
        last_exit: why its last process ended; empty if none has.
        waiting: requests that wait for a worker of its role.
    """

    role: str
    state: str
    pid: int | None
    restarts: int
    in_flight: int
    init_s: float | None = None
    age_s: float | None = None
    busy_s: float = 0.0
    last_exit: str = ""
    waiting: int = 0


@dataclass(frozen=True)
class AdapterStatus:
    """The state of an adapter at this moment; reading it sends nothing to a worker.

    ``notices`` are plain sentences for the user (which model is in use and why, a running download…).
    """

    name: str
    ready: bool
    model: ModelInfo | None = None
    choices: tuple[ModelChoice, ...] = ()
    workers: tuple[WorkerStatus, ...] = ()
    memory: MemoryReport | None = None
    notices: tuple[str, ...] = ()


@dataclass(frozen=True)
class OrchestratorStatus:
    """The state of the system at this moment.

    ``throughput`` is measured audio seconds per second, ``None`` before the first task;
    ``breakers`` maps ``adapter.operation`` to ``closed``, ``open`` or ``half-open``.
    """

    queued: int
    running: int
    queue_size: int
    wait_s: float
    throughput: float | None
    adapters: tuple[AdapterStatus, ...]
    breakers: Mapping[str, str]

    @property
    def choices(self) -> Mapping[str, ModelChoice]:
        """The models that a request may name, of all adapters, by name."""
        return {choice.name: choice for adapter in self.adapters for choice in adapter.choices}

    @property
    def default_model(self) -> str:
        """Name of the model that answers by default; ``auto`` before one is loaded."""
        models = (adapter.model for adapter in self.adapters if adapter.model is not None)
        return next((model.name for model in models), AUTO_MODEL)
