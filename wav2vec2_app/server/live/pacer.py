"""The rate of tentative passes: as configured, and lower while a pass takes long or fails."""

from __future__ import annotations

from typing import Final

MAX_DUTY: Final = 0.6
"""Largest share of the time spent on tentative passes; the rest is for last passes and other requests."""
SMOOTHING: Final = 0.4
"""Weight of the newest pass in the running mean of the duration of a pass."""
BEHIND_RATIO, RECOVERED_RATIO = 2.0, 1.5
"""From how many times the configured interval on the session is behind, and below which it has recovered."""
BACK_OFF_S: Final = (0.5, 1.0, 2.0, 4.0)
"""Delay after 1, 2, … failures in a row, seconds."""


class Pacer:
    """Decides when the next tentative pass may begin.

    Args:
        interval_s: configured time from the start of one pass to the start of the next, seconds.

    Attributes:
        behind: whether passes are much less frequent than configured.
    """

    def __init__(self, interval_s: float) -> None:
        self._configured_s = interval_s
        self._pass_s = 0.0
        self._failures = 0
        self._next_s = float("-inf")
        self.behind = False

    @property
    def interval_s(self) -> float:
        """Current time from the start of one pass to the start of the next, seconds."""
        return max(self._configured_s, self._pass_s / MAX_DUTY)

    def wait_s(self, now_s: float) -> float:
        """Seconds until the next tentative pass may begin."""
        return max(0.0, self._next_s - now_s)

    def succeeded(self, began_s: float, now_s: float) -> None:
        """Record a pass that ran from ``began_s`` to ``now_s``."""
        duration_s = now_s - began_s
        self._pass_s = _mean(self._pass_s, duration_s) if self._pass_s else duration_s
        self._failures = 0
        self._next_s = began_s + self.interval_s
        ratio = self.interval_s / self._configured_s
        self.behind = ratio > (RECOVERED_RATIO if self.behind else BEHIND_RATIO)

    def failed(self, now_s: float) -> None:
        """Record a pass that failed."""
        delay_s = BACK_OFF_S[min(self._failures, len(BACK_OFF_S) - 1)]
        self._failures += 1
        self._next_s = now_s + delay_s


def _mean(mean_s: float, newest_s: float) -> float:
    return (1 - SMOOTHING) * mean_s + SMOOTHING * newest_s
