"""Stopping work: at its time limit, or because its result is no longer wanted.

``asyncio.wait_for`` is not used: up to Python 3.11 it swallows a cancellation that arrives in the
same step as the result, and a task that was told to stop would go on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Coroutine
from typing import Any, TypeVar

from wav2vec2_app.errors import CancelledError, TimedOutError

V = TypeVar("V")

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
