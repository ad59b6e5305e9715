"""How long a worker has been busy."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class BusyMeter:
    """Adds up the time in which at least one request is in flight.

    Args:
        clock: monotonic, seconds.

    Attributes:
        in_flight: requests that are running.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.in_flight = 0
        self._clock = clock
        self._total_s = 0.0
        self._since_s = 0.0

    @property
    def total_s(self) -> float:
        """Busy time so far, seconds."""
        return self._total_s + (self._clock() - self._since_s if self.in_flight else 0.0)

    @contextmanager
    def running(self) -> Iterator[None]:
        """A request is in flight for as long as the block lasts."""
        if not self.in_flight:
            self._since_s = self._clock()
        self.in_flight += 1
        try:
            yield
        finally:
            self.in_flight -= 1
            if not self.in_flight:
                self._total_s += self._clock() - self._since_s
