"""Descriptions: they never cost the transcript, a slot of this machine, or the truth of the cache."""

from __future__ import annotations

import asyncio

import pytest

from tests.doubles import FakeAdapter, FakeClock, make_audio, make_description, make_task
from tests.unit.server.orchestrator.conftest import Start
from tests.unit.server.orchestrator.follow import Submitted, all_of, error_of
from wav2vec2_app.errors import (
    CancelledError,
    InputError,
    ModelError,
    ResourceError,
    TimedOutError,
    Wav2Vec2Error,
)
from wav2vec2_app.server.events import Done, Failed, Partial, Started
from wav2vec2_app.server.operations import Operation, Step, Want
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator
from wav2vec2_app.server.tasks import AudioTask
from wav2vec2_app.speech.audio import AudioSource
from wav2vec2_app.speech.description import Description
from wav2vec2_app.speech.transcript import Recognition

BOTH = (Want.TRANSCRIPT, Want.DESCRIPTION)
CACHE_BYTES = 10_000_000
DESCRIBE = Operation.DESCRIBE


def question_about(name: str = "hello world.wav", question: str = "What is it?") -> AudioTask:
    source = AudioSource(data=name.encode(), name=name)
    return AudioTask(source, frozenset(BOTH), question=question, session="tab", client="key")


async def transcribed(task: Submitted) -> None:
    """Wait until the transcript of a task has come."""
    partials = 1
    while not isinstance((await task.until(Partial, partials)).value, Recognition):
        partials += 1


async def test_description_comes_with_the_transcript(start: Start) -> None:
    orchestrator = await start(FakeAdapter())

    result = await orchestrator.run(question_about())

    assert result.transcript is not None
    assert result.transcript.text == "hello world"
    assert result.description == make_description("What is it?")
    assert result.problems == ()
    assert "describe" in [stage.name for stage in result.stages]


FAILURES: tuple[Wav2Vec2Error, ...] = (
    ResourceError("refused", code="describe.unreachable", metadata={"retry_after_s": 1.0}),
    TimedOutError("slow", code="describe.timeout"),
    ResourceError("500", code="describe.server_failed", metadata={"retry_after_s": 1.0}),
    ResourceError("bad", code="describe.bad_answer", retryable=False),
    ModelError("closed", code="describe.closed"),
)


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: failure.code)
async def test_transcript_comes_and_the_failed_description_is_a_problem(
    start: Start, failure: Wav2Vec2Error
) -> None:
    adapter = FakeAdapter()
    adapter.fail(DESCRIBE, failure)
    orchestrator = await start(adapter)

    result = await orchestrator.run(question_about())

    assert result.transcript is not None
    assert result.transcript.text == "hello world"
    assert result.description is None
    assert [(one.operation, one.error) for one in result.problems] == [(DESCRIBE, failure)]
    assert adapter.count(DESCRIBE) == 1


async def test_defect_of_the_description_costs_the_description_only(start: Start) -> None:
    adapter = FakeAdapter()
    adapter.answer(DESCRIBE, ZeroDivisionError(), "not a description")
    orchestrator = await start(adapter)

    for code in ("internal", "adapter.bad_answer"):
        result = await orchestrator.run(question_about())
        assert result.transcript is not None
        assert [one.error.code for one in result.problems] == [code]


async def test_broken_description_server_is_paused_and_transcripts_go_on(start: Start) -> None:
    adapter = FakeAdapter()
    adapter.fail(DESCRIBE, ResourceError("500", retryable=False), times=9)
    orchestrator = await start(adapter, breaker_failures=2)

    results = [await orchestrator.run(question_about()) for _ in range(4)]

    codes = [result.problems[0].error.code for result in results]
    assert codes == ["resource.exhausted", "resource.exhausted", "circuit.open", "circuit.open"]
    assert all(result.transcript is not None for result in results)
    assert adapter.count(DESCRIBE) == 2


async def test_transcript_is_there_before_a_slow_description(start: Start) -> None:
    adapter = FakeAdapter()
    gate = adapter.block(DESCRIBE)
    orchestrator = await start(adapter)
    task = Submitted(orchestrator, question_about())
    await adapter.reached(DESCRIBE)

    await transcribed(task)
    gate.set()

    assert (await task.result()).description is not None


async def test_describing_begins_when_the_audio_is_decoded(start: Start) -> None:
    adapter = FakeAdapter()
    gate = adapter.block(Operation.TRANSCRIBE)
    orchestrator = await start(adapter)
    task = Submitted(orchestrator, question_about())

    await adapter.reached(DESCRIBE)
    await adapter.reached(Operation.TRANSCRIBE)

    assert not task.following.done()
    gate.set()
    await task.result()


async def test_hanging_descriptions_hold_no_slot(start: Start) -> None:
    adapter = FakeAdapter()
    gate = adapter.block(DESCRIBE)
    orchestrator = await start(adapter, concurrency=1)
    hanging = [Submitted(orchestrator, question_about(f"clip {n}.wav")) for n in range(5)]
    await adapter.reached(DESCRIBE, 5)

    result = await orchestrator.run(make_task("other clip.wav"))

    assert result.transcript is not None
    assert result.transcript.text == "other clip"
    assert orchestrator.status().running == 0
    gate.set()
    for one in hanging:
        assert (await one.result()).description is not None


