"""Routes for monitoring: liveness, readiness and metrics."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from wav2vec2_app.server import schema
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator
from wav2vec2_app.server.status import OrchestratorStatus


def router(
    orchestrator: ModelOrchestrator,
    render_metrics: Callable[[], bytes],
    metrics_content_type: str,
) -> APIRouter:
    """``/healthz`` (also as ``/health``), ``/readyz`` and ``/metrics``."""
    routes = APIRouter(tags=["health"])

    @routes.get("/health", include_in_schema=False)
    @routes.get("/healthz")
    async def healthz() -> dict[str, str]:
        """Liveness: the server responds."""
        return {"status": "ok"}

    @routes.get("/readyz")
    async def readyz() -> JSONResponse:
        """Readiness: 200 if every adapter is ready, otherwise 503."""
        now = orchestrator.status()
        return JSONResponse(_readiness(now), 200 if schema.is_ready(now) else 503)

    @routes.get("/metrics")
    async def metrics() -> Response:
        """Counters and histograms in the Prometheus text format."""
        return Response(render_metrics(), media_type=metrics_content_type)

    return routes


def _readiness(now: OrchestratorStatus) -> schema.JsonObject:
    return {
        "status": "ready" if schema.is_ready(now) else "not ready",
        "adapters": {adapter.name: adapter.ready for adapter in now.adapters},
        "workers": [
            {"role": worker.role, "state": worker.state, "restarts": worker.restarts}
            for adapter in now.adapters
            for worker in adapter.workers
        ],
    }
