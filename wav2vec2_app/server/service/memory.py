"""Resident memory of the application's processes, now and at their highest."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import psutil

from wav2vec2_app.server.status import MemoryReport, ProcessMemory
from wav2vec2_app.server.tasks import SERVER_PROCESS


class MemoryMeter:
    """Measures processes from outside, so that a busy worker need not answer.

    The peak is the kernel's own high-water mark where it keeps one (Linux, Windows), else the
    highest value seen by this meter.
    """

    def __init__(self, *, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._highest: dict[int, int] = {}

    def report(self, workers: Mapping[str, int], *, model_bytes: int) -> MemoryReport:
        """Memory of this process (``server``) and of ``workers`` (name to pid), less the dead."""
        named = {SERVER_PROCESS: os.getpid(), **workers}
        measured = (self._measure(name, pid) for name, pid in named.items())
        self._highest = {pid: self._highest[pid] for pid in named.values() if pid in self._highest}
        return MemoryReport(
            processes=tuple(process for process in measured if process is not None),
            limit_bytes=self._limit_bytes,
            model_bytes=model_bytes,
        )

    def _measure(self, name: str, pid: int) -> ProcessMemory | None:
        try:
            memory = psutil.Process(pid).memory_info()
        except psutil.Error:
            return None
        kernel = getattr(memory, "peak_wset", 0) or _high_water_mark(pid)
        peak = max(memory.rss, kernel, self._highest.get(pid, 0))
        self._highest[pid] = peak
        return ProcessMemory(name=name, pid=pid, rss_bytes=memory.rss, peak_rss_bytes=peak)


def _high_water_mark(pid: int) -> int:
    """Linux's VmHWM in bytes; 0 elsewhere."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        return 0
    marks = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
    return int(marks[0]) * 1024 if marks else 0
