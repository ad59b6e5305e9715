"""Plain HTTP: health, metrics, the OpenAI-compatible transcription routes, and live captions."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import FastAPI

from wav2vec2_app.server.api import errors, health, live, openai
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator
from wav2vec2_app.settings import Settings


def add_routes(
    app: FastAPI,
    orchestrator: ModelOrchestrator,
    settings: Settings,
    *,
    render_metrics: Callable[[], bytes],
    metrics_content_type: str,
) -> None:
    """Give ``app`` all plain routes; call it before the page is mounted over the rest of ``/``.

    ``render_metrics`` gives the metrics as a scraper reads them, in ``metrics_content_type``.
    """
    errors.install(app)
    app.include_router(health.router(orchestrator, render_metrics, metrics_content_type))
    app.include_router(openai.router(orchestrator, settings))
    if settings.live_sessions:
        app.include_router(live.router(orchestrator, settings))
