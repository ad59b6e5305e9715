"""Tasks that bring their audio decoded, and the short line of live passes."""

from __future__ import annotations

import asyncio

import pytest

from tests.doubles import FakeAdapter, make_audio, make_recognition, make_task
from tests.unit.server.orchestrator.conftest import Start
from wav2vec2_app.errors import BusyError, InputError
from wav2vec2_app.server.tasks import AudioTask, Operation
from wav2vec2_app.speech.audio import AudioSource

HEARD = make_recognition("good morning")


def a_pass() -> AudioTask:
    return AudioTask(audio=make_audio(0.5), live=True)


async def test_decoded_audio_is_neither_probed_nor_decoded(start: Start) -> None:
    adapter = FakeAdapter()
    adapter.answer(Operation.TRANSCRIBE, HEARD)
    orchestrator = await start(adapter)
    task = a_pass()

    result = await orchestrator.run(task)

    assert result.recognition is HEARD
    assert result.audio is task.audio
    assert [call.operation for call in adapter.calls] == [Operation.TRANSCRIBE]
    assert adapter.calls[0].inputs == {Operation.DECODE_AUDIO: task.audio}


async def test_nothing_of_decoded_audio_is_kept(start: Start) -> None:
    adapter = FakeAdapter()
    adapter.answer(Operation.TRANSCRIBE, HEARD)
    orchestrator = await start(adapter, cache_bytes=2**20)
    task = a_pass()
    await orchestrator.run(task)

    with pytest.raises(InputError, match="no longer here"):
        await orchestrator.run(AudioTask(cached_id=task.id))


async def test_live_pass_does_not_wait_behind_uploads_nor_they_behind_it(start: Start) -> None:
    adapter = FakeAdapter()
    adapter.answer(Operation.TRANSCRIBE, HEARD, HEARD)
    orchestrator = await start(adapter, concurrency=1, queue_size=1)
    gate = adapter.block(Operation.DECODE_AUDIO)  # a live pass has no use for it
    uploads = [asyncio.ensure_future(orchestrator.run(make_task())) for _ in range(2)]
    await adapter.reached(Operation.DECODE_AUDIO)

    assert (await orchestrator.run(a_pass())).recognition is HEARD

    gate.set()
    await asyncio.gather(*uploads)


async def test_line_of_live_passes_is_bounded(start: Start) -> None:
    adapter = FakeAdapter()
    orchestrator = await start(adapter, live_queue_size=1, live_concurrency=1)
    gate = adapter.block(Operation.TRANSCRIBE)
    adapter.answer(Operation.TRANSCRIBE, HEARD, HEARD)
    passes = [asyncio.ensure_future(orchestrator.run(a_pass())) for _ in range(2)]
    await adapter.reached(Operation.TRANSCRIBE)

    with pytest.raises(BusyError):
        await orchestrator.run(a_pass())

    gate.set()
    await asyncio.gather(*passes)
    assert orchestrator.status().throughput is None  # the pace is that of uploads alone


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"cached_id": "earlier", "audio": make_audio()},
        {"source": AudioSource(data=b"RIFF"), "audio": make_audio()},
    ],
)
def test_task_has_one_origin(given: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="one of"):
        AudioTask(**given)  # type: ignore[arg-type]
