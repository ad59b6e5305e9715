"""``python -m benchmarks.recovery``: recovery time after SIGKILL to the inference worker, seconds.

The worker is killed in the middle of a request, which must succeed all the same. A new request is sent at
that moment. Measured is the time from the kill until each of them is answered.
"""

from __future__ import annotations

import asyncio
import os
import signal
import statistics
import time
from collections.abc import Sequence

from benchmarks.clips import clip_of
from benchmarks.report import Figure, show
from wav2vec2_app.server.build import System, build_system
from wav2vec2_app.server.events import Done, Started
from wav2vec2_app.server.operations import Operation
from wav2vec2_app.server.tasks import AudioTask
from wav2vec2_app.settings import Settings
from wav2vec2_app.speech.audio import AudioSource

ROUNDS = 4  # the restart budget allows five in a minute


def _inference_pid(system: System) -> int:
    [pid] = [w.pid for w in system.service.status("").workers if w.role == "inference" and w.pid]
    return pid


async def _kill_once(system: System, clip: AudioSource) -> tuple[float, float]:
    """Seconds from the kill until the interrupted request and a new one are answered."""
    killed_s = 0.0
    new: asyncio.Task[object] | None = None
    async for event in system.orchestrator.submit(AudioTask(clip)):
        if isinstance(event, Started) and event.operation is Operation.TRANSCRIBE and new is None:
            await asyncio.sleep(0.05)  # the forward pass has begun
            os.kill(_inference_pid(system), signal.SIGKILL)
            killed_s = time.perf_counter()
            new = asyncio.create_task(system.orchestrator.run(AudioTask(clip)))
        last = event
    hit_s = time.perf_counter() - killed_s
    assert isinstance(last, Done), last
    assert new is not None
    await new
    return hit_s, time.perf_counter() - killed_s


async def measure() -> Sequence[Figure]:
    clip = AudioSource(path=clip_of(10.0))
    system = build_system(Settings(fetch_models=False, model="embedded", log_level="ERROR"))
    await system.orchestrator.start()
    await system.service.wait_ready()
    try:
        rounds = [await _kill_once(system, clip) for _ in range(ROUNDS)]
    finally:
        await system.orchestrator.stop()
    hit, new = [r[0] for r in rounds], [r[1] for r in rounds]
    return (
        Figure("killed request answered after", statistics.median(hit), "s", None, _spread(hit)),
        Figure("new request served after", statistics.median(new), "s", 5, _spread(new)),
    )


def _spread(values: Sequence[float]) -> tuple[float, float]:
    return min(values), max(values)


if __name__ == "__main__":
    show("recovery", asyncio.run(measure()))
