"""Which failures are tried again, how often and after which back-off."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from wav2vec2_app.errors import (
    BusyError,
    CircuitOpenError,
    TimedOutError,
    Wav2Vec2Error,
    WorkerDiedError,
)


@dataclass(frozen=True)
class RetryPolicy:
    """How often a step is tried, and how long it waits in between.

    The n-th back-off is ``backoff_s`` times 2 to the power of n - 1, at most ``max_backoff_s``, and a
    random addition of up to ``jitter_s``.

    Attributes:
        attempts: of one step on one adapter, the first one included.
        backoff_s: before the second attempt, seconds.
        budget: retries of all tasks together within ``window_s``; above it failures are final.
        max_backoff_s: longest back-off, seconds.
        jitter_s: largest addition, seconds.
        window_s: length of the sliding window of ``budget``, seconds.
    """

    attempts: int = 3
    backoff_s: float = 0.1
    budget: int = 30
    max_backoff_s: float = 2.0
    jitter_s: float = 0.1
    window_s: float = 60.0


class RetryBudget:
    """Retries that are left in a sliding window, so that a fault does not multiply the load."""

    def __init__(
        self, retries: int, window_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._retries = retries
        self._window_s = window_s
        self._clock = clock
        self._spent: deque[float] = deque()

    @property
    def left(self) -> int:
        """How many retries are permitted now."""
        oldest_s = self._clock() - self._window_s
        while self._spent and self._spent[0] <= oldest_s:
            self._spent.popleft()
        return max(0, self._retries - len(self._spent))

    def spend(self) -> None:
        """Count one retry."""
        self._spent.append(self._clock())


def may_pass(error: Wav2Vec2Error) -> bool:
    """Whether a further attempt on the same adapter is useful.

    It is not after a timeout or a rejection for lack of room, nor if the error says when to try
    again. A request that was lost to a dying worker has been repeated by the bridge already;
    repeating it here too would let one bad request kill more workers.
    """
    final = BusyError | CircuitOpenError | TimedOutError | WorkerDiedError
    later = "retry_after_s" in error.metadata
    return error.retryable and not later and not isinstance(error, final)
