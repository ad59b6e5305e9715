"""The page and the routes over a fake model, in a thread: starts in a moment, and needs no workers."""

from __future__ import annotations

import asyncio
import queue
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from tests.doubles import FakeAdapter, make_policy
from wav2vec2_app.errors import InputError
from wav2vec2_app.server.batches.records import BatchBounds
from wav2vec2_app.server.batches.runner import BatchRunner
from wav2vec2_app.server.batches.store import BatchStore
from wav2vec2_app.server.build import System
from wav2vec2_app.server.monitoring.metrics import Metrics
from wav2vec2_app.server.operations import Operation
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator
from wav2vec2_app.server.results import Report, TaskResult, ignore_progress
from wav2vec2_app.server.serve import create_app
from wav2vec2_app.server.storage.history import HistoryPolicy, HistoryStore
from wav2vec2_app.server.storage.recorder import HistoryRecorder
from wav2vec2_app.server.tasks import ModelTask
from wav2vec2_app.settings import Settings

START_S = 120
BROKEN = "broken"
"""Files whose names begin so cannot be transcribed; the others have the words of their name."""


class NameAdapter(FakeAdapter):
    """Transcribes a file as its name, unless that begins with :data:`BROKEN`."""

    async def handle_task(self, task: ModelTask, report: Report = ignore_progress) -> TaskResult:
        source = task.task.source
        if task.operation is Operation.PROBE and source and source.name.startswith(BROKEN):
            raise InputError("This is not audio.", code="audio.broken", hint="Send another file.")
        if task.operation is Operation.DRAW:
            return TaskResult(Operation.DRAW, ())  # the page has places for the real ones only
        return await super().handle_task(task, report)


def make_system(folder: Path) -> System:
    """A system whose history and batches are in ``folder``."""
    settings = Settings(model="embedded", fetch_models=False, storage_folder=folder)
    orchestrator = ModelOrchestrator(
        [NameAdapter(duration_s=2.0)], make_policy(cache_bytes=1 << 24)
    )
    history = HistoryRecorder(HistoryStore(folder, HistoryPolicy()))
    orchestrator.events.subscribe(history)
    batches = BatchRunner(BatchStore(folder, BatchBounds()), orchestrator)
    return System(settings, orchestrator, None, orchestrator.events, history, batches)  # type: ignore[arg-type]


class _Server(uvicorn.Server):
    """Calls ``on_start`` with its port."""

    def __init__(self, config: uvicorn.Config, on_start: Callable[[int], None]) -> None:
        super().__init__(config)
        self._on_start = on_start

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_start(self.servers[0].sockets[0].getsockname()[1])


@contextmanager
def fake_server(folder: Path) -> Iterator[str]:
    """The address of a running server."""
    system = make_system(folder)
    ports: queue.Queue[int] = queue.Queue()
    servers: list[_Server] = []

    async def serve() -> None:
        await system.start()
        config = uvicorn.Config(create_app(system, Metrics()), port=0, log_level="warning")
        servers.append(_Server(config, ports.put))
        await servers[0].serve()
        await system.stop()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    port = ports.get(timeout=START_S)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        servers[0].should_exit = True
        thread.join(timeout=START_S)
