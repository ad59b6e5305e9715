"""Stopping work: at its time limit, or because its result is no longer wanted.

``asyncio.wait_for`` is not used: up to Python 3.11 it swallows a cancellation that arrives in the
same step as the result, and a task that was told to stop would go on.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Coroutine
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
"""How long cancelled work may take to clean up before nobody waits for it any more, seconds."""


async def within(limit_s: float, coroutine: Coroutine[Any, Any, V]) -> V:
    """The coroutine's result, if it comes within ``limit_s``; else the work is cancelled.

    Raises:
        TimedOutError: the limit passed.
        CancelledError: the work was cancelled from inside, by nobody who waits for it here.
    """
    work = asyncio.ensure_future(coroutine)
    try:
        await asyncio.wait({work}, timeout=limit_s)
        if work.cancelled():
            raise CancelledError("The work was stopped before it was finished.")
        if work.done():
            return work.result()
    finally:
        await cancel_all({work})
    raise TimedOutError(
        f"A step took longer than its limit of {limit_s:.0f} s.",
        hint="Try again, or try a shorter recording.",
        metadata={"limit_s": limit_s},
    )


async def cancel_all(works: Collection[asyncio.Future[Any]]) -> None:
    """Cancel what is not done and wait, for a bounded time, until it has cleaned up."""
    unfinished = {work for work in works if not work.done()}
    for work in works:
        work.add_done_callback(_retrieve)
    for work in unfinished:
        work.cancel()
    if unfinished:
        await asyncio.wait(unfinished, timeout=CANCEL_GRACE_S)


def _retrieve(work: asyncio.Future[Any]) -> None:
    """Take note of an exception nobody asks for, so that asyncio does not complain of it."""
    if not work.cancelled():
        work.exception()


async def first(*futures: asyncio.Future[Any], timeout_s: float | None = None) -> None:
    """Return when one of the futures settles, or the time is over."""
    await asyncio.wait(set(futures), timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)


async def settles(future: asyncio.Future[Any], timeout_s: float) -> bool:
    """Whether a future settles in time.

    The time is waited in two halves, so that a stall of this very loop, in which no news could
    have been heard, is not held against a worker.
    """
    for _ in range(2):
        await first(future, timeout_s=timeout_s / 2)
        if future.done():
            return True
    return False
