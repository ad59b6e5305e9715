"""The worker's main loop: receives requests, runs one operation at a time, sends responses.

Operations run on the main thread, in the order of their requests. A second thread reads frames, so that a
ping, a cancel and the end of the server are noticed during an operation. A third one runs background
operations, beside the others and one after the other. ``docs/worker-protocol.md``
describes the life of a request.

Exit codes: 0 the server closed the pipe; 143 SIGTERM; 3 the start failed (an error frame with the nil
id says why); 4 the server broke the protocol.
"""

from __future__ import annotations

import logging
import os
import queue
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import BinaryIO

from wav2vec2_app.errors import CancelledError, InternalError, ModelError, ProtocolError, translate
from wav2vec2_app.protocol.frame import NIL_ID, Body, Frame, breach, encode
from wav2vec2_app.protocol.message import Response
from wav2vec2_app.protocol.reader import read_frame
from wav2vec2_app.worker.call import Call, Role, batch_mates, run_batch
from wav2vec2_app.worker.process import become_worker

EXIT_OK = 0
EXIT_START_FAILED = 3
EXIT_PROTOCOL = 4

EXIT_GRACE_S = 3.0
"""How long an idle worker may take to exit in order before it is ended, seconds."""

_log = logging.getLogger(__name__)


def serve(create: Callable[[], Role]) -> int:
    """Take over the standard streams, create the role and answer requests until the server is gone.

    ``create`` does the heavy imports, so that what they print goes to the log.

    Returns:
        The exit code for the process.
    """
    return WorkerLoop(*become_worker()).run(create)


