"""The composition root: makes policies from settings and wires the layers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from wav2vec2_app.server.adapters.base import ModelAdapter
from wav2vec2_app.server.adapters.gama import GamaPolicy, gama_adapters
from wav2vec2_app.server.adapters.scores import read_scores
from wav2vec2_app.server.adapters.speakers import SpeakersAdapter
from wav2vec2_app.server.adapters.wav2vec2 import Wav2Vec2Adapter
from wav2vec2_app.server.adapters.whisper import WhisperAdapter
from wav2vec2_app.server.assets import assets_path
from wav2vec2_app.server.batches.records import BatchBounds
from wav2vec2_app.server.batches.runner import BatchRunner
from wav2vec2_app.server.batches.store import BatchStore
from wav2vec2_app.server.bridge.backend import Backend
from wav2vec2_app.server.bridge.pool import WorkerPool
from wav2vec2_app.server.bridge.ray_or_error import ray_remotes
from wav2vec2_app.server.bridge.remote import RemoteBackend
from wav2vec2_app.server.bridge.remote_downloads import RemoteDownloads
from wav2vec2_app.server.events import EventBus, WorkerEventSink, ignore_event
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator
from wav2vec2_app.server.policies import (
    audio_limits,
    bridge_policy,
    orchestrator_policy,
    service_policy,
    whisper_policy,
)
from wav2vec2_app.server.pools import process_pool
from wav2vec2_app.server.service.client import WorkerClient
from wav2vec2_app.server.service.speakers import SpeakersService
from wav2vec2_app.server.service.wav2vec2 import Wav2Vec2Service
from wav2vec2_app.server.service.whisper import WhisperService
from wav2vec2_app.server.service.whisper_models import WhisperModels
from wav2vec2_app.server.service.word_times import WordTimes
from wav2vec2_app.server.service.workers import Workers
from wav2vec2_app.server.storage.history import HistoryPolicy, HistoryStore
from wav2vec2_app.server.storage.recorder import HistoryRecorder
from wav2vec2_app.server.worker_configs import (
    CONFIGS,
    NO_ENV,
    Config,
    Env,
    speakers_config,
    whisper_config,
)
from wav2vec2_app.settings import Settings

MakeBackend: TypeAlias = Callable[[str], Backend]
"""Makes the workers of a role."""


@dataclass(frozen=True)
class System:
    """The application without its interfaces; ``events`` is where sinks subscribe.

    ``history`` and ``batches`` are ``None`` where they are disabled. Commands start the orchestrator alone.
    """

    settings: Settings
    orchestrator: ModelOrchestrator
    service: Wav2Vec2Service
    events: EventBus
    history: HistoryRecorder | None = None
    batches: BatchRunner | None = None

    async def start(self) -> None:
        """Start everything that a server has."""
        await self.orchestrator.start()
        for part in (self.history, self.batches):
            if part is not None:
                await part.start()

    async def stop(self) -> None:
        """End every task, and store what has finished."""
        if self.batches is not None:
            await self.batches.stop()
        await self.orchestrator.stop()
        if self.history is not None:
            await self.history.stop()


def build_system(
    settings: Settings, *, events: EventBus | None = None, first: Backend | None = None
) -> System:
    """Wire the layers; nothing starts before ``orchestrator.start()``.

    ``first``: the pool of the text worker, already started, whose events go to ``events``. The other
    workers then start after it, to leave a processor to the caller (:class:`Workers`).
    """
    events = events or EventBus()
    workers = _workers(settings, events, first)
    service = Wav2Vec2Service(workers, service_policy(settings))
    adapters = _adapters(settings, workers, service)
    orchestrator = ModelOrchestrator(adapters, orchestrator_policy(settings), events=events)
    history = _history(settings)
    if history is not None:
        events.subscribe(history)
    return System(
        settings, orchestrator, service, events, history, _batches(settings, orchestrator)
    )


def _batches(settings: Settings, orchestrator: ModelOrchestrator) -> BatchRunner | None:
    if not settings.batch_bytes:
        return None
    policy = BatchBounds(settings.history_s, settings.batch_bytes, settings.batch_files)
    store = BatchStore(settings.storage_folder, policy)
    return BatchRunner(store, orchestrator, slots=max(1, settings.concurrency - 1))


def _history(settings: Settings) -> HistoryRecorder | None:
    if not settings.history_bytes:
        return None
    policy = HistoryPolicy(settings.history_s, settings.history_bytes)
    return HistoryRecorder(HistoryStore(settings.storage_folder, policy))


# --- recognisers ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Recogniser:
    """A model beside wav2vec2: its worker role, which starts when it is needed, and its adapter.

    ``answers_auto``: whether it answers requests that name no model.
    """

    role: str
    config: Config
    make_adapter: Callable[[Backend, Workers, Wav2Vec2Service], ModelAdapter]
    answers_auto: bool = False


def recognisers(settings: Settings) -> list[Recogniser]:
    """The other recognisers, in order of preference."""
    found: list[Recogniser] = []
    whisper = whisper_policy(settings)
    if whisper.allowed or whisper.folders:
        config, make = whisper_config(settings, whisper), partial(_whisper_adapter, settings)
        found.append(Recogniser("whisper", config, make, bool(whisper.default)))
    speakers = partial(_speakers_adapter, settings)
    return [*found, Recogniser("speakers", speakers_config(settings), speakers)]


def _adapters(settings: Settings, workers: Workers, service: Wav2Vec2Service) -> list[ModelAdapter]:
    scores = read_scores(assets_path() / "scores.json")
    adapters: list[ModelAdapter] = [Wav2Vec2Adapter(service, audio_limits(settings), scores=scores)]
    for recogniser, pool in zip(recognisers(settings), workers.others, strict=True):
        at = 0 if recogniser.answers_auto else len(adapters)
        adapters.insert(at, recogniser.make_adapter(pool, workers, service))
    limits = audio_limits(settings), GamaPolicy(timeout_s=settings.gama_timeout_s)
    return adapters + gama_adapters(settings.gama_url, service.encode_wav, *limits)


def _whisper_adapter(
    settings: Settings, pool: Backend, workers: Workers, service: Wav2Vec2Service
) -> WhisperAdapter:
    client = WorkerClient(pool, service_policy(settings).limits)
    models = WhisperModels(whisper_policy(settings), workers.make_download)
    whisper = WhisperService(client, models, WordTimes(service))
    return WhisperAdapter(whisper, pool, audio_limits(settings))


def _speakers_adapter(
    settings: Settings, pool: Backend, _: Workers, __: Wav2Vec2Service
) -> SpeakersAdapter:
    client = WorkerClient(pool, service_policy(settings).limits)
    return SpeakersAdapter(SpeakersService(client), pool, audio_limits(settings))


# --- workers -------------------------------------------------------------------------------------


def _workers(settings: Settings, events: EventBus, first: Backend | None) -> Workers:
    publish, others = events.publish, tuple(other.role for other in recognisers(settings))
    make: MakeBackend = partial(local_pool, settings, on_event=publish)
    if settings.backend == "ray":
        make = _ray_backends(settings, publish)
    return Workers(
        audio=make("audio"),
        inference=make("inference"),
        text=first or make("text"),
        make_download=partial(make, "download"),
        others=tuple(make(role) for role in others),
        sequential_start=first is not None,
    )


def local_pool(
    settings: Settings, role: str, *, on_event: WorkerEventSink = ignore_event
) -> WorkerPool:
    """The workers of a role as processes of this machine; nothing is started."""
    config, env = _worker_config(settings, role)
    return process_pool(settings, role, config, env, on_event=on_event)


def _ray_backends(settings: Settings, on_event: WorkerEventSink) -> MakeBackend:
    """The workers of each role as replicas on a Ray cluster; nothing is connected."""
    remote = ray_remotes(settings.ray_address)
    policy = bridge_policy(settings)

    def backend(role: str) -> Backend:
        if role == "speakers":  # too seldom used for replicas of its own
            return local_pool(settings, role, on_event=on_event)
        if role == "download":
            return RemoteDownloads({"ctc": remote("inference"), "whisper": remote("whisper")})
        on_demand = role not in CONFIGS
        return RemoteBackend(role, remote(role), policy, on_event=on_event, on_demand=on_demand)

    return backend


def _worker_config(settings: Settings, role: str) -> tuple[Config, Env]:
    if role in CONFIGS:
        make, env = CONFIGS[role]
        return make(settings, assets_path()), env
    [config] = [other.config for other in recognisers(settings) if other.role == role]
    return config, NO_ENV
