"""How many bytes each client has uploaded recently."""

from __future__ import annotations

import math
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Final

from wav2vec2_app.errors import BusyError

WINDOW_S: Final = 3600.0
"""Time that counts, seconds: uploads are deleted within the hour."""
PRECISION_S: Final = 10.0
"""Bytes of so many seconds are one entry."""
MAX_CLIENTS: Final = 10_000
"""Clients that are counted; the one that was idle for longest is forgotten first."""


class UploadQuota:
    """A sliding window of uploaded bytes for each client.

    Args:
        limit_bytes: within :data:`WINDOW_S`; 0: unlimited.
        clock: monotonic, seconds.
    """

    def __init__(self, limit_bytes: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit_bytes = limit_bytes
        self._clock = clock
        self._uploads: OrderedDict[str, deque[tuple[float, int]]] = OrderedDict()

    def check(self, client: str, size: int) -> None:
        """Check that ``client`` may upload ``size`` bytes now.

        Raises:
            BusyError: ``client.uploads``; says when enough of the earlier uploads is an hour old.
        """
        uploads = self._recent(client)
        total = sum(one for _, one in uploads) + size
        if not self._limit_bytes or total <= self._limit_bytes:
            return
        over, retry_after_s = total - self._limit_bytes, WINDOW_S
        for at_s, one in uploads:
            over -= one
            if over <= 0:
                retry_after_s = max(1.0, at_s + WINDOW_S - self._clock())
                break
        raise BusyError(
            f"This client has uploaded more than {self._limit_bytes / 2**20:.0f} MB within the hour.",
            code="client.uploads",
            hint=f"Try again in {math.ceil(retry_after_s)} s.",
            metadata={"retry_after_s": math.ceil(retry_after_s), "limit": self._limit_bytes},
        )

    def add(self, client: str, size: int) -> None:
        """Count bytes that have arrived.

        Raises:
            BusyError: see :meth:`check`.
        """
        if not self._limit_bytes or not size:
            return
        now_s, uploads = self._clock(), self._recent(client)
        if uploads and now_s - uploads[-1][0] < PRECISION_S:
            size += uploads.pop()[1]
        uploads.append((now_s, size))
        self._uploads[client] = uploads
        self._uploads.move_to_end(client)
        if len(self._uploads) > MAX_CLIENTS:
            self._uploads.popitem(last=False)
        self.check(client, 0)

    def _recent(self, client: str) -> deque[tuple[float, int]]:
        uploads = self._uploads.get(client, deque())
        while uploads and uploads[0][0] <= self._clock() - WINDOW_S:
            uploads.popleft()
        return uploads
