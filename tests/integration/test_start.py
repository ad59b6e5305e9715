"""The start of workers while the server builds its page."""

from __future__ import annotations

import asyncio

import pytest

from wav2vec2_app.errors import TimedOutError
from wav2vec2_app.server.bridge.events import WorkerEvent
from wav2vec2_app.server.build import build_system
from wav2vec2_app.server.deadline import settles
from wav2vec2_app.server.service import workers
from wav2vec2_app.settings import Settings


async def workers_ready() -> list[str]:
    """The roles in the order in which their processes got ready, in a sequential start."""
    events: list[WorkerEvent] = []
    settings = Settings(fetch_models=False, model="embedded")
    system = build_system(settings, on_worker_event=events.append, sequential_start=True)
    await system.orchestrator.start()
    try:
        await system.service.wait_ready()
    finally:
        await system.orchestrator.stop()
    return [event.role for event in events if event.kind == "ready"]


async def test_text_worker_is_ready_before_the_others_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(workers, "HEAD_START_S", 60.0)  # however busy the machine is

    first, *others = await workers_ready()

    assert first == "text"
    assert sorted(others) == ["audio", "inference"]


async def test_others_do_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "HEAD_START_S", 0.0)
    settings = Settings(fetch_models=False, model="embedded")
    service = build_system(settings, sequential_start=True).service
    pools = service._workers
    never_ready = asyncio.Event()

    async def wait_ready(timeout_s: float) -> None:
        if not await settles(asyncio.ensure_future(never_ready.wait()), timeout_s):
            raise TimedOutError("not ready")

    monkeypatch.setattr(pools.text, "wait_ready", wait_ready)
    await service.initialize()
    try:
        await pools.inference.wait_ready()
    finally:
        never_ready.set()
        await service.dispose()
