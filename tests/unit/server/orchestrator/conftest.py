"""Running orchestrators for the tests, stopped when the test is over."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from tests.doubles import FakeAdapter
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator

Start = Callable[..., Awaitable[ModelOrchestrator]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """``await start(adapter, …, concurrency=1)`` gives a running orchestrator."""
    running: list[ModelOrchestrator] = []

    async def start(*adapters: FakeAdapter, **settings: Any) -> ModelOrchestrator:
        orchestrator = ModelOrchestrator(adapters, **settings)
        await orchestrator.start()
        running.append(orchestrator)
        return orchestrator

    yield start
    for orchestrator in running:
        await orchestrator.stop()
