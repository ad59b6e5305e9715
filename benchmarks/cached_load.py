"""``python -m benchmarks.cached_load``: a 3 s clip while eight long cached recordings are decoded again.

The bar: the clip takes at most three times as long as on the idle system, since decoding again passes
through the same admission as uploads, and a long emission is decoded part by part.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Sequence
from dataclasses import replace

from benchmarks.clips import clip_of
from benchmarks.report import Figure, show
from wav2vec2_app.server.build import System, build_system
from wav2vec2_app.server.tasks import AudioTask
from wav2vec2_app.settings import MIB, Settings
from wav2vec2_app.speech.audio import AudioSource
from wav2vec2_app.speech.options import DEFAULT_OPTIONS

CLIENTS = 8
LONG_S = 600.0
CLIP_S = 3.0
ROUNDS = 5
AT_MOST_TIMES = 3.0


async def clip_s(system: System, number: int) -> float:
    """Seconds that one 3 s clip takes."""
    source = AudioSource(path=clip_of(CLIP_S, shift_s=number))
    begin = time.perf_counter()
    await system.orchestrator.run(AudioTask(source, session=f"clip {number}"))
    return time.perf_counter() - begin


async def decode_forever(system: System, cached_id: str, client: int) -> None:
    """Decode a cached recording again and again, each time with other options."""
    number = 0
    while True:
        number += 1
        hotwords = (f"client{client}", f"number{number}")
        decoding = replace(DEFAULT_OPTIONS, hotwords=hotwords)
        await system.orchestrator.run(
            AudioTask(cached_id=cached_id, decoding=decoding, session="long")
        )


async def measure() -> Sequence[Figure]:
    settings = Settings(
        fetch_models=False, model="embedded", log_level="WARNING", cache_bytes=256 * MIB
    )
    system = build_system(settings)
    await system.orchestrator.start()
    await system.service.wait_ready()
    try:
        source = AudioSource(path=clip_of(LONG_S))
        long = await system.orchestrator.run(AudioTask(source, session="long"))
        await clip_s(system, ROUNDS * 2)  # warm up
        idle = [await clip_s(system, number) for number in range(ROUNDS)]
        load = [
            asyncio.ensure_future(decode_forever(system, long.id, client))
            for client in range(CLIENTS)
        ]
        await asyncio.sleep(1.0)  # all of them are in the queue
        busy = [await clip_s(system, ROUNDS + number) for number in range(ROUNDS)]
        for work in load:
            work.cancel()
        await asyncio.gather(*load, return_exceptions=True)
    finally:
        await system.orchestrator.stop()
    times = statistics.median(busy) / statistics.median(idle)
    return (
        Figure("3 s clip, idle system", 1000 * statistics.median(idle), "ms"),
        Figure(
            "3 s clip while eight cached recordings are decoded",
            1000 * statistics.median(busy),
            "ms",
        ),
        Figure("ratio of the two", times, "times", AT_MOST_TIMES),
    )


if __name__ == "__main__":
    show("cached_load", asyncio.run(measure()))