async def test_waiting_for_another_server_is_no_processing_time(start: Start) -> None:
    clock = FakeClock()
    takes_s = {Operation.TRANSCRIBE: 2.0}
    adapter = FakeAdapter(duration_s=8.0, clock=clock, takes_s=takes_s)
    gate = adapter.block(DESCRIBE)
    orchestrator = ModelOrchestrator([adapter], clock=clock)
    await orchestrator.start()
    task = Submitted(orchestrator, question_about())
    await transcribed(task)
    for _ in range(20):  # until the slot has been given back
        await asyncio.sleep(0)
    assert orchestrator.status().running == 0
    clock.advance(100.0)
    gate.set()
    result = await task.result()
    await orchestrator.stop()

    assert result.real_time_factor == pytest.approx(2.0 / 8.0)
    assert next(stage for stage in result.stages if stage.name == "total").duration_s >= 100.0


async def test_cancelling_the_task_cancels_its_description(start: Start) -> None:
    adapter = FakeAdapter()
    adapter.block(DESCRIBE)
    orchestrator = await start(adapter)
    task = Submitted(orchestrator, question_about())
    await adapter.reached(DESCRIBE)
    await transcribed(task)

    assert orchestrator.cancel(task.task.id)

    assert isinstance(await task.error(), CancelledError)
    assert [one.operation for one in adapter.cancelled] == [DESCRIBE]


async def test_failed_transcript_ends_the_task_and_its_description(start: Start) -> None:
    adapter = FakeAdapter()
    adapter.block(DESCRIBE)
    adapter.fail(Operation.TRANSCRIBE, InputError("no", code="audio.broken"))
    orchestrator = await start(adapter)

    assert (await error_of(orchestrator, question_about())).code == "audio.broken"
    assert all(one.operation is DESCRIBE for one in adapter.cancelled)


async def test_description_without_a_configured_model_is_rejected_before_the_file_is_read(
    start: Start,
) -> None:
    adapter = FakeAdapter(operations=set(Operation) - {DESCRIBE})
    orchestrator = await start(adapter)

    error = await error_of(orchestrator, question_about())

    assert error.code == "model.no_adapter"
    assert error.hint
    assert adapter.calls == []


async def test_same_question_is_sent_again_and_the_transcript_is_cached(start: Start) -> None:
    adapter = FakeAdapter()
    orchestrator = await start(adapter, cache_bytes=CACHE_BYTES)
    answers = [make_description(), Description("What is it?", "A fox.", "", 1.0, truncated=False)]
    adapter.answer(DESCRIBE, *answers)

    results = [await orchestrator.run(question_about()) for _ in range(2)]

    assert [one.description for one in results] == answers
    assert [one.cached for one in results] == [False, True]
    assert adapter.count(Operation.TRANSCRIBE) == 1
    plain = await orchestrator.run(
        AudioTask(
            AudioSource(data=b"hello world.wav", name="hello world.wav"),
            client="key",
            session="tab",
        )
    )
    assert plain.cached
    assert plain.description is None


async def test_cached_recording_is_described_without_a_slot(start: Start) -> None:
    adapter = FakeAdapter()
    orchestrator = await start(adapter, cache_bytes=CACHE_BYTES)
    first = await orchestrator.run(make_task(session="tab"))
    calls = len(adapter.calls)
    again = AudioTask(
        wants=frozenset({Want.DESCRIPTION}), cached_id=first.id, session="tab", question="Why?"
    )

    events = await all_of(orchestrator.submit(again))

    assert [call.operation for call in adapter.calls[calls:]] == [DESCRIBE]
    assert isinstance(events[-1], Done)
    assert events[-1].result.description == make_description("Why?")


async def test_task_that_wants_nothing_else_fails_with_its_description(start: Start) -> None:
    adapter = FakeAdapter()
    adapter.fail(DESCRIBE, ModelError("closed", code="describe.closed"))
    orchestrator = await start(adapter)
    task = make_task(wants=[Want.DESCRIPTION])

    events = await all_of(orchestrator.submit(task))

    assert isinstance(events[-1], Failed)
    assert events[-1].error.code == "describe.closed"
    started = [event.step for event in events if isinstance(event, Started)]
    assert started[-1] == Step(DESCRIBE)
    assert adapter.count(Operation.TRANSCRIBE) == 0


async def test_decoded_audio_can_be_described(start: Start) -> None:
    adapter = FakeAdapter()
    orchestrator = await start(adapter)
    task = AudioTask(audio=make_audio(1.0), wants=frozenset({Want.DESCRIPTION}))

    assert (await orchestrator.run(task)).description is not None
    assert [call.operation for call in adapter.calls] == [DESCRIBE]


async def test_task_that_wants_no_description_sends_no_question(start: Start) -> None:
    adapter = FakeAdapter()
    orchestrator = await start(adapter)

    result = await orchestrator.run(make_task())

    assert result.description is None
    assert adapter.count(DESCRIBE) == 0
