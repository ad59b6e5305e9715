"""Requests that run beside others in a worker."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from tests.integration import toy_messages as toy
from tests.integration.toy import LONG_S, Events, Make, ask, begin
from wav2vec2_app.errors import InputError, TimedOutError, WorkerDiedError
from wav2vec2_app.server.bridge.pool import WorkerPool
from wav2vec2_app.server.bridge.worker import WorkerBridge
from wav2vec2_app.server.deadline import Deadline

pytestmark = pytest.mark.integration


async def started(*bridges: WorkerBridge) -> WorkerPool:
    pool = WorkerPool(bridges)
    await pool.start()
    await pool.wait_ready()
    return pool


def beside(
    pool: WorkerPool, marker: Path, signal_name: str = "", limit_s: float = LONG_S
) -> asyncio.Task[list[toy.ToyResponse]]:
    work = pool.broadcast(toy.Beside(marker, signal_name), deadline=Deadline.after(limit_s))
    return asyncio.create_task(work)


async def test_requests_are_answered_while_a_background_request_runs(
    make: Make, tmp_path: Path
) -> None:
    pool = await started(make())
    task = beside(pool, tmp_path / "go")

    answers = [await ask(pool, toy.Echo(number)) for number in range(3)]
    assert not task.done()
    (tmp_path / "go").touch()

    assert [answer.number for answer in answers] == [0, 1, 2]
    assert [one.pid for one in await task] == [answers[0].pid]


async def test_background_request_begins_while_another_operation_runs(
    make: Make, tmp_path: Path
) -> None:
    (tmp_path / "go").touch()
    pool = await started(make())
    running, _ = await begin(pool, toy.RunUntilCancelled())

    assert len(await beside(pool, tmp_path / "go")) == 1

    running.cancel()
    await asyncio.wait({running})


async def test_broadcast_reaches_every_worker(make: Make, tmp_path: Path) -> None:
    (tmp_path / "go").touch()
    bridges = [make() for _ in range(3)]
    pool = await started(*bridges)

    pids = [one.pid for one in await beside(pool, tmp_path / "go")]

    assert pids == [bridge.status().pid for bridge in bridges]


async def test_background_request_is_sent_again_to_a_worker_that_was_killed(
    make: Make, tmp_path: Path
) -> None:
    events = Events()
    bridge = make(on_event=events)
    pool = await started(bridge)
    task = beside(pool, tmp_path / "go")
    first = await ask(pool, toy.Echo(1))
    os.kill(first.pid, signal.SIGKILL)
    await events.wait_for("ready", 2)
    (tmp_path / "go").touch()

    [answer] = await task

    assert answer.pid not in (first.pid, 0)


async def test_background_request_that_crashes_is_not_charged_to_others(
    make: Make, tmp_path: Path
) -> None:
    events = Events()
    pool = await started(make(on_event=events))
    running, _ = await begin(pool, toy.WaitFor(tmp_path / "end"))
    crashing = beside(pool, tmp_path / "go", "SIGSEGV")
    (tmp_path / "go").touch()
    await events.wait_for("retried", 2)  # both had begun; now each runs alone
    (tmp_path / "end").touch()
    with pytest.raises(InputError) as refused:
        await crashing

    assert refused.value.code == "request.quarantined"
    assert (await running).pid
    with pytest.raises(InputError):
        await beside(pool, tmp_path / "go", "SIGSEGV")
    assert (await ask(pool, toy.Echo(7))).number == 7


async def test_background_request_past_its_deadline_is_cancelled_and_the_worker_stays(
    make: Make, tmp_path: Path
) -> None:
    bridge = make()
    pool = await started(bridge)
    pid = bridge.status().pid

    with pytest.raises(TimedOutError):
        await beside(pool, tmp_path / "never", limit_s=0.0)

    assert (await ask(pool, toy.Echo(1))).pid == pid


async def test_background_request_fails_when_the_pool_stops(make: Make, tmp_path: Path) -> None:
    pool = await started(make())
    task = beside(pool, tmp_path / "never")
    await ask(pool, toy.Echo(1))

    await pool.stop()

    with pytest.raises(WorkerDiedError):
        await task
    with pytest.raises(WorkerDiedError):
        await beside(pool, tmp_path / "never")
