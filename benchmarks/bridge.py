"""``python -m benchmarks.bridge``: round-trip time of a request to a worker that does nothing.

The worker echoes an empty request, ten seconds of audio (640 KB each way) and ten minutes of audio.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence

import numpy as np

from benchmarks.report import Figure, median_ms, show
from wav2vec2_app.server.bridge.process import WorkerBridge, WorkerSpec

_ECHO = """
import sys
from wav2vec2_app.worker.loop import Operations, Reply, serve
sys.exit(serve(lambda: Operations({"echo": lambda call: Reply(call.meta, call.arrays)})))
"""
CASES = (
    ("empty", 0, 500),
    ("640 KB of float32", 160_000, 200),
    ("38 MB of float32", 9_600_000, 10),
)


async def measure() -> Sequence[Figure]:
    bridge = WorkerBridge(WorkerSpec("echo", (sys.executable, "-c", _ECHO)))
    await bridge.start()
    await bridge.wait_ready()
    try:
        return [
            median_ms(f"round trip, {name}", await _round_trips(bridge, samples, rounds))
            for name, samples, rounds in CASES
        ]
    finally:
        await bridge.stop()


async def _round_trips(bridge: WorkerBridge, samples: int, rounds: int) -> list[float]:
    arrays = {"samples": np.ones(samples, np.float32)} if samples else {}
    seconds = []
    for _ in range(rounds):
        begin = time.perf_counter()
        await bridge.request("echo", None, arrays, timeout_s=60.0)
        seconds.append(time.perf_counter() - begin)
    return seconds


if __name__ == "__main__":
    show("bridge", asyncio.run(measure()))
