"""One worker process behind one call: a typed request in, its typed response out.

Whatever happens to the process, a request ends: with its response, with the worker's own error, or with
a typed error by its deadline.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TypeVar

from wav2vec2_app.errors import TimedOutError, WorkerDiedError
from wav2vec2_app.protocol.frame import Body
from wav2vec2_app.protocol.message import AnyRequest, Message, P, R, Request
from wav2vec2_app.server.bridge.busy import BusyMeter
from wav2vec2_app.server.bridge.child import Child
from wav2vec2_app.server.bridge.policy import BridgePolicy
from wav2vec2_app.server.bridge.recorder import FrameRecorder
from wav2vec2_app.server.bridge.spawn import WorkerSpec
from wav2vec2_app.server.bridge.supervisor import Delay, Supervisor
from wav2vec2_app.server.bridge.ticket import OnProgressBody, Ticket
from wav2vec2_app.server.deadline import Deadline, first, settles
from wav2vec2_app.server.events import WorkerEventSink, ignore_event
from wav2vec2_app.server.status import WorkerStatus

_log = logging.getLogger(__name__)

_UNLIMITED_S = float("inf")
_PREFERENCE = {"ready": 0, "starting": 1, "restarting": 1, "stopped": 2, "down": 2}

I = TypeVar("I", bound=Message)  # noqa: E741 - the info of a role


class WorkerBridge:
    """A worker process and the requests that it has.

    Args:
        spec: what to start.
        policy: timeouts and restarts.
        on_event: gets every :class:`WorkerEvent`, on the event loop.
        recorder: gets the frames of every request.
    """

    def __init__(
        self,
        spec: WorkerSpec,
        policy: BridgePolicy | None = None,
        *,
        on_event: WorkerEventSink = ignore_event,
        recorder: FrameRecorder | None = None,
    ) -> None:
        self._policy = policy or BridgePolicy()
        self._supervisor = Supervisor(spec, self._policy, on_event=on_event, recorder=recorder)
        self._busy = BusyMeter()
        self._worn_out: Child | None = None
        self._releases: set[asyncio.Task[None]] = set()
        self._info: tuple[Body, Message] | None = None

    @property
    def role(self) -> str:
        return self._supervisor.role

    def info(self, kind: type[I]) -> I | None:
        """What the worker last said in a ready or pong frame; None before the first.

        Raises:
            ProtocolError: it is not a ``kind``.
        """
        body = self._supervisor.info
        if body is None:
            return None
        if self._info is None or self._info[0] is not body:
            self._info = (body, kind.unpack(body))
        info = self._info[1]
        return info if isinstance(info, kind) else kind.unpack(body)

    def status(self) -> WorkerStatus:
        """The worker at this moment; sends nothing to it."""
        worker = self._supervisor
        pid = worker.child.pid if worker.child is not None else None
        return WorkerStatus(
            self.role,
            worker.state,
            pid,
            worker.restarts,
            self._busy.in_flight,
            init_s=worker.init_s,
            age_s=worker.age_s,
            busy_s=self._busy.total_s,
            last_exit=worker.last_exit,
        )

    async def start(self, after: Delay | None = None) -> None:
        """Start the process and return immediately; requests wait until it is ready.

        ``after`` is awaited before that, in the background.
        """
        await self._supervisor.start(after)

    async def wait_ready(self, timeout_s: float | None = None) -> None:
        """Wait until the worker can take requests.

        Raises:
            TimedOutError: it takes longer than ``timeout_s`` (by default the start timeout).
            WorkerDiedError: it is down or stopped.
        """
        limit_s = self._policy.start_timeout_s if timeout_s is None else timeout_s
        await self._supervisor.ready_child(Deadline.after(limit_s))

    async def stop(self) -> None:
        """End the process in order and wait until nothing of it is left."""
        for task in self._releases:
            task.cancel()
        await asyncio.gather(*self._releases, return_exceptions=True)
        await self._supervisor.stop()

    async def request(
        self,
        request: Request[R, P],
        *,
        deadline: Deadline,
        on_progress: Callable[[P], None] | None = None,
        request_id: str = "",
    ) -> R:
        """Send a request and wait for its response.

        Cancelling the caller's task cancels the operation in the worker, too; a worker that does not
        stop the operation within ``kill_grace_s`` is replaced.

        Args:
            request: its arrays are sent without a copy; leave them unchanged until the response comes.
            deadline: of all of it, waiting for the worker included.
            on_progress: called on the event loop with what the operation reports; must be quick.
            request_id: the id of the user's request, for the worker's log.

        Raises:
            TimedOutError: the deadline passed.
            WorkerDiedError: the process died, or the worker is down or stopped.
            ProtocolError: the request cannot be encoded, or the response is malformed.
            Wav2Vec2Error: whatever the operation raised.
        """
        body = packed(request, request_id)
        try:
            progress = unpacking(request, on_progress) if on_progress else None
            with self.counted():
                return request.unpack_response(
                    await self._send(request.op, body, progress, deadline)
                )
        except WorkerDiedError:
            if self._supervisor.state == "stopped":
                raise self._supervisor.unavailable() from None
            raise

    def announce_retry(self, error: WorkerDiedError) -> None:
        """Report that a request which was lost here is sent again."""
        self._supervisor.announce("retried", error)

    async def _send(
        self, op: str, body: Body, on_progress: OnProgressBody | None, deadline: Deadline
    ) -> Body:
        child = await self._supervisor.ready_child(deadline)
        ticket = child.submit(op, body, on_progress)
        try:
            await first(ticket.answer, timeout_s=deadline.remaining_s())
        except asyncio.CancelledError:
            self.release(child, ticket)
            raise
        if ticket.answer.done():
            return ticket.answer.result()
        self.release(child, ticket)
        raise self.timed_out(op)

    # --- what a pool uses ---

    def rank(self) -> tuple[int, int]:
        """Lower for a worker that answers sooner."""
        return _PREFERENCE[self._supervisor.state], self._busy.in_flight

    @property
    def usable(self) -> bool:
        """Whether a request would be answered, now or when the worker has started."""
        return self._supervisor.state not in {"down", "stopped"}

    @property
    def stopped(self) -> bool:
        return self._supervisor.state == "stopped"

    @property
    def served(self) -> int:
        """How many requests its present process was sent; 0 before there is one."""
        child = self._supervisor.child
        return child.served if child is not None else 0

    def timed_out(self, op: str) -> TimedOutError:
        """The error for a request whose deadline passed."""
        if self._supervisor.state != "ready":
            return self._supervisor.not_ready_in_time()
        return TimedOutError(
            f"The {self.role} worker did not answer in time.",
            hint="Try a shorter recording.",
            metadata={"role": self.role, "op": op},
        )

    def unavailable(self) -> WorkerDiedError:
        """The error for a request to a worker that is down or stopped."""
        return self._supervisor.unavailable()

    async def ready_child(self, *, fresh: bool = False) -> Child:
        """The process, once it can take requests; ``fresh``: one that has had none.

        Raises:
            WorkerDiedError: the worker is down or stopped.
        """
        while True:
            child = await self._supervisor.ready_child(Deadline.after(_UNLIMITED_S))
            if child is not self._worn_out and not (fresh and child.served):
                return child
            reason = "to free memory" if child is self._worn_out else "so that a request runs alone"
            child.kill(f"was replaced {reason}", deliberate=True)
            await first(child.gone)

    def wear_out(self) -> None:
        """Replace the present process before its next request."""
        self._worn_out = self._supervisor.child

    def counted(self) -> AbstractContextManager[None]:
        """A request is in flight."""
        return self._busy.running()

    def release(self, child: Child, ticket: Ticket) -> None:
        """Cancel a request in the worker; replace a worker that does not stop it."""
        child.cancel(ticket)
        if not ticket.answer.done():
            task = asyncio.create_task(self._await_release(child, ticket))
            self._releases.add(task)
            task.add_done_callback(self._releases.discard)

    async def _await_release(self, child: Child, ticket: Ticket) -> None:
        if not await settles(ticket.answer, self._policy.kill_grace_s):
            child.kill("did not stop a cancelled request", deliberate=True)


def packed(request: AnyRequest, request_id: str) -> Body:
    """The body of a request's frame."""
    body = request.pack()
    return Body({**body.meta, "request_id": request_id}, body.arrays) if request_id else body


def unpacking(request: Request[R, P], on_progress: Callable[[P], None]) -> OnProgressBody:
    """``on_progress`` for the bodies of frames; its exceptions are logged."""

    def on_body(body: Body) -> None:
        message = request.unpack_progress(body)
        try:
            on_progress(message)
        except Exception:
            _log.exception("the progress of %r could not be handled", request.op)

    return on_body
