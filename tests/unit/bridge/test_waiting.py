from __future__ import annotations

import asyncio
import time

from wav2vec2_app.bridge.waiting import first, settles


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

    reading = asyncio.create_task(read_the_pipe())
    assert await settles(news, 0.4)
    await reading
