"""The JSON of the system: what the adapters can do, and their state at this moment."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import FiniteFloat

from wav2vec2_app.server.schema.base import JsonModel, finite, seconds
from wav2vec2_app.server.schema.recording import ModelJson
from wav2vec2_app.server.status import AdapterStatus, ModelCapabilities, OrchestratorStatus


class CapabilitiesJson(JsonModel):
    """What one adapter can do; the last four are measured over its last ``samples`` operations."""

    name: str
    operations: tuple[str, ...]
    max_duration_s: FiniteFloat
    max_bytes: int
    formats: tuple[str, ...]
    features: tuple[str, ...]
    models: tuple[str, ...]
    average_latency_s: FiniteFloat | None
    throughput: FiniteFloat | None
    success_rate: FiniteFloat | None
    samples: int


class CapabilitiesResponse(JsonModel):
    """Response of ``/capabilities``."""

    adapters: tuple[CapabilitiesJson, ...]


class ProcessMemoryJson(JsonModel):
    """Resident memory of one process."""

    name: str
    pid: int
    rss_bytes: int
    peak_rss_bytes: int


class MemoryJson(JsonModel):
    """Resident memory of all processes, and the limit."""

    processes: tuple[ProcessMemoryJson, ...]
    total_rss_bytes: int
    limit_bytes: int
    model_bytes: int


class WorkerJson(JsonModel):
    """One worker process."""

    role: str
    state: str
    pid: int | None
    restarts: int
    in_flight: int


class ModelChoiceJson(JsonModel):
    """A model that a request may name; ``ready`` means its weights are on this machine."""

    name: str
    label: str
    ready: bool


class AdapterJson(JsonModel):
    """The state of one adapter; ``notices`` are sentences for the user."""

    name: str
    ready: bool
    model: ModelJson | None
    choices: tuple[ModelChoiceJson, ...]
    workers: tuple[WorkerJson, ...]
    memory: MemoryJson | None
    notices: tuple[str, ...]


class StatusResponse(JsonModel):
    """Response of ``/status``.

    ``wait_s`` is how long a new request would wait; ``throughput`` is seconds of audio per second.
    """

    ready: bool
    queued: int
    running: int
    queue_size: int
    wait_s: FiniteFloat
    throughput: FiniteFloat | None
    adapters: tuple[AdapterJson, ...]
    breakers: dict[str, str]


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


def _capabilities(adapter: ModelCapabilities) -> CapabilitiesJson:
    return CapabilitiesJson(
        name=adapter.name,
        operations=tuple(sorted(operation.value for operation in adapter.operations)),
        max_duration_s=adapter.max_duration_s,
        max_bytes=adapter.max_bytes,
        formats=adapter.formats,
        features=adapter.features,
        models=adapter.models,
        average_latency_s=finite(adapter.average_latency_s),
        throughput=finite(adapter.throughput),
        success_rate=finite(adapter.success_rate),
        samples=adapter.samples,
    )


def _adapter(adapter: AdapterStatus) -> AdapterJson:
    return AdapterJson.model_validate(adapter)
