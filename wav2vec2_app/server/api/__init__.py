"""HTTP and WebSocket interfaces: health, metrics, OpenAI-compatible transcription, live captions."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import FastAPI

from wav2vec2_app.server.api import cors, descriptions, errors, health, live, models, openai
from wav2vec2_app.server.api.batches import batch_router
from wav2vec2_app.server.api.comparisons import comparison_router
from wav2vec2_app.server.api.history import history_router
from wav2vec2_app.server.api.history_corrections import history_corrections_router
from wav2vec2_app.server.api.history_searches import history_search_router
from wav2vec2_app.server.api.layers import layers_router
from wav2vec2_app.server.api.schemas import schema_router
from wav2vec2_app.server.api.searches import search_router
from wav2vec2_app.server.batches.runner import BatchRunner
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator
from wav2vec2_app.server.storage.recorder import HistoryRecorder
from wav2vec2_app.settings import Settings


def add_routes(
    app: FastAPI,
    orchestrator: ModelOrchestrator,
    settings: Settings,
    *,
    render_metrics: Callable[[], bytes],
    metrics_content_type: str,
    history: HistoryRecorder | None = None,
    batches: BatchRunner | None = None,
) -> None:
    """Add all routes to ``app``; call it before the page is mounted at ``/``.

    ``render_metrics`` returns the metrics in the format ``metrics_content_type``.
    """
    errors.install(app)
    app.add_middleware(cors.ApiCors, origins=settings.trusted_origins)
    app.include_router(health.router(orchestrator, render_metrics, metrics_content_type))
    app.include_router(openai.router(orchestrator, settings))
    app.include_router(comparison_router(orchestrator, settings))
    app.include_router(search_router(orchestrator, settings, history))
    app.include_router(layers_router(orchestrator, settings))
    app.include_router(descriptions.router(orchestrator, settings))
    app.include_router(models.router(orchestrator))
    app.include_router(schema_router())
    app.include_router(history_router(orchestrator, history))
    app.include_router(history_corrections_router(history))
    app.include_router(history_search_router(orchestrator, settings, history))
    app.include_router(batch_router(orchestrator, settings, batches))
    if settings.live_sessions:
        app.include_router(live.router(orchestrator, settings))
