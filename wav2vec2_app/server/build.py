"""The composition root: settings in, a wired application out. Nothing else builds layers."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from wav2vec2_app.server.adapters.wav2vec2 import Wav2Vec2Adapter
from wav2vec2_app.server.bridge.events import WorkerEventSink, ignore_event
from wav2vec2_app.server.bridge.policy import BridgePolicy, RestartPolicy
from wav2vec2_app.server.bridge.pool import WorkerPool
from wav2vec2_app.server.bridge.recorder import FrameRecorder
from wav2vec2_app.server.bridge.spawn import WorkerSpec
from wav2vec2_app.server.bridge.worker import WorkerBridge
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator
from wav2vec2_app.server.service.limits import StepLimits
from wav2vec2_app.server.service.policy import ModelPolicy, ServicePolicy, WindowPolicy
from wav2vec2_app.server.service.wav2vec2 import Wav2Vec2Service
from wav2vec2_app.server.service.workers import Workers
from wav2vec2_app.settings import Settings
from wav2vec2_app.speech.models import AUTO_MODEL, EMBEDDED

PACKAGE = Path(__file__).parents[1]


def assets_path() -> Path:
    """The folder of checkpoint, examples and page assets: in the package, or beside it."""
    packaged = PACKAGE / "assets"
    return packaged if packaged.is_dir() else PACKAGE.parent / "assets"


@dataclass(frozen=True)
class System:
    """The application below the page: an orchestrator and what it stands on."""

    settings: Settings
    orchestrator: ModelOrchestrator
    service: Wav2Vec2Service


def build_system(
    settings: Settings,
    *,
    on_worker_event: WorkerEventSink = ignore_event,
    sequential_start: bool = False,
) -> System:
    """Wire the layers; nothing starts before ``orchestrator.start()``.

    ``on_worker_event`` gets every start, end and restart of a worker. ``sequential_start``: workers leave a
    processor to the caller while they start (:class:`Workers`).
    """
    recorder = FrameRecorder(settings.record_folder) if settings.record_folder else None
    bridge = partial(_bridge, settings=settings, on_event=on_worker_event, recorder=recorder)
    workers = Workers(
        audio=WorkerPool([bridge("audio", _audio_config(settings), env=ONE_THREAD)]),
        inference=WorkerPool(
            [
                bridge("inference", _inference_config(settings))
                for _ in range(settings.inference_workers)
            ]
        ),
        text=WorkerPool([bridge("text", _text_config(settings), env=ONE_THREAD)]),
        make_download=lambda: WorkerPool([bridge("download", _download_config(settings))]),
        sequential_start=sequential_start,
    )
    service = Wav2Vec2Service(workers, service_policy(settings))
    orchestrator = ModelOrchestrator(
        [Wav2Vec2Adapter(service, settings)],
        queue_size=settings.queue_size,
        concurrency=settings.concurrency,
        live_queue_size=settings.live_sessions,
        operation_timeout_s=settings.longest_operation_s * (settings.concurrency + 1),
        timeout_per_audio_s=0.0,
        breaker_failures=settings.breaker_failures,
        breaker_recovery_s=settings.breaker_recovery_s,
        cache_bytes=settings.cache_bytes,
        cache_s=settings.cache_s,
        cache_shared=settings.cache_shared,
    )
    return System(settings, orchestrator, service)


def service_policy(settings: Settings) -> ServicePolicy:
    """What the service may do."""
    return ServicePolicy(
        limits=StepLimits(
            settings.operation_timeout_s,
            settings.timeout_per_audio_s,
            settings.model_load_timeout_s,
        ),
        windows=WindowPolicy(settings.window_s, settings.window_overlap_s),
        models=ModelPolicy(settings.model, settings.preferred_model, settings.fetch_models),
        greedy=settings.decoder == "greedy",
        max_features_s=settings.features_s,
        memory_limit_bytes=settings.memory_limit_bytes,
    )


def bridge_policy(settings: Settings) -> BridgePolicy:
    """Timeouts and restarts of worker processes."""
    return BridgePolicy(
        start_timeout_s=settings.start_timeout_s,
        ping_interval_s=settings.ping_interval_s,
        ping_timeout_s=settings.ping_timeout_s,
        kill_grace_s=settings.kill_grace_s,
        restarts=RestartPolicy(
            settings.restart_budget, settings.restart_window_s, settings.restart_backoff_s
        ),
    )


def _download_config(settings: Settings) -> dict[str, Any]:
    return {"timeout_s": settings.fetch_timeout_s}


def _audio_config(settings: Settings) -> dict[str, Any]:
    return {"max_duration_s": settings.max_duration_s, "max_bytes": settings.max_bytes}


def _inference_config(settings: Settings) -> dict[str, Any]:
    folders = [str(folder) for folder in settings.model_folders]
    if Path(settings.model).is_dir():
        folders.append(settings.model)
    return {
        "model": settings.model,
        "embedded": str(assets_path() / "model"),
        "preferred": settings.preferred_model,
        "allowed": list(settings.allowed_models),
        "folders": folders,
        "device": settings.device,
        "engine": settings.engine,
        "precision": settings.precision,
        "cache_folder": str(settings.cache_folder),
        "threads": settings.threads or os.cpu_count() or 1,
    }


def _text_config(settings: Settings) -> dict[str, Any]:
    may_be_embedded = settings.model in (AUTO_MODEL, EMBEDDED)
    return {
        "embedded": str(assets_path() / "model"),
        "language_model": str(assets_path() / "lm"),
        "warm_up": may_be_embedded and settings.decoder != "greedy",
    }


WORKER = (
    f"import sys; sys.path = [p for p in sys.path if p] + [{str(PACKAGE.parent)!r}]; "
    "from wav2vec2_app.worker.__main__ import main; sys.exit(main())"
)
"""The worker program. Not ``-m``: that would import from whatever folder the command was given in,
and find nothing where the package is not installed but lies beside ``app.py``."""

ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1"}
"""Features are small matrices: threads for them only take cores from the forward pass."""


def _bridge(
    role: str,
    config: Mapping[str, Any],
    *,
    settings: Settings,
    on_event: WorkerEventSink,
    recorder: FrameRecorder | None,
    env: Mapping[str, str] = MappingProxyType({}),
) -> WorkerBridge:
    argv = (sys.executable, "-c", WORKER, "--role", role, "--config", json.dumps(config))
    return WorkerBridge(
        WorkerSpec(role=role, argv=argv, env={"WAV2VEC2_LOG_LEVEL": settings.log_level, **env}),
        bridge_policy(settings),
        on_event=on_event,
        recorder=recorder,
    )
