"""Several workers of one role behind the interface of one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from wav2vec2_app.errors import WorkerDiedError
from wav2vec2_app.protocol.message import P, R, Request
from wav2vec2_app.server.bridge.supervisor import Delay
from wav2vec2_app.server.bridge.worker import I, WorkerBridge
from wav2vec2_app.server.deadline import Deadline
from wav2vec2_app.server.status import WorkerStatus

_PREFERENCE = {"ready": 0, "starting": 1, "restarting": 1, "stopped": 2, "down": 2}


class WorkerPool:
    """Sends each request to the ready worker with the fewest in flight.

    If none is ready, the request waits for one that is starting; if all are down, it fails immediately.
    An idempotent request that was lost with its worker is sent once more.
    """

    def __init__(self, bridges: Sequence[WorkerBridge]) -> None:
        if not bridges:
            raise ValueError("a pool has at least one worker")
        self._bridges = tuple(bridges)

    @property
    def role(self) -> str:
        return self._bridges[0].role

    def info(self, kind: type[I]) -> I | None:
        """What the worker that would get the next request last said about itself.

        See :meth:`WorkerBridge.info`.
        """
        return self._least_busy().info(kind)

    def statuses(self) -> tuple[WorkerStatus, ...]:
        """Every worker at this moment; sends nothing to them."""
        return tuple(bridge.status() for bridge in self._bridges)

    async def start(self, after: Delay | None = None) -> None:
        """Start all; see :meth:`WorkerBridge.start`."""
        await asyncio.gather(*(bridge.start(after) for bridge in self._bridges))

    async def wait_ready(self, timeout_s: float | None = None) -> None:
        """Wait until all can take requests; see :meth:`WorkerBridge.wait_ready`."""
        await asyncio.gather(*(bridge.wait_ready(timeout_s) for bridge in self._bridges))

    async def stop(self) -> None:
        """End all in order."""
        await asyncio.gather(*(bridge.stop() for bridge in self._bridges))

    async def request(
        self,
        request: Request[R, P],
        *,
        deadline: Deadline,
        on_progress: Callable[[P], None] | None = None,
        request_id: str = "",
        idempotent: bool = True,
    ) -> R:
        """Send a request to the least busy worker; see :meth:`WorkerBridge.request`.

        ``idempotent``: whether it may be sent once more if its worker dies.
        """

        async def attempt(bridge: WorkerBridge) -> R:
            return await bridge.request(
                request, deadline=deadline, on_progress=on_progress, request_id=request_id
            )

        bridge = self._least_busy()
        try:
            return await attempt(bridge)
        except WorkerDiedError as error:
            if not idempotent or not error.retryable:
                raise
            bridge.announce_retry(error)
        return await attempt(self._least_busy())

    def _least_busy(self) -> WorkerBridge:
        return min(self._bridges, key=_rank)


def _rank(bridge: WorkerBridge) -> tuple[int, int]:
    status = bridge.status()
    return _PREFERENCE[status.state], status.in_flight
