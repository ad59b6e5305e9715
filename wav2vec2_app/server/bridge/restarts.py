"""The budget of restarts of one worker."""

from __future__ import annotations

import collections
from collections.abc import Callable

from wav2vec2_app.server.bridge.policy import RestartPolicy

MAX_BACKOFF_S = 5.0


class RestartBudget:
    """Counts restarts within a sliding window, and says how long to wait before each."""

    def __init__(self, policy: RestartPolicy, clock: Callable[[], float]) -> None:
        self._policy = policy
        self._clock = clock
        self._spent: collections.deque[float] = collections.deque()

    def backoff_s(self) -> float:
        """Seconds to wait before the next restart: doubles with each restart in the window."""
        self._expire()
        return min(MAX_BACKOFF_S, self._policy.backoff_s * 2.0 ** len(self._spent))

    def spend(self) -> bool:
        """Use one restart of the budget; False if none is left."""
        self._expire()
        if len(self._spent) >= self._policy.budget:
            return False
        self._spent.append(self._clock())
        return True

    def wait_s(self) -> float | None:
        """Seconds until a restart is available; None if there never is one."""
        self._expire()
        if not self._policy.budget:
            return None
        if len(self._spent) < self._policy.budget:
            return 0.0
        return max(0.0, self._spent[0] + self._policy.window_s - self._clock())

    def _expire(self) -> None:
        horizon = self._clock() - self._policy.window_s
        while self._spent and self._spent[0] <= horizon:
            self._spent.popleft()
