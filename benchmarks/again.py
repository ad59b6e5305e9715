"""``python -m benchmarks.again``: what is kept of a 10 s clip saves: asking, decoding and aligning again.

In this process, through orchestrator, service, bridge and text worker.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace

from benchmarks.clips import clip_of
from benchmarks.report import Figure, median_ms, show
from wav2vec2_app.server.build import System, build_system
from wav2vec2_app.server.tasks import AudioResult, AudioTask, Want
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
    again: dict[str, list[float]] = {"first": [], "same": [], "read": [], "hot": [], "align": []}
    try:
        for number in range(ROUNDS + 1):
            source = AudioSource(path=clip_of(CLIP_S, shift_s=number))
            taken = {}
            taken["first"], first = await timed(system, AudioTask(source, session="me"))
            taken["same"], _ = await timed(system, AudioTask(source, session="me"))
            for name, decoding in {
                "read": replace(DEFAULT_OPTIONS, lm_weight=1.0),
                "hot": replace(DEFAULT_OPTIONS, hotwords=("margolotte",)),
            }.items():
                taken[name], _ = await timed(
                    system, AudioTask(cached_id=first.id, decoding=decoding)
                )
            text = first.transcript.text if first.transcript else ""
            align = AudioTask(cached_id=first.id, wants=ALIGNMENT, text=text)
            taken["align"], _ = await timed(system, align)
            if number:
                for name, seconds in taken.items():
                    again[name].append(seconds)
    finally:
        await system.orchestrator.stop()
    return (
        median_ms("10 s clip, for the first time", again["first"]),
        median_ms("the same recording again", again["same"], 30),
        median_ms("read with other settings", again["read"], 60),
        median_ms("read with hotwords, their lexicon known", again["hot"], 60),
        median_ms("its text aligned", again["align"], 60),
    )


if __name__ == "__main__":
    show("again", asyncio.run(measure()))
