"""What is served: the page and the routes in one application, in one event loop.

The workers are started first and get ready while Gradio, which takes seconds to import, is
imported beside them: one worker, then the others, so that on two cores the page is there a second sooner
and nobody waits longer for words.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import uvicorn

from wav2vec2_app import __version__
from wav2vec2_app.server.build import System, assets_path, build_system
from wav2vec2_app.server.monitoring.logs import configure_logging, log_event
from wav2vec2_app.server.monitoring.metrics import Metrics
from wav2vec2_app.settings import Settings, on_spaces

if TYPE_CHECKING:
    from fastapi import FastAPI

KEEP_ALIVE_S = 30
"""How long an idle connection is kept open, seconds."""
GRACE_S = 3
"""How long open connections may take to end when the server stops, seconds."""


def run(settings: Settings) -> None:
    """Serve until interrupted."""
    configure_logging(settings.log_level, as_json=settings.log_json)
    logging.getLogger("uvicorn.error").addFilter(_not_cut_off)
    metrics = Metrics()
    with contextlib.suppress(KeyboardInterrupt):
        system = build_system(settings, sequential_start=True)
        system.events.subscribe(metrics)
        system.events.subscribe(log_event)
        asyncio.run(_serve(system, metrics))


def create_app(system: System, metrics: Metrics) -> FastAPI:
    """The application over a system: routes first, then the page at the root.

    Starting and stopping the system is the caller's part.
    """
    from fastapi import FastAPI

    from wav2vec2_app.server.api import add_routes
    from wav2vec2_app.server.ui.page import build_page, load_examples, mount_page

    orchestrator, settings = system.orchestrator, system.settings
    app = FastAPI(title="wav2vec2_app", version=__version__)
    add_routes(
        app,
        orchestrator,
        settings,
        render_metrics=metrics.render,
        metrics_content_type=metrics.content_type,
    )
    assets = assets_path()
    examples = load_examples(assets / "examples")
    page = build_page(orchestrator, settings, examples=examples, assets=assets)
    mounted: FastAPI = mount_page(app, page, settings, assets=assets)
    return mounted


async def _serve(system: System, metrics: Metrics) -> None:
    await system.orchestrator.start()
    try:
        with _lasting():
            app = await asyncio.to_thread(create_app, system, metrics)
        await _Server(_config(app, system.settings), system).serve()
    finally:
        await system.orchestrator.stop()


@contextlib.contextmanager
def _lasting() -> Iterator[None]:
    """What is imported and built inside stays until the end: the collector need not look at it, now or later.

    Saves a tenth of the time that this takes, and the pauses that looking at the 140,000 objects of Gradio
    would cost requests.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _config(app: Any, settings: Settings) -> uvicorn.Config:
    from wav2vec2_app.server.api import live

    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_level="warning",
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
        ws_max_size=live.CUT_OFF_BYTES,
        ws_per_message_deflate=False,  # speech does not get smaller, and it would cost time
        proxy_headers=on_spaces(),
        forwarded_allow_ips="*" if on_spaces() else None,
    )


def _not_cut_off(record: logging.LogRecord) -> bool:
    """Leave out the traceback of each open connection that the end of the server cut off."""
    return not (record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError))


class _Server(uvicorn.Server):
    """Tells the address once it can be opened, and stops the system in good order.

    A signal that ended the server is raised again after :meth:`shutdown`, so nothing after
    ``serve()`` can be relied on.
    """

    def __init__(self, config: uvicorn.Config, system: System) -> None:
        super().__init__(config)
        self._system = system

    async def shutdown(self, sockets: Any = None) -> None:
        await super().shutdown(sockets)
        await self._system.orchestrator.stop()

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        if self.started:
            port = self.servers[0].sockets[0].getsockname()[1]
            print(f"Open http://{self.config.host}:{port}", flush=True)  # noqa: T201 - the address
