"""Admission and waiting: how many tasks may be here, who is next, and how long it takes."""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from wav2vec2_app.errors import BusyError
from wav2vec2_app.server.orchestrator.pace import Pace

REFRESH_S = 1.0
"""How often one who waits is given a new estimate although nobody moved, seconds."""

LONG_S = 120.0
"""A longer recording is long: others may overtake it, seconds."""


@dataclass(frozen=True)
class Place:
    """Where one stands in line: ``position`` 1 is next, ``eta_s`` until the start."""

    position: int
    eta_s: float


class Ticket:
    """One admitted task's place in the system."""

    def __init__(self) -> None:
        self.audio_s = 0.0
        self.moved = asyncio.Event()

    @property
    def is_long(self) -> bool:
        return self.audio_s > LONG_S

    async def wait_moved(self, at_most_s: float) -> None:
        """Wait until the line has moved, or for so many seconds."""
        timer = asyncio.get_running_loop().call_later(at_most_s, self.moved.set)
        try:
            await self.moved.wait()
        finally:
            timer.cancel()
        self.moved.clear()


class WaitQueue:
    """Bounded admission, then first come, first served, so many at once.

    Of the slots one is never taken by a long recording (where there are two or more), so that a short one
    does not wait for minutes behind long ones.

    A freed slot is given to the next in line at once, so no newcomer can slip in between.

    Args:
        queue_size: tasks that may wait (or be looked at before they wait).
        concurrency: tasks in work at once.
        pace: measured speed, told of every finished task.
        clock: monotonic, seconds.
    """

    def __init__(
        self,
        *,
        queue_size: int,
        concurrency: int,
        pace: Pace,
        clock: Callable[[], float] = time.monotonic,
        refresh_s: float = REFRESH_S,
    ) -> None:
        self.queue_size = queue_size
        self._concurrency = concurrency
        self._pace = pace
        self._clock = clock
        self._refresh_s = refresh_s
        self._admitted: set[Ticket] = set()
        self._waiting: deque[Ticket] = deque()
        self._running: dict[Ticket, float] = {}  # since when

    @property
    def queued(self) -> int:
        """Admitted tasks that are not yet in work."""
        return len(self._admitted) - len(self._running)

    @property
    def running(self) -> int:
        """Tasks in work."""
        return len(self._running)

    @property
    def wait_s(self) -> float:
        """How long a task that came now would wait, seconds."""
        return self._eta_s(list(self._waiting))

    @contextmanager
    def admit(self) -> Iterator[Ticket]:
        """A place in the system for as long as the block lasts.

        Raises:
            BusyError: all places are taken; says when to come back.
        """
        if len(self._admitted) >= self.queue_size + self._concurrency:
            raise self._busy()
        ticket = Ticket()
        self._admitted.add(ticket)
        try:
            yield ticket
            self._record(ticket)
        finally:
            self._leave(ticket)

    async def wait(self, ticket: Ticket, audio_s: float) -> AsyncIterator[Place]:
        """Stand in line until a slot is free; gives the place at once and whenever it changes."""
        ticket.audio_s = audio_s
        self._waiting.append(ticket)
        told = self._place(ticket)
        self._give_slots()
        yield told
        while ticket in self._waiting:
            await ticket.wait_moved(self._refresh_s)
            if ticket in self._waiting and (place := self._place(ticket)) != told:
                yield (told := place)

    def _next(self) -> Ticket | None:
        """Who goes next: the first, but a long recording never takes the last slot from short ones."""
        long_running = sum(ticket.is_long for ticket in self._running)
        full = long_running >= max(1, self._concurrency - 1)
        return next((t for t in self._waiting if not (full and t.is_long)), None)

    def _place(self, ticket: Ticket) -> Place:
        ahead = self._waiting.index(ticket)
        eta_s = self._eta_s(list(self._waiting)[:ahead])
        return Place(ahead + 1, round(eta_s, 1))

    def _eta_s(self, ahead: list[Ticket]) -> float:
        """Seconds until those in work and those ahead are through; 0 with a slot to spare."""
        if len(self._running) + len(ahead) < self._concurrency:
            return 0.0
        audio_s = sum(ticket.audio_s for ticket in ahead) + self._running_audio_s()
        return audio_s / self._pace.throughput

    def _running_audio_s(self) -> float:
        """Audio seconds left in the tasks in work, if they share the measured speed evenly."""
        speed = self._pace.throughput / max(1, len(self._running))
        now_s = self._clock()
        return sum(
            max(0.0, ticket.audio_s - (now_s - began_s) * speed)
            for ticket, began_s in self._running.items()
        )

    def _busy(self) -> BusyError:
        retry_after_s = max(1, math.ceil(self.wait_s))
        return BusyError(
            "All places in the queue are taken.",
            hint=f"Try again in {retry_after_s} s.",
            metadata={"retry_after_s": retry_after_s, "queue_size": self.queue_size},
        )

    def _record(self, ticket: Ticket) -> None:
        began_s = self._running.get(ticket)
        if began_s is not None:
            self._pace.record(began_s=began_s, ended_s=self._clock(), audio_s=ticket.audio_s)

    def _leave(self, ticket: Ticket) -> None:
        self._admitted.discard(ticket)
        self._running.pop(ticket, None)
        if ticket in self._waiting:
            self._waiting.remove(ticket)
        self._give_slots()

    def _give_slots(self) -> None:
        while len(self._running) < self._concurrency and (ticket := self._next()):
            self._waiting.remove(ticket)
            self._running[ticket] = self._clock()
            ticket.moved.set()
        for ticket in self._waiting:
            ticket.moved.set()
