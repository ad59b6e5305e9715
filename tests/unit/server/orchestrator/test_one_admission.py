"""One admission for all work: decoding again from the cache waits in the same queue as uploads."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

import numpy as np
import pytest

from tests.doubles import FakeAdapter, make_task
from tests.unit.server.orchestrator.conftest import Start
from wav2vec2_app.errors import BusyError
from wav2vec2_app.server.events import Queued
from wav2vec2_app.server.operations import Operation, Want
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator
from wav2vec2_app.server.results import AudioResult
from wav2vec2_app.server.tasks import AudioTask
from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ, Audio, AudioSource
from wav2vec2_app.speech.options import DecodingOptions

CLIENTS = 8
LONG_S = 3600.0
DECODE_TEXT, ALIGN, TRANSCRIBE = Operation.DECODE_TEXT, Operation.ALIGN, Operation.TRANSCRIBE
ALIGNMENT = frozenset({Want.ALIGNMENT})
HOT = DecodingOptions(hotwords=("ada",))


async def cached(orchestrator: ModelOrchestrator, adapter: FakeAdapter) -> list[AudioResult]:
    """The results of one recording for each client; its samples take no memory."""
    samples = np.broadcast_to(np.float32(0.1), (round(adapter.duration_s * SAMPLE_RATE_HZ),))
    audio = Audio(samples, SAMPLE_RATE_HZ, 1, "wav/pcm_s16le")
    adapter.answer(Operation.DECODE_AUDIO, *[audio] * CLIENTS)
    return [
        await orchestrator.run(
            AudioTask(AudioSource(data=name.encode(), name=f"{name}.wav"), session=name)
        )
        for name in map(str, range(CLIENTS))
    ]


def again(result: AudioResult, session: int, operation: Operation) -> AudioTask:
    """A task that decodes a cached result again, or aligns a text with it."""
    if operation is ALIGN:
        return AudioTask(cached_id=result.id, session=str(session), wants=ALIGNMENT, text="a")
    return AudioTask(cached_id=result.id, session=str(session), decoding=HOT)


async def finish(works: list[Awaitable[AudioResult]]) -> None:
    await asyncio.gather(*works)


@pytest.mark.parametrize("operation", [DECODE_TEXT, ALIGN])
@pytest.mark.parametrize("concurrency", [1, 2, 3])
async def test_cached_work_holds_no_more_slots_than_uploads_would(
    start: Start, operation: Operation, concurrency: int
) -> None:
    adapter = FakeAdapter(duration_s=LONG_S)
    orchestrator = await start(adapter, cache_bytes=10**12, concurrency=concurrency)
    results = await cached(orchestrator, adapter)
    gate = adapter.block(operation)
    works = [
        asyncio.ensure_future(orchestrator.run(again(result, number, operation)))
        for number, result in enumerate(results)
    ]
    long_slots = max(1, concurrency - 1)
    await adapter.reached(operation, long_slots)

    now = orchestrator.status()
    assert (now.running, now.queued) == (long_slots, CLIENTS - long_slots)
    assert now.wait_s > 0
    assert adapter.count(operation) == long_slots
    gate.set()
    await finish(list(works))


@pytest.mark.parametrize("operation", [DECODE_TEXT, ALIGN])
async def test_short_clip_is_transcribed_while_long_cached_recordings_are_worked_on(
    start: Start, operation: Operation
) -> None:
    adapter = FakeAdapter(duration_s=LONG_S)
    orchestrator = await start(adapter, cache_bytes=10**12, concurrency=2)
    results = await cached(orchestrator, adapter)
    gate = adapter.block(operation)
    works = [
        asyncio.ensure_future(orchestrator.run(again(result, number, operation)))
        for number, result in enumerate(results)
    ]
    await adapter.reached(operation)
    adapter.duration_s = 3.0

    short = await orchestrator.run(make_task("short clip.wav", session="short"))

    assert short.transcript is not None
    assert not any(work.done() for work in works)
    gate.set()
    await finish(list(works))


async def test_full_queue_rejects_cached_work_too(start: Start) -> None:
    adapter = FakeAdapter()
    orchestrator = await start(adapter, cache_bytes=10**9, concurrency=1, queue_size=1)
    results = await cached(orchestrator, adapter)
    gate = adapter.block(DECODE_TEXT)
    works = [
        asyncio.ensure_future(orchestrator.run(again(result, number, DECODE_TEXT)))
        for number, result in enumerate(results[:2])
    ]
    await adapter.reached(DECODE_TEXT)

    with pytest.raises(BusyError) as rejected:
        await orchestrator.run(again(results[2], 2, DECODE_TEXT))

    assert rejected.value.metadata["retry_after_s"]
    gate.set()
    await finish(list(works))


async def test_cached_work_reports_its_position(start: Start) -> None:
    adapter = FakeAdapter()
    orchestrator = await start(adapter, cache_bytes=10**9)
    results = await cached(orchestrator, adapter)

    events = [event async for event in orchestrator.submit(again(results[0], 0, DECODE_TEXT))]

    assert [event.position for event in events if isinstance(event, Queued)] == [1]


async def test_steps_of_uploads_never_hold_up_a_live_pass(start: Start) -> None:
    adapter = FakeAdapter(duration_s=3.0)
    orchestrator = await start(adapter, cache_bytes=10**9, concurrency=1, live_concurrency=1)
    results = await cached(orchestrator, adapter)
    gate = adapter.block(ALIGN)
    work = asyncio.ensure_future(orchestrator.run(again(results[0], 0, ALIGN)))
    await adapter.reached(ALIGN)
    adapter.answer(TRANSCRIBE, results[0].recognition)

    live = await orchestrator.run(AudioTask(audio=results[0].audio, live=True, session="live"))

    assert live.transcript is not None
    gate.set()
    await work
