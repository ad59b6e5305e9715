"""Short recordings have priority, within limits."""

from __future__ import annotations

import asyncio

from wav2vec2_app.server.service.priority import ShortFirst

LONG_S = 60.0
"""More than a test waits."""


async def test_long_recording_does_not_wait_while_nothing_short_runs() -> None:
    assert await asyncio.wait_for(ShortFirst(LONG_S).yield_to_short(), 1.0) == 0.0


async def test_a_long_step_waits_until_the_last_short_one_is_done() -> None:
    short_first = ShortFirst(LONG_S)
    with short_first.prioritized():
        with short_first.prioritized():
            step = asyncio.create_task(short_first.yield_to_short())
            await asyncio.sleep(0.01)
            assert not step.done()
        await asyncio.sleep(0.01)
        assert not step.done()
    assert 0.01 < await asyncio.wait_for(step, 1.0) < 1.0


async def test_short_ones_without_end_do_not_keep_a_long_one_from_going_on() -> None:
    short_first = ShortFirst(0.01)
    with short_first.prioritized():
        await asyncio.wait_for(short_first.yield_to_short(), 1.0)


async def test_a_short_one_that_fails_is_done() -> None:
    short_first = ShortFirst(LONG_S)
    try:
        with short_first.prioritized():
            raise RuntimeError
    except RuntimeError:
        pass
    await asyncio.wait_for(short_first.yield_to_short(), 1.0)


async def test_a_cancelled_task_stops_even_in_the_moment_when_it_may_go_on() -> None:
    for steps in range(4):
        short_first = ShortFirst(LONG_S)
        with short_first.prioritized():
            step = asyncio.create_task(short_first.yield_to_short())
            await asyncio.sleep(0.001)
        for _ in range(steps):
            await asyncio.sleep(0)
        was_done = step.done()
        step.cancel()
        await asyncio.wait({step})
        assert was_done or step.cancelled()
