"""What makes this process a worker: its streams, its log, its place in the system."""

from __future__ import annotations

import contextlib
import faulthandler
import logging
import os
import signal
import sys
from pathlib import Path
from typing import BinaryIO


def become_worker() -> tuple[BinaryIO, BinaryIO]:
    """Claim the standard streams and set up signals and log; returns the ends of the bridge."""
    frames_in, frames_out = _claim_stdio()
    faulthandler.enable()
    _log_to_stderr()
    _volunteer_for_oom_killer()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    return frames_in, frames_out


def _claim_stdio() -> tuple[BinaryIO, BinaryIO]:
    """Take fd 0 and fd 1 for frames; leave the null device and stderr in their places.

    Whatever a library prints, in Python or in C, then lands in the log; and a program that an
    operation starts inherits neither end of the bridge.
    """
    sys.stdout.flush()
    frames_in, frames_out = os.dup(0), os.dup(1)
    with Path(os.devnull).open("rb") as null:
        os.dup2(null.fileno(), 0)
    os.dup2(2, 1)
    return os.fdopen(frames_in, "rb"), os.fdopen(frames_out, "wb")


def _log_to_stderr() -> None:
    """One record a line group: level first, continuation lines indented; the bridge reads it so."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Indented("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(
        level=os.environ.get("WAV2VEC2_LOG_LEVEL", "INFO").upper(), handlers=[handler]
    )


class _Indented(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return super().format(record).replace("\n", "\n    ")


def _volunteer_for_oom_killer() -> None:
    """Where Linux runs out of memory, let it take this process, not the page: we are replaced."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500")
