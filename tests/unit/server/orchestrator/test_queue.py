"""Admission is bounded, waiting is fair, and estimates stand on measured speed."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack

import pytest

from tests.doubles import FakeClock
from wav2vec2_app.errors import BusyError
from wav2vec2_app.server.orchestrator.pace import COLD_THROUGHPUT, Pace
from wav2vec2_app.server.orchestrator.queue import Place, WaitQueue


def make_line(clock: FakeClock, *, concurrency: int = 1, refresh_s: float = 60.0) -> WaitQueue:
    pace = Pace()
    pace.record(began_s=0.0, ended_s=1.0, audio_s=10.0)  # 10 audio seconds a second
    return WaitQueue(
        queue_size=3, concurrency=concurrency, pace=pace, clock=clock, refresh_s=refresh_s
    )


class Visitor:
    """Goes through the line: admitted, waits, works until told to leave."""

    def __init__(self, line: WaitQueue, audio_s: float) -> None:
        self.places: list[Place] = []
        self.working = asyncio.Event()
        self.leave = asyncio.Event()
        self._told = asyncio.Event()
        self.visit = asyncio.ensure_future(self._visit(line, audio_s))

    async def _visit(self, line: WaitQueue, audio_s: float) -> None:
        with line.admit() as ticket:
            async for place in line.wait(ticket, audio_s):
                self.places.append(place)
                self._told.set()
            self.working.set()
            await self.leave.wait()

    async def told(self, times: int) -> list[Place]:
        while len(self.places) < times:
            self._told.clear()
            await self._told.wait()
        return self.places


async def test_a_free_slot_is_taken_at_once() -> None:
    line = make_line(FakeClock())
    visitor = Visitor(line, 10.0)
    await visitor.working.wait()

    assert visitor.places == [Place(1, 0.0)]
    assert (line.queued, line.running) == (0, 1)

    visitor.leave.set()
    await visitor.visit
    assert (line.queued, line.running) == (0, 0)


async def test_position_and_eta_follow_the_audio_ahead_as_the_line_moves() -> None:
    clock = FakeClock()
    line = make_line(clock)
    first, second, third = (Visitor(line, audio_s) for audio_s in (20.0, 30.0, 5.0))
    await third.told(1)

    assert second.places == [Place(1, 2.0)]
    assert third.places == [Place(2, 5.0)]

    clock.advance(2.0)
    first.leave.set()
    await second.working.wait()
    assert await third.told(2) == [Place(2, 5.0), Place(1, 3.0)]

    second.leave.set()
    third.leave.set()
    await asyncio.gather(first.visit, second.visit, third.visit)


async def test_the_eta_is_refreshed_while_nobody_moves() -> None:
    clock = FakeClock()
    line = make_line(clock, refresh_s=0.0)
    first, second = Visitor(line, 20.0), Visitor(line, 1.0)
    await second.told(1)

    clock.advance(0.5)

    assert await second.told(2) == [Place(1, 2.0), Place(1, 1.5)]
    first.leave.set()
    second.leave.set()
    await asyncio.gather(first.visit, second.visit)


async def test_slots_are_given_in_the_order_of_arrival() -> None:
    line = make_line(FakeClock(), concurrency=2)
    visitors = [Visitor(line, 1.0) for _ in range(5)]
    order: list[int] = []
    for number, visitor in enumerate(visitors):
        visitor.leave.set()
        visitor.visit.add_done_callback(lambda _, number=number: order.append(number))

    await asyncio.gather(*(visitor.visit for visitor in visitors))

    assert order == [0, 1, 2, 3, 4]


async def test_a_full_house_refuses_and_says_when_to_come_back() -> None:
    line = make_line(FakeClock())
    visitors = [Visitor(line, 60.0) for _ in range(4)]  # one in work, three waiting
    await visitors[-1].told(1)

    with pytest.raises(BusyError) as caught, line.admit():
        pass

    assert caught.value.code == "queue.full"
    assert caught.value.metadata == {"retry_after_s": 24, "queue_size": 3}
    assert caught.value.hint == "Try again in 24 s."
    for visitor in visitors:
        visitor.leave.set()
    await asyncio.gather(*(visitor.visit for visitor in visitors))


def test_tasks_that_are_still_looked_at_count_as_admitted() -> None:
    line = make_line(FakeClock())
    with ExitStack() as places:
        for _ in range(4):
            places.enter_context(line.admit())
        with pytest.raises(BusyError) as caught, line.admit():
            pass
        assert line.queued == 4

    assert caught.value.metadata["retry_after_s"] == 1  # nothing known of the audio: soon
    assert line.queued == 0


async def test_one_who_gives_up_leaves_the_line_and_the_others_move_up() -> None:
    line = make_line(FakeClock())
    first, second, third = (Visitor(line, 10.0) for _ in range(3))
    await third.told(1)

    second.visit.cancel()

    assert await third.told(2) == [Place(2, 2.0), Place(1, 1.0)]
    first.leave.set()
    third.leave.set()
    await asyncio.gather(first.visit, third.visit)
    assert (line.queued, line.running) == (0, 0)


async def test_one_who_is_cancelled_at_the_moment_of_getting_a_slot_hands_it_on() -> None:
    line = make_line(FakeClock())
    first, second, third = (Visitor(line, 10.0) for _ in range(3))
    await third.told(1)

    first.leave.set()
    await first.visit  # the slot is second's now, who has not noticed yet
    second.visit.cancel()
    await third.working.wait()

    third.leave.set()
    await third.visit
    assert (line.queued, line.running) == (0, 0)


def test_speed_is_assumed_until_it_is_measured() -> None:
    pace = Pace()

    assert pace.measured is None
    assert pace.throughput == COLD_THROUGHPUT


def test_speed_counts_time_that_tasks_shared_once() -> None:
    pace = Pace()
    pace.record(began_s=0.0, ended_s=4.0, audio_s=10.0)
    pace.record(began_s=1.0, ended_s=3.0, audio_s=10.0)
    pace.record(began_s=3.0, ended_s=5.0, audio_s=10.0)
    pace.record(began_s=95.0, ended_s=100.0, audio_s=10.0)  # idle before

    assert pace.measured == 4.0


def test_speed_is_that_of_the_latest_tasks() -> None:
    pace = Pace(window=2)
    for number, audio_s in enumerate((1000.0, 4.0, 6.0)):
        pace.record(began_s=number, ended_s=number + 1.0, audio_s=audio_s)

    assert pace.measured == 5.0


async def test_last_slot_is_kept_from_long_recordings() -> None:
    line = make_line(FakeClock(), concurrency=2)
    first = Visitor(line, 1800.0)
    await first.working.wait()
    second, short = Visitor(line, 1800.0), Visitor(line, 3.0)

    await short.working.wait()

    assert not second.working.is_set()
    short.leave.set()
    first.leave.set()
    await second.working.wait()
    second.leave.set()
    await asyncio.gather(first.visit, second.visit, short.visit)


async def test_only_slot_serves_long_recordings_too() -> None:
    line = make_line(FakeClock(), concurrency=1)
    visitor = Visitor(line, 1800.0)

    await visitor.working.wait()

    visitor.leave.set()
    await visitor.visit
