"""Waiting for futures without cancelling them."""

from __future__ import annotations

import asyncio
from typing import Any


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
