"""What happens to a task when a step fails."""

from __future__ import annotations

import errno
import logging

import pytest

from tests.doubles import (
    FakeAdapter,
    FakeClock,
    make_task,
)
from tests.unit.server.orchestrator.conftest import Start
from tests.unit.server.orchestrator.follow import all_of, error_of
from wav2vec2_app.errors import (
    BusyError,
    CircuitOpenError,
    InputError,
    InternalError,
    ModelError,
    ResourceError,
    TimedOutError,
    Wav2Vec2Error,
)
from wav2vec2_app.server.deadline import Deadline
from wav2vec2_app.server.events import BreakerEvent, Done, Event, Retried, Started
from wav2vec2_app.server.operations import Operation, Want
from wav2vec2_app.server.tasks import ModelTask

PROBE, DECODE, TRANSCRIBE, DECODE_TEXT, ALIGN, ANALYZE, MEASURE, DRAW, *_ = Operation


# --- failures -------------------------------------------------------------------------------------


async def test_an_operation_that_fails_in_passing_is_tried_again(start: Start) -> None:
    adapter = FakeAdapter()
    adapter.fail(TRANSCRIBE, ResourceError("no room at the moment"))
    orchestrator = await start(adapter)

    events = await all_of(orchestrator.submit(make_task()))

    attempts = [e.attempt for e in events if isinstance(e, Started) and e.operation is TRANSCRIBE]
    assert attempts == [1, 2]
    [retried] = [event for event in events if isinstance(event, Retried)]
    assert (retried.operation, retried.error.code) == (TRANSCRIBE, "resource.exhausted")
    assert isinstance(events[-1], Done)


