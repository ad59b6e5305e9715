"""``python -m benchmarks.long_file [MINUTES]``: a long file against a short one, and latency meanwhile.

The complete system, in this process. A file of an hour (or MINUTES) is transcribed alone: its real-time
factor and peak memory are compared with those of one minute. Then a file half as long is transcribed while a
3 s clip is sent every half second: the latency of the clip is compared with that on an idle machine. Nothing
is served from the cache, as the tasks belong to no session.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.clips import clip_of
from benchmarks.report import Figure, show
from wav2vec2_app.server.build import System, build_system
from wav2vec2_app.server.tasks import AudioTask
from wav2vec2_app.settings import Settings
from wav2vec2_app.speech.audio import AudioSource

MIB = 1024 * 1024
MINUTES = 60.0
ROUNDS = 5
EVERY_S = 0.5
MEMORY_BAR_MIB = 200e6 / MIB


@dataclass(frozen=True)
class Memory:
    """Resident memory at one moment, or its peak, MiB: of the workers, and including this process."""

    workers_mib: float
    all_mib: float

    @classmethod
    def now(cls, system: System) -> Memory:
        report = system.service.status("wav2vec2").memory
        assert report is not None
        sizes = {process.name: process.rss_bytes / MIB for process in report.processes}
        everything = sum(sizes.values())
        return cls(everything - sizes.get("server", 0.0), everything)

    def highest(self, other: Memory) -> Memory:
        return Memory(max(self.workers_mib, other.workers_mib), max(self.all_mib, other.all_mib))


async def transcribed(system: System, path: Path) -> float:
    """Seconds that a transcript takes."""
    begin = time.perf_counter()
    result = await system.orchestrator.run(AudioTask(AudioSource(path=path)))
    assert result.transcript is not None, result
    return time.perf_counter() - begin


async def watched(system: System, path: Path) -> tuple[float, Memory]:
    """Seconds that a transcript takes, and the peak memory meanwhile."""
    work = asyncio.create_task(transcribed(system, path))
    peak = Memory.now(system)
    while not work.done():
        await asyncio.wait([work], timeout=EVERY_S)
        peak = peak.highest(Memory.now(system))
    return await work, peak


async def beside(system: System, long: Path, short: Path) -> tuple[float, list[float]]:
    """Seconds that the long file takes, and those of each short one that is sent meanwhile."""
    work = asyncio.create_task(transcribed(system, long))
    meanwhile: list[float] = []
    while True:
        await asyncio.sleep(EVERY_S)
        if work.done():
            return await work, meanwhile
        meanwhile.append(await transcribed(system, short))


async def measure(minutes: float = MINUTES) -> Sequence[Figure]:
    short, minute = clip_of(3.0), clip_of(60.0)
    long, half = clip_of(60.0 * minutes), clip_of(30.0 * minutes)
    system = build_system(Settings(fetch_models=False, model="embedded", log_level="WARNING"))
    await system.orchestrator.start()
    await system.service.wait_ready()
    try:
        await transcribed(system, short)
        idle = [await transcribed(system, short) for _ in range(ROUNDS)]
        a_minute = [await watched(system, minute) for _ in range(ROUNDS)]
        alone_s, peak = await watched(system, long)
        busy_s, meanwhile = await beside(system, half, short)
    finally:
        await system.orchestrator.stop()
    assert meanwhile, "the long file was done before a clip could be sent"
    idle_s = statistics.median(idle)
    minute_s = statistics.median(seconds for seconds, _ in a_minute)
    before = a_minute[-1][1]
    spread = (min(meanwhile) / idle_s, max(meanwhile) / idle_s)
    waits = statistics.median(meanwhile) / idle_s
    name = f"{minutes:g} min"
    factor = alone_s / minutes / minute_s
    more_mib = peak.workers_mib - before.workers_mib
    more_of_all_mib = peak.all_mib - before.all_mib
    return (
        Figure("1 min, real-time factor", minute_s / 60, ""),
        Figure(f"{name}, real-time factor over that of 1 min", factor, "times", 1.1),
        Figure(f"{name}, workers' memory over that for 1 min", more_mib, "MiB", MEMORY_BAR_MIB),
        Figure(f"{name}, all processes' memory over that for 1 min", more_of_all_mib, "MiB"),
        Figure("3 s clip, idle machine", 1000 * idle_s, "ms"),
        Figure(f"3 s clip while {minutes / 2:g} min run, over idle", waits, "times", 3.0, spread),
        Figure(f"{minutes / 2:g} min, with other requests meanwhile", busy_s, "s"),
    )  # fmt: skip


if __name__ == "__main__":
    show("long_file", asyncio.run(measure(*map(float, sys.argv[1:2]))))
