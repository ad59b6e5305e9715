"""Follow submitted tasks in tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TypeVar

from wav2vec2_app.errors import Wav2Vec2Error
from wav2vec2_app.server.events import Done, Failed, TaskEvent
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator
from wav2vec2_app.server.results import AudioResult
from wav2vec2_app.server.tasks import AudioTask

E = TypeVar("E", bound=TaskEvent)


async def all_of(events: AsyncIterator[TaskEvent]) -> list[TaskEvent]:
    return [event async for event in events]


async def first(kind: type[E], events: AsyncIterator[TaskEvent]) -> E:
    async for event in events:
        if isinstance(event, kind):
            return event
    raise AssertionError(f"no {kind.__name__} came")


async def error_of(orchestrator: ModelOrchestrator, task: AudioTask) -> Wav2Vec2Error:
    return (await first(Failed, orchestrator.submit(task))).error


class Submitted:
    """A submitted task, followed while the test does other things."""

    def __init__(self, orchestrator: ModelOrchestrator, task: AudioTask) -> None:
        self.task = task
        self.seen: list[TaskEvent] = []
        self._received = asyncio.Event()
        self.following = asyncio.ensure_future(self._follow(orchestrator))

    async def _follow(self, orchestrator: ModelOrchestrator) -> TaskEvent:
        async for event in orchestrator.submit(self.task):
            self.seen.append(event)
            self._received.set()
        return self.seen[-1]

    async def until(self, kind: type[E], times: int = 1) -> E:
        while len(found := [event for event in self.seen if isinstance(event, kind)]) < times:
            self._received.clear()
            await self._received.wait()
        return found[-1]

    async def result(self) -> AudioResult:
        last = await self.following
        assert isinstance(last, Done), last
        return last.result

    async def error(self) -> Wav2Vec2Error:
        last = await self.following
        assert isinstance(last, Failed), last
        return last.error
