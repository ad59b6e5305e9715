"""The start of the workers while the server process builds the page."""

from __future__ import annotations

import asyncio

import pytest

from wav2vec2_app.errors import TimedOutError
from wav2vec2_app.server.build import System, build_system, local_pool
from wav2vec2_app.server.deadline import settles
from wav2vec2_app.server.events import Event, EventBus, WorkerEvent
from wav2vec2_app.server.service import workers
from wav2vec2_app.settings import Settings


def sequential_system() -> System:
    """A system whose text worker starts before the others."""
    settings = Settings(fetch_models=False, model="embedded")
    events = EventBus()
    first = local_pool(settings, "text", on_event=events.publish)
    return build_system(settings, events=events, first=first)


async def workers_ready() -> list[str]:
    """The roles in the order in which their processes got ready, started sequentially."""
    events: list[Event] = []
    system = sequential_system()
    system.events.subscribe(events.append)
    await system.orchestrator.start()
    try:
        await system.service.wait_ready()
    finally:
        await system.orchestrator.stop()
    return [e.role for e in events if isinstance(e, WorkerEvent) and e.kind == "ready"]


async def test_text_worker_is_ready_before_the_others_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(workers, "HEAD_START_S", 60.0)  # however busy the machine is

    first, *others = await workers_ready()

    assert first == "text"
    assert sorted(others) == ["audio", "inference"]


@pytest.mark.slow
async def test_others_start_after_the_head_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "HEAD_START_S", 0.0)
    service = sequential_system().service
    never_ready = asyncio.Event()

    async def wait_ready(timeout_s: float) -> None:
        if not await settles(asyncio.ensure_future(never_ready.wait()), timeout_s):
            raise TimedOutError("not ready")

    monkeypatch.setattr(service._workers.text, "wait_ready", wait_ready)
    await service.initialize()
    try:
        await service._workers.inference.wait_ready()
    finally:
        never_ready.set()
        await service.dispose()
