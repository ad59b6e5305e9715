"""The wait queue: bounded admission, order of service, and estimates of waiting times."""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from wav2vec2_app.errors import BusyError
from wav2vec2_app.server.orchestrator.throughput import CACHED_COLD_THROUGHPUT, ThroughputMeter

REFRESH_S = 1.0
"""How often a waiting task gets a new estimate although the queue has not moved, seconds."""

LONG_S = 120.0
"""Recordings longer than this may be overtaken by shorter ones, seconds."""


@dataclass(frozen=True)
class QueuePolicy:
    """Bounds of one queue.

    Attributes:
        size: tasks that may wait; the next one is rejected.
        concurrency: tasks that run at the same time.
    """

    size: int = 32
    concurrency: int = 2


@dataclass(frozen=True)
class QueuePosition:
    """Position of a waiting task: ``position`` 1 is next, ``eta_s`` seconds until it starts."""

    position: int
    eta_s: float


class Ticket:
    """One admitted task, from its admission to its end.

    Attributes:
        audio_s: length of its audio, seconds.
        cached: whether it starts from a cached emission, which is faster.
        moved: set when the queue has moved.
    """

    def __init__(self) -> None:
        self.audio_s = 0.0
        self.cached = False
        self.moved = asyncio.Event()

    @property
    def is_long(self) -> bool:
        return self.audio_s > LONG_S

    async def wait_moved(self, at_most_s: float) -> None:
        """Wait until the queue has moved, for at most ``at_most_s`` seconds."""
        timer = asyncio.get_running_loop().call_later(at_most_s, self.moved.set)
        try:
            await self.moved.wait()
        finally:
            timer.cancel()
        self.moved.clear()


class WaitQueue:
    """Bounded admission, then service in order of arrival with bounded concurrency.

    With two or more slots, one is never given to a long recording, so that short ones do not wait
    for minutes behind long ones. A freed slot is given to the next task immediately, so a newcomer
    cannot overtake.

    Args:
        policy: bounds.
        meter: measured throughput; every finished task is recorded in it, except those that start
            from a cached emission, which have a meter of their own.
        clock: monotonic, seconds.
    """

    def __init__(
        self,
        policy: QueuePolicy,
        meter: ThroughputMeter,
        *,
        clock: Callable[[], float] = time.monotonic,
        refresh_s: float = REFRESH_S,
    ) -> None:
        self.policy = policy
        self._meter = meter
        self._cached_meter = ThroughputMeter(cold=CACHED_COLD_THROUGHPUT)
        self._clock = clock
        self._refresh_s = refresh_s
        self._admitted: set[Ticket] = set()
        self._waiting: deque[Ticket] = deque()
        self._running: dict[Ticket, float] = {}  # ticket -> time of its start

    @property
    def queued(self) -> int:
        """Admitted tasks that are not running yet."""
        return len(self._admitted) - len(self._running)

    @property
    def running(self) -> int:
        """Tasks that are running."""
        return len(self._running)

    @property
    def wait_s(self) -> float:
        """How long a task that arrived now would wait, seconds."""
        return self._eta_s(list(self._waiting))

    @contextmanager
    def admit(self) -> Iterator[Ticket]:
        """Admit one task for as long as the block lasts.

        Raises:
            BusyError: the queue is full; says when to try again.
        """
        if len(self._admitted) >= self.policy.size + self.policy.concurrency:
            raise self._busy()
        ticket = Ticket()
        self._admitted.add(ticket)
        try:
            yield ticket
            self._record(ticket)
        finally:
            self._leave(ticket)

    async def wait(
        self, ticket: Ticket, audio_s: float, *, cached: bool = False
    ) -> AsyncGenerator[QueuePosition, None]:
        """Wait for a slot; yields the position immediately and whenever it changes."""
        ticket.audio_s, ticket.cached = audio_s, cached
        self._waiting.append(ticket)
        latest = self._position(ticket)
        self._assign_slots()
        yield latest
        while ticket in self._waiting:
            await ticket.wait_moved(self._refresh_s)
            if ticket in self._waiting and (position := self._position(ticket)) != latest:
                yield (latest := position)

    def _next(self) -> Ticket | None:
        """The next task to run: the first, but a long recording never takes the last slot."""
        long_running = sum(ticket.is_long for ticket in self._running)
        full = long_running >= max(1, self.policy.concurrency - 1)
        return next((t for t in self._waiting if not (full and t.is_long)), None)

    def _position(self, ticket: Ticket) -> QueuePosition:
        ahead = self._waiting.index(ticket)
        eta_s = self._eta_s(list(self._waiting)[:ahead])
        return QueuePosition(ahead + 1, round(eta_s, 1))

    def _eta_s(self, ahead: list[Ticket]) -> float:
        """Seconds until the running tasks and those ``ahead`` are done; 0 if a slot is free."""
        if len(self._running) + len(ahead) < self.policy.concurrency:
            return 0.0
        return sum(ticket.audio_s / self._throughput(ticket) for ticket in ahead) + self._left_s()

    def _left_s(self) -> float:
        """Seconds until the running tasks are done, if they share the throughput evenly."""
        now_s, running = self._clock(), max(1, len(self._running))
        return sum(
            max(0.0, ticket.audio_s / self._throughput(ticket) - (now_s - began_s) / running)
            for ticket, began_s in self._running.items()
        )

    def _meter_of(self, ticket: Ticket) -> ThroughputMeter:
        return self._cached_meter if ticket.cached else self._meter

    def _throughput(self, ticket: Ticket) -> float:
        return self._meter_of(ticket).throughput

    def _busy(self) -> BusyError:
        retry_after_s = max(1, math.ceil(self.wait_s))
        return BusyError(
            f"The queue is full: {self.policy.size} tasks are waiting.",
            hint=f"Try again in {retry_after_s} s.",
            metadata={"retry_after_s": retry_after_s, "queue_size": self.policy.size},
        )

    def _record(self, ticket: Ticket) -> None:
        began_s = self._running.get(ticket)
        if began_s is not None:
            meter, ended_s = self._meter_of(ticket), self._clock()
            meter.record(began_s=began_s, ended_s=ended_s, audio_s=ticket.audio_s)

    def _leave(self, ticket: Ticket) -> None:
        self._admitted.discard(ticket)
        self._running.pop(ticket, None)
        if ticket in self._waiting:
            self._waiting.remove(ticket)
        self._assign_slots()

    def _assign_slots(self) -> None:
        while len(self._running) < self.policy.concurrency and (ticket := self._next()):
            self._waiting.remove(ticket)
            self._running[ticket] = self._clock()
            ticket.moved.set()
        for ticket in self._waiting:
            ticket.moved.set()
