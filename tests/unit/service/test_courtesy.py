"""Who goes first: short recordings, but not for ever."""

from __future__ import annotations

import asyncio

from wav2vec2_app.service.courtesy import Courtesy

LONG_S = 60.0
"""More than a test waits."""


async def test_nobody_waits_where_nothing_short_is_going_on() -> None:
    assert await asyncio.wait_for(Courtesy(LONG_S).stand_aside(), 1.0) == 0.0


async def test_a_long_step_waits_until_the_last_short_one_is_done() -> None:
    courtesy = Courtesy(LONG_S)
    with courtesy.go_first():
        with courtesy.go_first():
            step = asyncio.create_task(courtesy.stand_aside())
            await asyncio.sleep(0.01)
            assert not step.done()
        await asyncio.sleep(0.01)
        assert not step.done()
    assert 0.01 < await asyncio.wait_for(step, 1.0) < 1.0


async def test_short_ones_without_end_do_not_keep_a_long_one_from_going_on() -> None:
    courtesy = Courtesy(0.01)
    with courtesy.go_first():
        await asyncio.wait_for(courtesy.stand_aside(), 1.0)


async def test_a_short_one_that_fails_is_done() -> None:
    courtesy = Courtesy(LONG_S)
    try:
        with courtesy.go_first():
            raise RuntimeError
    except RuntimeError:
        pass
    await asyncio.wait_for(courtesy.stand_aside(), 1.0)


async def test_a_cancelled_task_stops_even_in_the_moment_when_it_may_go_on() -> None:
    for steps in range(4):
        courtesy = Courtesy(LONG_S)
        with courtesy.go_first():
            step = asyncio.create_task(courtesy.stand_aside())
            await asyncio.sleep(0.001)
        for _ in range(steps):
            await asyncio.sleep(0)
        was_done = step.done()
        step.cancel()
        await asyncio.wait({step})
        assert was_done or step.cancelled()
