"""Work is stopped at its limit, and a cancellation is never lost."""

from __future__ import annotations

import asyncio
import time

import pytest

from wav2vec2_app.errors import CancelledError, TimedOutError
from wav2vec2_app.server.deadline import Deadline, cancel_all, first, settles, within


async def forever(cleaned_up: list[bool]) -> None:
    try:
        await asyncio.Event().wait()
    finally:
        cleaned_up.append(True)


async def answer() -> int:
    return 42


async def test_a_result_in_time_is_passed_on() -> None:
    assert await within(60.0, asyncio.create_task(answer())) == 42


async def test_work_past_its_limit_is_cancelled_before_the_error_is_raised() -> None:
    cleaned_up: list[bool] = []

    with pytest.raises(TimedOutError) as caught:
        await within(0.001, asyncio.create_task(forever(cleaned_up)))

    assert cleaned_up == [True]
    assert caught.value.metadata == {"limit_s": 0.001}


async def test_cancelling_the_caller_cancels_the_work() -> None:
    cleaned_up: list[bool] = []
    waiting = asyncio.ensure_future(within(60.0, asyncio.create_task(forever(cleaned_up))))
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert cleaned_up == [True]


async def test_a_cancellation_in_the_step_of_the_result_is_not_swallowed() -> None:
    gate = asyncio.Event()

    async def work() -> int:
        await gate.wait()
        waiting.cancel()
        return 42

    waiting = asyncio.ensure_future(within(60.0, asyncio.create_task(work())))
    await asyncio.sleep(0)
    gate.set()

    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_work_that_cancels_itself_is_a_typed_error_not_a_cancellation_of_the_caller() -> None:
    async def work() -> None:
        raise asyncio.CancelledError

    with pytest.raises(CancelledError):
        await within(60.0, asyncio.create_task(work()))


async def test_errors_of_abandoned_work_are_retrieved() -> None:
    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise RuntimeError("while cleaning up")

    works = [asyncio.ensure_future(work()), asyncio.ensure_future(answer())]
    await asyncio.sleep(0)

    await cancel_all(works)

    assert all(work.done() for work in works)


async def test_first_returns_with_the_first_and_cancels_none() -> None:
    loop = asyncio.get_running_loop()
    early, late = loop.create_future(), loop.create_future()
    early.set_result(None)
    await first(early, late)
    assert not late.done()
    await first(late, timeout_s=0.0)
    assert not late.done()


async def test_settles_says_whether_it_did() -> None:
    loop = asyncio.get_running_loop()
    done, never = loop.create_future(), loop.create_future()
    done.set_exception(ValueError())
    assert await settles(done, 60.0)
    assert isinstance(done.exception(), ValueError)
    assert not await settles(never, 0.001)
    assert not never.cancelled()


async def test_stall_of_the_loop_is_not_held_against_the_worker() -> None:
    loop = asyncio.get_running_loop()
    news = loop.create_future()

    async def read_the_pipe() -> None:
        time.sleep(0.5)  # noqa: ASYNC251 - this is the stall
        for _ in range(20):  # a frame takes several rounds of the loop
            await asyncio.sleep(0)
        news.set_result(None)

    decoding = asyncio.create_task(read_the_pipe())
    assert await settles(news, 0.4)
    await decoding


def test_deadline_counts_down_to_zero() -> None:
    now = 10.0

    def clock() -> float:
        return now

    deadline = Deadline.after(2.0, clock)
    assert deadline.remaining_s(clock) == 2.0
    now = 11.5
    assert deadline.remaining_s(clock) == 0.5
    now = 20.0
    assert deadline.remaining_s(clock) == 0.0