class WorkerLoop:
    """The loop over any pair of binary streams; ``leave`` ends the process from the reading thread."""

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
        self._background: queue.SimpleQueue[Call] = queue.SimpleQueue()
        self._incomplete: list[Call] = []
        self._waiting: dict[str, Call] = {}
        self._running: dict[str, Call] = {}
        self._running_in_background: dict[str, Call] = {}
        self._idle = False
        self._role = Role(())

    def run(self, create: Callable[[], Role]) -> int:
        """Start, answer requests in order, and return the exit code when the server is gone."""
        threading.Thread(target=self._read, name="frames", daemon=True).start()
        try:
            self._role = create()
        except Exception as error:
            _log_start_failure(error)
            self._fail(NIL_ID, "", error)
            return EXIT_START_FAILED
        threading.Thread(target=self._run_background, name="background", daemon=True).start()
        self._send_info("ready", NIL_ID)
        while calls := self._next():
            for call in calls:
                self._send(Frame("begun", call.id, call.op))
            if len(calls) == 1 or not self._run_batch(calls):
                for call in calls:
                    self._answer(call, partial(self._run_one, call))
        return EXIT_OK

    # --- the main thread ---

    def _next(self) -> list[Call]:
        """The oldest waiting request and those in one batch with it; none at the end."""
        while True:
            with self._state_lock:
                self._running = {}
                self._idle = self._queue.empty()
            call = self._queue.get()
            with self._state_lock:
                self._idle = False
                if call is None:
                    return []
                if self._waiting.pop(call.id, None) is not None:  # else it was cancelled
                    calls = [call, *self._take_batch(call)]
                    self._running = {one.id: one for one in calls}
                    return calls

    def _take_batch(self, call: Call) -> list[Call]:
        """Remove the requests that are in one batch with ``call`` from those that wait."""
        try:
            mates = batch_mates(call, list(self._waiting.values()), self._role)
        except Exception:  # the operation itself will report what is wrong
            _log.debug("request %s is in no batch", call.request_id, exc_info=True)
            return []
        for one in mates:
            del self._waiting[one.id]
        return mates

    def _run_one(self, call: Call) -> Response:
        """Run the operation of one request.

        Raises:
            ProtocolError: the operation is unknown, or its message is malformed.
            Exception: whatever the operation raises.
        """
        handler = self._role.by_op.get(call.op)
        if handler is None:
            raise breach("unknown_op", f"There is no operation {call.op[:40]!r}.")
        _log.debug("request %s %s begins", call.request_id, call.op)
        response: Response = handler.run(call.request(handler.request), call)
        return response

    def _run_batch(self, calls: Sequence[Call]) -> bool:
        """Whether the batch was answered; if not, no request of it was."""
        try:
            responses = run_batch(calls, self._role)
        except Exception:
            _log.warning("a batch of %d failed; running each alone", len(calls), exc_info=True)
            return False
        for call, response in zip(calls, responses, strict=True):
            self._answer(call, partial(_identity, response))
        return True

    def _answer(self, call: Call, run: Callable[[], Response]) -> None:
        """Send the response that ``run`` returns, or its error."""
        try:
            call.respond(run())
        except Exception as error:
            _log_failure(call, error)
            self._fail(call.id, call.op, error)

    # --- the background thread ---

    def _run_background(self) -> None:
        while True:
            call = self._background.get()
            with self._state_lock:
                if self._waiting.pop(call.id, None) is None:  # it was cancelled
                    continue
                self._running_in_background = {call.id: call}
            self._send(Frame("begun", call.id, call.op))
            self._answer(call, partial(self._run_and_inform, call))
            with self._state_lock:
                self._running_in_background = {}

    def _run_and_inform(self, call: Call) -> Response:
        """Run a background operation; what the role says about itself may have changed by it."""
        try:
            return self._run_one(call)
        finally:
            self._send_info("info", NIL_ID)

    # --- the reading thread ---

    def _read(self) -> None:
        try:
            while (frame := read_frame(self._in)) is not None:
                self._receive(frame)
        except ProtocolError as error:
            _log.critical("the server broke the protocol: %s: %s", error.code, error.message)
            self._leave(EXIT_PROTOCOL)
        except OSError:
            _log.exception("the pipe from the server broke")
        self._end()

    def _receive(self, frame: Frame) -> None:
        if frame.kind == "request":
            call = Call(frame, self._send)
            handler = self._role.by_op.get(call.op)
            with self._state_lock:
                self._waiting[call.id] = call
                if handler is not None and handler.request.background:
                    self._background.put(call)
                    return
                self._incomplete.append(call)
                if not frame.meta.get("more"):  # else the rest of its batch follows
                    for one in self._incomplete:
                        self._queue.put(one)
                    self._incomplete = []
        elif frame.kind == "cancel":
            self._cancel(frame.id)
        elif frame.kind == "ping":
            self._send_info("pong", frame.id)
        else:
            raise breach("bad_kind", f"The server does not send {frame.kind!r} frames.")

    def _cancel(self, call_id: str) -> None:
        """Tell the running operation to stop; answer for a waiting one immediately."""
        with self._state_lock:
            waiting = self._waiting.pop(call_id, None)
            running = self._running | self._running_in_background
            if call_id in running:
                running[call_id].cancel()
        if waiting is not None:
            error = CancelledError("The request was cancelled before it began.")
            self._fail(call_id, waiting.op, error)

    def _end(self) -> None:
        """Exit: immediately during an operation, else in order."""
        with self._state_lock:
            idle = self._idle and self._queue.empty() and not self._running_in_background
            self._queue.put(None)
        if idle:
            time.sleep(EXIT_GRACE_S)
        self._leave(EXIT_OK)

    # --- all threads ---

    def _send_info(self, kind: str, frame_id: str) -> None:
        try:
            body = self._role.info().pack()
        except Exception:
            _log.exception("the info of the role failed")
            body = Body()
        self._send(Frame(kind, frame_id, meta=body.meta, arrays=body.arrays))

    def _fail(self, call_id: str, op: str, error: Exception) -> None:
        ours = translate(error)
        try:
            self._send(Frame("error", call_id, op, ours.to_wire()))
        except ProtocolError:  # its metadata cannot be sent
            plain = InternalError(ours.message, code=ours.code, hint=ours.hint)
            self._send(Frame("error", call_id, op, plain.to_wire()))

    def _send(self, frame: Frame) -> None:
        buffers = encode(frame)
        with self._write_lock:
            try:
                for buffer in buffers:
                    self._out.write(buffer)
                self._out.flush()
            except OSError:  # the server is gone
                self._leave(EXIT_OK)


def _identity(response: Response) -> Response:
    return response


def _log_start_failure(error: Exception) -> None:
    if isinstance(error, ModelError):  # its configuration, not a defect
        _log.error("the worker cannot start: %s %s", error.message, error.hint)
    else:
        _log.error("the worker cannot start", exc_info=error)


def _log_failure(call: Call, error: Exception) -> None:
    ours = translate(error)
    if ours is error and ours.severity == "warning":
        _log.info("request %s %s: %s: %s", call.request_id, call.op, ours.code, ours.message)
    else:
        _log.error("request %s %s failed", call.request_id, call.op, exc_info=error)
