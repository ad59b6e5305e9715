"""What the orchestrator promises to those who submit tasks."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar

import pytest

from tests.doubles import (
    FakeAdapter,
    FakeClock,
    make_audio,
    make_picture,
    make_recognition,
    make_task,
)
from wav2vec2_app.errors import (
    BusyError,
    CancelledError,
    CircuitOpenError,
    InputError,
    InternalError,
    ModelError,
    ResourceError,
    TimedOutError,
    Wav2Vec2Error,
)
from wav2vec2_app.server.events import Advanced, Done, Failed, Partial, Queued, Started, TaskEvent
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator
from wav2vec2_app.server.tasks import (
    AudioResult,
    AudioTask,
    ModelTask,
    Operation,
    Progress,
    Report,
    Stage,
    TaskResult,
    Want,
)
from wav2vec2_app.speech.audio import Audio, AudioProbe
from wav2vec2_app.speech.features import Features, Picture
from wav2vec2_app.speech.transcript import Recognition

PROBE, DECODE, TRANSCRIBE, READ, ALIGN, ANALYZE, DRAW = Operation

Start = Callable[..., Awaitable[ModelOrchestrator]]
E = TypeVar("E", bound=TaskEvent)


async def all_of(events: AsyncIterator[TaskEvent]) -> list[TaskEvent]:
    return [event async for event in events]


async def first(kind: type[E], events: AsyncIterator[TaskEvent]) -> E:
    async for event in events:
        if isinstance(event, kind):
            return event
    raise AssertionError(f"no {kind.__name__} came")


async def error_of(orchestrator: ModelOrchestrator, task: AudioTask) -> Wav2Vec2Error:
    return (await first(Failed, orchestrator.submit(task))).error


class Background:
    """Follows a task while the test does other things."""

    def __init__(self, orchestrator: ModelOrchestrator, task: AudioTask) -> None:
        self.task = task
        self.seen: list[TaskEvent] = []
        self._news = asyncio.Event()
        self.following = asyncio.ensure_future(self._follow(orchestrator))

    async def _follow(self, orchestrator: ModelOrchestrator) -> TaskEvent:
        async for event in orchestrator.submit(self.task):
            self.seen.append(event)
            self._news.set()
        return self.seen[-1]

    async def until(self, kind: type[E], times: int = 1) -> E:
        while len(found := [event for event in self.seen if isinstance(event, kind)]) < times:
            self._news.clear()
            await self._news.wait()
        return found[-1]

    async def result(self) -> AudioResult:
        last = await self.following
        assert isinstance(last, Done), last
        return last.result

    async def error(self) -> Wav2Vec2Error:
        last = await self.following
        assert isinstance(last, Failed), last
        return last.error


# --- the course of a task ----------------------------------------------------------------------


async def test_a_task_is_probed_queued_worked_on_and_done_in_this_order(start: Start) -> None:
    orchestrator = await start(FakeAdapter())

    events = await all_of(orchestrator.submit(make_task("good morning.wav")))

    course = [getattr(event, "operation", type(event)) for event in events]
    assert course == [PROBE, Queued, DECODE, Partial, TRANSCRIBE, TRANSCRIBE, Partial, Done]
    last = events[-1]
    assert isinstance(last, Done)
    assert last.result.transcript is not None
    assert last.result.transcript.text == "good morning"


async def test_only_what_is_wanted_is_done(start: Start) -> None:
    adapter = FakeAdapter()
    orchestrator = await start(adapter)

    result = await orchestrator.run(make_task(wants=[Want.FEATURES]))

    assert [call.operation for call in adapter.calls] == [PROBE, DECODE, ANALYZE]
    assert result.features is not None
    assert result.transcript is None
    assert result.pictures == ()


async def test_every_operation_gets_the_values_it_needs(start: Start) -> None:
    adapter = FakeAdapter()
    orchestrator = await start(adapter)

    await orchestrator.run(make_task(wants=[Want.PICTURES]))

    inputs = {call.operation: dict(call.inputs) for call in adapter.calls}
    assert inputs[PROBE] == {}
    assert isinstance(inputs[DECODE][PROBE], AudioProbe)
    assert isinstance(inputs[TRANSCRIBE][DECODE], Audio)
    assert isinstance(inputs[DRAW][DECODE], Audio)
    assert isinstance(inputs[DRAW][TRANSCRIBE], Recognition)
    assert isinstance(inputs[DRAW][ANALYZE], Features)


async def test_the_transcript_is_announced_before_the_pictures_are_drawn(start: Start) -> None:
    adapter = FakeAdapter()
    gate = adapter.block(DRAW)
    orchestrator = await start(adapter)
    person = Background(orchestrator, make_task("hi there.wav", wants=list(Want)))
    await adapter.reached(DRAW)

    values = [event.value for event in person.seen if isinstance(event, Partial)]
    assert {type(value) for value in values} == {Audio, Recognition, Features}

    gate.set()
    assert (await person.result()).pictures[0].name == "waveform"


async def test_each_picture_is_announced_as_it_arrives_and_the_final_tuple_counts(
    start: Start,
) -> None:
    class Drawer(FakeAdapter):
        async def handle_task(self, task: ModelTask, report: Report = lambda _: None) -> TaskResult:
            if task.operation is not DRAW:
                return await super().handle_task(task, report)
            report(Progress(fraction=0.5, value=make_picture("sketch")))
            await gate.wait()
            return TaskResult(DRAW, (make_picture("final"),))

    gate = asyncio.Event()
    orchestrator = await start(Drawer())
    person = Background(orchestrator, make_task(wants=[Want.PICTURES]))
    advanced = await person.until(Advanced, times=2)

    [sketch] = [
        e.value for e in person.seen if isinstance(e, Partial) and isinstance(e.value, Picture)
    ]
    assert sketch.name == "sketch"
    assert (advanced.operation, advanced.fraction) == (DRAW, 0.5)

    gate.set()
    assert [picture.name for picture in (await person.result()).pictures] == ["final"]


async def test_a_fraction_out_of_range_is_brought_into_it(start: Start) -> None:
    class Boaster(FakeAdapter):
        async def handle_task(self, task: ModelTask, report: Report = lambda _: None) -> TaskResult:
            report(Progress(fraction=1.5))
            return await super().handle_task(task)

    orchestrator = await start(Boaster())

    events = await all_of(orchestrator.submit(make_task()))

    assert {event.fraction for event in events if isinstance(event, Advanced)} == {1.0}


async def test_reports_that_come_after_the_end_are_dropped(start: Start) -> None:
    reports: list[Report] = []

    class Babbler(FakeAdapter):
        async def handle_task(self, task: ModelTask, report: Report = lambda _: None) -> TaskResult:
            reports.append(report)
            return await super().handle_task(task)

    orchestrator = await start(Babbler())
    seen: list[TaskEvent] = []
    orchestrator.subscribe(lambda _, event: seen.append(event))
    await orchestrator.run(make_task())

    for report in reports:
        report(Progress(fraction=0.1))

    assert isinstance(seen[-1], Done)


# --- time --------------------------------------------------------------------------------------


async def test_stages_stand_on_one_axis_that_begins_at_submission(start: Start) -> None:
    clock = FakeClock()
    takes_s = {PROBE: 0.1, DECODE: 1.0, TRANSCRIBE: 2.0, ANALYZE: 0.0, DRAW: 4.0}
    adapter = FakeAdapter(duration_s=10.0, clock=clock, takes_s=takes_s)
    orchestrator = await start(adapter, clock=clock)

    result = await orchestrator.run(make_task(wants=[Want.TRANSCRIPT, Want.PICTURES]))

    begins = {stage.name: pytest.approx(stage.start_s) for stage in result.stages}
    assert begins == {
        "probe": 0.0,
        "queue": 0.1,
        "decode audio": 0.1,
        "resample": 0.8,
        "forward": 1.1,
        "decode text": 2.9,
        "features": 1.1,
        "draw": 3.1,
        "total": 0.0,
    }
    assert result.stages[-1] == Stage("total", 0.0, pytest.approx(7.1))


async def test_the_real_time_factor_leaves_the_waiting_out(start: Start) -> None:
    clock = FakeClock()
    adapter = FakeAdapter(duration_s=10.0, clock=clock, takes_s={TRANSCRIBE: 2.0})
    gate = adapter.block(DECODE)
    orchestrator = await start(adapter, clock=clock, concurrency=1)
    ahead = Background(orchestrator, make_task())
    await adapter.reached(DECODE)
    waiting = Background(orchestrator, make_task())
    await waiting.until(Queued)
    clock.advance(30.0)
    gate.set()
    await ahead.result()

    result = await waiting.result()

    [queue] = [stage for stage in result.stages if stage.name == "queue"]
    assert queue.duration_s == pytest.approx(32.0)
    assert result.real_time_factor == pytest.approx(0.2)


async def test_a_retried_operation_s_stages_begin_with_the_attempt_that_succeeded(
    start: Start,
) -> None:
    clock = FakeClock()
    adapter = FakeAdapter(clock=clock, takes_s={DECODE: 3.0})
    adapter.fail(DECODE, ResourceError("no room at the moment"))
    orchestrator = await start(adapter, clock=clock)

    result = await orchestrator.run(make_task())

    [decode] = [stage for stage in result.stages if stage.name == "decode audio"]
    assert decode.start_s == pytest.approx(3.0)


# --- admission and waiting ---------------------------------------------------------------------


async def test_unusable_audio_is_refused_by_the_probe_while_others_wait(start: Start) -> None:
    adapter = FakeAdapter()
    gate = adapter.block(DECODE)
    orchestrator = await start(adapter, concurrency=1)
    ahead = Background(orchestrator, make_task())
    await adapter.reached(DECODE)
    adapter.fail(PROBE, InputError("61 minutes are too long.", code="audio.too_long"))

    events = await all_of(orchestrator.submit(make_task()))

    assert [type(event) for event in events] == [Started, Failed]
    assert adapter.count(DECODE) == 1
    gate.set()
    await ahead.result()


async def test_those_who_wait_are_told_position_and_eta_as_they_move_up(start: Start) -> None:
    clock = FakeClock()
    adapter = FakeAdapter(duration_s=8.0, clock=clock, takes_s={TRANSCRIBE: 2.0})
    orchestrator = await start(adapter, clock=clock, concurrency=1)
    await orchestrator.run(make_task())  # measured: 4 audio seconds a second
    gate = adapter.block(DECODE)
    people = [Background(orchestrator, make_task()) for _ in range(3)]
    await people[-1].until(Queued)

    assert orchestrator.status().wait_s == 6.0
    gate.set()
    for person in people:
        await person.result()

    told = [
        [(event.position, event.eta_s) for event in person.seen if isinstance(event, Queued)]
        for person in people
    ]
    assert told == [[(1, 0.0)], [(1, 2.0)], [(2, 4.0), (1, 2.0)]]


async def test_tasks_are_worked_on_in_the_order_of_their_arrival(start: Start) -> None:
    adapter = FakeAdapter()
    orchestrator = await start(adapter, concurrency=1)
    tasks = [make_task(f"number {number}.wav") for number in range(10)]

    await asyncio.gather(*(orchestrator.run(task) for task in tasks))

    decoded = [call.task.id for call in adapter.calls if call.operation is DECODE]
    assert decoded == [task.id for task in tasks]


async def test_a_full_queue_refuses_the_next_task_with_a_time_to_come_back(start: Start) -> None:
    adapter = FakeAdapter(duration_s=40.0)
    gate = adapter.block(DECODE)
    orchestrator = await start(adapter, concurrency=1, queue_size=2, clock=FakeClock())
    people = [Background(orchestrator, make_task()) for _ in range(3)]
    await people[-1].until(Queued)

    error = await error_of(orchestrator, make_task())

    assert isinstance(error, BusyError)
    assert error.code == "queue.full"
    assert error.metadata["retry_after_s"] == 30  # 3 x 40 s at the assumed 4 s a second
    assert error.hint == "Try again in 30 s."
    gate.set()
    for person in people:
        await person.result()


async def test_no_more_tasks_are_in_work_than_allowed(start: Start) -> None:
    adapter = FakeAdapter()
    gate = adapter.block(TRANSCRIBE)
    orchestrator = await start(adapter, concurrency=2)
    people = [Background(orchestrator, make_task()) for _ in range(5)]
    await adapter.reached(TRANSCRIBE, times=2)
    await people[-1].until(Queued)

    status = orchestrator.status()
    assert (status.running, status.queued) == (2, 3)
    assert adapter.count(DECODE) == 2

    gate.set()
    for person in people:
        await person.result()
    status = orchestrator.status()
    assert (status.running, status.queued) == (0, 0)


async def test_fifty_tasks_at_once_each_get_their_own_answer(start: Start) -> None:
    orchestrator = await start(FakeAdapter(), concurrency=4, queue_size=50)
    tasks = [make_task(f"take {number}.wav", wants=list(Want)) for number in range(50)]

    results = await asyncio.gather(*(orchestrator.run(task) for task in tasks))

    assert [result.id for result in results] == [task.id for task in tasks]
    texts = [result.transcript.text for result in results if result.transcript]
    assert texts == [f"take {number}" for number in range(50)]


async def test_two_live_tasks_cannot_share_an_id(start: Start) -> None:
    adapter = FakeAdapter()
    gate = adapter.block(DECODE)
    orchestrator = await start(adapter)
    task = make_task()
    person = Background(orchestrator, task)
    await adapter.reached(DECODE)

    error = await error_of(orchestrator, task)

    assert error.code == "task.duplicate_id"
    gate.set()
    await person.result()


# --- cancelling --------------------------------------------------------------------------------


async def test_a_running_task_is_cancelled_down_to_the_adapter(start: Start) -> None:
    adapter = FakeAdapter()
    adapter.block(TRANSCRIBE)
    orchestrator = await start(adapter)
    person = Background(orchestrator, make_task())
    await adapter.reached(TRANSCRIBE)

    assert orchestrator.cancel(person.task.id)

    assert isinstance(await person.error(), CancelledError)
    assert [task.operation for task in adapter.cancelled] == [TRANSCRIBE]
    assert orchestrator.status().running == 0
    assert not orchestrator.cancel(person.task.id)


async def test_a_waiting_task_is_cancelled_and_never_begun(start: Start) -> None:
    adapter = FakeAdapter()
    gate = adapter.block(DECODE)
    orchestrator = await start(adapter, concurrency=1)
    ahead, waiting = (Background(orchestrator, make_task()) for _ in range(2))
    await waiting.until(Queued)

    orchestrator.cancel(waiting.task.id)

    assert (await waiting.error()).code == "task.cancelled"
    gate.set()
    await ahead.result()
    assert adapter.count(DECODE) == 1


async def test_a_task_cancelled_before_its_first_step_still_ends_with_an_event(
    start: Start,
) -> None:
    orchestrator = await start(FakeAdapter())
    task = make_task()
    following = asyncio.ensure_future(all_of(orchestrator.submit(task)))
    await asyncio.sleep(0)  # submitted, and not begun yet

    assert orchestrator.cancel(task.id)

    [only] = await following
    assert isinstance(only, Failed)
    assert isinstance(only.error, CancelledError)


async def test_all_tasks_of_a_person_are_cancelled_and_nobody_elses(start: Start) -> None:
    adapter = FakeAdapter()
    gate = adapter.block(DECODE)
    orchestrator = await start(adapter, concurrency=2)
    mine = [Background(orchestrator, make_task(session="me")) for _ in range(3)]
    other = Background(orchestrator, make_task(session="you"))
    anonymous = Background(orchestrator, make_task())
    await anonymous.until(Queued)

    assert orchestrator.cancel_session("me") == 3
    assert orchestrator.cancel_session("") == 0

    assert {(await person.error()).code for person in mine} == {"task.cancelled"}
    gate.set()
    await other.result()
    await anonymous.result()


async def test_closing_the_generator_cancels_the_task_and_waits_for_it(start: Start) -> None:
    adapter = FakeAdapter()
    adapter.block(DECODE)
    orchestrator = await start(adapter)
    ends: list[TaskEvent] = []
    orchestrator.subscribe(lambda _, event: ends.append(event))
    events = orchestrator.submit(make_task())
    await first(Queued, events)
    await adapter.reached(DECODE)

    await events.aclose()

    assert [task.operation for task in adapter.cancelled] == [DECODE]
    assert orchestrator.status().running == 0
    assert isinstance(ends[-1], Failed)


async def test_cancelling_one_who_awaits_the_result_cancels_the_task(start: Start) -> None:
    adapter = FakeAdapter()
    adapter.block(DECODE)
    orchestrator = await start(adapter)
    person = asyncio.ensure_future(orchestrator.run(make_task()))
    await adapter.reached(DECODE)

    person.cancel()
    with pytest.raises(asyncio.CancelledError):
        await person

    assert len(adapter.cancelled) == 1


# --- failures ----------------------------------------------------------------------------------


async def test_an_operation_that_fails_in_passing_is_tried_once_more(start: Start) -> None:
    adapter = FakeAdapter()
    adapter.fail(TRANSCRIBE, ResourceError("no room at the moment"))
    orchestrator = await start(adapter)

    events = await all_of(orchestrator.submit(make_task()))

    attempts = [e.attempt for e in events if isinstance(e, Started) and e.operation is TRANSCRIBE]
    assert attempts == [1, 2]
    assert isinstance(events[-1], Done)


async def test_an_operation_that_fails_twice_fails_the_task(start: Start) -> None:
    adapter = FakeAdapter()
    adapter.fail(TRANSCRIBE, ResourceError("no room at the moment"), times=2)
    orchestrator = await start(adapter)

    with pytest.raises(ResourceError):
        await orchestrator.run(make_task())

    assert adapter.count(TRANSCRIBE) == 2


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
async def test_what_will_not_pass_is_not_tried_again(start: Start, error: Wav2Vec2Error) -> None:
    adapter = FakeAdapter()
    adapter.fail(TRANSCRIBE, error)
    orchestrator = await start(adapter)

    assert await error_of(orchestrator, make_task()) is error
    assert adapter.count(TRANSCRIBE) == 1


async def test_an_operation_past_its_limit_is_stopped(start: Start) -> None:
    adapter = FakeAdapter()
    adapter.block(PROBE)
    orchestrator = await start(adapter, operation_timeout_s=0.001)

    error = await error_of(orchestrator, make_task())

    assert isinstance(error, TimedOutError)
    assert [task.operation for task in adapter.cancelled] == [PROBE]
    assert adapter.count(PROBE) == 1


async def test_a_foreign_exception_is_translated_and_the_whole_of_it_logged(
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
    assert vars(record)["task_id"] == task.id
    assert "/secret/path" in caplog.text


async def test_an_adapter_that_answers_nonsense_fails_the_task_and_nothing_else(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    adapter = FakeAdapter()
    adapter.answer(PROBE, "not a probe")
    orchestrator = await start(adapter)

    assert isinstance(await error_of(orchestrator, make_task()), InternalError)
    assert "a defect ended the task" in caplog.text
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
    assert problems == ({DRAW: error} if broken is DRAW else {ANALYZE: error, DRAW: error})


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


async def test_one_persons_bad_files_pause_nothing(start: Start) -> None:
    adapter = FakeAdapter()
    adapter.fail(PROBE, InputError("not audio"), times=20)
    orchestrator = await start(adapter, breaker_failures=2)
    for _ in range(20):
        await error_of(orchestrator, make_task())

    await orchestrator.run(make_task())


# --- routing -----------------------------------------------------------------------------------


async def test_each_operation_goes_to_the_first_adapter_that_can_do_it(start: Start) -> None:
    sound = FakeAdapter("sound", operations=[PROBE, DECODE, ANALYZE, DRAW])
    speech = FakeAdapter("speech")
    orchestrator = await start(sound, speech)

    await orchestrator.run(make_task(wants=list(Want)))

    assert [call.operation for call in speech.calls] == [TRANSCRIBE, ALIGN]
    assert {call.operation for call in sound.calls} == {PROBE, DECODE, ANALYZE, DRAW}


async def test_a_named_model_is_found_where_it_is_listed(start: Start) -> None:
    small, large = FakeAdapter("small", models=["s"]), FakeAdapter("large", models=["l"])
    orchestrator = await start(small, large)

    await orchestrator.run(make_task(model="l"))

    assert [call.operation for call in large.calls] == [TRANSCRIBE]


async def test_a_language_of_a_model_is_found_with_the_model(start: Start) -> None:
    small, large = FakeAdapter("small", models=["s"]), FakeAdapter("large", models=["l"])
    orchestrator = await start(small, large)

    await orchestrator.run(make_task(model="l:deu"))

    assert [call.operation for call in large.calls] == [TRANSCRIBE]


async def test_an_adapter_that_lists_no_models_is_asked_for_any(start: Start) -> None:
    adapter = FakeAdapter()
    orchestrator = await start(adapter)

    await orchestrator.run(make_task(model="whatever"))

    assert adapter.calls[-1].task.model == "whatever"


async def test_an_unknown_model_is_refused_before_anything_is_read(start: Start) -> None:
    adapter = FakeAdapter(models=["small", "large"])
    orchestrator = await start(adapter)

    error = await error_of(orchestrator, make_task(model="huge"))

    assert isinstance(error, ModelError)
    assert error.code == "model.unknown"
    assert "small, large" in error.hint
    assert adapter.calls == []


async def test_an_operation_nobody_can_do_is_refused(start: Start) -> None:
    orchestrator = await start(FakeAdapter(operations=[PROBE, DECODE]))

    assert (await error_of(orchestrator, make_task())).code == "model.no_adapter"


# --- sinks -------------------------------------------------------------------------------------


async def test_a_sink_hears_of_every_event_until_it_unsubscribes(start: Start) -> None:
    orchestrator = await start(FakeAdapter())
    heard: list[tuple[AudioTask, TaskEvent]] = []
    unsubscribe = orchestrator.subscribe(lambda task, event: heard.append((task, event)))
    task = make_task()

    events = await all_of(orchestrator.submit(task))
    unsubscribe()
    unsubscribe()
    await orchestrator.run(make_task())

    assert [event for _, event in heard] == events
    assert all(of is task for of, _ in heard)


async def test_a_sink_that_raises_hurts_neither_the_task_nor_other_sinks(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(task: AudioTask, event: TaskEvent) -> None:
        raise RuntimeError("sink is full")

    orchestrator = await start(FakeAdapter())
    heard: list[Any] = []
    orchestrator.subscribe(broken)
    orchestrator.subscribe(lambda _, event: heard.append(event))

    await orchestrator.run(make_task())

    assert isinstance(heard[-1], Done)
    assert "sink is full" in caplog.text


# --- life --------------------------------------------------------------------------------------


async def test_stopping_ends_all_tasks_before_the_adapters_are_disposed(start: Start) -> None:
    adapter = FakeAdapter()
    adapter.block(DECODE)
    orchestrator = await start(adapter, concurrency=1)
    running, waiting = (Background(orchestrator, make_task()) for _ in range(2))
    await waiting.until(Queued)

    await orchestrator.stop()

    assert isinstance(await running.error(), CancelledError)
    assert isinstance(await waiting.error(), CancelledError)
    assert (adapter.initialized, adapter.disposed) == (1, 1)

    await orchestrator.stop()
    assert adapter.disposed == 1


async def test_before_the_start_and_after_the_stop_tasks_fail_with_a_plain_message() -> None:
    orchestrator = ModelOrchestrator([FakeAdapter()])
    assert (await error_of(orchestrator, make_task())).code == "app.not_running"

    await orchestrator.start()
    await orchestrator.run(make_task())
    await orchestrator.stop()
    assert (await error_of(orchestrator, make_task())).code == "app.not_running"


async def test_an_adapter_that_cannot_start_stops_the_start_and_all_are_disposed() -> None:
    class Broken(FakeAdapter):
        async def initialize(self) -> None:
            raise ResourceError("no memory")

    good, broken = FakeAdapter("good"), Broken("broken")
    orchestrator = ModelOrchestrator([good, broken])

    with pytest.raises(ResourceError):
        await orchestrator.start()

    assert (good.disposed, broken.disposed) == (1, 1)
    with pytest.raises(RuntimeError, match="stopped"):
        await orchestrator.start()


async def test_an_adapter_that_cannot_be_disposed_does_not_keep_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Sticky(FakeAdapter):
        async def dispose(self) -> None:
            raise RuntimeError("still here")

    good = FakeAdapter("good")
    orchestrator = ModelOrchestrator([Sticky("sticky"), good])
    await orchestrator.start()

    await orchestrator.stop()

    assert good.disposed == 1
    assert "sticky could not be disposed" in caplog.text


async def test_status_and_capabilities_show_what_was_measured(start: Start) -> None:
    clock = FakeClock()
    adapter = FakeAdapter(duration_s=8.0, clock=clock, takes_s={TRANSCRIBE: 2.0})
    orchestrator = await start(adapter, clock=clock, queue_size=7)
    assert orchestrator.status().throughput is None

    await orchestrator.run(make_task())

    status = orchestrator.status()
    assert status.throughput == 4.0
    assert status.queue_size == 7
    assert status.adapters[0].ready
    [capabilities] = orchestrator.capabilities()
    assert capabilities.throughput == 4.0
    assert capabilities.success_rate == 1.0


async def test_audio_without_length_has_no_real_time_factor(start: Start) -> None:
    adapter = FakeAdapter()
    adapter.answer(DECODE, make_audio(0.0))
    adapter.answer(TRANSCRIBE, make_recognition(""))
    orchestrator = await start(adapter)

    result = await orchestrator.run(make_task())

    assert result.real_time_factor == 0.0
    assert result.transcript is not None
    assert result.transcript.reason == "silence"


@pytest.mark.parametrize("seed", range(5))
async def test_a_storm_of_cancellations_leaves_nothing_behind(start: Start, seed: int) -> None:
    chance = random.Random(seed)
    adapter = FakeAdapter()
    orchestrator = await start(adapter, concurrency=3, queue_size=40)
    people = [
        Background(orchestrator, make_task(f"person {n}.wav", wants=list(Want), session=str(n % 7)))
        for n in range(40)
    ]
    for _ in range(30):
        person = chance.choice(people)
        chance.choice(
            [
                lambda person=person: orchestrator.cancel(person.task.id),
                lambda person=person: orchestrator.cancel_session(person.task.session),
                person.following.cancel,
            ]
        )()
        for _ in range(chance.randrange(6)):
            await asyncio.sleep(0)

    await asyncio.wait({person.following for person in people})

    for person in people:
        ends = [event for event in person.seen if isinstance(event, Done | Failed)]
        assert len(ends) == (0 if person.following.cancelled() else 1)
        assert all(
            end.result.transcript.text == f"person {people.index(person)}"
            for end in ends
            if isinstance(end, Done) and end.result.transcript
        )
    status = orchestrator.status()
    assert (status.queued, status.running) == (0, 0)
    assert (await orchestrator.run(make_task("after all.wav"))).transcript
