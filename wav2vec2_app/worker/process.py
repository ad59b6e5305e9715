"""Sets up a worker process: its streams, its log, its signals."""

from __future__ import annotations

import contextlib
import faulthandler
import logging
import os
import signal
import sys
from pathlib import Path
from typing import BinaryIO

EXIT_TERMINATED = 128 + signal.SIGTERM
"""Exit code after SIGTERM, as a shell reports it: the worker was ended from outside."""


def become_worker() -> tuple[BinaryIO, BinaryIO]:
    """Take over the standard streams and set up signals and log; returns the streams of frames."""
    frames_in, frames_out = _claim_stdio()
    faulthandler.enable()
    _log_to_stderr()
    _prefer_for_oom_killer()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the server handles Ctrl-C
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(EXIT_TERMINATED))
    return frames_in, frames_out


def _claim_stdio() -> tuple[BinaryIO, BinaryIO]:
    """Move fd 0 and fd 1 to other numbers for frames; put the null device and stderr in their places.

    What a library prints, in Python or in C, then goes to the log, and a program that an operation
    starts inherits neither stream of frames.
    """
    sys.stdout.flush()
    frames_in, frames_out = os.dup(0), os.dup(1)
    with Path(os.devnull).open("rb") as null:
        os.dup2(null.fileno(), 0)
    os.dup2(2, 1)
    return os.fdopen(frames_in, "rb"), os.fdopen(frames_out, "wb")


def _log_to_stderr() -> None:
    """A record begins with its level and its other lines are indented, as the server's log expects."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Indented("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(
        level=os.environ.get("WAV2VEC2_LOG_LEVEL", "INFO").upper(), handlers=[handler]
    )


class _Indented(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return super().format(record).replace("\n", "\n    ")


def _prefer_for_oom_killer() -> None:
    """If memory runs out, let Linux end this process, which is replaced, and not the server."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500")
