"""``python -m benchmarks.bridge``: round-trip time of a request to a worker that does nothing.

The worker echoes an empty request, ten seconds of audio (640 KB each way) and ten minutes of audio.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.report import Figure, median_ms, show
from wav2vec2_app.protocol.message import Context, Empty, Request, Response
from wav2vec2_app.server.bridge.spawn import WorkerSpec
from wav2vec2_app.server.bridge.worker import WorkerBridge
from wav2vec2_app.server.deadline import Deadline
from wav2vec2_app.speech.audio import Float32
from wav2vec2_app.worker.call import Role
from wav2vec2_app.worker.loop import serve


@dataclass(frozen=True)
class EchoResponse(Response):
    """The samples of the request."""

    samples: Float32 | None = None


@dataclass(frozen=True)
class EchoRequest(Request[EchoResponse, Empty]):
    """Send ``samples`` back."""

    op = "echo"

    samples: Float32 | None = None


def echo(request: EchoRequest, _: Context[Empty]) -> EchoResponse:
    return EchoResponse(request.samples)


CASES = (
    ("empty", 0, 500),
    ("640 KB of float32", 160_000, 200),
    ("38 MB of float32", 9_600_000, 10),
)


async def measure() -> Sequence[Figure]:
    bridge = WorkerBridge(WorkerSpec("echo", (sys.executable, "-m", "benchmarks.bridge", "serve")))
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
    request = EchoRequest(np.ones(samples, np.float32) if samples else None)
    seconds = []
    for _ in range(rounds):
        begin = time.perf_counter()
        await bridge.request(request, deadline=Deadline.after(60.0))
        seconds.append(time.perf_counter() - begin)
    return seconds


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        sys.exit(serve(lambda: Role((EchoRequest.handler(echo),))))
    show("bridge", asyncio.run(measure()))
