"""Deadlines and cancellation of asynchronous work.

``asyncio.wait_for`` is not used: up to Python 3.11 it swallows a cancellation that arrives in the
same event loop iteration as the result, so that a cancelled task would go on.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, TypeVar

from wav2vec2_app.errors import CancelledError, TimedOutError

V = TypeVar("V")


@dataclass(frozen=True)
class Deadline:
    """When a step has to be finished, on the monotonic clock, seconds.

    It is computed once, when the step starts, and passed down to the worker's bridge.
    """

    at_s: float

    @classmethod
    def after(cls, limit_s: float, clock: Callable[[], float] = time.monotonic) -> Deadline:
        """The deadline ``limit_s`` seconds from now."""
        return cls(clock() + limit_s)

    def remaining_s(self, clock: Callable[[], float] = time.monotonic) -> float:
        """Seconds that are left; 0 when the deadline has passed."""
        return max(0.0, self.at_s - clock())


CANCEL_GRACE_S = 5.0
"""How long cancelled work may take to clean up before it is abandoned, seconds."""


async def within(limit_s: float, work: asyncio.Task[V]) -> V:
    """The task's result; if it takes longer than ``limit_s`` seconds, or the caller is cancelled, it is too.

    Raises:
        TimedOutError: the limit passed.
        CancelledError: the work was cancelled from inside, not by the caller.
    """
    try:
        await asyncio.wait({work}, timeout=limit_s)
        if work.cancelled():
            raise CancelledError("The work was cancelled before it was finished.")
        if work.done():
            return work.result()
    finally:
        await cancel_all({work})
    raise TimedOutError(
        f"A step took longer than its limit of {limit_s:.0f} s.",
        hint="Try again, or use a shorter recording.",
        metadata={"limit_s": limit_s},
    )


async def cancel_all(works: Collection[asyncio.Future[V]]) -> None:
    """Cancel unfinished work and wait, for at most :data:`CANCEL_GRACE_S`, until it has ended."""
    unfinished = {work for work in works if not work.done()}
    for work in works:
        work.add_done_callback(_retrieve)
    for work in unfinished:
        work.cancel()
    if unfinished:
        await asyncio.wait(unfinished, timeout=CANCEL_GRACE_S)


def _retrieve(work: asyncio.Future[V]) -> None:
    """Retrieve an exception that is not needed, so that asyncio does not log it as unretrieved."""
    if not work.cancelled():
        work.exception()


async def first(*futures: asyncio.Future[Any], timeout_s: float | None = None) -> None:
    """Return when one of the futures settles, or after ``timeout_s`` seconds."""
    await asyncio.wait(set(futures), timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)


async def settles(future: asyncio.Future[V], timeout_s: float) -> bool:
    """Whether ``future`` settles within ``timeout_s`` seconds.

    The time is waited in two halves: if this event loop itself stalls, answers that arrived during
    the stall are still received in the second half.
    """
    for _ in range(2):
        await first(future, timeout_s=timeout_s / 2)
        if future.done():
            return True
    return False
