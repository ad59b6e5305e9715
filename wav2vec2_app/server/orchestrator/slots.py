"""Slots for parallel work: bounded in number, memory and audio, granted in the order of requests."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass

from wav2vec2_app.errors import InputError


def refuse_below(least: float, **values: float | None) -> None:
    """Refuse values that are below ``least`` or not a number.

    Raises:
        InputError: ``parallel.bad_limit``, with the names of the values.
    """
    bad = {
        name: value
        for name, value in values.items()
        if value is not None and (math.isnan(value) or value < least)
    }
    if bad:
        raise InputError(
            f"Bad limits: {', '.join(f'{name} is {value:g}' for name, value in bad.items())}.",
            code="parallel.bad_limit",
            hint=f"Give numbers of at least {least:g}.",
            metadata={"names": list(bad)},
        )


@dataclass(frozen=True)
class ResourceLimits:
    """What all running tasks of one manager may use together; ``None``: no limit.

    Attributes:
        memory_bytes: memory, by the estimates of the tasks.
        audio_s: audio that is processed at the same time, seconds.

    Raises:
        InputError: ``parallel.bad_limit``: a limit is negative or not a number.
    """

    memory_bytes: int | None = None
    audio_s: float | None = None

    def __post_init__(self) -> None:
        refuse_below(0, memory_bytes=self.memory_bytes, audio_s=self.audio_s)


@dataclass(frozen=True)
class Demand:
    """What one task uses while it runs.

    Raises:
        InputError: ``parallel.bad_limit``: it is negative or not a number.
    """

    memory_bytes: int = 0
    audio_s: float = 0.0

    def __post_init__(self) -> None:
        refuse_below(0, memory_bytes=self.memory_bytes, audio_s=self.audio_s)

    def within(self, limits: ResourceLimits, others: Collection[Demand] = ()) -> bool:
        """Whether ``limits`` permit so much, while ``others`` are in use."""
        if limits.memory_bytes is not None:
            used_bytes = sum(one.memory_bytes for one in others)
            if used_bytes + self.memory_bytes > limits.memory_bytes:
                return False
        if limits.audio_s is None:
            return True
        return sum(one.audio_s for one in others) + self.audio_s <= limits.audio_s


NOTHING = Demand()


class SlotRequest:
    """One request for a slot: it waits, holds a slot, or has given it back."""

    def __init__(self, number: int, demand: Demand, granted: Callable[[], None]) -> None:
        self.number = number
        self.demand = demand
        self.granted = granted
        self.waits = True


class SlotPool:
    """Grants slots in the order of requests.

    A request that does not fit the limits at the moment waits, and so do later ones that need memory
    or audio, so that a large task is not overtaken forever. Tasks that need neither go on.

    Args:
        size: tasks that run at the same time.
        limits: what they may use together.
    """

    def __init__(self, size: int, limits: ResourceLimits) -> None:
        self.size = size
        self.limits = limits
        self._count = 0
        self._holding: dict[SlotRequest, None] = {}
        self._light: deque[SlotRequest] = deque()
        self._heavy: deque[SlotRequest] = deque()

    def request(self, demand: Demand, granted: Callable[[], None]) -> SlotRequest:
        """Request a slot; ``granted`` is called when it is there, which may be before this returns."""
        self._count += 1
        request = SlotRequest(self._count, demand, granted)
        (self._light if demand == NOTHING else self._heavy).append(request)
        self._grant()
        return request

    def release(self, request: SlotRequest) -> None:
        """Give a slot back, or withdraw a request that waits."""
        request.waits = False
        self._holding.pop(request, None)
        self._grant()

    def _grant(self) -> None:
        while len(self._holding) < self.size and (request := self._next()) is not None:
            request.waits = False
            self._holding[request] = None
            request.granted()

    def _next(self) -> SlotRequest | None:
        """Take the oldest request that fits out of its queue."""
        light, heavy = _oldest(self._light), _oldest(self._heavy)
        in_use = [holder.demand for holder in self._holding]
        if heavy is not None and not heavy.demand.within(self.limits, in_use):
            heavy = None
        if heavy is not None and (light is None or heavy.number < light.number):
            return self._heavy.popleft()
        return self._light.popleft() if light is not None else None


def _oldest(waiting: deque[SlotRequest]) -> SlotRequest | None:
    """The first request of a queue that was not withdrawn."""
    while waiting and not waiting[0].waits:
        waiting.popleft()
    return waiting[0] if waiting else None
