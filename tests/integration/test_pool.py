"""Several workers of one role."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.integration import toy_messages as toy
from tests.integration.toy import Events, Make, ask, begin
from wav2vec2_app.errors import InputError, WorkerDiedError
from wav2vec2_app.server.bridge.on_demand import OnDemandPool
from wav2vec2_app.server.bridge.pool import WorkerPool

pytestmark = pytest.mark.integration


async def test_pool_sends_to_the_least_busy_ready_worker(make: Make) -> None:
    pool = WorkerPool([make(), make()])
    await pool.start()
    await pool.wait_ready()
    task, _ = await begin(pool, toy.RunUntilCancelled())
    busy, free = pool.statuses()
    for _ in range(3):
        assert (await ask(pool, toy.Echo())).pid == free.pid
    assert (busy.in_flight, free.in_flight) == (1, 0)
    assert pool.role == "toy"
    assert [status.pid for status in pool.statuses()] == [busy.pid, free.pid]
    assert pool.info(toy.ToyInfo) == toy.ToyInfo(True)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await pool.stop()
    assert [status.state for status in pool.statuses()] == ["stopped", "stopped"]


async def test_pool_retries_a_lost_request_once(make: Make, tmp_path: Path) -> None:
    pool = WorkerPool([make(), make()])
    await pool.start()
    await pool.wait_ready()
    answer = await ask(pool, toy.KillSelfOnce(tmp_path / "marker"))
    assert answer.pid in {status.pid for status in pool.statuses()}
    with pytest.raises(WorkerDiedError):
        await ask(pool, toy.Leave(9), idempotent=False)
    with pytest.raises(InputError):
        await ask(pool, toy.Leave(9))


async def test_pool_passes_over_a_worker_that_is_down(make: Make) -> None:
    events = Events()
    broken, sound = make("--start", "exit", restart_budget=0, on_event=events), make()
    pool = WorkerPool([broken, sound])
    await pool.start()
    await events.wait_for("down")
    assert (await ask(pool, toy.Echo(1))).number == 1


def test_pool_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        WorkerPool([])


async def test_pool_on_demand_starts_with_its_first_request(make: Make) -> None:
    pool = OnDemandPool([make(), make()])
    before = pool.statuses()

    await asyncio.gather(*(ask(pool, toy.Echo()) for _ in range(3)))

    assert before == ()
    assert [status.restarts for status in pool.statuses()] == [0, 0]
    await pool.stop()
    with pytest.raises(WorkerDiedError) as stopped:
        await ask(pool, toy.Echo())
    assert stopped.value.code == "worker.stopped"


async def test_pool_on_demand_that_was_never_used_starts_no_process(make: Make) -> None:
    pool = OnDemandPool([make()])

    await pool.stop()

    assert pool.statuses() == ()
    with pytest.raises(WorkerDiedError):
        await ask(pool, toy.Echo())


async def test_load_is_spread_over_all_workers(make: Make, tmp_path: Path) -> None:
    pool = WorkerPool([make() for _ in range(3)])
    await pool.start()
    await pool.wait_ready()
    gates = [tmp_path / str(number) for number in range(6)]
    tasks = [asyncio.create_task(ask(pool, toy.WaitFor(gate))) for gate in gates]
    for _ in range(3):  # dispatched, taken, sent
        await asyncio.sleep(0)

    assert pool.waiting == 3
    assert [status.in_flight for status in pool.statuses()] == [1, 1, 1]
    for gate in gates:
        gate.touch()

    answered = {(await task).pid for task in tasks}
    assert answered == {status.pid for status in pool.statuses()}
