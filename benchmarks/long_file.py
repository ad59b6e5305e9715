"""``python -m benchmarks.long_file [MINUTES]``: a long file against a short one, and who waits meanwhile.

A file of an hour (or so many minutes) is transcribed by the whole application, in this process: its
real-time factor and the memory against those of a minute, and what a 3 s clip waits that is sent every
half second while it runs, against an idle machine.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.clips import clip_of
from benchmarks.report import Figure, show
from wav2vec2_app.build import System, build_system
from wav2vec2_app.settings import Settings
from wav2vec2_app.types import AudioSource, AudioTask

MIB = 1024 * 1024
MINUTES = 60.0
ROUNDS = 5
EVERY_S = 0.5


async def heard(system: System, path: Path) -> float:
    """Seconds that a transcript takes."""
    begin = time.perf_counter()
    await system.orchestrator.run(AudioTask(AudioSource(path=path)))
    return time.perf_counter() - begin


def workers_mib(system: System) -> float:
    """Resident memory of all processes, the page's own included, MiB."""
    memory = system.service.status("wav2vec2").memory
    return memory.total_rss_bytes / MIB if memory else 0.0


async def measure(minutes: float = MINUTES) -> Sequence[Figure]:
    short, minute, long = clip_of(3.0), clip_of(60.0), clip_of(60.0 * minutes)
    settings = Settings(fetch_models=False, model="embedded", log_level="WARNING")
    system = build_system(settings)
    await system.orchestrator.start()
    await system.service.wait_ready()
    try:
        await heard(system, short)
        idle = [await heard(system, short) for _ in range(ROUNDS)]
        a_minute = [await heard(system, minute) for _ in range(ROUNDS)]
        before_mib = workers_mib(system)
        work = asyncio.create_task(heard(system, long))
        meanwhile, peak_mib = [], before_mib
        while not work.done():
            await asyncio.sleep(EVERY_S)
            meanwhile.append(await heard(system, short))
            peak_mib = max(peak_mib, workers_mib(system))
        busy_s = await work
        alone_s = await heard(system, long)
    finally:
        await system.orchestrator.stop()
    idle_s = statistics.median(idle)
    factor = (alone_s / minutes / 60) / (statistics.median(a_minute) / 60)
    return (
        Figure("3 s clip, idle machine", 1000 * idle_s, "ms"),
        Figure(
            f"3 s clip while {minutes:.0f} min run, over idle",
            statistics.median(meanwhile) / idle_s,
            "times",
            3.0,
            (min(meanwhile) / idle_s, max(meanwhile) / idle_s),
        ),
        Figure(f"{minutes:.0f} min, real-time factor over that of 1 min", factor, "times", 1.1),
        Figure(f"{minutes:.0f} min, with others meanwhile", busy_s, "s"),
        Figure("memory over that after 1 min", peak_mib - before_mib, "MiB", 200.0),
    )


if __name__ == "__main__":
    show("long_file", asyncio.run(measure(*map(float, sys.argv[1:2]))))
