"""Admission, waiting and cancellation of tasks."""

from __future__ import annotations

import asyncio

import pytest

from tests.doubles import (
    FakeAdapter,
    FakeClock,
    make_task,
)
from tests.unit.server.orchestrator.conftest import Start
from tests.unit.server.orchestrator.follow import Submitted, all_of, error_of, first
from wav2vec2_app.errors import (
    BusyError,
    CancelledError,
    InputError,
)
from wav2vec2_app.server.events import Failed, Queued, Started, TaskEvent
from wav2vec2_app.server.operations import Operation, Want

PROBE, DECODE, TRANSCRIBE, DECODE_TEXT, ALIGN, ANALYZE, _, DRAW, *_ = Operation


# --- admission and waiting ------------------------------------------------------------------------


async def test_unusable_audio_is_rejected_by_the_probe_while_others_wait(start: Start) -> None:
    adapter = FakeAdapter()
    gate = adapter.block(DECODE)
    orchestrator = await start(adapter, concurrency=1)
    ahead = Submitted(orchestrator, make_task())
    await adapter.reached(DECODE)
    adapter.fail(PROBE, InputError("61 minutes are too long.", code="audio.too_long"))

    events = await all_of(orchestrator.submit(make_task()))

    assert [type(event) for event in events] == [Started, Failed]
    assert adapter.count(DECODE) == 1
    gate.set()
    await ahead.result()


async def test_waiting_tasks_get_position_and_eta_as_they_move_up(start: Start) -> None:
    clock = FakeClock()
    adapter = FakeAdapter(duration_s=8.0, clock=clock, takes_s={TRANSCRIBE: 2.0})
    orchestrator = await start(adapter, clock=clock, concurrency=1)
    await orchestrator.run(make_task())  # measured: 4 audio seconds per second
    gate = adapter.block(DECODE)
    tasks_in_flight = [Submitted(orchestrator, make_task()) for _ in range(3)]
    await tasks_in_flight[-1].until(Queued)

    assert orchestrator.status().wait_s == 6.0
    gate.set()
    for submitted in tasks_in_flight:
        await submitted.result()

    positions = [
        [(event.position, event.eta_s) for event in submitted.seen if isinstance(event, Queued)]
        for submitted in tasks_in_flight
    ]
    assert positions == [[(1, 0.0)], [(1, 2.0)], [(2, 4.0), (1, 2.0)]]


async def test_tasks_run_in_the_order_of_their_arrival(start: Start) -> None:
    adapter = FakeAdapter()
    orchestrator = await start(adapter, concurrency=1)
    tasks = [make_task(f"number {number}.wav") for number in range(10)]

    await asyncio.gather(*(orchestrator.run(task) for task in tasks))

    decoded = [call.task.id for call in adapter.calls if call.operation is DECODE]
    assert decoded == [task.id for task in tasks]


async def test_a_full_queue_rejects_the_next_task_and_says_when_to_try_again(start: Start) -> None:
    adapter = FakeAdapter(duration_s=40.0)
    gate = adapter.block(DECODE)
    orchestrator = await start(adapter, concurrency=1, queue_size=2, clock=FakeClock())
    tasks_in_flight = [Submitted(orchestrator, make_task()) for _ in range(3)]
    await tasks_in_flight[-1].until(Queued)

    error = await error_of(orchestrator, make_task())

    assert isinstance(error, BusyError)
    assert error.code == "queue.full"
    assert error.metadata["retry_after_s"] == 30  # 3 x 40 s at the assumed 4 s a second
    assert error.hint == "Try again in 30 s."
    gate.set()
    for submitted in tasks_in_flight:
        await submitted.result()


async def test_no_more_tasks_run_than_allowed(start: Start) -> None:
    adapter = FakeAdapter()
    gate = adapter.block(TRANSCRIBE)
    orchestrator = await start(adapter, concurrency=2)
    tasks_in_flight = [Submitted(orchestrator, make_task()) for _ in range(5)]
    await adapter.reached(TRANSCRIBE, times=2)
    await tasks_in_flight[-1].until(Queued)

    status = orchestrator.status()
    assert (status.running, status.queued) == (2, 3)
    assert adapter.count(DECODE) == 2

    gate.set()
    for submitted in tasks_in_flight:
        await submitted.result()
    status = orchestrator.status()
    assert (status.running, status.queued) == (0, 0)


