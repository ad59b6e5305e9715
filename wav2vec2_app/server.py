"""What is served: the page and the routes in one application, in one event loop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI

from wav2vec2_app import __version__
from wav2vec2_app.api import add_routes
from wav2vec2_app.build import assets_path, build_system
from wav2vec2_app.monitoring.logs import configure_logging, log_task
from wav2vec2_app.monitoring.metrics import TaskMetrics
from wav2vec2_app.settings import Settings, on_spaces
from wav2vec2_app.ui.page import build_page, load_examples, mount_page

log = logging.getLogger(__name__)

KEEP_ALIVE_S = 30
GRACE_S = 3
"""How long open connections may take to end when the server stops, seconds."""


def create_app(settings: Settings) -> FastAPI:
    """The application: routes first, then the page at the root; workers live as long as it does."""
    system = build_system(settings)
    orchestrator = system.orchestrator
    metrics = TaskMetrics()
    orchestrator.subscribe(metrics)
    orchestrator.subscribe(log_task)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await orchestrator.start()
        try:
            yield
        finally:
            await orchestrator.stop()

    app = FastAPI(title="wav2vec2_app", version=__version__, lifespan=lifespan)
    add_routes(
        app,
        orchestrator,
        settings,
        render_metrics=metrics.render,
        metrics_content_type=metrics.content_type,
    )
    assets = assets_path()
    page = build_page(
        orchestrator, settings, examples=load_examples(assets / "examples"), assets=assets
    )
    mounted: FastAPI = mount_page(app, page, settings, assets=assets)
    return mounted


def run(settings: Settings) -> None:
    """Serve until interrupted."""
    configure_logging(settings)
    logging.getLogger("uvicorn.error").addFilter(_not_cut_off)
    config = uvicorn.Config(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        log_level="warning",
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
        proxy_headers=on_spaces(),
        forwarded_allow_ips="*" if on_spaces() else None,
    )
    _Server(config).run()


def _not_cut_off(record: logging.LogRecord) -> bool:
    """Leave out the traceback of each open connection that the end of the server cut off."""
    return not (record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError))


class _Server(uvicorn.Server):
    """Tells the address once it can be opened."""

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        await super().startup(sockets)  # type: ignore[arg-type]
        if self.started:
            port = self.servers[0].sockets[0].getsockname()[1]
            print(f"Open http://{self.config.host}:{port}", flush=True)  # noqa: T201 - the address
