"""The memory of a process that is its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import psutil

PRIVATE = ("RssAnon:", "RssShmem:")


def private_bytes(pid: int | None = None) -> int:
    """Resident memory of a process (this one by default) without mapped files, bytes.

    Mapped files (weights, the libraries of CUDA, which take gigabytes) are resident only as long as the
    system has room for them, and are shared. Device memory that is mapped into the address space does
    not count either. Where the system does not tell (all but Linux) it is the complete resident memory;
    0 if there is no such process.
    """
    pid = pid or os.getpid()
    try:
        own = sum(_sizes(Path(f"/proc/{pid}/status").read_text(encoding="utf-8")))
    except (OSError, ValueError):
        own = 0
    return own or _resident_bytes(pid)


def _resident_bytes(pid: int) -> int:
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0


def _sizes(status: str) -> Iterator[int]:
    for line in status.splitlines():
        name, _, value = line.partition("\t")
        if name in PRIVATE:
            yield int(value.split()[0]) * 1024
