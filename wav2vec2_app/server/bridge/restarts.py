"""How often a worker may be restarted, and how soon."""

from __future__ import annotations

import collections
from collections.abc import Callable

_LONGEST_BACKOFF_S = 5.0


class RestartBudget:
    """How many restarts are allowed within a sliding window, and how long to wait before each."""

    def __init__(
        self, limit: int, window_s: float, backoff_s: float, clock: Callable[[], float]
    ) -> None:
        self._limit = limit
        self._window_s = window_s
        self._backoff_s = backoff_s
        self._clock = clock
        self._spent: collections.deque[float] = collections.deque()

    def backoff_s(self) -> float:
        """Seconds to wait before the next restart: doubles with each one in the window."""
        self._forget()
        return min(_LONGEST_BACKOFF_S, self._backoff_s * 2.0 ** len(self._spent))

    def spend(self) -> bool:
        """Take one restart from the budget; False where none is left."""
        self._forget()
        if len(self._spent) >= self._limit:
            return False
        self._spent.append(self._clock())
        return True

    def rest_s(self) -> float | None:
        """Seconds until a spent budget has a restart again; None where it never has any."""
        self._forget()
        if not self._limit:
            return None
        if len(self._spent) < self._limit:
            return 0.0
        return max(0.0, self._spent[0] + self._window_s - self._clock())

    def _forget(self) -> None:
        horizon = self._clock() - self._window_s
        while self._spent and self._spent[0] <= horizon:
            self._spent.popleft()
