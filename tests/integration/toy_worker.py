"""A worker with operations that do what real ones should not: crash, hang, print, run out of memory.

``python toy_worker.py [--start fail|garbage|deaf|exit] [--gate FIFO]``; with ``--gate`` the start waits
until the FIFO is opened for writing.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np

from tests.integration import toy_messages as toy
from tests.integration.toy_messages import ToyProgress, ToyResponse
from wav2vec2_app.errors import InputError, ResourceError
from wav2vec2_app.protocol.frame import Frame
from wav2vec2_app.protocol.message import BatchPolicy, Context
from wav2vec2_app.worker.call import Call, Role
from wav2vec2_app.worker.loop import serve

ToyContext = Context[ToyProgress]


def echo(request: toy.Echo, context: ToyContext) -> ToyResponse:
    return ToyResponse(
        pid=os.getpid(),
        number=request.number,
        request_id=cast(Call, context).request_id,
        samples=request.samples,
        flags=request.flags,
    )


def run_until_cancelled(_: toy.RunUntilCancelled, context: ToyContext) -> ToyResponse:
    context.progress(ToyProgress())
    tick = threading.Event()
    while True:
        context.check_cancelled()
        tick.wait(0.005)


def hang(_: toy.Hang, context: ToyContext) -> ToyResponse:
    """Runs for ever and checks for no cancel."""
    context.progress(ToyProgress())
    threading.Event().wait()
    raise AssertionError


def count(request: toy.Count, context: ToyContext) -> ToyResponse:
    for number in range(request.to):
        context.progress(ToyProgress(number, np.array([number**2], np.int64)))
    return ToyResponse(pid=os.getpid())


def leave(request: toy.Leave, context: ToyContext) -> ToyResponse:
    context.progress(ToyProgress())
    os._exit(request.code)


def kill_self(request: toy.KillSelf, _: ToyContext) -> ToyResponse:
    os.kill(os.getpid(), signal.Signals[request.signal])
    raise AssertionError


def kill_self_once(request: toy.KillSelfOnce, _: ToyContext) -> ToyResponse:
    """Dies the first time and answers the second time."""
    if not request.marker.exists():
        request.marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return ToyResponse(pid=os.getpid())


def crash_on(request: toy.CrashOn, _: ToyContext) -> ToyResponse:
    return crash_batch([request])[0]


def crash_batch(requests: Sequence[toy.CrashOn]) -> list[ToyResponse]:
    if any(request.samples[0] < 0 for request in requests):
        os.kill(os.getpid(), signal.SIGSEGV)
    return [ToyResponse(pid=os.getpid(), number=len(requests)) for _ in requests]


def wait_for(request: toy.WaitFor, context: ToyContext) -> ToyResponse:
    context.progress(ToyProgress())
    tick = threading.Event()
    while not request.marker.exists():
        tick.wait(0.005)
    return ToyResponse(pid=os.getpid())


def beside(request: toy.Beside, context: ToyContext) -> ToyResponse:
    tick = threading.Event()
    while not request.marker.exists():
        context.check_cancelled()
        tick.wait(0.005)
    if request.signal:
        os.kill(os.getpid(), signal.Signals[request.signal])
        threading.Event().wait()  # another thread may get the signal: no answer before the death
    return ToyResponse(pid=os.getpid())


def noise(_: toy.Noise, __: ToyContext) -> ToyResponse:
    """Prints in every way there is."""
    print("from print")  # what is tested
    sys.stdout.write("from sys.stdout\n")
    sys.stdout.flush()
    os.write(1, b"from fd 1\n")
    ctypes.CDLL(None).puts(b"from C")
    ctypes.CDLL(None).fflush(None)
    subprocess.run([sys.executable, "-c", "print('from a grandchild')"], check=True)
    read = subprocess.run(["/bin/cat"], check=True, capture_output=True)  # inherits stdin
    return ToyResponse(text=f"stdin: {read.stdout.decode()!r}")


def log(request: toy.Log, _: ToyContext) -> ToyResponse:
    sys.stderr.write(request.text)
    sys.stderr.flush()
    return ToyResponse()


def orphan(_: toy.Orphan, context: ToyContext) -> ToyResponse:
    """Leaves a process behind that holds all pipes, and dies."""
    child = subprocess.Popen(["/bin/sleep", "1000"])
    context.progress(ToyProgress(number=child.pid))
    os._exit(9)


def fail(_: toy.Fail, __: ToyContext) -> ToyResponse:
    raise ValueError("the secret is in /etc/secret")


def refuse(_: toy.Refuse, __: ToyContext) -> ToyResponse:
    raise InputError(
        "Too long.", code="audio.too_long", hint="Cut it.", metadata={"limit_s": float("nan")}
    )


def exhaust(_: toy.Exhaust, __: ToyContext) -> ToyResponse:
    raise MemoryError


def answer_malformed(_: toy.AnswerMalformed, __: ToyContext) -> ToyResponse:
    return ToyResponse(text=cast(Any, object()))


def fail_malformed(_: toy.FailMalformed, __: ToyContext) -> ToyResponse:
    raise ResourceError("Full.", code="resource.disk", metadata={"object": object()})


def send_frame(request: toy.SendFrame, context: ToyContext) -> ToyResponse:
    """Sends a frame of any kind under its own id."""
    call = cast(Call, context)
    call._send(Frame(request.kind, call.id, meta=request.meta))
    return ToyResponse()


def close_output(_: toy.CloseOutput, context: ToyContext) -> ToyResponse:
    """Closes its output and goes on running."""
    os.close(cast(Any, context)._send.__self__._out.fileno())
    threading.Event().wait()
    raise AssertionError


HANDLERS = (
    toy.Echo.handler(echo),
    toy.RunUntilCancelled.handler(run_until_cancelled),
    toy.Hang.handler(hang),
    toy.Count.handler(count),
    toy.Leave.handler(leave),
    toy.KillSelf.handler(kill_self),
    toy.KillSelfOnce.handler(kill_self_once),
    toy.CrashOn.handler(
        crash_on,
        BatchPolicy(crash_batch, key=lambda request: 0, limit=lambda request: request.limit),
    ),
    toy.WaitFor.handler(wait_for),
    toy.Noise.handler(noise),
    toy.Log.handler(log),
    toy.Orphan.handler(orphan),
    toy.Fail.handler(fail),
    toy.Refuse.handler(refuse),
    toy.Exhaust.handler(exhaust),
    toy.AnswerMalformed.handler(answer_malformed),
    toy.FailMalformed.handler(fail_malformed),
    toy.SendFrame.handler(send_frame),
    toy.CloseOutput.handler(close_output),
    toy.Beside.handler(beside),
)


def create(start: str, gate: str) -> Role:
    if gate:
        Path(gate).read_bytes()
    if start == "fail":
        raise ResourceError("No room for the model.", code="resource.disk", hint="Make room.")
    return Role(HANDLERS, info=lambda: toy.ToyInfo(True))


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--start", default="")
    parser.add_argument("--gate", default="")
    arguments = parser.parse_args()
    if arguments.start == "garbage":
        os.write(1, b"Loading, please wait...\n" * 10)
    if arguments.start == "exit":
        return 7
    if arguments.start == "deaf":
        threading.Event().wait()
    return serve(lambda: create(arguments.start, arguments.gate))


if __name__ == "__main__":
    sys.exit(main())
