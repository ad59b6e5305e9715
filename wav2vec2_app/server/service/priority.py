"""Long recordings let short ones go first, for a moment each time."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator

from wav2vec2_app.server.deadline import first

AT_MOST_S = 0.3
"""How long a long recording stands aside before each of its steps, seconds: longer than most short ones take,
and short enough to get on however many of them come."""


class ShortFirst:
    """Who is in work, and when a long recording may take its next step.

    Workers answer in turn, so a short recording waits for one step of a long one at most; standing aside
    then keeps the other workers and the processor free until it has its answer.
    """

    def __init__(self, at_most_s: float = AT_MOST_S) -> None:
        self._at_most_s = at_most_s
        self._short = 0
        self._alone = asyncio.Event()
        self._alone.set()

    @contextlib.contextmanager
    def prioritized(self) -> Iterator[None]:
        """Work inside is short and goes first."""
        self._short += 1
        self._alone.clear()
        try:
            yield
        finally:
            self._short -= 1
            if not self._short:
                self._alone.set()

    async def yield_to_short(self) -> float:
        """Before a step of something long: wait while short work is going on, but not for ever.

        Returns:
            How long that was, seconds.
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
