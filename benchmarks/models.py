"""``python -m benchmarks.models``: requests for a loaded model while another one is loaded.

An inference worker with the embedded model answers 2 s clips, one after the other, while random weights of
the base size are loaded beside them. Compared with the idle worker, and with a load that would block
them. The alternative, a process for each model, is measured too.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.base_sized import base_sized_checkpoint
from benchmarks.report import Figure, show
from wav2vec2_app.memory import private_bytes
from wav2vec2_app.protocol.inference import EmitRequest, LoadRequest, UnloadRequest
from wav2vec2_app.server.assets import assets_path
from wav2vec2_app.server.bridge.pool import WorkerPool
from wav2vec2_app.server.bridge.spawn import WorkerSpec
from wav2vec2_app.server.bridge.worker import WorkerBridge
from wav2vec2_app.server.deadline import Deadline

ROUNDS = 3
IDLE_CLIPS = 20
CLIP_S = 2.0
SMALL, LARGE = "embedded", "base-random"
LIMIT_BYTES = 1 << 40
MIB = 1 << 20


def pool_of(model: str, folder: Path) -> WorkerPool:
    config = {
        "model": model,
        "embedded": str(assets_path() / "model"),
        "folders": [str(folder)],
        "device": "cpu",
        "threads": 0,
    }
    argv = (
        sys.executable, "-m", "wav2vec2_app.worker", "--role", "inference",
        "--config", json.dumps(config),
    )  # fmt: skip
    return WorkerPool([WorkerBridge(WorkerSpec("inference", argv))])


def deadline() -> Deadline:
    return Deadline.after(120.0)


async def clip_s(pool: WorkerPool) -> float:
    """Seconds that one clip takes."""
    noise = np.random.default_rng(0).normal(scale=0.1, size=int(CLIP_S * 16_000))
    begin = time.perf_counter()
    await pool.request(EmitRequest(SMALL, noise.astype(np.float32)), deadline=deadline())
    return time.perf_counter() - begin


async def beside(pool: WorkerPool) -> tuple[list[float], float]:
    """Seconds of the clips while the large model is loaded, and of the load."""
    begin = time.perf_counter()
    loading = asyncio.create_task(
        pool.broadcast(LoadRequest(LARGE, LIMIT_BYTES), deadline=deadline())
    )
    clips = []
    while not loading.done():
        clips.append(await clip_s(pool))
    loading.result()
    return clips, time.perf_counter() - begin


async def unload(pool: WorkerPool) -> None:
    await pool.broadcast(UnloadRequest(1e-6, (SMALL,), LIMIT_BYTES), deadline=deadline())


def memory(pool: WorkerPool) -> float:
    return sum(private_bytes(one.pid) for one in pool.statuses() if one.pid) / MIB


async def own_process(folder: Path) -> tuple[float, float]:
    """Seconds until a process with the large model alone is ready, and its memory, MiB."""
    pool = pool_of(LARGE, folder)
    begin = time.perf_counter()
    await pool.start()
    await pool.wait_ready()
    took_s = time.perf_counter() - begin
    try:
        return took_s, memory(pool)
    finally:
        await pool.stop()


async def measure() -> Sequence[Figure]:
    folder = base_sized_checkpoint()
    pool = pool_of(SMALL, folder)
    await pool.start()
    await pool.wait_ready()
    try:
        idle = [await clip_s(pool) for _ in range(IDLE_CLIPS)]
        small = memory(pool)
        clips: list[float] = []
        loads: list[float] = []
        for _ in range(ROUNDS):
            during, load_s = await beside(pool)
            clips += during
            loads.append(load_s)
            both = memory(pool)
            await unload(pool)
        unloaded = memory(pool)
    finally:
        await pool.stop()
    process_s, process = await own_process(folder)
    return (
        Figure("2 s clip, idle worker", 1000 * statistics.median(idle), "ms"),
        Figure("2 s clip while another model is loaded", 1000 * statistics.median(clips), "ms"),
        Figure("the same, slowest", 1000 * max(clips), "ms"),
        Figure("load of the base-sized model beside them", statistics.median(loads), "s"),
        Figure("memory with the embedded model", small, "MiB"),
        Figure("memory with both", both, "MiB"),
        Figure("memory after unloading", unloaded, "MiB"),
        Figure("a process of its own: until it is ready", process_s, "s"),
        Figure("a process of its own: memory", process, "MiB"),
    )


if __name__ == "__main__":
    show("models", asyncio.run(measure()))
