"""The queue before workers that crash, are killed, or are busy."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import numpy as np
import pytest

from tests.integration import toy_messages as toy
from tests.integration.toy import Events, Make, ask, begin
from wav2vec2_app.errors import InputError, TimedOutError, WorkerDiedError
from wav2vec2_app.server.bridge.pool import WorkerPool
from wav2vec2_app.server.bridge.worker import WorkerBridge

pytestmark = pytest.mark.integration

POISON = np.array([-1.0], np.float32)
GOOD = np.array([1.0], np.float32)


async def started(*bridges: WorkerBridge) -> WorkerPool:
    pool = WorkerPool(bridges)
    await pool.start()
    await pool.wait_ready()
    return pool


def kill(bridge: WorkerBridge, number: signal.Signals = signal.SIGKILL) -> None:
    pid = bridge.status().pid
    assert pid is not None
    os.kill(pid, number)


async def next_process(bridge: WorkerBridge, pid: int | None) -> None:
    """Wait until another process than ``pid`` takes requests."""
    while bridge.status().pid in (pid, None) or bridge.status().state != "ready":
        await asyncio.wait({bridge._supervisor._change()})


async def test_worker_has_one_request_at_a_time_and_the_others_wait_in_the_server(
    make: Make,
) -> None:
    bridge = make()
    pool = await started(bridge)
    running, _ = await begin(pool, toy.RunUntilCancelled())
    waiting = [asyncio.create_task(ask(pool, toy.Echo(number))) for number in range(5)]
    await asyncio.sleep(0)
    assert (pool.waiting, bridge.status().in_flight) == (5, 1)
    child = bridge._supervisor.child
    assert child is not None
    assert child.served == 1
    running.cancel()
    assert [(await task).number for task in waiting] == [0, 1, 2, 3, 4]
    assert pool.waiting == 0


@pytest.mark.matrix
@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGILL])
async def test_crash_is_never_charged_to_a_request_that_waited(
    make: Make, number: signal.Signals
) -> None:
    events = Events()
    bridge = make(on_event=events)
    pool = await started(bridge)
    poison = asyncio.create_task(ask(pool, toy.KillSelf(number.name)))
    waiting = [asyncio.create_task(ask(pool, toy.Echo(n), idempotent=False)) for n in range(3)]
    assert [(await task).number for task in waiting] == [0, 1, 2]
    with pytest.raises(InputError):
        await poison
    assert events.kinds.count("retried") == 1  # the poison; the others had not been sent


async def test_request_that_was_sent_and_had_not_begun_is_sent_again_although_not_idempotent(
    make: Make,
) -> None:
    events = Events()
    bridge = make(on_event=events)
    pool = await started(bridge)
    stuck, _ = await begin(bridge, toy.Hang())  # beside the pool: keeps the worker's main thread
    task = asyncio.create_task(ask(pool, toy.Echo(1), idempotent=False))
    for _ in range(3):  # dispatched, taken, sent
        await asyncio.sleep(0)
    assert bridge.status().in_flight == 2
    kill(bridge, signal.SIGSEGV)
    assert (await task).number == 1
    with pytest.raises(WorkerDiedError):
        await stuck
    assert events.kinds.count("retried") == 1


@pytest.mark.matrix
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_request_is_sent_again_as_often_as_its_worker_is_killed_from_outside(
    make: Make, tmp_path: Path, number: signal.Signals
) -> None:
    events = Events()
    bridge = make(on_event=events, restart_budget=1)
    pool = await started(bridge)
    marker = tmp_path / "marker"
    task, begun = await begin(pool, toy.WaitFor(marker))
    for _ in range(4):
        begun.event.clear()
        kill(bridge, number)
        await begun.event.wait()
    marker.touch()
    assert (await task).pid == bridge.status().pid
    assert events.kinds.count("retried") == 4
    assert "down" not in events.kinds
    assert await pool._quarantine.remaining_s(toy.WaitFor(marker)) == 0.0


async def test_request_whose_worker_is_killed_ends_with_its_deadline(make: Make) -> None:
    pool = await started(make(restart_budget=1))
    with pytest.raises(TimedOutError):
        await ask(pool, toy.KillSelf("SIGKILL"), 1.0)


async def test_poison_is_quarantined_by_content_and_the_rest_is_served(make: Make) -> None:
    events = Events()
    bridge = make(on_event=events)
    pool = await started(bridge)
    with pytest.raises(InputError) as crashed:
        await ask(pool, toy.CrashOn(POISON))
    assert crashed.value.code == "request.quarantined"
    restarts = bridge.status().restarts
    with pytest.raises(InputError) as again:
        await ask(pool, toy.CrashOn(POISON.copy()))
    assert again.value.code == "request.quarantined"
    assert (await ask(pool, toy.CrashOn(GOOD))).number == 1
    assert bridge.status().restarts == restarts == 2


async def test_many_poison_files_in_a_minute_leave_the_worker_to_other_clients(make: Make) -> None:
    events = Events()
    pool = await started(make(on_event=events, restart_budget=0))
    for number in range(1, 5):
        with pytest.raises(InputError):
            await ask(pool, toy.CrashOn(POISON * number))
        assert (await ask(pool, toy.CrashOn(GOOD * number))).number == 1
    assert "down" not in events.kinds


async def test_innocent_members_of_a_batch_that_crashed_are_answered(make: Make) -> None:
    pool = await started(make(restart_budget=0))
    requests = [toy.CrashOn(GOOD * n, limit=4) for n in (1, 2, 3)] + [toy.CrashOn(POISON, limit=4)]
    results = await asyncio.gather(
        *(ask(pool, request) for request in requests), return_exceptions=True
    )
    assert all(isinstance(result, toy.ToyResponse) for result in results[:3])
    assert getattr(results[3], "code", "") == "request.quarantined"


async def test_pool_composes_the_batch_and_the_worker_runs_all_of_it_together(make: Make) -> None:
    bridge = make()
    pool = await started(bridge)
    answers = await asyncio.gather(*(ask(pool, toy.CrashOn(GOOD, limit=3)) for _ in range(7)))
    assert [answer.number for answer in answers] == [3, 3, 3, 3, 3, 3, 1]


async def test_member_of_a_batch_that_is_cancelled_holds_up_none_of_the_others(make: Make) -> None:
    pool = await started(make())
    tasks = [asyncio.create_task(ask(pool, toy.CrashOn(GOOD, limit=3))) for _ in range(3)]
    await asyncio.sleep(0)
    tasks[1].cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(results[1], asyncio.CancelledError)
    assert all(isinstance(results[n], toy.ToyResponse) for n in (0, 2))


async def test_suspect_is_run_alone_in_a_fresh_worker_and_leaves_the_others_alone(
    make: Make,
) -> None:
    first, second = make(), make()
    pool = await started(first, second)
    pids = [bridge.status().pid for bridge in (first, second)]
    assert (await ask(pool, toy.Echo())).pid in pids
    assert (await ask(pool, toy.Echo())).pid in pids
    running, _ = await begin(pool, toy.RunUntilCancelled())
    busy = first if first.status().in_flight else second
    pid = busy.status().pid
    with pytest.raises(InputError):
        await ask(pool, toy.CrashOn(POISON))
    assert busy.status().pid == pid
    assert not running.done()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_request_goes_to_the_worker_that_is_ready_first(make: Make, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    ready, starting = make(), make("--gate", str(gate))
    pool = WorkerPool([starting, ready])
    await pool.start()
    await ready.wait_ready()
    marker = tmp_path / "marker"
    running, _ = await begin(pool, toy.WaitFor(marker))
    waiting = asyncio.create_task(ask(pool, toy.Echo()))
    await asyncio.sleep(0)
    marker.touch()
    assert (await waiting).pid == (await running).pid == ready.status().pid
    await asyncio.to_thread(gate.write_bytes, b"")


async def test_stop_fails_what_waits(make: Make) -> None:
    pool = await started(make(kill_grace_s=0.1))
    running, _ = await begin(pool, toy.Hang())
    waiting = asyncio.create_task(ask(pool, toy.Echo()))
    await asyncio.sleep(0)
    await pool.stop()
    for task in (running, waiting):
        with pytest.raises(WorkerDiedError) as stopped:
            await task
        assert stopped.value.code == "worker.stopped"


async def test_worker_is_replaced_between_requests(make: Make, tmp_path: Path) -> None:
    bridge = make(restart_budget=0)
    pool = await started(bridge)
    marker = tmp_path / "marker"
    running, _ = await begin(pool, toy.WaitFor(marker))
    pid = bridge.status().pid
    assert pid is not None
    assert pool.replace(pid)
    waiting = asyncio.create_task(ask(pool, toy.Echo()))
    marker.touch()
    assert (await running).pid == pid
    assert (await waiting).pid not in (pid, None)


async def test_idle_worker_is_replaced_immediately_and_a_fresh_one_is_left_alone(
    make: Make,
) -> None:
    events = Events()
    bridge = make(restart_budget=0, on_event=events)
    pool = await started(bridge)
    fresh = bridge.status().pid
    assert fresh is not None
    assert not pool.replace(fresh)
    assert (await ask(pool, toy.Echo())).pid == fresh
    assert pool.replace(fresh)
    await events.wait_for("ready", times=2)
    assert bridge.status().pid != fresh
    assert not pool.replace(fresh)


async def test_starts_that_are_killed_from_outside_are_repeated(make: Make) -> None:
    events = Events()
    bridge = make(restart_budget=0, on_event=events)
    await bridge.start()
    for _ in range(2):
        kill(bridge)
        await events.wait_for("died", times=events.kinds.count("died") + 1)
        while bridge.status().pid is None:
            await asyncio.wait({bridge._supervisor._change()})
    assert (await ask(WorkerPool([bridge]), toy.Echo(1))).number == 1
