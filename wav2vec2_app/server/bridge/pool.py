"""Several workers of one role behind the interface of one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from wav2vec2_app.errors import WorkerDiedError
from wav2vec2_app.protocol.frame import Arrays
from wav2vec2_app.server.bridge.child import OnProgress
from wav2vec2_app.server.bridge.process import Answer, Delay, WorkerBridge
from wav2vec2_app.server.events import WorkerEvent
from wav2vec2_app.server.status import WorkerStatus

_PREFERENCE = {"ready": 0, "starting": 1, "restarting": 1, "stopped": 2, "down": 2}


class WorkerPool:
    """Sends each request to the ready worker with the fewest in flight.

    Where none is ready, the request waits at one that will be; where all are down, it fails at
    once. An idempotent request lost to a dead worker is asked again, once, of the best one then.
    """

    def __init__(
        self,
        bridges: Sequence[WorkerBridge],
        on_event: Callable[[WorkerEvent], None] = lambda _: None,
    ) -> None:
        if not bridges:
            raise ValueError("a pool has at least one worker")
        self._bridges = tuple(bridges)
        self._on_event = on_event

    @property
    def role(self) -> str:
        return self._bridges[0].role

    @property
    def info(self) -> Mapping[str, Any]:
        """What the worker that would take the next request last said about itself."""
        return self._least_busy().info

    def statuses(self) -> tuple[WorkerStatus, ...]:
        """Every worker at this moment; asks nobody."""
        return tuple(bridge.status() for bridge in self._bridges)

    async def start(self, after: Delay | None = None) -> None:
        """Start all; returns when they run, not when they are ready. See :meth:`WorkerBridge.start`."""
        await asyncio.gather(*(bridge.start(after) for bridge in self._bridges))

    async def wait_ready(self, timeout_s: float | None = None) -> None:
        """Wait until all can take requests; see :meth:`WorkerBridge.wait_ready`."""
        await asyncio.gather(*(bridge.wait_ready(timeout_s) for bridge in self._bridges))

    async def stop(self) -> None:
        """End all in good order."""
        await asyncio.gather(*(bridge.stop() for bridge in self._bridges))

    async def request(
        self,
        op: str,
        meta: Mapping[str, Any] | None = None,
        arrays: Arrays | None = None,
        *,
        timeout_s: float,
        idempotent: bool = True,
        on_progress: OnProgress | None = None,
        request_id: str | None = None,
    ) -> Answer:
        """Have the least busy worker do something; see :meth:`WorkerBridge.request`."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s

        async def ask() -> Answer:
            return await self._least_busy().request(
                op,
                meta,
                arrays,
                timeout_s=deadline - loop.time(),
                idempotent=False,
                on_progress=on_progress,
                request_id=request_id,
            )

        try:
            return await ask()
        except WorkerDiedError as error:
            if not idempotent or not error.retryable:
                raise
            self._on_event(WorkerEvent(self.role, "retried", error=error))
        return await ask()

    def _least_busy(self) -> WorkerBridge:
        return min(self._bridges, key=_rank)


def _rank(bridge: WorkerBridge) -> tuple[int, int]:
    status = bridge.status()
    return _PREFERENCE[status.state], status.in_flight
