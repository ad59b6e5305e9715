"""One worker process from its start to its burial: its pipes, its requests, its health, its end.

Nothing here restarts anything; that is :mod:`wav2vec2_app.bridge.process`. All of it runs on one
event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import uuid
from asyncio.subprocess import Process
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from wav2vec2_app.errors import ProtocolError, Wav2Vec2Error, WorkerDiedError, from_wire
from wav2vec2_app.protocol.frame import (
    NIL_ID,
    Arrays,
    Buffer,
    Frame,
    encode,
    pieces,
    read_frame_async,
)
from wav2vec2_app.server.bridge.death import Death, describe
from wav2vec2_app.server.bridge.log import WorkerLog
from wav2vec2_app.server.bridge.spawn import PipesProtocol, WorkerSpec, spawn
from wav2vec2_app.server.deadline import first, settles

_log = logging.getLogger(__name__)

OnProgress = Callable[[Mapping[str, Any], Arrays], None]
"""Called on the event loop for every progress frame; must be quick."""


@dataclass(frozen=True)
class Answer:
    """What a worker answered. The arrays may be written to."""

    meta: Mapping[str, Any]
    arrays: Arrays


@dataclass(eq=False)
class Ticket:
    """A request under way; ``answer`` settles with the answer or the worker's error."""

    id: str
    answer: asyncio.Future[Answer]
    outgoing: _Outgoing
    on_progress: OnProgress | None


@dataclass(eq=False)
class _Outgoing:
    """A frame on its way out."""

    buffers: list[Buffer]
    written: asyncio.Future[None]
    begun: bool = False
    dropped: bool = False