async def test_a_defect_of_the_orchestrator_is_an_internal_error_of_the_task(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(FakeAdapter):
        def time_limit_s(self, task: ModelTask) -> float:
            raise RuntimeError("no limit")

    orchestrator = await start(Broken())

    assert isinstance(await error_of(orchestrator, make_task()), InternalError)
    assert "a defect ended the task" in caplog.text


async def test_both_attempts_share_one_deadline_that_is_passed_to_the_adapter(
    start: Start,
) -> None:
    clock = FakeClock()
    adapter = FakeAdapter(clock=clock, takes_s={TRANSCRIBE: 40.0}, time_limit_s=60.0)
    adapter.fail(TRANSCRIBE, ResourceError("no room at the moment"))
    orchestrator = await start(adapter, clock=clock)

    await orchestrator.run(make_task())

    first, second = [call for call in adapter.calls if call.operation is TRANSCRIBE]
    assert first.deadline == Deadline(1060.0)
    assert second.deadline == first.deadline


async def test_no_second_attempt_begins_after_the_deadline(start: Start) -> None:
    clock = FakeClock()
    adapter = FakeAdapter(clock=clock, takes_s={TRANSCRIBE: 61.0}, time_limit_s=60.0)
    adapter.fail(TRANSCRIBE, ResourceError("no room at the moment"))
    orchestrator = await start(adapter, clock=clock)

    assert isinstance(await error_of(orchestrator, make_task()), ResourceError)
    assert adapter.count(TRANSCRIBE) == 1


async def test_the_deadline_begins_when_the_step_does(start: Start) -> None:
    clock = FakeClock()
    adapter = FakeAdapter(clock=clock, takes_s={DECODE: 5.0}, time_limit_s=60.0)
    orchestrator = await start(adapter, clock=clock)

    await orchestrator.run(make_task())

    deadlines = {call.operation: call.deadline for call in adapter.calls}
    assert deadlines == {
        PROBE: Deadline(1060.0),
        DECODE: Deadline(1060.0),
        TRANSCRIBE: Deadline(1065.0),
    }


async def test_an_operation_that_fails_at_every_attempt_fails_the_task(start: Start) -> None:
    adapter = FakeAdapter()
    adapter.fail(TRANSCRIBE, ResourceError("no room at the moment"), times=3)
    orchestrator = await start(adapter)

    with pytest.raises(ResourceError):
        await orchestrator.run(make_task())

    assert adapter.count(TRANSCRIBE) == 3


@pytest.mark.parametrize(
    "error",
    [
        InputError("bad"),
        ModelError("unknown"),
        BusyError("full"),
        TimedOutError("slow"),
        CircuitOpenError("paused"),
    ],
)
async def test_failures_that_will_not_pass_are_not_tried_again(
    start: Start, error: Wav2Vec2Error
) -> None:
    adapter = FakeAdapter()
    adapter.fail(TRANSCRIBE, error)
    orchestrator = await start(adapter)

    assert await error_of(orchestrator, make_task()) is error
    assert adapter.count(TRANSCRIBE) == 1


async def test_an_operation_past_its_deadline_is_stopped(start: Start) -> None:
    adapter = FakeAdapter(time_limit_s=0.001)
    adapter.block(PROBE)
    orchestrator = await start(adapter)

    error = await error_of(orchestrator, make_task())

    assert isinstance(error, TimedOutError)
    assert [task.operation for task in adapter.cancelled] == [PROBE]
    assert adapter.count(PROBE) == 1


async def test_a_foreign_exception_is_translated_and_logged_in_full(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    adapter = FakeAdapter()
    adapter.fail(DECODE, RuntimeError("/secret/path"))
    orchestrator = await start(adapter)
    task = make_task()

    with caplog.at_level(logging.ERROR):
        error = await error_of(orchestrator, task)

    assert isinstance(error, InternalError)
    assert "secret" not in str(error.public())
    [record] = caplog.records
    assert vars(record)["request_id"] == task.id
    assert "/secret/path" in caplog.text


async def test_a_value_of_the_wrong_type_fails_the_task_and_nothing_else(
    start: Start,
) -> None:
    adapter = FakeAdapter()
    adapter.answer(PROBE, "not a probe")
    orchestrator = await start(adapter)

    error = await error_of(orchestrator, make_task())

    assert isinstance(error, InternalError)
    assert error.code == "adapter.bad_answer"
    await orchestrator.run(make_task())


@pytest.mark.parametrize("broken", [DRAW, ANALYZE])
async def test_failing_extras_do_not_lose_the_transcript(start: Start, broken: Operation) -> None:
    adapter = FakeAdapter()
    error = InternalError("no ink")
    adapter.fail(broken, error)
    orchestrator = await start(adapter)

    result = await orchestrator.run(make_task("still here.wav", wants=list(Want)))

    assert result.transcript is not None
    assert result.transcript.text == "still here"
    assert result.pictures == ()
    problems = {problem.operation: problem.error for problem in result.problems}
    after_analysis = {ANALYZE: error, MEASURE: error, DRAW: error}
    assert problems == ({DRAW: error} if broken is DRAW else after_analysis)


async def test_a_failing_transcription_fails_the_task_that_wanted_it(start: Start) -> None:
    adapter = FakeAdapter()
    adapter.block(ANALYZE)
    adapter.fail(TRANSCRIBE, ModelError("no such model"))
    orchestrator = await start(adapter)

    assert isinstance(await error_of(orchestrator, make_task(wants=list(Want))), ModelError)
    assert [task.operation for task in adapter.cancelled] == [ANALYZE]


async def test_an_operation_that_keeps_failing_is_paused_and_then_tried_again(
    start: Start,
) -> None:
    clock = FakeClock()
    adapter = FakeAdapter(clock=clock)
    adapter.fail(DECODE, InternalError("broken"), times=3)
    orchestrator = await start(adapter, clock=clock, breaker_failures=3, breaker_recovery_s=10.0)
    received: list[Event] = []
    orchestrator.events.subscribe(received.append)
    for _ in range(3):
        await error_of(orchestrator, make_task())

    error = await error_of(orchestrator, make_task())
    assert isinstance(error, CircuitOpenError)
    assert error.metadata["retry_after_s"] == 10.0
    assert orchestrator.status().breakers["fake.decode_audio"] == "open"
    assert adapter.count(DECODE) == 3

    clock.advance(10.0)
    await orchestrator.run(make_task())
    assert orchestrator.status().breakers["fake.decode_audio"] == "closed"
    assert [event for event in received if isinstance(event, BreakerEvent)] == [
        BreakerEvent("fake.decode_audio", "closed", "open"),
        BreakerEvent("fake.decode_audio", "open", "half-open"),
        BreakerEvent("fake.decode_audio", "half-open", "closed"),
    ]


async def test_bad_files_of_one_session_pause_nothing(start: Start) -> None:
    adapter = FakeAdapter()
    adapter.fail(PROBE, InputError("not audio"), times=20)
    orchestrator = await start(adapter, breaker_failures=2)
    for _ in range(20):
        await error_of(orchestrator, make_task())

    await orchestrator.run(make_task())


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
async def test_full_disk_is_a_resource_error_and_opens_no_breaker(
    start: Start, number: int
) -> None:
    adapter = FakeAdapter()
    adapter.fail(Operation.DECODE_AUDIO, OSError(number, "full"), times=20)
    orchestrator = await start(adapter, breaker_failures=1)

    for _ in range(3):
        with pytest.raises(ResourceError) as failed:
            await orchestrator.run(make_task())
        assert failed.value.code == "resource.disk"

    assert set(orchestrator.status().breakers.values()) == {"closed"}
