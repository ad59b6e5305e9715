"""One worker process behind one call: a typed request in, its typed response out.

Whatever happens to the process, a request ends: with its response, with the worker's own error, or with
a typed error by its deadline.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TypeVar

from wav2vec2_app.errors import TimedOutError, WorkerDiedError
from wav2vec2_app.protocol.frame import Body
from wav2vec2_app.protocol.message import Message, P, R, Request
from wav2vec2_app.server.bridge.child import Child, OnProgressBody, Ticket
from wav2vec2_app.server.bridge.policy import BridgePolicy
from wav2vec2_app.server.bridge.recorder import FrameRecorder
from wav2vec2_app.server.bridge.spawn import WorkerSpec
from wav2vec2_app.server.bridge.supervisor import Delay, Supervisor
from wav2vec2_app.server.deadline import Deadline, first, settles
from wav2vec2_app.server.events import WorkerEventSink, ignore_event
from wav2vec2_app.server.status import WorkerStatus

_log = logging.getLogger(__name__)

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
        self._in_flight = 0
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
        return WorkerStatus(self.role, worker.state, pid, worker.restarts, self._in_flight)

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
        body = request.pack()
        if request_id:
            body = Body({**body.meta, "request_id": request_id}, body.arrays)
        self._in_flight += 1
        try:
            progress = _unpacking(request, on_progress) if on_progress else None
            return request.unpack_response(await self._send(request.op, body, progress, deadline))
        except WorkerDiedError:
            if self._supervisor.state == "stopped":
                raise self._supervisor.unavailable() from None
            raise
        finally:
            self._in_flight -= 1

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
            self._release(child, ticket)
            raise
        if ticket.answer.done():
            return ticket.answer.result()
        self._release(child, ticket)
        raise TimedOutError(
            f"The {self.role} worker did not answer in time.",
            hint="Try a shorter recording.",
            metadata={"role": self.role, "op": op},
        )

    def _release(self, child: Child, ticket: Ticket) -> None:
        """Cancel a request in the worker; replace a worker that does not stop it."""
        child.cancel(ticket)
        if not ticket.answer.done():
            task = asyncio.create_task(self._await_release(child, ticket))
            self._releases.add(task)
            task.add_done_callback(self._releases.discard)

    async def _await_release(self, child: Child, ticket: Ticket) -> None:
        if not await settles(ticket.answer, self._policy.kill_grace_s):
            child.kill("did not stop a cancelled request", deliberate=True)


def _unpacking(request: Request[R, P], on_progress: Callable[[P], None]) -> OnProgressBody:
    """``on_progress`` for the bodies of frames; its exceptions are logged."""

    def on_body(body: Body) -> None:
        message = request.unpack_progress(body)
        try:
            on_progress(message)
        except Exception:
            _log.exception("the progress of %r could not be handled", request.op)

    return on_body
