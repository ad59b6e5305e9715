"""Priority for short recordings: long ones yield to them, for a moment before each window."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator

from wav2vec2_app.server.deadline import first

AT_MOST_S = 0.3
"""How long a long recording yields before each window, seconds: longer than most short recordings take, and
short enough to make progress however many of them come."""


class ShortFirst:
    """Knows whether short recordings are being processed, and makes long ones yield to them.

    Workers answer one request after the other, so a short recording waits for at most one window of a
    long one. Yielding then keeps the other workers and the processor free until it is finished.
    """

    def __init__(self, at_most_s: float = AT_MOST_S) -> None:
        self._at_most_s = at_most_s
        self._short = 0
        self._alone = asyncio.Event()
        self._alone.set()

    @contextlib.contextmanager
    def prioritized(self) -> Iterator[None]:
        """The work inside is short and has priority."""
        self._short += 1
        self._alone.clear()
        try:
            yield
        finally:
            self._short -= 1
            if not self._short:
                self._alone.set()

    async def yield_to_short(self) -> float:
        """Before a window of a long recording: wait while short work is in progress, up to the limit.

        Returns:
            The time waited, seconds.
        """
        if self._alone.is_set():
            return 0.0
        begin = time.monotonic()
        waiter = asyncio.ensure_future(self._alone.wait())
        try:
            await first(waiter, timeout_s=self._at_most_s)
        finally:
            waiter.cancel()
        return time.monotonic() - begin
