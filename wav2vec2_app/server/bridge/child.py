"""The lifecycle of one worker process: its pipes, its requests, its health, its exit.

Nothing here restarts a process; that is :mod:`wav2vec2_app.server.bridge.supervisor`. All of it runs on
one event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import signal
import tempfile
import uuid
from asyncio.subprocess import Process
from pathlib import Path
from typing import cast

from wav2vec2_app.errors import ProtocolError, Wav2Vec2Error, WorkerDiedError, from_wire
from wav2vec2_app.protocol.frame import NIL_ID, Body, Frame, breach
from wav2vec2_app.protocol.reader import read_frame_async
from wav2vec2_app.server.bridge.log import WorkerLog
from wav2vec2_app.server.bridge.policy import BridgePolicy
from wav2vec2_app.server.bridge.recorder import FrameRecorder
from wav2vec2_app.server.bridge.spawn import PipesProtocol, WorkerSpec, spawn
from wav2vec2_app.server.bridge.termination import Termination, describe, is_own
from wav2vec2_app.server.bridge.ticket import OnProgressBody, Ticket, mark_retrieved
from wav2vec2_app.server.bridge.writer import FrameWriter, StalledError
from wav2vec2_app.server.deadline import first, settles

_log = logging.getLogger(__name__)


class Child:
    """A running worker process; made by :meth:`spawn`.

    Attributes:
        pid: its process id.
        info: the body of its last ready, pong or info frame.
        served: how many requests were sent to it.
        ready: settles when it can take requests.
        gone: settles, after ``ready`` or instead of it, when the process has ended and is reaped.
    """

    def __init__(
        self,
        spec: WorkerSpec,
        transport: asyncio.SubprocessTransport,
        protocol: PipesProtocol,
        policy: BridgePolicy,
        recorder: FrameRecorder | None = None,
    ) -> None:
        loop = asyncio.get_running_loop()
        self.pid = transport.get_pid()
        self.info: Body | None = None
        self.served = 0
        self.ready: asyncio.Future[None] = loop.create_future()
        self.gone: asyncio.Future[Termination] = loop.create_future()
        self._spec = spec
        self._transport = transport
        self._exited = protocol.exited
        self._process = Process(transport, protocol, loop)
        self._stdin = cast(asyncio.StreamWriter, self._process.stdin)
        self._grace_s = policy.kill_grace_s
        self._recorder = recorder
        self._tickets: dict[str, Ticket] = {}
        self._pings: dict[str, asyncio.Future[None]] = {}
        self._outbox = FrameWriter(self._stdin, policy.ping_timeout_s)
        self._worker_log = WorkerLog(spec.role)
        self._cause: Wav2Vec2Error | None = None
        self._kill_reason = ""
        self._deliberate = False
        self._closing = False
        self._reader = loop.create_task(self._read())
        self._writer = loop.create_task(self._write())
        self._log_follower = loop.create_task(self._follow_log())
        self._reaper = loop.create_task(self._reap())

    @classmethod
    async def spawn(
        cls, spec: WorkerSpec, policy: BridgePolicy, recorder: FrameRecorder | None = None
    ) -> Child:
        """Start a process.

        Args:
            spec: what to start.
            policy: a process that reads nothing for ``ping_timeout_s`` while there is something to read
                is killed; ``kill_grace_s`` is how long its exit may take before it is forced.
            recorder: gets the frames of every request.

        Raises:
            OSError: the program cannot be started.
        """
        folder = Path(tempfile.mkdtemp(prefix="wav2vec2-worker-")) if spec.isolated else None
        try:
            transport, protocol = await spawn(spec, folder)
        except BaseException:
            _remove(folder)
            raise
        child = cls(spec, transport, protocol, policy, recorder)
        child.gone.add_done_callback(lambda _: _remove(folder))
        return child

    # --- requests ---

    def submit(
        self,
        op: str,
        body: Body,
        on_progress: OnProgressBody | None = None,
        *,
        more: bool = False,
    ) -> Ticket:
        """Send a request; ``more``: the next one belongs to the same batch.

        Raises:
            ProtocolError: it cannot be encoded.
            WorkerDiedError: the process is gone.
        """
        if self.gone.done():
            raise self.gone.result().error
        meta = {**body.meta, "more": True} if more else body.meta
        frame = Frame("request", str(uuid.uuid4()), op, meta, body.arrays)
        outgoing = self._outbox.put(frame)
        answer: asyncio.Future[Body] = asyncio.get_running_loop().create_future()
        answer.add_done_callback(mark_retrieved)
        recording = self._recorder.begin(self._spec, frame) if self._recorder else None
        ticket = Ticket(frame.id, answer, outgoing, on_progress, recording, more=more)
        self._tickets[frame.id] = ticket
        self.served += 1
        return ticket

    def cancel(self, ticket: Ticket) -> None:
        """Withdraw a request: a cancel is sent, unless the request has not been sent yet."""
        ticket.on_progress = None
        if ticket.answer.done():
            return
        if ticket.outgoing.begun or ticket.more:
            self._outbox.put(Frame("cancel", ticket.id))
        else:
            ticket.outgoing.dropped = True
            self._tickets.pop(ticket.id)
            ticket.answer.cancel()

    async def ping(self, timeout_s: float) -> bool:
        """Whether the process answers within this time, counted from when the ping was written."""
        frame = Frame("ping", str(uuid.uuid4()))
        pong: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pings[frame.id] = pong
        try:
            outgoing = self._outbox.put(frame)
            # The writer notices a write that does not end, and kills the process.
            await first(outgoing.written, self.gone)
            return self.gone.done() or await settles(pong, timeout_s)
        finally:
            self._pings.pop(frame.id, None)

    # --- the end of the process ---

    def kill(self, reason: str, *, deliberate: bool = False) -> None:
        """End the process and all it started, immediately. ``reason`` continues "the worker …"."""
        if self.gone.done() or self._kill_reason:
            return
        self._kill_reason = reason
        self._deliberate = deliberate
        self._kill_group()

    async def close(self) -> None:
        """End the process in order: close its input, then SIGTERM, then SIGKILL."""
        self._closing = True
        self._writer.cancel()
        try:
            self._stdin.close()
            if await settles(self.gone, self._grace_s):
                return
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()
            await settles(self.gone, self._grace_s)
        finally:
            if not self.gone.done():
                self._kill_group()
        await first(self._reaper)

    def _kill_group(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg"):
                os.killpg(self.pid, signal.SIGKILL)
            else:  # Windows
                self._process.kill()

    async def _reap(self) -> None:
        """Wait for the exit, read what is left in the pipes, and fail the open requests."""
        await first(self._reader, self._exited)
        if not await settles(self._exited, self._grace_s):
            self.kill("closed its output")
            await first(self._exited)
        self._kill_group()  # its own child processes would hold the pipes open
        await settles(self._reader, self._grace_s)  # its last frames may still be in the pipe
        await settles(self._log_follower, self._grace_s)
        tasks = [self._reader, self._writer, self._log_follower]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._transport.close()
        self._settle_all(self._transport.get_returncode())

    def _settle_all(self, exit_code: int | None) -> None:
        error = describe(self._spec.role, exit_code, killed=self._kill_reason, cause=self._cause)
        if not self._closing:
            lines = self._worker_log.last_lines
            _log.warning("%s pid=%d last stderr lines: %s", error, self.pid, lines)
        self.gone.set_result(
            Termination(
                error,
                self._deliberate,
                final=self._cause is not None and self._cause.layer == "context",
                own=is_own(exit_code, self._kill_reason, self._cause),
                was_ready=self.ready.done(),
                had_begun=any(ticket.begun for ticket in self._tickets.values()),
            )
        )
        for ticket in self._tickets.values():
            if not ticket.answer.done():
                ticket.answer.set_exception(_copy(error))
        self._tickets.clear()

    # --- the pipes ---

    async def _write(self) -> None:
        try:
            await self._outbox.run()
        except StalledError:
            self.kill("stopped reading its input")
        except OSError:
            self.kill("closed its input")

    async def _read(self) -> None:
        stdout = cast(asyncio.StreamReader, self._process.stdout)
        try:
            while (frame := await read_frame_async(stdout)) is not None:
                self._receive(frame)
        except ProtocolError as error:
            if error.code != "bridge.truncated":  # a killed process leaves half a frame
                self._cause = error
                self.kill(f"broke the protocol ({error.code})")
        except OSError:
            self.kill("closed its output")

    async def _follow_log(self) -> None:
        await self._worker_log.follow(cast(asyncio.StreamReader, self._process.stderr))

    def _receive(self, frame: Frame) -> None:
        ticket = self._tickets.get(frame.id)
        if ticket is not None and ticket.recording is not None:
            ticket.recording.add(frame)
        if frame.kind in {"ready", "pong", "info"}:
            self.info = frame.body
            settled = self.ready if frame.kind == "ready" else self._pings.get(frame.id)
            if settled is not None and not settled.done():
                settled.set_result(None)
        elif frame.kind in {"begun", "progress"}:
            if ticket is not None:
                ticket.advance(frame)
        elif frame.kind == "result":
            if (answer := self._settle(frame)) is not None:
                answer.set_result(frame.body)
        elif frame.kind == "error":
            self._receive_error(frame)
        else:
            raise breach("bad_kind", f"A worker does not send {frame.kind!r} frames.")

    def _receive_error(self, frame: Frame) -> None:
        try:
            error = from_wire(frame.meta)
        except (TypeError, ValueError) as cause:
            raise breach("bad_error", "The error of a worker is malformed.") from cause
        if frame.id == NIL_ID:
            self._cause = error
        elif (answer := self._settle(frame)) is not None:
            answer.set_exception(error)

    def _settle(self, frame: Frame) -> asyncio.Future[Body] | None:
        """The future that this frame settles; None if the request was withdrawn."""
        ticket = self._tickets.pop(frame.id, None)
        return ticket.answer if ticket is not None and not ticket.answer.done() else None


def _remove(folder: Path | None) -> None:
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)


def _copy(error: WorkerDiedError) -> WorkerDiedError:
    """The same error as a new exception, because each caller adds its own traceback."""
    return WorkerDiedError(error.message, code=error.code, hint=error.hint, metadata=error.metadata)
