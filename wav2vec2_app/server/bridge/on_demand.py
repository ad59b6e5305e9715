"""A worker pool whose processes start with the first request."""

from __future__ import annotations

from collections.abc import Callable

from wav2vec2_app.protocol.message import P, R, Request
from wav2vec2_app.server.bridge.pool import WorkerPool
from wav2vec2_app.server.bridge.supervisor import Delay
from wav2vec2_app.server.deadline import Deadline
from wav2vec2_app.server.status import WorkerStatus


class OnDemandPool(WorkerPool):
    """A pool for a role that most servers never use: before its first request it has no process."""

    _state = "new"

    def statuses(self) -> tuple[WorkerStatus, ...]:
        """Every worker at this moment; none before the first request."""
        return super().statuses() if self._state == "started" else ()

    async def start(self, after: Delay | None = None) -> None:
        """Start the processes, unless they were started or the pool was stopped."""
        if self._state == "new":
            self._state = "started"
            await super().start(after)

    async def stop(self) -> None:
        """End the processes; later requests fail."""
        self._state = "stopped"
        await super().stop()

    async def request(
        self,
        request: Request[R, P],
        *,
        deadline: Deadline,
        on_progress: Callable[[P], None] | None = None,
        request_id: str = "",
        idempotent: bool = True,
    ) -> R:
        """Send a request; the first one starts the processes. See :meth:`WorkerPool.request`."""
        await self.start()
        return await super().request(
            request,
            deadline=deadline,
            on_progress=on_progress,
            request_id=request_id,
            idempotent=idempotent,
        )
