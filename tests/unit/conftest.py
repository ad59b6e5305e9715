"""A running orchestrator over a fake model, and clips for it to transcribe."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.doubles import FakeAdapter, make_policy
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator

Start = Callable[..., Awaitable[ModelOrchestrator]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """``await start(adapter, concurrency=1)`` gives a running orchestrator."""
    running: list[ModelOrchestrator] = []

    async def start(adapter: FakeAdapter, **bounds: Any) -> ModelOrchestrator:
        orchestrator = ModelOrchestrator([adapter], make_policy(**bounds))
        await orchestrator.start()
        running.append(orchestrator)
        return orchestrator

    yield start
    for orchestrator in running:
        await orchestrator.stop()


@pytest.fixture
def adapter() -> FakeAdapter:
    return FakeAdapter(duration_s=2.0)


@pytest.fixture
async def orchestrator(start: Start, adapter: FakeAdapter) -> ModelOrchestrator:
    return await start(adapter)


@pytest.fixture
def clip(tmp_path: Path) -> str:
    """A file that the fake model transcribes as ``hello world``."""
    path = tmp_path / "hello world.wav"
    path.write_bytes(b"RIFF")
    return str(path)
