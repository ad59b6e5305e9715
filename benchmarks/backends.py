"""``python -m benchmarks.backends``: two Ray replicas against two local inference workers.

Both have two processes with one thread each, and the same windows of 10 s to transcribe, four at a time. The
rounds alternate. The costs from which docs/growth.md computes sizes are measured as well. Needs the extra
``ray``.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Iterable, Sequence

import soundfile

from benchmarks.clips import clip_of
from benchmarks.cluster import deploy, ray_cluster, replica_processes
from benchmarks.report import Figure, median_ms, show
from wav2vec2_app.memory import private_bytes
from wav2vec2_app.protocol.audio import DecodeAudioRequest
from wav2vec2_app.protocol.inference import EmitRequest
from wav2vec2_app.protocol.message import AnyRequest
from wav2vec2_app.protocol.text import DecodeTextRequest
from wav2vec2_app.server.bridge.backend import Backend
from wav2vec2_app.server.bridge.ray_or_error import ray_remotes
from wav2vec2_app.server.bridge.remote import RemoteBackend
from wav2vec2_app.server.build import local_pool
from wav2vec2_app.server.deadline import Deadline
from wav2vec2_app.settings import Settings
from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ, AudioSource
from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.options import DEFAULT_OPTIONS

WORKERS = 2
ROUNDS = 21
WINDOWS = 8
WINDOW_S = 10.0
CONCURRENT = 2 * WORKERS
LIMIT = 1.15
SMALL = 200
"""Requests without audio, for the cost of the way there and back."""
SETTINGS = Settings(model="embedded", fetch_models=False, threads=1, inference_workers=WORKERS)


def window() -> EmitRequest:
    """Ten seconds of speech."""
    samples, _ = soundfile.read(clip_of(WINDOW_S), dtype="float32")
    return EmitRequest("embedded", samples)


async def round_s(backend: Backend, request: EmitRequest) -> float:
    """Seconds for all windows."""
    left = iter(range(WINDOWS))

    async def client() -> None:
        for _ in left:
            await backend.request(request, deadline=Deadline.after(120.0))

    begin = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(CONCURRENT)))
    return time.perf_counter() - begin


async def way_s(backend: Backend) -> list[float]:
    """Seconds of requests with a tenth of a second of audio, one after the other."""
    request = EmitRequest("embedded", window().samples[: SAMPLE_RATE_HZ // 10])
    took = []
    for _ in range(SMALL):
        begin = time.perf_counter()
        await backend.request(request, deadline=Deadline.after(120.0))
        took.append(time.perf_counter() - begin)
    return took


async def measure_with(address: str) -> Sequence[Figure]:
    local: Backend = local_pool(SETTINGS, "inference")
    remote: Backend = RemoteBackend("inference", ray_remotes(address)("inference"))
    for backend in (local, remote):
        await backend.start()
        await backend.wait_ready()
    request = window()
    try:
        for backend in (local, remote):  # the first forward pass of a process is slower
            await round_s(backend, request)
        pairs = [
            (await round_s(local, request), await round_s(remote, request)) for _ in range(ROUNDS)
        ]
        ways = await way_s(local), await way_s(remote)
        speech = await local.request(request, deadline=Deadline.after(60.0))
        workers = [one.pid for one in local.statuses()]
        replicas = [process.pid for process in replica_processes("inference")]
        sizes = memory("inference worker", workers), memory("replica beside its worker", replicas)
    finally:
        await local.stop()
        await remote.stop()
    return [*figures(pairs, ways), *sizes, *await costs(speech.emission)]


def figures(
    pairs: Sequence[tuple[float, float]], ways: tuple[Sequence[float], Sequence[float]]
) -> Sequence[Figure]:
    """Throughput of both, their ratio, and the cost of the way through Ray."""
    locally, remotely = zip(*pairs, strict=True)
    audio_s = WINDOWS * WINDOW_S

    def speed(name: str, seconds: Sequence[float]) -> Figure:
        rates = [audio_s / one for one in seconds]
        return Figure(name, statistics.median(rates), "× real time", None, (min(rates), max(rates)))

    ratio = statistics.median(remotely) / statistics.median(locally)
    added_ms = 1000 * (statistics.median(ways[1]) - statistics.median(ways[0]))
    return [
        speed("two local workers", locally),
        speed("two Ray replicas", remotely),
        Figure("time with replicas / with workers", ratio, "", LIMIT),
        Figure("added by Ray to a request without load", added_ms, "ms"),
    ]


async def costs(emission: Emission) -> Sequence[Figure]:
    """Time and memory of the other local workers for 10 s of audio."""
    audio, text = (local_pool(SETTINGS, role) for role in ("audio", "text"))
    pools = (audio, text)
    await asyncio.gather(*(pool.start() for pool in pools))
    await asyncio.gather(*(pool.wait_ready() for pool in pools))
    source = AudioSource(path=clip_of(WINDOW_S))
    decode = DecodeTextRequest(emission, DEFAULT_OPTIONS, embedded=True)
    try:
        return [
            await cost("audio worker: decode", audio, DecodeAudioRequest(source)),
            await cost("text worker: beam search", text, decode),
            *(
                memory(f"{pool.role} worker", [one.pid for one in pool.statuses()])
                for pool in pools
            ),
        ]
    finally:
        await asyncio.gather(*(pool.stop() for pool in pools))


async def cost(name: str, pool: Backend, request: AnyRequest) -> Figure:
    """Milliseconds for 10 s of audio."""
    took = []
    for _ in range(SMALL // 10):
        begin = time.perf_counter()
        await pool.request(request, deadline=Deadline.after(60.0))
        took.append(time.perf_counter() - begin)
    return median_ms(f"{name}, 10 s", took)


def memory(name: str, pids: Iterable[int | None]) -> Figure:
    """Private memory of the largest of these processes."""
    found = [private_bytes(pid) for pid in pids if pid is not None]
    return Figure(f"{name}: memory", max(found, default=0) / 1e6, "MB")


def measure() -> Sequence[Figure]:
    with ray_cluster(WORKERS) as address:
        environment = {
            "WAV2VEC2_MODEL": "embedded",
            "WAV2VEC2_FETCH_MODELS": "false",
            "WAV2VEC2_THREADS": "1",
        }
        counts = ("--inference", str(WORKERS), "--audio", "0", "--text", "0")
        deploy(address, environment, *counts)
        return asyncio.run(measure_with(address))


if __name__ == "__main__":
    show("backends", measure())
