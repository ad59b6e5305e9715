"""Recognizes inputs that crashed a worker twice, so that they do not crash it again for a while."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

from wav2vec2_app.errors import InputError
from wav2vec2_app.protocol.message import AnyRequest

QUARANTINE_S = 600.0
"""How long an input stays in quarantine, seconds."""
MAX_INPUTS = 256
"""Inputs in quarantine; the oldest is released first."""
_CHUNK_BYTES = 1 << 20

Digest = bytes


class Quarantine:
    """The inputs of one pool that crashed its workers.

    Inputs are compared by content. Nothing is computed for a request unless an input of the same size
    is in quarantine.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until: OrderedDict[Digest, float] = OrderedDict()
        self._sizes: dict[Digest, int] = {}

    async def add(self, request: AnyRequest) -> None:
        """Put the input of ``request`` into quarantine."""
        digest, size = await asyncio.to_thread(_measure, request)
        self._until.pop(digest, None)
        while len(self._until) >= MAX_INPUTS:
            self._release(next(iter(self._until)))
        self._until[digest] = self._clock() + QUARANTINE_S
        self._sizes[digest] = size

    async def remaining_s(self, request: AnyRequest) -> float:
        """How long the input of ``request`` is still in quarantine, seconds; 0 if it is not."""
        self._expire()
        if not self._until or _size(request) not in self._sizes.values():
            return 0.0
        digest, _ = await asyncio.to_thread(_measure, request)
        return max(0.0, self._until.get(digest, 0.0) - self._clock())

    def _expire(self) -> None:
        now = self._clock()
        while self._until and next(iter(self._until.values())) <= now:
            self._release(next(iter(self._until)))

    def _release(self, digest: Digest) -> None:
        del self._until[digest], self._sizes[digest]


def quarantined(role: str, remaining_s: float) -> InputError:
    """The error for an input in quarantine."""
    return InputError(
        f"This input crashed the {role} worker twice and is not processed again for now.",
        code="request.quarantined",
        hint="Convert the recording to WAV or shorten it, and send that.",
        metadata={"role": role, "retry_after_s": round(remaining_s)},
    )


def _size(request: AnyRequest) -> int:
    """The size of the input without text, bytes."""
    total = 0
    for part in request.content():
        if isinstance(part, Path):
            total += part.stat().st_size if part.is_file() else 0
        elif isinstance(part, memoryview):
            total += part.nbytes
    return total


def _measure(request: AnyRequest) -> tuple[Digest, int]:
    """The digest of the input, and its size."""
    digest = hashlib.sha256()
    for part in request.content():
        if isinstance(part, str):
            digest.update(part.encode("utf-8", "surrogatepass"))
        elif isinstance(part, memoryview):
            digest.update(part)
        elif part.is_file():
            with part.open("rb") as file:
                while chunk := file.read(_CHUNK_BYTES):
                    digest.update(chunk)
    return digest.digest(), _size(request)
