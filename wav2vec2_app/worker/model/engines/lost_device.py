"""When to try a device again that failed, for example because another program used its memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import torch

FIRST_RETRY_S: Final = 60.0
"""Time after which a device is tried again, seconds; doubles with each failure."""
MAX_RETRY_S: Final = 3600.0


class LostDevice:
    """A device that failed.

    Args:
        clock: monotonic, seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._device: torch.device | None = None
        self._delay_s = FIRST_RETRY_S
        self._retry_at_s = 0.0

    def lose(self, device: torch.device) -> None:
        """``device`` failed."""
        self._device = device
        self._retry_at_s = self._clock() + self._delay_s

    def due(self) -> torch.device | None:
        """The device, if it is time to try it again; the next time comes after twice as long."""
        if self._device is None or self._clock() < self._retry_at_s:
            return None
        self._delay_s = min(2 * self._delay_s, MAX_RETRY_S)
        self.lose(self._device)
        return self._device

    def found(self) -> None:
        """The device works again; should it fail soon, it is tried again as late as before."""
        self._device = None
