"""Memory of the application's processes, now and at its peak, and the limit of it."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import psutil

from wav2vec2_app.memory import private_bytes
from wav2vec2_app.server.results import SERVER_PROCESS
from wav2vec2_app.server.status import MemoryReport, ProcessMemory, WorkerStatus

log = logging.getLogger(__name__)

CHECK_EVERY_S = 5.0
"""How often the memory is compared with its limit, seconds."""
REPLACED_EVERY_S = 600.0
"""A worker is replaced at most so often, seconds: its model may need more than its share."""


NO_SIZES: Mapping[int, int] = MappingProxyType({})


async def nothing() -> None:
    """Relieves no memory."""


class MemoryMeter:
    """Measures processes from outside, so that it works while workers are busy.

    The peak is the kernel's high-water mark where there is one (Linux, Windows), else the highest value
    that this meter has measured.
    """

    def __init__(self, *, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._highest: dict[int, int] = {}

    def report(self, workers: Mapping[str, int], *, model_bytes: int) -> MemoryReport:
        """Memory of this process (``server``) and of ``workers`` (name to pid), without ended ones."""
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
        return ProcessMemory(name, pid, memory.rss, peak, private_bytes(pid))


SHARES = {SERVER_PROCESS: 1, "audio": 1, "text": 1, "inference": 3}
"""How the limit is divided: a process of a role has so many parts of it."""


GROWTH = 1.25
"""A process may grow to so many times its size at the start, also if that is more than its share."""


def over_share(
    report: MemoryReport, start_bytes: Mapping[int, int] = NO_SIZES
) -> tuple[ProcessMemory, ...]:
    """The workers to replace, the one with the largest excess first; none while the limit holds.

    ``start_bytes``: sizes of fresh processes, by process id. Replacing one that has not grown would not
    help.
    """
    if report.total_bytes <= report.limit_bytes:
        return ()
    parts = [(process, SHARES.get(process.name.split("-")[0], 1)) for process in report.processes]
    one = report.limit_bytes / sum(part for _, part in parts)
    allowed = {
        process: max(one * part, GROWTH * start_bytes.get(process.pid, 0))
        for process, part in parts
    }
    excess = {process: process.own_bytes - allowed[process] for process, _ in parts}
    workers = [p for p, _ in parts if p.name != SERVER_PROCESS and excess[p] > 0]
    return tuple(sorted(workers, key=lambda process: -excess[process]))


class MemoryGuard:
    """Enforces the memory limit: unloads models, then replaces workers over their share between requests.

    One worker is replaced at a time. A fresh inference worker has only the default model loaded.

    Args:
        measure: the memory at this moment.
        relieve: awaited before each check; unloads models.
        start_bytes: of the processes that run, by process id; see :func:`over_share`.
        replace: replaces the worker with this process id when it is idle; whether it will.
        clock: monotonic, seconds.
    """

    def __init__(
        self,
        measure: Callable[[], MemoryReport],
        replace: Callable[[int], bool],
        clock: Callable[[], float] = time.monotonic,
        *,
        relieve: Callable[[], Awaitable[None]] = nothing,
        start_bytes: Callable[[], Mapping[int, int]] = lambda: NO_SIZES,
    ) -> None:
        self._relieve = relieve
        self._start_bytes = start_bytes
        self._measure = measure
        self._replace = replace
        self._clock = clock
        self._replaced_s: dict[str, float] = {}

    def check(self) -> ProcessMemory | None:
        """Measure once, and replace a worker if that is necessary; the worker."""
        report = self._measure()
        for process in over_share(report, self._start_bytes()):
            if self._is_recent(process.name):
                continue
            if self._replace(process.pid):
                self._replaced_s[process.name] = self._clock()
                log.warning(
                    "memory %d MB is over the limit of %d MB: replacing the %s worker (%d MB)",
                    report.total_bytes // 10**6, report.limit_bytes // 10**6,
                    process.name, process.own_bytes // 10**6,
                )  # fmt: skip
                return process
        return None

    def _is_recent(self, name: str) -> bool:
        """Whether the worker called ``name`` was replaced a short time ago."""
        replaced_s = self._replaced_s.get(name)
        return replaced_s is not None and self._clock() < replaced_s + REPLACED_EVERY_S

    async def run(self) -> None:
        """Check now and then, until the task is cancelled."""
        while True:
            await asyncio.sleep(CHECK_EVERY_S)
            try:
                await self._relieve()
                self.check()
            except Exception:
                log.exception("the memory could not be checked")


def _high_water_mark(pid: int) -> int:
    """Linux's VmHWM in bytes; 0 elsewhere."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        return 0
    marks = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
    return int(marks[0]) * 1024 if marks else 0


def process_names(workers: Sequence[WorkerStatus]) -> dict[str, int]:
    """The processes of running workers by name: ``inference``, ``inference-1``, ``inference-2``…"""
    pids: dict[str, int] = {}
    seen: Counter[str] = Counter()
    for worker in workers:
        number = seen[worker.role]
        seen[worker.role] += 1
        if worker.pid is not None:
            pids[f"{worker.role}-{number}" if number else worker.role] = worker.pid
    return pids


def inference_bytes(report: MemoryReport) -> int:
    """Private memory that one inference worker may use now: what the others leave of the limit."""
    own = [process for process in report.processes if process.name.startswith("inference")]
    others = report.total_bytes - sum(process.own_bytes for process in own)
    return max(0, report.limit_bytes - others) // max(1, len(own))
