"""How often to listen again: as often as asked for, and less often where a pass takes long."""

from __future__ import annotations

from typing import Final

SHARE: Final = 0.6
"""At most this share of the time goes into tentative passes; the rest is for last ones, and for others."""
SMOOTHING: Final = 0.4
"""Weight of the newest pass in the mean time of a pass."""
BEHIND, CAUGHT_UP = 2.0, 1.5
"""Passes so many times as rare as asked for mean that the machine cannot keep up, or can again."""
BACK_OFF_S: Final = (0.5, 1.0, 2.0, 4.0)
"""Rest after so many failures in a row, seconds."""


class Pacer:
    """Decides when the next tentative pass may begin.

    Args:
        interval_s: wished time from the beginning of one pass to that of the next, seconds.

    Attributes:
        behind: whether passes are much rarer than wished.
    """

    def __init__(self, interval_s: float) -> None:
        self._wished_s = interval_s
        self._took_s = 0.0
        self._failures = 0
        self._next_s = float("-inf")
        self.behind = False

    @property
    def interval_s(self) -> float:
        """Time from the beginning of one pass to that of the next as it is now, seconds."""
        return max(self._wished_s, self._took_s / SHARE)

    def wait_s(self, now_s: float) -> float:
        """Seconds until a tentative pass may begin."""
        return max(0.0, self._next_s - now_s)

    def succeeded(self, began_s: float, now_s: float) -> None:
        """Note a pass that took from ``began_s`` to ``now_s``."""
        took_s = now_s - began_s
        self._took_s = took_s if not self._took_s else _mean(self._took_s, took_s)
        self._failures = 0
        self._next_s = began_s + self.interval_s
        ratio = self.interval_s / self._wished_s
        self.behind = ratio > (CAUGHT_UP if self.behind else BEHIND)

    def failed(self, now_s: float) -> None:
        """Note a pass that failed."""
        rest_s = BACK_OFF_S[min(self._failures, len(BACK_OFF_S) - 1)]
        self._failures += 1
        self._next_s = now_s + rest_s


def _mean(before_s: float, took_s: float) -> float:
    return (1 - SMOOTHING) * before_s + SMOOTHING * took_s
