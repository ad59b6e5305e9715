"""Stuck workers, timeouts, cancels, and the end of a bridge."""

from __future__ import annotations

import asyncio
import os
import signal
import uuid

import numpy as np
import psutil
import pytest

from tests.integration import toy_messages as toy
from tests.integration.toy import LONG_S, Events, Make, ask, begin, toy_spec
from wav2vec2_app.errors import TimedOutError, WorkerDiedError
from wav2vec2_app.protocol.frame import Frame, encode
from wav2vec2_app.protocol.reader import read_frame_async
from wav2vec2_app.server.bridge.pool import WorkerPool

pytestmark = pytest.mark.integration


async def test_stuck_worker_is_replaced_after_timeout_and_others_succeed(make: Make) -> None:
    events = Events()
    bridge = make(kill_grace_s=0.1, on_event=events)
    await bridge.start()
    await bridge.wait_ready()
    stuck = asyncio.create_task(ask(bridge, toy.Hang(), 0.3))
    other = asyncio.create_task(ask(WorkerPool([bridge]), toy.Echo(1)))
    with pytest.raises(TimedOutError):
        await stuck
    assert (await other).number == 1
    died = await events.wait_for("died")
    assert died.error is not None
    assert "did not stop a cancelled request" in died.error.message


async def test_replacing_a_stuck_worker_costs_nothing_of_the_restart_budget(make: Make) -> None:
    bridge = make(kill_grace_s=0.05, restart_budget=0)
    await bridge.start()
    task, _ = await begin(bridge, toy.Hang())
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    pid = bridge.status().pid
    while (await ask(WorkerPool([bridge]), toy.Echo())).pid == pid:
        pass
    assert bridge.status().restarts == 1


async def test_timed_out_operation_that_stops_keeps_its_worker(make: Make) -> None:
    bridge = make()
    await bridge.start()
    await bridge.wait_ready()
    with pytest.raises(TimedOutError):
        await ask(bridge, toy.RunUntilCancelled(), 0.2)
    assert (await ask(bridge, toy.Echo(1))).number == 1
    assert bridge.status().restarts == 0


async def test_cancelling_the_caller_stops_the_work(make: Make) -> None:
    bridge = make()
    await bridge.start()
    task, _ = await begin(bridge, toy.RunUntilCancelled())
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    # Operations run one at a time, so an answer shows that the cancelled one has stopped.
    assert (await ask(bridge, toy.Echo(1))).number == 1
    assert bridge.status().restarts == 0


async def test_cancelling_a_waiting_request_leaves_the_running_one_alone(make: Make) -> None:
    events = Events()
    bridge = make(kill_grace_s=0.2, ping_interval_s=0.1, on_event=events)
    await bridge.start()
    running, _ = await begin(bridge, toy.RunUntilCancelled())
    waiting = asyncio.create_task(ask(bridge, toy.Echo(), 0.1))
    with pytest.raises(TimedOutError):
        await waiting
    while bridge._releases:  # the grace of the cancelled one
        await asyncio.wait(set(bridge._releases))
    assert not running.done()
    assert "died" not in events.kinds
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_request_cancelled_before_it_was_sent_never_reaches_the_worker(make: Make) -> None:
    bridge = make()
    await bridge.start()
    await bridge.wait_ready()
    child = bridge._supervisor.child
    assert child is not None
    ticket = child.submit("kill_self", toy.KillSelf("SIGKILL").pack())
    child.cancel(ticket)
    assert ticket.answer.cancelled()
    assert (await ask(bridge, toy.Echo())).pid == child.pid


async def test_worker_that_answers_no_ping_is_replaced(make: Make) -> None:
    events = Events()
    bridge = make(ping_interval_s=0.05, ping_timeout_s=0.5, on_event=events)
    await bridge.start()
    await bridge.wait_ready()
    pid = bridge.status().pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    died = await events.wait_for("died")
    assert died.error is not None
    assert "health check" in died.error.message
    await events.wait_for("ready", times=2)
    assert (await ask(bridge, toy.Echo())).pid != pid


async def test_worker_that_stops_reading_a_long_request_is_replaced(make: Make) -> None:
    events = Events()
    bridge = make(ping_interval_s=LONG_S, ping_timeout_s=0.3, on_event=events)
    await bridge.start()
    await bridge.wait_ready()
    pid = bridge.status().pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    answer = await ask(WorkerPool([bridge]), toy.Echo(samples=np.zeros(2_500_000, np.float32)))
    assert answer.pid != pid
    assert "stopped reading its input" in str(
        next(event.error for event in events.seen if event.error)
    )


async def test_ping_is_answered_in_the_middle_of_an_operation(make: Make) -> None:
    bridge = make(ping_interval_s=0.01)
    await bridge.start()
    task, _ = await begin(bridge, toy.RunUntilCancelled())
    child = bridge._supervisor.child
    assert child is not None
    for _ in range(3):
        assert await child.ping(LONG_S)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


# --- the end ---


async def test_stop_leaves_no_child_even_of_a_worker_that_hangs(make: Make) -> None:
    bridge = make(kill_grace_s=0.2)
    await bridge.start()
    task, _ = await begin(bridge, toy.Hang())
    pid = bridge.status().pid
    await bridge.stop()
    with pytest.raises(WorkerDiedError) as stopped:
        await task
    assert stopped.value.code == "worker.stopped"
    assert pid is not None
    assert not psutil.pid_exists(pid)
    assert bridge.status().state == "stopped"


async def test_stop_ends_a_worker_that_is_still_starting_or_never_started(make: Make) -> None:
    bridge = make("--start", "deaf", kill_grace_s=0.1)
    await bridge.stop()
    await bridge.start()
    await bridge.stop()
    with pytest.raises(WorkerDiedError, match="is stopped"):
        await ask(bridge, toy.Echo())


async def test_stop_ends_a_frozen_worker(make: Make) -> None:
    bridge = make(kill_grace_s=0.1)
    await bridge.start()
    await bridge.wait_ready()
    pid = bridge.status().pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    await bridge.stop()
    assert not psutil.pid_exists(pid)


async def test_stopped_bridge_can_be_started_again(make: Make) -> None:
    bridge = make()
    await bridge.start()
    await bridge.start()
    await bridge.wait_ready()
    await bridge.stop()
    await bridge.start()
    assert (await ask(bridge, toy.Echo(1))).number == 1


async def test_ctrl_c_and_sigterm_sent_to_a_worker(make: Make) -> None:
    events = Events()
    bridge = make(on_event=events)
    await bridge.start()
    await bridge.wait_ready()
    pid = bridge.status().pid
    assert pid is not None
    assert os.getpgid(pid) != os.getpgid(0)  # Ctrl-C in a terminal does not reach it
    os.kill(pid, signal.SIGINT)
    assert (await ask(bridge, toy.Echo())).pid == pid
    os.kill(pid, signal.SIGTERM)
    died = await events.wait_for("died")
    assert died.error is not None
    assert died.error.metadata["signal"] == "SIGTERM"


async def test_worker_ends_by_itself_when_its_parent_is_gone() -> None:
    spec = toy_spec()
    process = await asyncio.create_subprocess_exec(
        *spec.argv,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, **spec.env},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    ready = await read_frame_async(process.stdout)
    assert ready is not None
    assert ready.kind == "ready"
    request = Frame("request", str(uuid.uuid4()), "hang")
    process.stdin.writelines([bytes(buffer) for buffer in encode(request)])
    progress = await read_frame_async(process.stdout)
    assert progress is not None
    process.stdin.close()
    assert await process.wait() == 0
