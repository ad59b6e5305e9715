"""``python -m benchmarks.request``: latency of a request for a 10 s clip, and the share of the layers.

The system runs in this process, with real workers.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from benchmarks.clips import clip_of
from benchmarks.report import Figure, median_ms, show
from wav2vec2_app.server.build import System, build_system
from wav2vec2_app.server.events import Done, Failed, Partial
from wav2vec2_app.server.operations import Want
from wav2vec2_app.server.results import AudioResult
from wav2vec2_app.server.tasks import AudioTask
from wav2vec2_app.settings import Settings
from wav2vec2_app.speech.audio import AudioSource
from wav2vec2_app.speech.options import DecodingOptions
from wav2vec2_app.speech.transcript import Recognition

ROUNDS = 15
CLIP_S = 10.0
GREEDY = DecodingOptions(decoder="greedy")
EVERYTHING = frozenset({Want.TRANSCRIPT, Want.FEATURES, Want.PICTURES})


async def _timed(system: System, task: AudioTask) -> tuple[float, float, AudioResult]:
    """Seconds until the transcript, seconds until the end, and the result."""
    begin = time.perf_counter()
    transcript_s = 0.0
    async for event in system.orchestrator.submit(task):
        if isinstance(event, Partial) and isinstance(event.value, Recognition):
            transcript_s = time.perf_counter() - begin
        elif isinstance(event, Failed):
            raise event.error
        elif isinstance(event, Done):
            return transcript_s, time.perf_counter() - begin, event.result
    raise AssertionError("a task ends with Done or Failed")


def _stage(result: AudioResult, name: str) -> float:
    return sum(stage.duration_s for stage in result.stages if stage.name == name)


async def measure() -> Sequence[Figure]:
    """Interleave plain requests with requests for every picture."""
    clip = AudioSource(path=clip_of(CLIP_S), name="clip.wav")
    system = build_system(Settings(fetch_models=False, model="embedded", log_level="WARNING"))
    await system.orchestrator.start()
    await system.service.wait_ready()
    whole, added, forward, beam, first, everything = [], [], [], [], [], []
    try:
        for number in range(ROUNDS + 1):
            plain = await _timed(system, AudioTask(clip))
            greedy = await _timed(system, AudioTask(clip, decoding=GREEDY))
            full = await _timed(system, AudioTask(clip, wants=EVERYTHING))
            if number == 0:
                continue  # warms up the caches of processor and libraries
            whole.append(plain[1])
            forward.append(_stage(plain[2], "forward"))
            beam.append(_stage(plain[2], "decode text"))
            added.append(greedy[1] - _stage(greedy[2], "forward"))
            first.append(full[0])
            everything.append(full[1])
    finally:
        await system.orchestrator.stop()
    return (
        median_ms("10 s clip, complete request without pictures", whole, 500),
        median_ms("of which the forward pass", forward),
        median_ms("of which beam decoding, alignment, confidences", beam, 60),
        median_ms("overhead of the layers (greedy request minus forward pass)", added, 25),
        median_ms("with every picture: until the transcript", first),
        median_ms("with every picture: until the last picture", everything, 2000),
    )


if __name__ == "__main__":
    show("request", asyncio.run(measure()))
