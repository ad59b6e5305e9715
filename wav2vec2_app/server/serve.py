"""The server process: the page and the HTTP routes in one application, on one event loop.

The text worker starts before the other layers are imported, which takes seconds, and the other workers after
it: on two cores the page is available a second earlier that way, and the first transcript no later.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn
from pydantic import ValidationError

from wav2vec2_app import __version__
from wav2vec2_app.environment import setting_problems, warn_of_unknown_variables
from wav2vec2_app.errors import Wav2Vec2Error
from wav2vec2_app.server.assets import assets_path
from wav2vec2_app.server.bridge.backend import Backend
from wav2vec2_app.server.events import EventBus
from wav2vec2_app.server.monitoring.logs import configure_logging, log_event
from wav2vec2_app.server.monitoring.metrics import Metrics
from wav2vec2_app.server.pools import process_pool
from wav2vec2_app.server.worker_configs import CONFIGS
from wav2vec2_app.settings import Settings, on_spaces

if TYPE_CHECKING:
    from fastapi import FastAPI

    from wav2vec2_app.server.build import System

logger = logging.getLogger(__name__)

KEEP_ALIVE_S = 30
"""Time after which an idle connection is closed, seconds."""
GRACE_S = 3
"""Time that open connections have to end when the server stops, seconds."""
SWITCH_INTERVAL_S = 0.001
"""How long a thread keeps the interpreter while the event loop waits for it, seconds."""


def main() -> None:
    """Serve with the settings of the environment; those that cannot be used end the program."""
    try:
        settings = Settings()
    except ValidationError as error:
        configure_logging("INFO", as_json=False)
        for variable, message in setting_problems(error):
            logger.critical("%s: %s", variable, message)
        sys.exit(2)
    run(settings)


def run(settings: Settings) -> None:
    """Serve until interrupted; ends the program with a line in the log if the settings cannot be used."""
    configure_logging(settings.log_level, as_json=settings.log_json)
    warn_of_unknown_variables(os.environ)
    logging.getLogger("uvicorn.error").addFilter(_is_not_cancelled)
    metrics, events = Metrics(), EventBus()
    events.subscribe(metrics)
    events.subscribe(log_event)
    if settings.traces:
        _export_traces(events)
    try:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(_serve(settings, events, metrics))
    except Wav2Vec2Error as error:
        logger.critical("%s %s (%s)", error.message, error.hint, error.code)
        sys.exit(2)


@contextlib.asynccontextmanager
async def _started(settings: Settings, events: EventBus) -> AsyncIterator[System]:
    """The system, started; the text worker starts before the system is imported."""
    first: Backend | None = None
    if settings.backend == "local":
        make, environment = CONFIGS["text"]
        config = make(settings, assets_path())
        first = process_pool(settings, "text", config, environment, on_event=events.publish)
        await first.start()
    try:
        system = await asyncio.to_thread(_build, settings, events, first)
    except BaseException:
        if first is not None:
            await first.stop()
        raise
    await system.start()
    try:
        yield system
    finally:
        await system.stop()


def _build(settings: Settings, events: EventBus, first: Backend | None) -> System:
    """The system; raises a Wav2Vec2Error if the settings cannot be used."""
    from wav2vec2_app.server.build import build_system

    if settings.mcp:
        from wav2vec2_app.server.ui.mcp_import import require_mcp

        require_mcp()
    with without_collection():
        return build_system(settings, events=events, first=first)


def create_app(system: System, metrics: Metrics) -> FastAPI:
    """The application over a system: routes first, then the page at the root.

    The caller starts and stops the system.
    """
    from fastapi import FastAPI
    from starlette.middleware.gzip import GZipMiddleware
    from starlette.routing import Mount
    from starlette.staticfiles import StaticFiles

    from wav2vec2_app.server.api import add_routes, errors
    from wav2vec2_app.server.api.access import Access
    from wav2vec2_app.server.api.compression import CompressPage
    from wav2vec2_app.server.api.history_key import HistoryKeys
    from wav2vec2_app.server.ui.languages import Languages
    from wav2vec2_app.server.ui.localized_page import localize
    from wav2vec2_app.server.ui.page import build_page, load_examples, modules_path, mount_page

    orchestrator, settings = system.orchestrator, system.settings
    app = FastAPI(title="wav2vec2_app", version=__version__)
    add_routes(
        app,
        orchestrator,
        settings,
        render_metrics=metrics.render,
        metrics_content_type=metrics.content_type,
        history=system.history,
        batches=system.batches,
    )
    assets = assets_path()
    _add_status_view(app, system, metrics, assets)
    examples = load_examples(assets / "examples")
    page = build_page(orchestrator, settings, examples=examples, assets=assets)
    scripts = assets / "ui"
    modules = GZipMiddleware(StaticFiles(directory=scripts / "modules"), minimum_size=500)
    app.mount(modules_path(scripts), modules, name="modules")
    app = mount_page(app, page, settings, assets=assets)
    localize(page, orchestrator, settings, examples=examples, assets=assets)
    for mounted in app.routes:
        if isinstance(mounted, Mount) and isinstance(mounted.app, FastAPI):
            errors.install(mounted.app)  # uploads to the page can meet a full disk too
    app.add_middleware(CompressPage)
    app.add_middleware(HistoryKeys)
    app.add_middleware(Languages)
    app.add_middleware(Access, settings=settings)
    return app


def _export_traces(events: EventBus) -> None:
    """Subscribe to the events with OpenTelemetry, if it is installed."""
    try:
        from wav2vec2_app.server.monitoring.traces import export_traces

        events.subscribe(export_traces())
    except ImportError as error:
        logger.error("traces are disabled: install wav2vec2-app[otel] (%s)", error)


def _add_status_view(app: FastAPI, system: System, metrics: Metrics, assets: Path) -> None:
    """The status view, and the metrics of the state of the system."""
    from wav2vec2_app.server.api import status_page
    from wav2vec2_app.server.monitoring.history import History
    from wav2vec2_app.server.ui import status_view

    history, status = History(), system.orchestrator.status
    system.events.subscribe(history)
    metrics.observe(status)
    app.include_router(
        status_page.router(
            lambda: status_view.page(status(), history, assets),
            lambda: status_view.view(status(), history),
        )
    )


async def _serve(settings: Settings, events: EventBus, metrics: Metrics) -> None:
    with contextlib.ExitStack() as at_end:
        async with _started(settings, events) as system:
            from wav2vec2_app.server.ui.gradio_internals import own_upload_folder

            at_end.enter_context(own_upload_folder(os.environ))
            favour_event_loop()
            with without_collection():
                app = await asyncio.to_thread(create_app, system, metrics)
            await _Server(_config(app, settings), system, at_end).serve()


def favour_event_loop() -> None:
    """Have threads that render long transcripts give way to the event loop sooner than after 5 ms.

    A request needs the interpreter several times, and waits for it each time.
    """
    sys.setswitchinterval(SWITCH_INTERVAL_S)


@contextlib.contextmanager
def without_collection() -> Iterator[None]:
    """Exclude the objects created inside from garbage collection: they stay until the process ends.

    Saves a tenth of the start time, and later the pauses of collecting the 140,000 objects of Gradio.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _config(app: FastAPI, settings: Settings) -> uvicorn.Config:
    from wav2vec2_app.server.api.live_connection import MAX_READ_BYTES

    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_level="warning",
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
        ws_max_size=MAX_READ_BYTES,
        ws_per_message_deflate=False,  # does not make audio smaller
        proxy_headers=on_spaces(),
        forwarded_allow_ips="*" if on_spaces() else None,
    )


def _is_not_cancelled(record: logging.LogRecord) -> bool:
    """Leave out the traceback of each connection that was still open when the server stopped."""
    return not (record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError))


class _Server(uvicorn.Server):
    """Prints its address once it accepts connections; stops the system and closes ``at_end`` at the end.

    A signal that ended the server is raised again after :meth:`shutdown`, so code after ``serve()`` may not
    run.
    """

    def __init__(
        self, config: uvicorn.Config, system: System, at_end: contextlib.ExitStack
    ) -> None:
        super().__init__(config)
        self._system = system
        self._at_end = at_end

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        await self._system.stop()
        self._at_end.close()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            port = self.servers[0].sockets[0].getsockname()[1]
            print(f"Open http://{self.config.host}:{port}", flush=True)  # noqa: T201 - the address
