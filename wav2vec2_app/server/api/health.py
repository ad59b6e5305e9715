"""Routes for machines that watch over the server: alive, ready, metrics."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from wav2vec2_app.server import schema
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator


def router(
    orchestrator: ModelOrchestrator,
    render_metrics: Callable[[], bytes],
    metrics_content_type: str,
) -> APIRouter:
    """``/healthz``, ``/readyz`` and ``/metrics``."""
    routes = APIRouter(tags=["health"])

    @routes.get("/healthz")
    async def alive() -> dict[str, str]:
        """The server answers."""
        return {"status": "ok"}

    @routes.get("/readyz")
    async def ready() -> JSONResponse:
        """Every adapter takes work (200), or not yet or no more (503)."""
        now = orchestrator.status()
        adapters = {adapter.name: adapter.ready for adapter in now.adapters}
        is_ready = schema.is_ready(now)
        body = {
            "status": "ready" if is_ready else "not ready",
            "adapters": adapters,
            "workers": [
                {"role": worker.role, "state": worker.state, "restarts": worker.restarts}
                for adapter in now.adapters
                for worker in adapter.workers
            ],
        }
        return JSONResponse(body, 200 if is_ready else 503)

    @routes.get("/metrics")
    async def metrics() -> Response:
        """Counters and histograms in Prometheus' text format."""
        return Response(render_metrics(), media_type=metrics_content_type)

    return routes
