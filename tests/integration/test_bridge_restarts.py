"""Workers that die, and their replacement."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.integration import toy_messages as toy
from tests.integration.toy import LONG_S, Events, Make, Started, ask, begin, wait_for_end
from wav2vec2_app.errors import InputError, WorkerDiedError
from wav2vec2_app.protocol.frame import Body
from wav2vec2_app.server.bridge.pool import WorkerPool
from wav2vec2_app.server.bridge.spawn import WorkerSpec
from wav2vec2_app.server.bridge.supervisor import Supervisor
from wav2vec2_app.server.bridge.worker import WorkerBridge
from wav2vec2_app.server.events import WorkerEvent

pytestmark = pytest.mark.integration


async def crash_idle(bridge: WorkerBridge) -> None:
    """Crash a worker that runs nothing, and wait for its end."""
    await bridge.wait_ready()
    child = bridge._supervisor.child
    assert child is not None
    os.kill(child.pid, signal.SIGSEGV)
    await asyncio.wait({child.gone})


async def test_killed_worker_is_replaced_and_the_request_retried(
    make: Make, tmp_path: Path
) -> None:
    events = Events()
    bridge = make(on_event=events)
    pool = WorkerPool([bridge])
    await pool.start()
    await pool.wait_ready()
    pid = bridge.status().pid
    answer = await ask(pool, toy.KillSelfOnce(tmp_path / "marker"))
    assert answer.pid == bridge.status().pid != pid
    assert bridge.status().restarts == 1
    assert events.kinds == [
        "starting", "ready", "retried", "died", "restarting", "starting", "ready",
    ]  # fmt: skip


async def test_request_that_crashes_twice_is_not_sent_a_third_time(make: Make) -> None:
    events = Events()
    bridge = make(on_event=events)
    await bridge.start()
    with pytest.raises(InputError) as crashed:
        await ask(WorkerPool([bridge]), toy.KillSelf("SIGSEGV"))
    assert crashed.value.code == "request.quarantined"
    assert events.kinds.count("retried") == 1
    assert (await ask(bridge, toy.Echo(1))).number == 1


async def test_kill_by_the_system_is_reported_as_a_lack_of_memory(make: Make) -> None:
    bridge = make()
    await bridge.start()
    with pytest.raises(WorkerDiedError) as died:
        await ask(bridge, toy.KillSelf("SIGKILL"))
    assert died.value.metadata == {"role": "toy", "exit_code": -9, "signal": "SIGKILL"}
    assert "memory" in died.value.hint


async def test_request_that_is_not_idempotent_is_not_retried(make: Make) -> None:
    events = Events()
    bridge = make(on_event=events)
    await bridge.start()
    with pytest.raises(WorkerDiedError) as died:
        await ask(WorkerPool([bridge]), toy.Leave(42), idempotent=False)
    assert died.value.metadata["exit_code"] == 42
    assert "retried" not in events.kinds


async def test_segfault_names_its_signal(make: Make) -> None:
    bridge = make()
    await bridge.start()
    with pytest.raises(WorkerDiedError, match="SIGSEGV"):
        await ask(bridge, toy.KillSelf("SIGSEGV"))


async def test_all_in_flight_fail_together_when_the_worker_dies(make: Make) -> None:
    bridge = make()
    await bridge.start()
    first, _ = await begin(bridge, toy.Hang())
    others = [asyncio.create_task(ask(bridge, toy.Echo())) for _ in range(5)]
    pid = bridge.status().pid
    await asyncio.sleep(0)  # each sends its request in its first step
    assert bridge.status().in_flight == 6
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    results = await asyncio.gather(first, *others, return_exceptions=True)
    assert all(isinstance(result, WorkerDiedError) for result in results)
    assert len({id(result) for result in results}) == 6


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs Linux to wait for the orphan")
async def test_worker_that_dies_and_leaves_a_process_with_its_pipes_is_noticed(make: Make) -> None:
    bridge = make()
    await bridge.start()
    started = Started()
    with pytest.raises(WorkerDiedError):
        await ask(bridge, toy.Orphan(), on_progress=started)
    await asyncio.to_thread(wait_for_end, started.progress.number)


async def test_restart_budget_spent_means_down_and_failing_fast(make: Make) -> None:
    events = Events()
    bridge = make(on_event=events, restart_budget=2)
    await bridge.start()
    for _ in range(3):
        await crash_idle(bridge)
    await events.wait_for("down")
    with pytest.raises(WorkerDiedError) as down:
        await ask(bridge, toy.Echo())
    assert (down.value.code, down.value.retryable) == ("worker.down", False)
    assert down.value.metadata["signal"] == "SIGSEGV"
    assert events.kinds.count("restarting") == 2
    with pytest.raises(WorkerDiedError):
        await bridge.wait_ready()


async def test_worker_that_is_down_is_tried_again_when_the_window_has_slid(make: Make) -> None:
    events = Events()
    bridge = make(on_event=events, restart_budget=1, restart_window_s=5.0)  # two deaths fit in
    await bridge.start()
    for _ in range(2):
        await crash_idle(bridge)
    await events.wait_for("down")
    await events.wait_for("restarting", times=2)
    assert (await ask(bridge, toy.Echo(1))).pid


async def test_failed_start_is_reported_with_its_reason(make: Make) -> None:
    bridge = make("--start", "fail", restart_budget=1)
    await bridge.start()
    with pytest.raises(WorkerDiedError) as down:
        await ask(bridge, toy.Echo())
    assert "No room for the model." in down.value.message
    assert down.value.hint == "Make room."
    assert down.value.metadata["cause"] == "resource.disk"
    assert down.value.metadata["exit_code"] == 3
    assert bridge.status().state == "down"


async def test_worker_that_exits_before_it_is_ready_is_retried_within_the_budget(
    make: Make,
) -> None:
    events = Events()
    bridge = make("--start", "exit", restart_budget=1, on_event=events)
    await bridge.start()
    await events.wait_for("down")
    assert [event.error.metadata["exit_code"] for event in events.seen if event.error] == [7, 7]


async def test_program_that_does_not_exist_is_a_typed_error(make: Make, tmp_path: Path) -> None:
    bridge = make(spec=WorkerSpec("toy", (str(tmp_path / "nothing"),)), restart_budget=1)
    await bridge.start()
    with pytest.raises(WorkerDiedError) as down:
        await ask(bridge, toy.Echo())
    assert down.value.metadata["last_code"] == "worker.start_failed"
    assert str(tmp_path) not in str(down.value.public())


async def test_worker_that_never_gets_ready_is_replaced(make: Make) -> None:
    events = Events()
    bridge = make(
        "--start", "deaf", start_timeout_s=0.2, restart_budget=0, kill_grace_s=0.5, on_event=events
    )
    await bridge.start()
    died = await events.wait_for("died")
    assert died.error is not None
    assert "not ready within 0.2 s" in died.error.message


async def test_worker_that_writes_no_frames_is_killed(make: Make) -> None:
    events = Events()
    bridge = make("--start", "garbage", restart_budget=0, on_event=events)
    await bridge.start()
    died = await events.wait_for("died")
    assert died.error is not None
    assert died.error.metadata["cause"] == "bridge.header_too_long"


@pytest.mark.parametrize(
    ("kind", "meta", "cause"),
    [
        ("request", {}, "bridge.bad_kind"),
        ("error", {"metadata": 3}, "bridge.bad_error"),
        ("progress", {"number": "one"}, "bridge.bad_message"),
    ],
)
async def test_worker_that_breaks_the_protocol_is_replaced(
    make: Make, kind: str, meta: dict[str, Any], cause: str
) -> None:
    bridge = make()
    await bridge.start()
    with pytest.raises(WorkerDiedError) as died:
        await ask(bridge, toy.SendFrame(kind, meta), on_progress=Started())
    assert died.value.metadata["cause"] == cause
    assert (await ask(bridge, toy.Echo(1))).number == 1


async def test_worker_that_closes_its_output_and_goes_on_is_killed(make: Make) -> None:
    bridge = make(kill_grace_s=0.1)
    await bridge.start()
    with pytest.raises(WorkerDiedError, match="closed its output"):
        await ask(bridge, toy.CloseOutput())


async def test_dead_child_takes_no_requests_and_waits_for_no_pong(make: Make) -> None:
    bridge = make()
    await bridge.start()
    await bridge.wait_ready()
    child = bridge._supervisor.child
    assert child is not None
    child.kill("was in the way")
    await child.gone
    child.kill("was in the way again")
    with pytest.raises(WorkerDiedError, match="was in the way"):
        child.submit("echo", Body())
    assert await child.ping(LONG_S)


async def test_failing_listener_to_events_takes_nothing_down(make: Make) -> None:
    def listener(event: WorkerEvent) -> None:
        raise RuntimeError("a defect in a sink")

    bridge = make(on_event=listener)
    await bridge.start()
    assert (await ask(bridge, toy.Echo(1))).number == 1


async def test_defect_in_the_supervisor_fails_requests_at_once(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: Any) -> None:
        raise RuntimeError("a defect of ours")

    monkeypatch.setattr(Supervisor, "_check_health", fail)
    events = Events()
    bridge = make(on_event=events)
    await bridge.start()
    await events.wait_for("down")
    with pytest.raises(WorkerDiedError):
        await ask(bridge, toy.Echo())
