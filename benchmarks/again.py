"""``python -m benchmarks.again``: requests for a 10 s clip that are served from the result cache.

The same request again, other decoding options, and an alignment. The system runs in this process, with
real workers.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace

from benchmarks.clips import clip_of
from benchmarks.report import Figure, median_ms, show
from wav2vec2_app.server.build import System, build_system
from wav2vec2_app.server.operations import Want
from wav2vec2_app.server.results import AudioResult
from wav2vec2_app.server.tasks import AudioTask
from wav2vec2_app.settings import Settings
from wav2vec2_app.speech.audio import AudioSource
from wav2vec2_app.speech.options import DEFAULT_OPTIONS

ROUNDS = 15
CLIP_S = 10.0
ALIGNMENT = frozenset({Want.ALIGNMENT})


async def timed(system: System, task: AudioTask) -> tuple[float, AudioResult]:
    begin = time.perf_counter()
    result = await system.orchestrator.run(task)
    return time.perf_counter() - begin, result


async def measure() -> Sequence[Figure]:
    system = build_system(Settings(fetch_models=False, model="embedded", log_level="WARNING"))
    await system.orchestrator.start()
    await system.service.wait_ready()
    again: dict[str, list[float]] = {"first": [], "same": [], "decode": [], "hot": [], "align": []}
    try:
        for number in range(ROUNDS + 1):
            source = AudioSource(path=clip_of(CLIP_S, shift_s=number))
            spent_s = {}
            spent_s["first"], first = await timed(system, AudioTask(source, session="me"))
            spent_s["same"], _ = await timed(system, AudioTask(source, session="me"))
            for name, decoding in {
                "decode": replace(DEFAULT_OPTIONS, lm_weight=1.0),
                "hot": replace(DEFAULT_OPTIONS, hotwords=("margolotte",)),
            }.items():
                spent_s[name], _ = await timed(
                    system, AudioTask(cached_id=first.id, decoding=decoding, session="me")
                )
            text = first.transcript.text if first.transcript else ""
            align = AudioTask(cached_id=first.id, wants=ALIGNMENT, text=text, session="me")
            spent_s["align"], _ = await timed(system, align)
            if number:
                for name, seconds in spent_s.items():
                    again[name].append(seconds)
    finally:
        await system.orchestrator.stop()
    return (
        median_ms("10 s clip, first request", again["first"]),
        median_ms("the same recording, from the cache", again["same"], 30),
        median_ms("decoded with other options", again["decode"], 60),
        median_ms("decoded with hotwords, their lexicon loaded", again["hot"], 60),
        median_ms("its text aligned", again["align"], 60),
    )


if __name__ == "__main__":
    show("again", asyncio.run(measure()))
