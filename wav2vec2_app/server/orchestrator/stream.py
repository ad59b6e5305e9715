"""The stream of one task's events: to its caller and to the event bus."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from wav2vec2_app.server.events import Done, EventBus, Failed, TaskEvent
from wav2vec2_app.server.tasks import AudioTask


class EventStream:
    """The events of one task, in order; the last one is exactly one Done or Failed.

    Events sent after the last one are dropped: they are late progress reports of cancelled work.

    Args:
        task: whose events these are.
        bus: receives them too.
        clock: monotonic, seconds.
    """

    def __init__(self, task: AudioTask, bus: EventBus, clock: Callable[[], float]) -> None:
        self._task = task
        self._bus = bus
        self._clock = clock
        self._submitted_s = clock()
        self._events: asyncio.Queue[TaskEvent] = asyncio.Queue()
        self._closed = False

    def elapsed_s(self) -> float:
        """Seconds since the task was submitted."""
        return self._clock() - self._submitted_s

    def stamp(self) -> tuple[AudioTask, float]:
        """The first two fields of every event: the task and the time."""
        return self._task, self.elapsed_s()

    def send(self, event: TaskEvent) -> None:
        """Deliver ``event``."""
        if self._closed:
            return
        self._closed = is_last(event)
        self._events.put_nowait(event)
        self._bus.publish(event)

    async def next(self) -> TaskEvent:
        """The next event; waits until there is one."""
        return await self._events.get()


def is_last(event: TaskEvent) -> bool:
    """Whether no event of the task follows ``event``."""
    return isinstance(event, Done | Failed)
