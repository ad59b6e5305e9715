"""The course of a task, its events, and the orchestrator's life cycle."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from tests.doubles import (
    FakeAdapter,
    FakeClock,
    make_audio,
    make_picture,
    make_recognition,
    make_task,
)
from tests.unit.server.orchestrator.conftest import Start
from tests.unit.server.orchestrator.follow import Submitted, all_of, error_of
from wav2vec2_app.errors import (
    CancelledError,
    ResourceError,
)
from wav2vec2_app.server.events import (
    Advanced,
    Done,
    Event,
    Failed,
    Partial,
    Queued,
    Started,
    TaskEvent,
)
from wav2vec2_app.server.operations import Operation, Want
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator
from wav2vec2_app.server.results import Progress, Report, Stage, TaskResult
from wav2vec2_app.server.tasks import ModelTask, StepInputs
from wav2vec2_app.speech.audio import Audio, AudioProbe
from wav2vec2_app.speech.features import Features, Picture
from wav2vec2_app.speech.transcript import Recognition

PROBE, DECODE, TRANSCRIBE, DECODE_TEXT, ALIGN, ANALYZE, _, DRAW, *_ = Operation


# --- the course of a task -------------------------------------------------------------------------


async def test_a_task_is_probed_queued_run_and_done_in_this_order(start: Start) -> None:
    orchestrator = await start(FakeAdapter())

    events = await all_of(orchestrator.submit(make_task("good morning.wav")))

    assert [(type(event), getattr(event, "operation", None)) for event in events] == [
        (Started, PROBE),
        (Queued, None),
        (Started, DECODE),
        (Partial, DECODE),
        (Started, TRANSCRIBE),
        (Advanced, TRANSCRIBE),
        (Partial, TRANSCRIBE),
        (Done, None),
    ]
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

    inputs = {call.operation: call.inputs for call in adapter.calls}
    assert inputs[PROBE] == StepInputs()
    assert isinstance(inputs[DECODE].probe, AudioProbe)
    assert isinstance(inputs[TRANSCRIBE].audio, Audio)
    assert isinstance(inputs[DRAW].audio, Audio)
    assert isinstance(inputs[DRAW].recognition, Recognition)
    assert isinstance(inputs[DRAW].features, Features)


async def test_the_transcript_is_announced_before_the_pictures_are_drawn(start: Start) -> None:
    adapter = FakeAdapter()
    gate = adapter.block(DRAW)
    orchestrator = await start(adapter)
    submitted = Submitted(
        orchestrator,
        make_task("hi there.wav", wants=[one for one in Want if one is not Want.DESCRIPTION]),
    )
    await adapter.reached(DRAW)

    values = [event.value for event in submitted.seen if isinstance(event, Partial)]
    kinds = {type(value) for value in values}
    assert {Audio, Recognition, Features} <= kinds
    assert Picture not in kinds

    gate.set()
    assert (await submitted.result()).pictures[0].name == "waveform"


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
    submitted = Submitted(orchestrator, make_task(wants=[Want.PICTURES]))
    advanced = await submitted.until(Advanced, times=2)

    [sketch] = [
        e.value for e in submitted.seen if isinstance(e, Partial) and isinstance(e.value, Picture)
    ]
    assert sketch.name == "sketch"
    assert (advanced.operation, advanced.fraction) == (DRAW, 0.5)

    gate.set()
    assert [picture.name for picture in (await submitted.result()).pictures] == ["final"]


async def test_a_fraction_out_of_range_is_clamped(start: Start) -> None:
    class Overreporting(FakeAdapter):
        async def handle_task(self, task: ModelTask, report: Report = lambda _: None) -> TaskResult:
            report(Progress(fraction=1.5))
            return await super().handle_task(task)

    orchestrator = await start(Overreporting())

    events = await all_of(orchestrator.submit(make_task()))

    assert {event.fraction for event in events if isinstance(event, Advanced)} == {1.0}


async def test_reports_that_come_after_the_end_are_dropped(start: Start) -> None:
    reports: list[Report] = []

    class LateReporting(FakeAdapter):
        async def handle_task(self, task: ModelTask, report: Report = lambda _: None) -> TaskResult:
            reports.append(report)
            return await super().handle_task(task)

    orchestrator = await start(LateReporting())
    seen: list[TaskEvent] = []
    orchestrator.events.subscribe(lambda event: seen.append(event))
    await orchestrator.run(make_task())

    for report in reports:
        report(Progress(fraction=0.1))

    assert isinstance(seen[-1], Done)


# --- time -----------------------------------------------------------------------------------------


async def test_stages_share_one_time_axis_that_begins_at_submission(start: Start) -> None:
    clock = FakeClock()
    takes_s = {PROBE: 0.1, DECODE: 1.0, TRANSCRIBE: 2.0, ANALYZE: 0.0, DRAW: 4.0}
    adapter = FakeAdapter(duration_s=10.0, clock=clock, takes_s=takes_s)
    orchestrator = await start(adapter, clock=clock)

    result = await orchestrator.run(make_task(wants=[Want.TRANSCRIPT, Want.PICTURES]))

    starts = {stage.name: pytest.approx(stage.start_s) for stage in result.stages}
    assert starts == {
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


async def test_the_real_time_factor_excludes_the_waiting(start: Start) -> None:
    clock = FakeClock()
    adapter = FakeAdapter(duration_s=10.0, clock=clock, takes_s={TRANSCRIBE: 2.0})
    gate = adapter.block(DECODE)
    orchestrator = await start(adapter, clock=clock, concurrency=1)
    ahead = Submitted(orchestrator, make_task())
    await adapter.reached(DECODE)
    waiting = Submitted(orchestrator, make_task())
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


# --- sinks ----------------------------------------------------------------------------------------


async def test_a_sink_receives_every_event_until_it_unsubscribes(start: Start) -> None:
    orchestrator = await start(FakeAdapter())
    received: list[Event] = []
    unsubscribe = orchestrator.events.subscribe(received.append)
    task = make_task()

    events = await all_of(orchestrator.submit(task))
    unsubscribe()
    unsubscribe()
    await orchestrator.run(make_task())

    assert received == events
    assert {event.task.id for event in events} == {task.id}


async def test_a_sink_that_raises_affects_neither_the_task_nor_other_sinks(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: Event) -> None:
        raise RuntimeError("sink is full")

    orchestrator = await start(FakeAdapter())
    received: list[Any] = []
    orchestrator.events.subscribe(broken)
    orchestrator.events.subscribe(lambda event: received.append(event))

    await orchestrator.run(make_task())

    assert isinstance(received[-1], Done)
    assert "sink is full" in caplog.text


# --- life -----------------------------------------------------------------------------------------


async def test_stopping_ends_all_tasks_before_the_adapters_are_disposed(start: Start) -> None:
    adapter = FakeAdapter()
    adapter.block(DECODE)
    orchestrator = await start(adapter, concurrency=1)
    running, waiting = (Submitted(orchestrator, make_task()) for _ in range(2))
    await waiting.until(Queued)

    await orchestrator.stop()

    assert isinstance(await running.error(), CancelledError)
    assert isinstance(await waiting.error(), CancelledError)
    assert (adapter.initialized, adapter.disposed) == (1, 1)

    await orchestrator.stop()
    assert adapter.disposed == 1


async def test_before_the_start_and_after_the_stop_tasks_fail_with_a_typed_error() -> None:
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


async def test_status_and_capabilities_show_measurements(start: Start) -> None:
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
async def test_many_random_cancellations_leave_nothing_behind(start: Start, seed: int) -> None:
    chance = random.Random(seed)
    adapter = FakeAdapter()
    orchestrator = await start(adapter, concurrency=3, queue_size=40)
    tasks_in_flight = [
        Submitted(
            orchestrator,
            make_task(
                f"take {n}.wav",
                wants=[one for one in Want if one is not Want.DESCRIPTION],
                session=str(n % 7),
            ),
        )
        for n in range(40)
    ]
    for _ in range(30):
        submitted = chance.choice(tasks_in_flight)
        chance.choice(
            [
                lambda submitted=submitted: orchestrator.cancel(submitted.task.id),
                lambda submitted=submitted: orchestrator.cancel_session(submitted.task.session),
                submitted.following.cancel,
            ]
        )()
        for _ in range(chance.randrange(6)):
            await asyncio.sleep(0)

    await asyncio.wait({submitted.following for submitted in tasks_in_flight})

    for submitted in tasks_in_flight:
        ends = [event for event in submitted.seen if isinstance(event, Done | Failed)]
        assert len(ends) == (0 if submitted.following.cancelled() else 1)
        assert all(
            end.result.transcript.text == f"take {tasks_in_flight.index(submitted)}"
            for end in ends
            if isinstance(end, Done) and end.result.transcript
        )
    status = orchestrator.status()
    assert (status.queued, status.running) == (0, 0)
    assert (await orchestrator.run(make_task("after all.wav"))).transcript