class Child:
    """A running worker process; made by :meth:`spawn`.

    Attributes:
        pid: its process id.
        info: what its last ready or pong frame said.
        ready: settles when it can take requests.
        gone: settles, after ``ready`` or instead of it, when it has ended and is buried.
    """

    def __init__(
        self,
        role: str,
        transport: asyncio.SubprocessTransport,
        protocol: PipesProtocol,
        *,
        stall_timeout_s: float,
        grace_s: float,
    ) -> None:
        loop = asyncio.get_running_loop()
        self.pid = transport.get_pid()
        self.info: Mapping[str, Any] = {}
        self.ready: asyncio.Future[None] = loop.create_future()
        self.gone: asyncio.Future[Death] = loop.create_future()
        self._role = role
        self._transport = transport
        self._exited = protocol.exited
        self._process = Process(transport, protocol, loop)
        self._stall_timeout_s = stall_timeout_s
        self._grace_s = grace_s
        self._tickets: dict[str, Ticket] = {}
        self._pings: dict[str, asyncio.Future[None]] = {}
        self._outbox: asyncio.Queue[_Outgoing] = asyncio.Queue()
        self._worker_log = WorkerLog(role)
        self._cause: Wav2Vec2Error | None = None
        self._killed_because = ""
        self._deliberate = False
        self._closing = False
        self._reader = loop.create_task(self._read())
        self._writer = loop.create_task(self._write())
        self._log_follower = loop.create_task(self._follow_log())
        self._undertaker = loop.create_task(self._bury())

    @classmethod
    async def spawn(cls, spec: WorkerSpec, *, stall_timeout_s: float, grace_s: float) -> Child:
        """Start a process in a session of its own, so that Ctrl-C reaches only the parent.

        Args:
            spec: what to start.
            stall_timeout_s: a process that reads nothing for this long while we write is killed.
            grace_s: how long an end may take before it is forced.

        Raises:
            OSError: the program cannot be started.
        """
        transport, protocol = await spawn(spec)
        return cls(spec.role, transport, protocol, stall_timeout_s=stall_timeout_s, grace_s=grace_s)

    # --- requests ---

    def submit(
        self, op: str, meta: Mapping[str, Any], arrays: Arrays, on_progress: OnProgress | None
    ) -> Ticket:
        """Send a request.

        Raises:
            ProtocolError: it cannot be put into a frame.
            WorkerDiedError: the process is gone.
        """
        if self.gone.done():
            raise self.gone.result().error
        call_id = str(uuid.uuid4())
        outgoing = self._post(Frame("request", call_id, op, meta, arrays))
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        answer.add_done_callback(_mark_retrieved)
        ticket = Ticket(call_id, answer, outgoing, on_progress)
        self._tickets[call_id] = ticket
        return ticket

    def abandon(self, ticket: Ticket) -> None:
        """Nobody wants this answer any more: tell the worker, unless it never heard of it."""
        ticket.on_progress = None
        if ticket.answer.done():
            return
        if ticket.outgoing.begun:
            self._post(Frame("cancel", ticket.id))
        else:
            ticket.outgoing.dropped = True
            self._tickets.pop(ticket.id)
            ticket.answer.cancel()

    async def ping(self, timeout_s: float) -> bool:
        """Whether the process answers within this time, counted from when it was asked."""
        frame = Frame("ping", str(uuid.uuid4()))
        pong: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pings[frame.id] = pong
        try:
            outgoing = self._post(frame)
            # A write that never ends is the writer's to notice: here one end comes or the other.
            await first(outgoing.written, self.gone)
            return self.gone.done() or await settles(pong, timeout_s)
        finally:
            self._pings.pop(frame.id, None)

    # --- the end ---

    def kill(self, because: str, *, deliberate: bool = False) -> None:
        """End the process and all it started, at once. ``because`` continues "the worker …"."""
        if self.gone.done() or self._killed_because:
            return
        self._killed_because = because
        self._deliberate = deliberate
        self._kill_group()

    async def close(self) -> None:
        """End the process in good order: close its input, then SIGTERM, then SIGKILL."""
        self._closing = True
        self._writer.cancel()
        try:
            cast(asyncio.StreamWriter, self._process.stdin).close()
            if await settles(self.gone, self._grace_s):
                return
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()
            await settles(self.gone, self._grace_s)
        finally:
            if not self.gone.done():
                self._kill_group()
        await first(self._undertaker)

    def _kill_group(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg"):
                os.killpg(self.pid, signal.SIGKILL)
            else:  # Windows
                self._process.kill()

    async def _bury(self) -> None:
        """Wait for the end, collect what is left in the pipes, and tell everybody who waits."""
        await first(self._reader, self._exited)
        if not await settles(self._exited, self._grace_s):
            self.kill("closed its output")
            await first(self._exited)
        self._kill_group()  # what it started and left behind would hold the pipes open
        await settles(self._reader, self._grace_s)  # its last frames may still be in the pipe
        await settles(self._log_follower, self._grace_s)
        await self._cancel_tasks()
        self._transport.close()
        self._announce(self._transport.get_returncode())

    async def _cancel_tasks(self) -> None:
        tasks = [self._reader, self._writer, self._log_follower]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _announce(self, exit_code: int | None) -> None:
        error = describe(
            self._role, exit_code, killed_because=self._killed_because, cause=self._cause
        )
        if not self._closing:
            _log.warning("%s pid=%d last words: %s", error, self.pid, self._worker_log.last_words)
        for ticket in self._tickets.values():
            if not ticket.answer.done():
                ticket.answer.set_exception(_again(error))
        self._tickets.clear()
        final = self._cause is not None and self._cause.layer == "context"
        self.gone.set_result(Death(error, self._deliberate, final))

    # --- the pipes ---

    def _post(self, frame: Frame) -> _Outgoing:
        outgoing = _Outgoing(encode(frame), asyncio.get_running_loop().create_future())
        self._outbox.put_nowait(outgoing)
        return outgoing

    async def _write(self) -> None:
        """Write one frame after the other; nobody who gives up can leave half a frame behind."""
        try:
            while True:
                outgoing = await self._outbox.get()
                if not outgoing.dropped:
                    outgoing.begun = True
                    await self._write_frame(outgoing.buffers)
                    outgoing.written.set_result(None)
                outgoing.buffers.clear()  # what is sent need not stay in memory
        except OSError:
            self.kill("closed its input")

    async def _write_frame(self, buffers: list[Buffer]) -> None:
        stdin = cast(asyncio.StreamWriter, self._process.stdin)
        for piece in pieces(buffers):
            stdin.write(piece)
            await self._drain(stdin)

    async def _drain(self, stdin: asyncio.StreamWriter) -> None:
        drained = asyncio.ensure_future(stdin.drain())
        try:
            if await settles(drained, self._stall_timeout_s):
                drained.result()
            else:
                self.kill("stopped decoding")
                await first(self.gone)
        finally:
            drained.cancel()

    async def _read(self) -> None:
        stdout = cast(asyncio.StreamReader, self._process.stdout)
        try:
            while (frame := await read_frame_async(stdout)) is not None:
                self._receive(frame)
        except ProtocolError as error:
            if error.code != "bridge.truncated":  # that is how a killed process sounds
                self._cause = error
                self.kill(f"broke the protocol ({error.code})")
        except OSError:
            self.kill("closed its output")

    async def _follow_log(self) -> None:
        await self._worker_log.follow(cast(asyncio.StreamReader, self._process.stderr))

    def _receive(self, frame: Frame) -> None:
        if frame.kind in {"ready", "pong"}:
            self.info = frame.meta
            settled = self.ready if frame.kind == "ready" else self._pings.get(frame.id)
            if settled is not None and not settled.done():
                settled.set_result(None)
        elif frame.kind == "progress":
            self._report(frame)
        elif frame.kind == "result":
            if (answer := self._settle(frame)) is not None:
                answer.set_result(Answer(frame.meta, frame.arrays))
        elif frame.kind == "error":
            self._receive_error(frame)
        else:
            raise ProtocolError(
                f"A worker does not send {frame.kind!r} frames.", code="bridge.bad_kind"
            )

    def _receive_error(self, frame: Frame) -> None:
        try:
            error = from_wire(frame.meta)
        except (TypeError, ValueError) as cause:
            raise ProtocolError("An error is malformed.", code="bridge.bad_error") from cause
        if frame.id == NIL_ID:
            self._cause = error
        elif (answer := self._settle(frame)) is not None:
            answer.set_exception(error)

    def _settle(self, frame: Frame) -> asyncio.Future[Answer] | None:
        """The future this frame answers; None where nobody waits for it."""
        ticket = self._tickets.pop(frame.id, None)
        return ticket.answer if ticket is not None and not ticket.answer.done() else None

    def _report(self, frame: Frame) -> None:
        ticket = self._tickets.get(frame.id)
        if ticket is None or ticket.on_progress is None:
            return
        try:
            ticket.on_progress(frame.meta, frame.arrays)
        except Exception:
            _log.exception("a listener to the progress of %s failed", ticket.id)


def _again(error: WorkerDiedError) -> WorkerDiedError:
    """The same error as a new exception, because each caller's traceback is its own."""
    return WorkerDiedError(error.message, code=error.code, hint=error.hint, metadata=error.metadata)


def _mark_retrieved(future: asyncio.Future[Any]) -> None:
    """An answer nobody waits for any more is no unretrieved exception."""
    if not future.cancelled():
        future.exception()
