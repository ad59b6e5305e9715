"""A worker with operations that do what real ones should not: crash, hang, print, run out of memory.

``python toy_worker.py [--start fail|garbage|deaf|exit] [--gate FIFO]``; with ``--gate`` the start waits
until somebody opens the FIFO for writing.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np

from wav2vec2_app.errors import InputError, ResourceError
from wav2vec2_app.protocol.frame import Frame
from wav2vec2_app.worker.loop import Call, Operations, Reply, serve


def echo(call: Call) -> Reply:
    return Reply({**call.meta, "pid": os.getpid(), "request_id": call.request_id}, call.arrays)


def fill(call: Call) -> Reply:
    """An array as large as one likes."""
    return Reply({}, {"zeros": np.zeros(call.meta["bytes"], dtype=np.uint8)})


def heed(call: Call) -> Reply:
    """Runs until it is cancelled, and stops then."""
    call.progress({"started": True})
    tick = threading.Event()
    while True:
        call.check_cancelled()
        tick.wait(0.005)


def hang(call: Call) -> Reply:
    """Runs for ever and heeds nothing."""
    call.progress({"started": True})
    threading.Event().wait()
    raise AssertionError


def count(call: Call) -> Reply:
    for number in range(call.meta["to"]):
        call.progress({"number": number}, {"square": np.array([number**2])})
    return Reply({"pid": os.getpid()})


def leave(call: Call) -> Reply:
    call.progress({"started": True})
    os._exit(call.meta["code"])


def kill_self(call: Call) -> Reply:
    os.kill(os.getpid(), signal.Signals[call.meta["signal"]])
    raise AssertionError


def kill_self_once(call: Call) -> Reply:
    """Dies the first time; lives to answer the second time."""
    marker = Path(call.meta["marker"])
    if not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return Reply({"pid": os.getpid()})


def noise(call: Call) -> Reply:
    """Prints in every way there is."""
    print("from print")  # the point of it
    sys.stdout.write("from sys.stdout\n")
    sys.stdout.flush()
    os.write(1, b"from fd 1\n")
    ctypes.CDLL(None).puts(b"from C")
    ctypes.CDLL(None).fflush(None)
    subprocess.run([sys.executable, "-c", "print('from a grandchild')"], check=True)
    read = subprocess.run(["/bin/cat"], check=True, capture_output=True)  # inherits stdin
    return Reply({"stdin": read.stdout.decode()})


def log(call: Call) -> Reply:
    sys.stderr.write(call.meta["text"])
    sys.stderr.flush()
    return Reply()


def orphan(call: Call) -> Reply:
    """Leaves behind a process that holds all pipes, and dies."""
    child = subprocess.Popen(["/bin/sleep", "1000"])
    call.progress({"pid": child.pid})
    os._exit(9)


def fail(call: Call) -> Reply:
    raise ValueError("the secret is in /etc/secret")


def refuse(call: Call) -> Reply:
    raise InputError(
        "Too long.", code="audio.too_long", hint="Cut it.", metadata={"limit_s": float("nan")}
    )


def exhaust(call: Call) -> Reply:
    raise MemoryError


def misanswer(call: Call) -> Reply:
    return Reply({"object": object()})


def misfail(call: Call) -> Reply:
    raise ResourceError("Full.", code="resource.disk", metadata={"object": object()})


def misspeak(call: Call) -> Reply:
    """Sends a frame of any kind under its own id."""
    call._send(Frame(call.meta["kind"], call.id, meta=call.meta["meta"]))
    return Reply()


def hang_up(call: Call) -> Reply:
    """Closes its output and lives on, still listening."""
    os.close(call._send.__self__._out.fileno())  # type: ignore[attr-defined]
    threading.Event().wait()
    raise AssertionError


HANDLERS: dict[str, Callable[[Call], Reply]] = {
    handler.__name__: handler
    for handler in (
        echo, fill, heed, hang, count, leave, kill_self, kill_self_once, noise, log, orphan, fail,
        refuse, exhaust, misanswer, misfail, misspeak, hang_up,
    )
}  # fmt: skip


def create(start: str, gate: str) -> Operations:
    if gate:
        Path(gate).read_bytes()
    if start == "fail":
        raise ResourceError("No room for the model.", code="resource.disk", hint="Make room.")
    return Operations(HANDLERS, info=lambda: {"toy": True})


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
