"""A task's events on their way out: to the one who submitted it, and to the sinks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from wav2vec2_app.server.events import Done, Failed, TaskEvent
from wav2vec2_app.server.tasks import AudioTask

logger = logging.getLogger(__name__)

Sink = Callable[[AudioTask, TaskEvent], None]
"""Told of every event of every task, on the event loop's thread; must not block."""


class Sinks:
    """Those who follow all tasks. One that raises is logged and hurts neither task nor sink."""

    def __init__(self) -> None:
        self._sinks: list[Sink] = []

    def subscribe(self, sink: Sink) -> Callable[[], None]:
        """Add ``sink``; what is returned removes it again."""
        self._sinks.append(sink)

        def unsubscribe() -> None:
            if sink in self._sinks:
                self._sinks.remove(sink)

        return unsubscribe

    def publish(self, task: AudioTask, event: TaskEvent) -> None:
        """Tell every sink."""
        for sink in tuple(self._sinks):
            _tell(sink, task, event)


class EventStream:
    """The events of one task, in order, of which the last is exactly one Done or Failed.

    Events sent after the last one are dropped: a late progress report of cancelled work is nobody's
    concern.
    """

    def __init__(self, task: AudioTask, publish: Sink, clock: Callable[[], float]) -> None:
        self._task = task
        self._publish = publish
        self._clock = clock
        self._submitted_s = clock()
        self._events: asyncio.Queue[TaskEvent] = asyncio.Queue()
        self._closed = False

    def elapsed_s(self) -> float:
        """Seconds since the task was submitted."""
        return self._clock() - self._submitted_s

    def stamp(self) -> tuple[str, float]:
        """What every event begins with: the task's id and the time."""
        return self._task.id, self.elapsed_s()

    def send(self, event: TaskEvent) -> None:
        """Pass ``event`` on."""
        if self._closed:
            return
        self._closed = is_last(event)
        self._events.put_nowait(event)
        self._publish(self._task, event)

    async def next(self) -> TaskEvent:
        """The next event, as soon as there is one."""
        return await self._events.get()


def is_last(event: TaskEvent) -> bool:
    """Whether nothing comes after ``event``."""
    return isinstance(event, Done | Failed)


def _tell(sink: Sink, task: AudioTask, event: TaskEvent) -> None:
    try:
        sink(task, event)
    except Exception:
        name = type(event).__name__
        logger.exception("a sink failed on %s", name, extra={"task_id": task.id})
