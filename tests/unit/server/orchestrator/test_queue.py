"""Admission is bounded, waiting is fair, and estimates are based on measured throughput."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack

import pytest

from tests.doubles import FakeClock
from wav2vec2_app.errors import BusyError
from wav2vec2_app.server.orchestrator.queue import QueuePolicy, QueuePosition, WaitQueue
from wav2vec2_app.server.orchestrator.throughput import COLD_THROUGHPUT, ThroughputMeter


def make_queue(clock: FakeClock, *, concurrency: int = 1, refresh_s: float = 60.0) -> WaitQueue:
    meter = ThroughputMeter()
    meter.record(began_s=0.0, ended_s=1.0, audio_s=10.0)  # 10 audio seconds a second
    return WaitQueue(QueuePolicy(3, concurrency), meter, clock=clock, refresh_s=refresh_s)


class Job:
    """Passes through the queue: admitted, waits, runs until it is ended."""

    def __init__(self, queue: WaitQueue, audio_s: float) -> None:
        self.positions: list[QueuePosition] = []
        self.running = asyncio.Event()
        self.end = asyncio.Event()
        self._changed = asyncio.Event()
        self.task = asyncio.ensure_future(self._task(queue, audio_s))

    async def _task(self, queue: WaitQueue, audio_s: float) -> None:
        with queue.admit() as ticket:
            async for position in queue.wait(ticket, audio_s):
                self.positions.append(position)
                self._changed.set()
            self.running.set()
            await self.end.wait()

    async def wait_positions(self, times: int) -> list[QueuePosition]:
        while len(self.positions) < times:
            self._changed.clear()
            await self._changed.wait()
        return self.positions


async def test_a_free_slot_is_used_immediately() -> None:
    queue = make_queue(FakeClock())
    job = Job(queue, 10.0)
    await job.running.wait()

    assert job.positions == [QueuePosition(1, 0.0)]
    assert (queue.queued, queue.running) == (0, 1)

    job.end.set()
    await job.task
    assert (queue.queued, queue.running) == (0, 0)


async def test_position_and_eta_follow_the_audio_ahead_as_the_queue_moves() -> None:
    clock = FakeClock()
    queue = make_queue(clock)
    first, second, third = (Job(queue, audio_s) for audio_s in (20.0, 30.0, 5.0))
    await third.wait_positions(1)

    assert second.positions == [QueuePosition(1, 2.0)]
    assert third.positions == [QueuePosition(2, 5.0)]

    clock.advance(2.0)
    first.end.set()
    await second.running.wait()
    assert await third.wait_positions(2) == [QueuePosition(2, 5.0), QueuePosition(1, 3.0)]

    second.end.set()
    third.end.set()
    await asyncio.gather(first.task, second.task, third.task)


async def test_the_eta_is_refreshed_while_the_queue_stands_still() -> None:
    clock = FakeClock()
    queue = make_queue(clock, refresh_s=0.0)
    first, second = Job(queue, 20.0), Job(queue, 1.0)
    await second.wait_positions(1)

    clock.advance(0.5)

    assert await second.wait_positions(2) == [QueuePosition(1, 2.0), QueuePosition(1, 1.5)]
    first.end.set()
    second.end.set()
    await asyncio.gather(first.task, second.task)


async def test_slots_are_given_in_the_order_of_arrival() -> None:
    queue = make_queue(FakeClock(), concurrency=2)
    jobs = [Job(queue, 1.0) for _ in range(5)]
    order: list[int] = []
    for number, job in enumerate(jobs):
        job.end.set()
        job.task.add_done_callback(lambda _, number=number: order.append(number))

    await asyncio.gather(*(job.task for job in jobs))

    assert order == [0, 1, 2, 3, 4]


async def test_a_full_queue_rejects_and_says_when_to_try_again() -> None:
    queue = make_queue(FakeClock())
    jobs = [Job(queue, 60.0) for _ in range(4)]  # one running, three waiting
    await jobs[-1].wait_positions(1)

    with pytest.raises(BusyError) as caught, queue.admit():
        pass

    assert caught.value.code == "queue.full"
    assert caught.value.metadata == {"retry_after_s": 24, "queue_size": 3}
    assert caught.value.hint == "Try again in 24 s."
    for job in jobs:
        job.end.set()
    await asyncio.gather(*(job.task for job in jobs))


def test_tasks_that_are_still_probed_count_as_admitted() -> None:
    queue = make_queue(FakeClock())
    with ExitStack() as positions:
        for _ in range(4):
            positions.enter_context(queue.admit())
        with pytest.raises(BusyError) as caught, queue.admit():
            pass
        assert queue.queued == 4

    assert caught.value.metadata["retry_after_s"] == 1  # the length of the audio is not known yet
    assert queue.queued == 0


async def test_a_cancelled_task_leaves_the_queue_and_the_others_move_up() -> None:
    queue = make_queue(FakeClock())
    first, second, third = (Job(queue, 10.0) for _ in range(3))
    await third.wait_positions(1)

    second.task.cancel()

    assert await third.wait_positions(2) == [QueuePosition(2, 2.0), QueuePosition(1, 1.0)]
    first.end.set()
    third.end.set()
    await asyncio.gather(first.task, third.task)
    assert (queue.queued, queue.running) == (0, 0)


async def test_a_task_cancelled_when_it_gets_a_slot_releases_it() -> None:
    queue = make_queue(FakeClock())
    first, second, third = (Job(queue, 10.0) for _ in range(3))
    await third.wait_positions(1)

    first.end.set()
    await first.task  # the slot is second's now, which has not run yet
    second.task.cancel()
    await third.running.wait()

    third.end.set()
    await third.task
    assert (queue.queued, queue.running) == (0, 0)


def test_throughput_is_assumed_until_it_is_measured() -> None:
    meter = ThroughputMeter()

    assert meter.measured is None
    assert meter.throughput == COLD_THROUGHPUT


def test_time_that_tasks_share_counts_once() -> None:
    meter = ThroughputMeter()
    meter.record(began_s=0.0, ended_s=4.0, audio_s=10.0)
    meter.record(began_s=1.0, ended_s=3.0, audio_s=10.0)
    meter.record(began_s=3.0, ended_s=5.0, audio_s=10.0)
    meter.record(began_s=95.0, ended_s=100.0, audio_s=10.0)  # idle before

    assert meter.measured == 4.0


def test_throughput_is_that_of_the_latest_tasks() -> None:
    meter = ThroughputMeter(window=2)
    for number, audio_s in enumerate((1000.0, 4.0, 6.0)):
        meter.record(began_s=number, ended_s=number + 1.0, audio_s=audio_s)

    assert meter.measured == 5.0


async def test_last_slot_is_never_given_to_long_recordings() -> None:
    queue = make_queue(FakeClock(), concurrency=2)
    first = Job(queue, 1800.0)
    await first.running.wait()
    second, short = Job(queue, 1800.0), Job(queue, 3.0)

    await short.running.wait()

    assert not second.running.is_set()
    short.end.set()
    first.end.set()
    await second.running.wait()
    second.end.set()
    await asyncio.gather(first.task, second.task, short.task)


async def test_single_slot_is_given_to_long_recordings_too() -> None:
    queue = make_queue(FakeClock(), concurrency=1)
    job = Job(queue, 1800.0)

    await job.running.wait()

    job.end.set()
    await job.task
