"""Tasks with decoded audio, and the queue of live passes."""

from __future__ import annotations

import asyncio

import pytest

from tests.doubles import FakeAdapter, make_audio, make_recognition, make_task
from tests.unit.server.orchestrator.conftest import Start
from wav2vec2_app.errors import BusyError, InputError
from wav2vec2_app.server.operations import Operation
from wav2vec2_app.server.tasks import AudioTask, StepInputs
from wav2vec2_app.speech.audio import AudioSource

RECOGNITION = make_recognition("good morning")


def make_pass() -> AudioTask:
    return AudioTask(audio=make_audio(0.5), live=True)


async def test_decoded_audio_is_neither_probed_nor_decoded(start: Start) -> None:
    adapter = FakeAdapter()
    adapter.answer(Operation.TRANSCRIBE, RECOGNITION)
    orchestrator = await start(adapter)
    task = make_pass()

    result = await orchestrator.run(task)

    assert result.recognition is RECOGNITION
    assert result.audio is task.audio
    assert [call.operation for call in adapter.calls] == [Operation.TRANSCRIBE]
    assert adapter.calls[0].inputs == StepInputs(audio=task.audio)


async def test_result_of_decoded_audio_is_not_cached(start: Start) -> None:
    adapter = FakeAdapter()
    adapter.answer(Operation.TRANSCRIBE, RECOGNITION)
    orchestrator = await start(adapter, cache_bytes=2**20)
    task = make_pass()
    await orchestrator.run(task)

    with pytest.raises(InputError, match="no longer cached"):
        await orchestrator.run(AudioTask(cached_id=task.id))


async def test_live_pass_and_uploads_do_not_wait_for_each_other(start: Start) -> None:
    adapter = FakeAdapter()
    adapter.answer(Operation.TRANSCRIBE, RECOGNITION, RECOGNITION)
    orchestrator = await start(adapter, concurrency=1, queue_size=1)
    gate = adapter.block(Operation.DECODE_AUDIO)  # a live pass has no such step
    uploads = [asyncio.ensure_future(orchestrator.run(make_task())) for _ in range(2)]
    await adapter.reached(Operation.DECODE_AUDIO)

    assert (await orchestrator.run(make_pass())).recognition is RECOGNITION

    gate.set()
    await asyncio.gather(*uploads)


async def test_queue_of_live_passes_is_bounded(start: Start) -> None:
    adapter = FakeAdapter()
    orchestrator = await start(adapter, live_queue_size=1, live_concurrency=1)
    gate = adapter.block(Operation.TRANSCRIBE)
    adapter.answer(Operation.TRANSCRIBE, RECOGNITION, RECOGNITION)
    passes = [asyncio.ensure_future(orchestrator.run(make_pass())) for _ in range(2)]
    await adapter.reached(Operation.TRANSCRIBE)

    with pytest.raises(BusyError):
        await orchestrator.run(make_pass())

    gate.set()
    await asyncio.gather(*passes)
    assert orchestrator.status().throughput is None  # measured on uploads only


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"cached_id": "earlier", "audio": make_audio()},
        {"source": AudioSource(data=b"RIFF"), "audio": make_audio()},
    ],
)
def test_task_has_exactly_one_of_source_cached_id_and_audio(given: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="exactly one of"):
        AudioTask(**given)  # type: ignore[arg-type]
