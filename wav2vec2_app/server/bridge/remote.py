"""A backend whose workers run on other machines, in replicas that another system starts and scales.

Which replica gets a request, and how many there are, is decided there. Here are the deadline, the
cancellation, and the repetition of requests whose replica was lost.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any, Final, TypeVar

from wav2vec2_app.errors import (
    ProtocolError,
    TimedOutError,
    Wav2Vec2Error,
    from_wire,
)
from wav2vec2_app.protocol.frame import Body, Frame, breach
from wav2vec2_app.protocol.message import AnyRequest, P, R, Request
from wav2vec2_app.server.bridge import parcels
from wav2vec2_app.server.bridge.backend import Remote, ReplicaLostError
from wav2vec2_app.server.bridge.busy import BusyMeter
from wav2vec2_app.server.bridge.parcels import FilePiece, Parcel, SpoolWriter
from wav2vec2_app.server.bridge.policy import BridgePolicy
from wav2vec2_app.server.bridge.supervisor import Delay
from wav2vec2_app.server.bridge.ticket import OnProgressBody
from wav2vec2_app.server.bridge.watch import ReplicaWatch
from wav2vec2_app.server.bridge.worker import I, packed, unpacking
from wav2vec2_app.server.deadline import Deadline, cancel_all, first
from wav2vec2_app.server.events import WorkerEventSink, ignore_event
from wav2vec2_app.server.status import WorkerStatus

T = TypeVar("T")

MAX_LOSSES: Final = 5
"""A request is given up when so many replicas were lost during it: it may be the reason."""
ABOUT_LIMIT_S = 30.0
"""How long a replica may take to say something about itself, seconds; all may be busy."""


class _Delivery:
    """A request on its way, perhaps to one replica after the other."""

    def __init__(
        self,
        request: AnyRequest,
        body: Body,
        deadline: Deadline,
        on_progress: OnProgressBody | None = None,
    ) -> None:
        self.request = request
        self.body = body
        self.deadline = deadline
        self.spool = SpoolWriter(parcels.spool_path(request))
        self.stream = on_progress is not None or self.spool.path is not None
        self.parcel = Parcel("", b"", (), 0.0)
        self._on_progress = on_progress

    async def last_of(self, reply: AsyncGenerator[bytes, None]) -> bytes:
        """The last piece of a reply; passes the others on."""
        last = b""
        async for data in reply:
            for frame in parcels.frames_in(data):
                if frame.kind != "progress":
                    last = data
                elif frame.op == parcels.SPOOL_OP:
                    await self.spool.add(frame)
                elif self._on_progress is not None:
                    self._on_progress(frame.body)
        return last


class RemoteBackend:
    """Sends the requests of one role to replicas elsewhere; see :class:`Backend`.

    Args:
        role: which operations.
        remote: the replicas.
        policy: how long they may take to start, and how often their state is looked up.
        on_event: gets every :class:`WorkerEvent`.
        on_demand: there may be no replica; the first request starts one.
    """

    def __init__(
        self,
        role: str,
        remote: Remote,
        policy: BridgePolicy | None = None,
        *,
        on_event: WorkerEventSink = ignore_event,
        on_demand: bool = False,
    ) -> None:
        self._role = role
        self._remote = remote
        self._busy = BusyMeter()
        self._watch = ReplicaWatch(
            role, self._look, policy or BridgePolicy(), on_event, on_demand=on_demand
        )

    @property
    def role(self) -> str:
        return self._role

    @property
    def waiting(self) -> int:
        """None: requests wait in the system that has the replicas."""
        return 0

    def info(self, kind: type[I]) -> I | None:
        """What a replica last said about its worker; None before the first time.

        Raises:
            ProtocolError: it is not a ``kind``.
        """
        body = self._watch.info
        return kind.unpack(body) if body is not None else None

    def infos(self, kind: type[I]) -> tuple[tuple[int | None, I], ...]:
        """The same; the replicas have no process on this machine."""
        info = self.info(kind)
        return ((None, info),) if info is not None else ()

    def statuses(self) -> tuple[WorkerStatus, ...]:
        """Every replica, as it was when it was last looked up; requests count for the first one."""
        in_flight, busy_s = self._busy.in_flight, self._busy.total_s
        error = self._watch.error.message if self._watch.error is not None else ""
        return tuple(
            WorkerStatus(
                self._role,
                state,
                pid=None,
                restarts=0,
                in_flight=0 if number else in_flight,
                busy_s=0.0 if number else busy_s,
                last_exit=error,
            )
            for number, state in enumerate(self._watch.states)
        )

    def replace(self, pid: int) -> bool:
        """Never: the processes are not on this machine."""
        return False

    async def start(self, after: Delay | None = None) -> None:
        """Begin to look the replicas up, in the background."""
        self._watch.start(after)

    async def wait_ready(self, timeout_s: float | None = None) -> None:
        """Wait until a replica is ready; see :meth:`ReplicaWatch.wait_ready`."""
        await self._watch.wait_ready(timeout_s)

    async def stop(self) -> None:
        """Stop looking; the replicas go on."""
        await self._watch.stop()

    async def _look(self) -> Sequence[str]:
        """The state of every replica; one of them also says what its worker says about itself."""
        await self._remote.connect()
        states = await self._remote.states()
        if "ready" in states:
            deadline = Deadline.after(ABOUT_LIMIT_S)
            about = await self._in_time(self._remote.about(), deadline, "about")
            for frame in parcels.frames_in(about):
                self._watch.info = frame.body
        return states

    # --- requests ---

    async def request(
        self,
        request: Request[R, P],
        *,
        deadline: Deadline,
        on_progress: Callable[[P], None] | None = None,
        request_id: str = "",
        idempotent: bool = True,
    ) -> R:
        """Send a request to a replica and wait for its response.

        The arguments are those of :meth:`WorkerPool.request`. A request whose replica is lost is sent
        again, to another one, unless it is not ``idempotent``.

        Raises:
            TimedOutError: the deadline passed.
            ReplicaLostError: too many replicas were lost during it.
            Wav2Vec2Error: the replicas cannot be reached, or whatever the operation raised.
        """
        progress = unpacking(request, on_progress) if on_progress else None
        delivery = _Delivery(request, packed(request, request_id), deadline, progress)
        with self._busy.running():
            answer = self._answer(delivery, idempotent=idempotent)
            return request.unpack_response(await self._in_time(answer, deadline, request.op))

    async def broadcast(self, request: Request[R, P], *, deadline: Deadline) -> list[R]:
        """Send a background request to every replica that runs, and wait for all responses.

        Raises:
            WorkerDiedError: no replica runs.
            Wav2Vec2Error: see :meth:`request`; of the first replica that failed.
        """

        async def send() -> Sequence[bytes]:
            await self._connect()
            delivery = _Delivery(request, packed(request, ""), deadline)
            return await self._remote.send_to_all(await self._parcel(delivery))

        replies = await self._in_time(send(), deadline, request.op)
        if not replies:
            raise self._watch.unavailable()
        return [request.unpack_response(self._settled(reply)) for reply in replies]

    async def _connect(self) -> None:
        if self._watch.stopped:
            raise self._watch.unavailable()
        await self._remote.connect()

    async def _in_time(self, work: Coroutine[Any, Any, T], deadline: Deadline, op: str) -> T:
        """The result of ``work``; it is cancelled with the caller and when the deadline passes."""
        task = asyncio.ensure_future(work)
        try:
            await first(task, timeout_s=deadline.remaining_s())
            if task.done():
                return task.result()
        finally:
            await cancel_all([task])
        raise TimedOutError(
            f"The {self._role} replicas did not answer in time.",
            hint="Try a shorter recording; if all are slow, deploy more replicas.",
            metadata={"role": self._role, "op": op},
        )

    async def _answer(self, delivery: _Delivery, *, idempotent: bool) -> Body:
        """Send until a replica answers, but not for ever."""
        await self._connect()
        delivery.parcel = await self._parcel(delivery)
        for losses in itertools.count(1):
            may_repeat = idempotent and losses < MAX_LOSSES
            if (body := await self._attempt(delivery, may_repeat=may_repeat)) is not None:
                return body
        raise AssertionError("unreachable")

    async def _attempt(self, delivery: _Delivery, *, may_repeat: bool) -> Body | None:
        """The response; None if the replica was lost and the request may be sent again."""
        parcel = replace(delivery.parcel, limit_s=delivery.deadline.remaining_s())
        try:
            async with aclosing(self._remote.send(parcel, stream=delivery.stream)) as reply:
                return self._settled(await delivery.last_of(reply))
        except ReplicaLostError as error:
            if not may_repeat:
                raise
            self._watch.announce("retried", error)
            await delivery.spool.discard()
            return None

    async def _parcel(self, delivery: _Delivery) -> Parcel:
        """The request with all that it needs, as bytes."""
        request, body = delivery.request, delivery.body
        path = parcels.source_path(request)
        chunks: list[FilePiece] = []
        if path is not None:
            with contextlib.suppress(OSError):  # the worker will report that there is no file
                chunks = [await self._remote.put(chunk) async for chunk in parcels.chunks_of(path)]
        if path is not None or delivery.spool.path is not None:
            body = Body({**body.meta, **parcels.without_folders(request).pack().meta}, body.arrays)
        frame = parcels.request_bytes(request, body)
        return Parcel(self._role, frame, tuple(chunks), delivery.deadline.remaining_s())

    def _settled(self, data: bytes) -> Body:
        """The response in the last piece of a reply.

        Raises:
            ProtocolError: there is none.
            Wav2Vec2Error: the operation failed.
        """
        for frame in parcels.frames_in(data):
            if frame.kind == "result":
                return frame.body
            if frame.kind == "error":
                raise _error_in(frame)
            self._watch.info = frame.body
        raise breach("truncated", "The reply of a replica has no response.")


def _error_in(frame: Frame) -> Wav2Vec2Error:
    try:
        return from_wire(frame.meta)
    except (TypeError, ValueError):
        return ProtocolError("The error of a replica is malformed.", code="bridge.bad_error")
