"""Requests to the workers of one role: their deadlines, and the stages of their responses."""

from __future__ import annotations

import time
from collections.abc import Callable

from wav2vec2_app.protocol.message import P, R, Request
from wav2vec2_app.server.bridge.backend import Backend
from wav2vec2_app.server.deadline import Deadline
from wav2vec2_app.server.service.limits import Backlog, StepLimits
from wav2vec2_app.server.service.result import StepResult
from wav2vec2_app.server.service.stages import on_caller_axis


class WorkerClient:
    """Sends requests to a pool.

    Args:
        pool: the workers.
        limits: how long steps may take.
    """

    def __init__(self, pool: Backend, limits: StepLimits) -> None:
        self._pool = pool
        self._limits = limits
        self._backlog = Backlog()

    def limit_s(self, audio_s: float = 0.0, *, loads_model: bool = False) -> float:
        """How long a step that begins now may take, with the requests that are ahead of it, seconds."""
        return self._backlog.total_s + self._limits.limit_s(audio_s, loads_model=loads_model)

    async def request(
        self,
        request: Request[R, P],
        *,
        audio_s: float = 0.0,
        loads_model: bool = False,
        deadline: Deadline | None = None,
        on_progress: Callable[[P], None] | None = None,
        request_id: str = "",
    ) -> StepResult[R]:
        """Send a request and wait for its response.

        Args:
            request: what to send.
            audio_s: how much audio it is about, seconds.
            loads_model: whether its operation loads a model first.
            deadline: of the step; without it, and if it is later, the limit of this request counts.
            on_progress: see :meth:`WorkerBridge.request`.
            request_id: see :meth:`WorkerBridge.request`.

        Raises:
            Wav2Vec2Error: see :meth:`WorkerBridge.request`.
        """
        begin = time.monotonic()
        own_s = self._limits.limit_s(audio_s, loads_model=loads_model)
        with self._backlog.add(own_s) as limit_s:
            response = await self._pool.request(
                request,
                deadline=_earlier(Deadline.after(limit_s), deadline),
                on_progress=on_progress,
                request_id=request_id,
            )
        elapsed_s = time.monotonic() - begin
        stages = on_caller_axis(response.stages, self._pool.role, elapsed_s)
        return StepResult(response, stages)


def _earlier(one: Deadline, other: Deadline | None) -> Deadline:
    return one if other is None or one.at_s <= other.at_s else other
