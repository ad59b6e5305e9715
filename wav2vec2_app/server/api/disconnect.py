"""Watches for clients that close their connection."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from fastapi import Request

R = TypeVar("R")


async def disconnected(request: Request) -> None:
    """Return when the client of a request, whose body has been read, closes the connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def run_connected(request: Request, work: Awaitable[R], cancel: Callable[[], object]) -> R:
    """The result of ``work``; ``cancel`` is called, and must end it, if the client disconnects."""
    running = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(disconnected(request))
    try:
        await asyncio.wait({running, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not running.done():
            cancel()
        return await running
    except asyncio.CancelledError:
        running.cancel()
        raise
    finally:
        gone.cancel()