async def test_fifty_concurrent_tasks_each_get_their_own_answer(start: Start) -> None:
    orchestrator = await start(FakeAdapter(), concurrency=4, queue_size=50)
    tasks = [make_task(f"take {number}.wav", wants=list(Want)) for number in range(50)]

    results = await asyncio.gather(*(orchestrator.run(task) for task in tasks))

    assert [result.id for result in results] == [task.id for task in tasks]
    texts = [result.transcript.text for result in results if result.transcript]
    assert texts == [f"take {number}" for number in range(50)]


async def test_two_running_tasks_cannot_share_an_id(start: Start) -> None:
    adapter = FakeAdapter()
    gate = adapter.block(DECODE)
    orchestrator = await start(adapter)
    task = make_task()
    submitted = Submitted(orchestrator, task)
    await adapter.reached(DECODE)

    error = await error_of(orchestrator, task)

    assert error.code == "task.duplicate_id"
    gate.set()
    await submitted.result()


# --- cancelling -----------------------------------------------------------------------------------


async def test_a_running_task_is_cancelled_down_to_the_adapter(start: Start) -> None:
    adapter = FakeAdapter()
    adapter.block(TRANSCRIBE)
    orchestrator = await start(adapter)
    submitted = Submitted(orchestrator, make_task())
    await adapter.reached(TRANSCRIBE)

    assert orchestrator.cancel(submitted.task.id)

    assert isinstance(await submitted.error(), CancelledError)
    assert [task.operation for task in adapter.cancelled] == [TRANSCRIBE]
    assert orchestrator.status().running == 0
    assert not orchestrator.cancel(submitted.task.id)


async def test_a_waiting_task_is_cancelled_and_never_begun(start: Start) -> None:
    adapter = FakeAdapter()
    gate = adapter.block(DECODE)
    orchestrator = await start(adapter, concurrency=1)
    ahead, waiting = (Submitted(orchestrator, make_task()) for _ in range(2))
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


async def test_all_tasks_of_a_session_are_cancelled_and_no_others(start: Start) -> None:
    adapter = FakeAdapter()
    gate = adapter.block(DECODE)
    orchestrator = await start(adapter, concurrency=2)
    mine = [Submitted(orchestrator, make_task(session="me")) for _ in range(3)]
    other = Submitted(orchestrator, make_task(session="you"))
    anonymous = Submitted(orchestrator, make_task())
    await anonymous.until(Queued)

    assert orchestrator.cancel_session("me") == 3
    assert orchestrator.cancel_session("") == 0

    assert {(await submitted.error()).code for submitted in mine} == {"task.cancelled"}
    gate.set()
    await other.result()
    await anonymous.result()


async def test_closing_the_generator_cancels_the_task_and_waits_for_it(start: Start) -> None:
    adapter = FakeAdapter()
    adapter.block(DECODE)
    orchestrator = await start(adapter)
    ends: list[TaskEvent] = []
    orchestrator.events.subscribe(lambda event: ends.append(event))
    events = orchestrator.submit(make_task())
    await first(Queued, events)
    await adapter.reached(DECODE)

    await events.aclose()

    assert [task.operation for task in adapter.cancelled] == [DECODE]
    assert orchestrator.status().running == 0
    assert isinstance(ends[-1], Failed)


async def test_cancelling_the_caller_of_run_cancels_the_task(start: Start) -> None:
    adapter = FakeAdapter()
    adapter.block(DECODE)
    orchestrator = await start(adapter)
    submitted = asyncio.ensure_future(orchestrator.run(make_task()))
    await adapter.reached(DECODE)

    submitted.cancel()
    with pytest.raises(asyncio.CancelledError):
        await submitted

    assert len(adapter.cancelled) == 1
