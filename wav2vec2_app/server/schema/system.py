"""The JSON of the system: what the adapters can do, and their state at this moment."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import FiniteFloat

from wav2vec2_app.server.schema.base import JsonModel, finite, seconds
from wav2vec2_app.server.schema.recording import ModelJson
from wav2vec2_app.server.status import AdapterStatus, ModelCapabilities, OrchestratorStatus


class ScoreJson(JsonModel):
    """How well a feature works, measured at a release."""

    score: FiniteFloat
    """in [0, 1]"""
    measure: str
    """what is counted, such as ``1 - word error rate``"""
    data: str
    """the recordings it was measured on"""
    date: str


class FeatureJson(JsonModel):
    """A feature, and how well it works with the default model."""

    name: str
    measured: ScoreJson | None
    """``null`` if it was not measured"""


class CapabilitiesJson(JsonModel):
    """One adapter: what it can do, and its measured performance."""

    name: str
    operations: tuple[str, ...]
    max_duration_s: FiniteFloat
    """longest audio that is accepted"""
    max_bytes: int
    """largest file that is accepted"""
    formats: tuple[str, ...]
    features: tuple[FeatureJson, ...]
    models: tuple[str, ...]
    average_latency_s: FiniteFloat | None
    """``null`` before the first operation, like the next two"""
    throughput: FiniteFloat | None
    """seconds of audio per second"""
    success_rate: FiniteFloat | None
    samples: int
    """number of operations that were measured"""


class CapabilitiesResponse(JsonModel):
    """Response of ``/capabilities``."""

    adapters: tuple[CapabilitiesJson, ...]


class ProcessMemoryJson(JsonModel):
    """One process and its resident memory."""

    name: str
    pid: int
    rss_bytes: int
    peak_rss_bytes: int
    """the maximum so far"""
    private_bytes: int = 0
    """without mapped files; what counts for the limit; 0 if unknown"""


class MemoryJson(JsonModel):
    """Memory of all processes, and the limit."""

    processes: tuple[ProcessMemoryJson, ...]
    total_rss_bytes: int
    total_bytes: int
    """private memory, which the limit is for"""
    limit_bytes: int
    model_bytes: int


class WorkerJson(JsonModel):
    """One worker process."""

    role: str
    state: str
    """``starting``, ``ready``, ``restarting``, ``down`` or ``stopped``"""
    pid: int | None
    restarts: int
    in_flight: int
    init_s: FiniteFloat | None = None
    """how long its process took to get ready; ``null`` before that"""
    age_s: FiniteFloat | None = None
    """time since its process was started; ``null`` without one"""
    busy_s: FiniteFloat = 0.0
    """time in which it had a request, over all of its processes"""
    last_exit: str = ""
    """why its last process ended"""
    waiting: int = 0
    """requests that wait for a worker of its role"""


class ModelChoiceJson(JsonModel):
    """A model that a request may name."""

    name: str
    label: str
    ready: bool
    """whether its weights are on this machine"""
    language: str = ""
    """code of the language that it transcribes; empty if unknown"""
    languages: tuple[str, ...] = ()
    """of a multilingual model: what may follow its name after a colon"""
    state: str = ""
    """``loaded``, ``loading``, ``on-disk``, ``downloading``, ``downloadable`` or ``missing``"""
    progress: FiniteFloat | None = None
    """how much has been downloaded, 0 to 1; ``null`` if it is not being downloaded"""


class AdapterJson(JsonModel):
    """One adapter and its state."""

    name: str
    ready: bool
    model: ModelJson | None
    """``null`` before a worker has loaded it"""
    choices: tuple[ModelChoiceJson, ...]
    """the models that a request may name"""
    workers: tuple[WorkerJson, ...]
    memory: MemoryJson | None
    notices: tuple[str, ...]
    """sentences for the user, such as the progress of a download"""


class StatusResponse(JsonModel):
    """Response of ``/status``: the state of the system at this moment."""

    ready: bool
    """whether every adapter is ready"""
    queued: int
    running: int
    queue_size: int
    """largest number of queued requests"""
    wait_s: FiniteFloat
    """how long a new request would wait"""
    throughput: FiniteFloat | None
    """seconds of audio per second; ``null`` before the first request"""
    adapters: tuple[AdapterJson, ...]
    breakers: dict[str, str]
    """state of each circuit breaker: ``closed``, ``open`` or ``half-open``"""


def capabilities(adapters: Iterable[ModelCapabilities]) -> CapabilitiesResponse:
    """The response with what the adapters can do."""
    return CapabilitiesResponse(adapters=tuple(_capabilities(adapter) for adapter in adapters))


def status(now: OrchestratorStatus) -> StatusResponse:
    """The response with the state of the system at this moment."""
    return StatusResponse(
        ready=is_ready(now),
        queued=now.queued,
        running=now.running,
        queue_size=now.queue_size,
        wait_s=seconds(now.wait_s),
        throughput=finite(now.throughput),
        adapters=tuple(_adapter(adapter) for adapter in now.adapters),
        breakers=dict(now.breakers),
    )


def is_ready(now: OrchestratorStatus) -> bool:
    """Whether there are adapters and every one is ready."""
    return bool(now.adapters) and all(adapter.ready for adapter in now.adapters)


def scores(adapters: Iterable[ModelCapabilities], model: str) -> dict[str, ScoreJson]:
    """The measured scores of the features of one model."""
    found = (adapter for adapter in adapters if model in adapter.scores)
    return next((_scores(adapter, model) for adapter in found), {})


def _scores(adapter: ModelCapabilities, model: str) -> dict[str, ScoreJson]:
    measured = adapter.scores_of(model)
    return {name: ScoreJson.model_validate(one) for name, one in measured.items()}


def _capabilities(adapter: ModelCapabilities) -> CapabilitiesJson:
    measured = _scores(adapter, adapter.default_model)
    return CapabilitiesJson(
        name=adapter.name,
        operations=tuple(sorted(operation.value for operation in adapter.operations)),
        max_duration_s=adapter.max_duration_s,
        max_bytes=adapter.max_bytes,
        formats=adapter.formats,
        features=tuple(
            FeatureJson(name=name, measured=measured.get(name)) for name in adapter.features
        ),
        models=adapter.models,
        average_latency_s=finite(adapter.average_latency_s),
        throughput=finite(adapter.throughput),
        success_rate=finite(adapter.success_rate),
        samples=adapter.samples,
    )


def _adapter(adapter: AdapterStatus) -> AdapterJson:
    return AdapterJson.model_validate(adapter)
