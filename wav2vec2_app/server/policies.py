"""Policies: what each layer may do, made from the settings in one place."""

from __future__ import annotations

from wav2vec2_app.server.adapters.base import AudioLimits
from wav2vec2_app.server.adapters.retry import RetryPolicy
from wav2vec2_app.server.bridge.policy import BridgePolicy, RestartPolicy
from wav2vec2_app.server.clients import ClientPolicy
from wav2vec2_app.server.orchestrator.breaker import BreakerPolicy, monitored_operations
from wav2vec2_app.server.orchestrator.cache import CachePolicy
from wav2vec2_app.server.orchestrator.orchestrator import OrchestratorPolicy
from wav2vec2_app.server.orchestrator.queue import QueuePolicy
from wav2vec2_app.server.orchestrator.routing import RoutingPolicy
from wav2vec2_app.server.orchestrator.slots import ResourceLimits
from wav2vec2_app.server.service.limits import StepLimits
from wav2vec2_app.server.service.policy import ModelPolicy, ServicePolicy, WindowPolicy
from wav2vec2_app.server.service.whisper_models import WhisperPolicy
from wav2vec2_app.settings import Settings
from wav2vec2_app.speech.models import AUTO_MODEL

LIVE_CONCURRENCY = 2
"""Live passes that run at the same time."""


def orchestrator_policy(settings: Settings) -> OrchestratorPolicy:
    """Bounds of the queues, the circuit breakers and the cache."""
    monitored = monitored_operations(settings.monitored_operations)
    return OrchestratorPolicy(
        queue=QueuePolicy(settings.queue_size, settings.concurrency),
        live_queue=QueuePolicy(settings.live_sessions, LIVE_CONCURRENCY),
        breaker=BreakerPolicy(settings.breaker_failures, settings.breaker_recovery_s, monitored),
        retry=RetryPolicy(settings.retry_attempts, settings.retry_backoff_s, settings.retry_budget),
        routing=RoutingPolicy(settings.routing, settings.adapter_concurrency),
        resources=ResourceLimits(settings.memory_limit_bytes, settings.running_audio_s or None),
        cache=CachePolicy(settings.cache_bytes, settings.cache_s, settings.cache_shared),
        clients=ClientPolicy(settings.client_tasks, settings.client_bytes),
    )


def audio_limits(settings: Settings) -> AudioLimits:
    """Largest audio that is accepted."""
    return AudioLimits(settings.max_duration_s, settings.max_bytes)


def service_policy(settings: Settings) -> ServicePolicy:
    """What the service may do."""
    return ServicePolicy(
        limits=StepLimits(
            settings.operation_timeout_s,
            settings.timeout_per_audio_s,
            settings.model_load_timeout_s,
        ),
        windows=WindowPolicy(settings.window_s, settings.window_overlap_s),
        models=ModelPolicy(
            ctc_model(settings),
            settings.preferred_model,
            settings.fetch_models,
            settings.preload_models,
            settings.model_idle_s,
        ),
        greedy=settings.decoder == "greedy",
        max_features_s=settings.features_s,
        memory_limit_bytes=settings.memory_limit_bytes,
    )


def whisper_policy(settings: Settings) -> WhisperPolicy:
    """Which Whisper models may answer."""
    return WhisperPolicy.of(
        settings.model,
        allowed=settings.whisper_models,
        folders=settings.model_folders,
        download=settings.fetch_models,
    )


def ctc_model(settings: Settings) -> str:
    """The default model of the wav2vec2 adapter, also where a Whisper model answers by default."""
    return AUTO_MODEL if whisper_policy(settings).default else settings.model


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
