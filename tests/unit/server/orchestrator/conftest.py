"""Running orchestrators for the tests, stopped when the test is over."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from tests.doubles import FakeAdapter, FakeClock, make_policy
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator

Start = Callable[..., Awaitable[ModelOrchestrator]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """``await start(adapter, …, concurrency=1)`` gives a running orchestrator."""
    running: list[ModelOrchestrator] = []

    async def start(
        *adapters: FakeAdapter, clock: FakeClock | None = None, **bounds: Any
    ) -> ModelOrchestrator:
        orchestrator = ModelOrchestrator(
            adapters, make_policy(**bounds), clock=clock or time.monotonic
        )
        await orchestrator.start()
        running.append(orchestrator)
        return orchestrator

    yield start
    for orchestrator in running:
        await orchestrator.stop()
