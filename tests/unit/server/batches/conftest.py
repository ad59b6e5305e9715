"""Batches in a folder of their own, over a fake model."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.doubles import FakeAdapter, FakeClock
from tests.unit.conftest import Start
from wav2vec2_app.server import schema
from wav2vec2_app.server.batches.records import BatchBounds, BatchOptions, NewFile
from wav2vec2_app.server.batches.runner import BatchRunner
from wav2vec2_app.server.batches.store import UPLOADS_FOLDER, BatchStore
from wav2vec2_app.server.storage.records import owner_of_key

ANNA, BERT = owner_of_key("anna" * 8), owner_of_key("bert" * 8)
POLICY = BatchBounds()
OPTIONS = BatchOptions()


class Batches:
    """A store and its runner, with what tests do to them."""

    def __init__(self, folder: Path, store: BatchStore, runner: BatchRunner) -> None:
        self.folder, self.store, self.runner = folder, store, runner

    async def send(self, *names: str, owner: str = ANNA, options: BatchOptions = OPTIONS) -> str:
        """A batch whose files have arrived."""
        files = [NewFile(name, 4) for name in names]
        batch = await self.store.create(owner, "a batch", options, files)
        for number in range(1, len(names) + 1):
            await self.upload(batch, number, owner)
        return batch

    async def upload(self, batch: str, number: int, owner: str = ANNA) -> None:
        path = self.folder / f"upload {batch} {number}"
        path.write_bytes(b"RIFF")
        await self.store.add_upload(owner, batch, number, path)
        self.runner.wake()

    async def get(self, batch: str, owner: str = ANNA, after: int = 0) -> schema.BatchResponse:
        return await self.store.get(owner, batch, after, self.runner.progress)

    async def finished(self, batch: str, owner: str = ANNA) -> schema.BatchResponse:
        """The batch once it is finished: looks again whenever the threads of the store have worked."""
        while not (found := await self.get(batch, owner)).finished:
            pass
        return found

    def uploads(self) -> list[str]:
        """The uploads on disk, as batch and number."""
        folder = self.folder / UPLOADS_FOLDER
        return sorted(f"{path.parent.name}/{path.name}" for path in folder.glob("*/*"))


Open = Callable[..., Awaitable[Batches]]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(1_700_000_000.0)


@pytest.fixture
async def open_batches(
    start: Start, adapter: FakeAdapter, tmp_path: Path, clock: FakeClock
) -> AsyncIterator[Open]:
    """``await open_batches(run=False)`` opens the folder of the test, like a server that starts."""
    opened: list[Batches] = []

    async def no_time(seconds: float) -> None:
        if seconds > 60:
            await asyncio.Event().wait()  # the interval of the purge
        clock.advance(seconds)
        await asyncio.sleep(0)

    async def open_batches(
        *,
        run: bool = True,
        policy: BatchBounds = POLICY,
        orchestrator: Any = None,
        slots: int = 1,
    ) -> Batches:
        store = BatchStore(tmp_path, policy, now=clock)
        runner = BatchRunner(
            store, orchestrator or await start(adapter), slots=slots, clock=clock, sleep=no_time
        )
        batches = Batches(tmp_path, store, runner)
        opened.append(batches)
        if run:
            await runner.start()
        else:
            await store.start()
        return batches

    yield open_batches
    for batches in opened:
        await batches.runner.stop()
