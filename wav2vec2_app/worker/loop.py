"""The worker's side of the bridge: reads frames, runs one operation at a time, answers.

Operations run on the main thread, in the order of their requests (heavy libraries are happiest
there); a second thread reads, so that a ping, a cancel and the end of the parent are noticed in the
middle of an operation. ``docs/worker-protocol.md`` has the life of a request.

Exit codes: 0 the parent closed the pipe or sent SIGTERM; 3 the start failed (an error frame with
the nil id says why); 4 the parent broke the protocol.
"""

from __future__ import annotations

import logging
import os
import queue
import threading
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, BinaryIO

from wav2vec2_app.errors import CancelledError, InternalError, ModelError, ProtocolError, translate
from wav2vec2_app.protocol.frame import NIL_ID, Arrays, Frame, encode, read_frame
from wav2vec2_app.worker.process import become_worker

EXIT_OK = 0
EXIT_START_FAILED = 3
EXIT_PROTOCOL = 4

_EXIT_GRACE_S = 3.0
"""How long an idle worker may take to leave in good order before it is cut short."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reply:
    """What an operation answers: plain JSON values and arrays."""

    meta: Mapping[str, Any] = field(default_factory=dict)
    arrays: Arrays = field(default_factory=dict)


class Call:
    """One request as an operation sees it.

    Attributes:
        id: the frame's id, unique to this attempt.
        request_id: what the person's request is called in logs; the frame's id if none was given.
        op, meta, arrays: what was asked. The arrays may be written to.
    """

    def __init__(self, frame: Frame, send: Callable[[Frame], None]) -> None:
        meta = dict(frame.meta)
        self.id = frame.id
        self.request_id: str = str(meta.pop("request_id", frame.id))
        self.op = frame.op
        self.meta: Mapping[str, Any] = meta
        self.arrays: Arrays = frame.arrays
        self._send = send
        self._cancelled = threading.Event()

    @property
    def cancelled(self) -> bool:
        """Whether the caller no longer wants an answer."""
        return self._cancelled.is_set()

    def check_cancelled(self) -> None:
        """Stop here if the caller no longer wants an answer; call it often in long operations.

        Raises:
            CancelledError: a cancel for this request came.
        """
        if self.cancelled:
            raise CancelledError("The request was cancelled.")

    def progress(self, meta: Mapping[str, Any], arrays: Arrays | None = None) -> None:
        """Send something on the way: a fraction done, a part of the answer."""
        self._send(Frame("progress", self.id, self.op, meta, arrays or {}))

    def cancel(self) -> None:
        """Note that the caller no longer wants an answer (called by the decoding thread)."""
        self._cancelled.set()


Operation = Callable[[Call], Reply]
"""Does one thing; raises an error of :mod:`wav2vec2_app.errors` where it cannot."""


@dataclass(frozen=True)
class Together:
    """How requests of one operation are answered several at once.

    Attributes:
        handler: answers all of them, a reply each; if it raises, each is answered alone.
        key: equal for requests that may go together.
        most: how many may go with this one, itself included; 1 keeps it alone.
    """

    handler: Callable[[Sequence[Call]], Sequence[Reply]]
    key: Callable[[Call], Hashable]
    most: Callable[[Call], int]


@dataclass(frozen=True)
class Operations:
    """What a worker can do.

    Attributes:
        handlers: operation by name.
        info: JSON-able facts for the ready and pong frames; a function is called on the decoding
            thread while an operation may run, so it must be quick and only read.
        together: of the operations that can answer several requests at once, how.
    """

    handlers: Mapping[str, Operation]
    info: Mapping[str, Any] | Callable[[], Mapping[str, Any]] = field(default_factory=dict)
    together: Mapping[str, Together] = field(default_factory=dict)


def serve(create: Callable[[], Operations]) -> int:
    """Claim the standard streams, build the operations and answer requests until the parent leaves.

    ``create`` does the heavy imports, so that whatever they print goes to the log.

    Returns:
        The exit code for the process.
    """
    return WorkerLoop(*become_worker()).run(create)


class WorkerLoop:
    """The loop itself, over any pair of binary streams.

    ``leave`` ends the process from the decoding thread; tests pass their own.
    """

    def __init__(
        self,
        frames_in: BinaryIO,
        frames_out: BinaryIO,
        leave: Callable[[int], object] = os._exit,
    ) -> None:
        self._in = frames_in
        self._out = frames_out
        self._leave = leave
        self._write_lock = threading.Lock()
        self._state_lock = threading.Lock()
        self._queue: queue.SimpleQueue[Call | None] = queue.SimpleQueue()
        self._waiting: dict[str, Call] = {}
        self._running: dict[str, Call] = {}
        self._idle = False
        self._operations = Operations({})

    def run(self, create: Callable[[], Operations]) -> int:
        """Start, answer requests in order, and return the exit code once the parent is gone."""
        threading.Thread(target=self._read, name="frames", daemon=True).start()
        try:
            self._operations = create()
        except Exception as error:
            self._log_start_failure(error)
            self._fail(NIL_ID, "", error)
            return EXIT_START_FAILED
        self._send(Frame("ready", NIL_ID, meta=self._facts()))
        while calls := self._next():
            if len(calls) == 1 or not self._run_together(calls):
                for call in calls:
                    self._run(call)
        return EXIT_OK

    def _log_start_failure(self, error: Exception) -> None:
        if isinstance(error, ModelError):  # how it is configured, not a defect
            _log.error("the worker cannot start: %s %s", error.message, error.hint)
        else:
            _log.error("the worker cannot start", exc_info=error)

    # --- the main thread ---

    def _next(self) -> list[Call]:
        """The request that has waited longest, and those that may go with it; none at the end."""
        while True:
            with self._state_lock:
                self._running = {}
                self._idle = self._queue.empty()
            call = self._queue.get()
            with self._state_lock:
                self._idle = False
                if call is None:
                    return []
                if self._waiting.pop(call.id, None) is not None:  # else answered already
                    calls = [call, *self._company(call)]
                    self._running = {one.id: one for one in calls}
                    return calls

    def _company(self, call: Call) -> list[Call]:
        """Waiting requests that go with ``call``, oldest first; they wait no more."""
        how = self._operations.together.get(call.op)
        if how is None or not self._waiting:
            return []
        try:
            key, most = how.key(call), how.most(call)
            alike = (one for one in self._waiting.values() if one.op == call.op)
            company = list(islice((one for one in alike if how.key(one) == key), max(0, most - 1)))
        except Exception:  # whatever is wrong with it, its own operation will say
            _log.debug("request %s goes alone", call.request_id, exc_info=True)
            return []
        for one in company:
            del self._waiting[one.id]
        return company

    def _run_together(self, calls: Sequence[Call]) -> bool:
        """Whether all were answered; if not, none was."""
        op = calls[0].op
        try:
            replies = self._operations.together[op].handler(calls)
        except Exception:
            _log.warning("%d requests together failed; each goes alone", len(calls), exc_info=True)
            return False
        for call, reply in zip(calls, replies, strict=True):
            self._send(Frame("result", call.id, op, reply.meta, reply.arrays))
        return True

    def _run(self, call: Call) -> None:
        try:
            handler = self._operations.handlers.get(call.op)
            if handler is None:
                raise ProtocolError(f"No operation {call.op[:40]!r}.", code="bridge.unknown_op")
            reply = handler(call)
            self._send(Frame("result", call.id, call.op, reply.meta, reply.arrays))
        except Exception as error:
            self._log_failure(call, error)
            self._fail(call.id, call.op, error)

    def _log_failure(self, call: Call, error: Exception) -> None:
        ours = translate(error)
        expected = ours is error and ours.severity == "warning"
        if expected:
            _log.info("request %s %s: %s: %s", call.request_id, call.op, ours.code, ours.message)
        else:
            _log.error("request %s %s failed", call.request_id, call.op, exc_info=error)

    # --- the decoding thread ---

    def _read(self) -> None:
        try:
            while (frame := read_frame(self._in)) is not None:
                self._receive(frame)
        except ProtocolError as error:
            _log.critical("the parent broke the protocol: %s: %s", error.code, error.message)
            self._leave(EXIT_PROTOCOL)
        except OSError:
            _log.exception("the pipe from the parent broke")
        self._parent_left()

    def _receive(self, frame: Frame) -> None:
        if frame.kind == "request":
            call = Call(frame, self._send)
            with self._state_lock:
                self._waiting[call.id] = call
                self._queue.put(call)
        elif frame.kind == "cancel":
            self._cancel(frame.id)
        elif frame.kind == "ping":
            self._send(Frame("pong", frame.id, meta=self._facts()))
        else:
            raise ProtocolError(
                f"A parent does not send {frame.kind!r} frames.", code="bridge.bad_kind"
            )

    def _cancel(self, call_id: str) -> None:
        """Ask the running operation to stop; answer for a waiting one at once."""
        with self._state_lock:
            waiting = self._waiting.pop(call_id, None)
            if call_id in self._running:
                self._running[call_id].cancel()
        if waiting is not None:
            error = CancelledError("The request was cancelled before it began.")
            self._fail(call_id, waiting.op, error)

    def _parent_left(self) -> None:
        """Leave at once in the middle of an operation, in good order otherwise."""
        with self._state_lock:
            idle = self._idle and self._queue.empty()
            self._queue.put(None)
        if idle:
            time.sleep(_EXIT_GRACE_S)
        self._leave(EXIT_OK)

    # --- both ---

    def _facts(self) -> dict[str, Any]:
        info = self._operations.info
        try:
            facts = dict(info() if callable(info) else info)
        except Exception:
            _log.exception("a worker's info failed")
            facts = {}
        return {**facts, "pid": os.getpid()}

    def _fail(self, call_id: str, op: str, error: Exception) -> None:
        ours = translate(error)
        try:
            self._send(Frame("error", call_id, op, ours.to_wire()))
        except ProtocolError:  # its metadata cannot cross
            plain = InternalError(ours.message, code=ours.code, hint=ours.hint)
            self._send(Frame("error", call_id, op, plain.to_wire()))

    def _send(self, frame: Frame) -> None:
        buffers = encode(frame)
        with self._write_lock:
            try:
                for buffer in buffers:
                    self._out.write(buffer)
                self._out.flush()
            except OSError:  # nobody is left to read
                self._leave(EXIT_OK)
