"""The bridge with real child processes."""

from __future__ import annotations

import asyncio
import logging
import os
import select
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from wav2vec2_app.errors import (
    InputError,
    InternalError,
    ProtocolError,
    ResourceError,
    TimedOutError,
    WorkerDiedError,
)
from wav2vec2_app.server.bridge.pool import WorkerPool
from wav2vec2_app.server.bridge.process import Answer, WorkerBridge, WorkerEvent, WorkerSpec

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
TOY = Path(__file__).with_name("toy_worker.py")
LONG_S = 60.0
"""A limit that is never meant to be reached."""


class Events:
    """What a bridge announced; can be waited for."""

    def __init__(self) -> None:
        self.seen: list[WorkerEvent] = []
        self._news = asyncio.Event()

    def __call__(self, event: WorkerEvent) -> None:
        self.seen.append(event)
        self._news.set()

    @property
    def kinds(self) -> list[str]:
        return [event.kind for event in self.seen]

    async def wait_for(self, kind: str, times: int = 1) -> WorkerEvent:
        while self.kinds.count(kind) < times:
            self._news.clear()
            await self._news.wait()
        return [event for event in self.seen if event.kind == kind][times - 1]


class Started:
    """A progress listener that says when an operation has begun."""

    def __init__(self) -> None:
        self.event = asyncio.Event()
        self.meta: dict[str, Any] = {}

    def __call__(self, meta: Any, _: Any) -> None:
        self.meta = dict(meta)
        self.event.set()


Make = Callable[..., WorkerBridge]


def toy_spec(*arguments: str, role: str = "toy") -> WorkerSpec:
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    return WorkerSpec(role, (sys.executable, str(TOY), *arguments), {"PYTHONPATH": path})


@pytest.fixture
async def make() -> AsyncIterator[Make]:
    """Builds bridges to toy workers; afterwards nothing of them may be left."""
    children_before = psutil.Process().children(recursive=True)
    bridges: list[WorkerBridge] = []

    def build(*arguments: str, spec: WorkerSpec | None = None, **options: Any) -> WorkerBridge:
        defaults = {"start_timeout_s": LONG_S, "restart_backoff_s": 0.0, "kill_grace_s": 5.0}
        bridge = WorkerBridge(spec or toy_spec(*arguments), **{**defaults, **options})
        bridges.append(bridge)
        return bridge

    yield build
    await asyncio.gather(*(bridge.stop() for bridge in bridges))
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert psutil.Process().children(recursive=True) == children_before


async def begin(
    bridge: WorkerBridge | WorkerPool, op: str, meta: Any = None, **options: Any
) -> tuple[asyncio.Task[Answer], Started]:
    """Send a request and wait until its operation runs."""
    started = Started()
    task = asyncio.create_task(
        bridge.request(op, meta, on_progress=started, **{"timeout_s": LONG_S, **options})
    )
    await started.event.wait()
    return task, started


def wait_for_end(pid: int) -> None:
    """Wait until a process that is not our child has ended."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    select.select([handle], [], [])
    os.close(handle)


# --- the good days -------------------------------------------------------------------------------


async def test_request_is_answered_with_meta_and_arrays(make: Make) -> None:
    bridge = make()
    await bridge.start()
    sent = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.array([True, False])}
    answer = await bridge.request("echo", {"x": 1}, sent, timeout_s=LONG_S, request_id="r-1")
    assert answer.meta == {"x": 1, "pid": bridge.status().pid, "request_id": "r-1"}
    np.testing.assert_array_equal(answer.arrays["a"], sent["a"])
    np.testing.assert_array_equal(answer.arrays["b"], sent["b"])
    answer.arrays["a"][0, 0] = 7.0  # writable


async def test_request_before_ready_waits_for_the_start(make: Make, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    bridge = make("--gate", str(gate))
    await bridge.start()
    assert bridge.status().state == "starting"
    task = asyncio.create_task(bridge.request("echo", timeout_s=LONG_S))
    await asyncio.to_thread(gate.write_bytes, b"")
    assert (await task).meta["pid"] == bridge.status().pid


async def test_process_starts_when_it_may_and_requests_wait_for_that(make: Make) -> None:
    may_start = asyncio.Event()

    async def after() -> None:
        await may_start.wait()

    bridge = make()
    await bridge.start(after)
    task = asyncio.create_task(bridge.request("echo", timeout_s=LONG_S))
    await asyncio.sleep(0.05)
    assert bridge.status().state == "starting"
    assert bridge.status().pid is None
    may_start.set()
    assert (await task).meta["pid"] == bridge.status().pid


async def test_bridge_can_be_stopped_before_its_process_may_start(make: Make) -> None:
    async def never() -> None:
        await asyncio.Event().wait()

    bridge = make()
    await bridge.start(never)
    await bridge.stop()
    assert bridge.status().state == "stopped"
    assert bridge.status().pid is None


async def test_request_while_starting_times_out_and_says_so(make: Make, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    bridge = make("--gate", str(gate))
    await bridge.start()
    with pytest.raises(TimedOutError, match="not ready in time"):
        await bridge.request("echo", timeout_s=0.01)


async def test_many_requests_at_once_get_each_its_own_answer(make: Make) -> None:
    bridge = make()
    await bridge.start()
    answers = await asyncio.gather(
        *(
            bridge.request("echo", {"n": n}, {"n": np.full(1000, n)}, timeout_s=LONG_S)
            for n in range(50)
        )
    )
    assert [answer.meta["n"] for answer in answers] == list(range(50))
    assert all((answer.arrays["n"] == n).all() for n, answer in enumerate(answers))
    assert bridge.status().in_flight == 0


async def test_progress_arrives_in_order_before_the_answer(make: Make) -> None:
    bridge = make()
    await bridge.start()
    seen: list[tuple[int, int]] = []
    await bridge.request(
        "count",
        {"to": 5},
        timeout_s=LONG_S,
        on_progress=lambda meta, arrays: seen.append((meta["number"], int(arrays["square"][0]))),
    )
    assert seen == [(0, 0), (1, 1), (2, 4), (3, 9), (4, 16)]


async def test_failing_progress_listener_does_not_fail_the_request(make: Make) -> None:
    bridge = make()
    await bridge.start()

    def listener(*_: Any) -> None:
        raise RuntimeError("a defect in the page")

    answer = await bridge.request("count", {"to": 2}, timeout_s=LONG_S, on_progress=listener)
    assert answer.meta["pid"] == bridge.status().pid


async def test_forty_megabytes_cross_both_ways_while_small_requests_do_too(make: Make) -> None:
    bridge = make()
    await bridge.start()
    big = np.random.default_rng(0).standard_normal(10_000_000).astype(np.float32)
    answer, small = await asyncio.gather(
        bridge.request("echo", None, {"big": big}, timeout_s=LONG_S),
        bridge.request("echo", {"small": 1}, timeout_s=LONG_S),
    )
    np.testing.assert_array_equal(answer.arrays["big"], big)
    assert small.meta["small"] == 1


async def test_print_in_worker_does_not_corrupt_frames(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    events = Events()
    bridge = make(on_event=events)
    await bridge.start()
    answer = await bridge.request("noise", timeout_s=LONG_S)
    assert answer.meta == {"stdin": ""}
    await bridge.stop()
    for source in ("print", "sys.stdout", "fd 1", "C", "a grandchild"):
        assert f"from {source}" in caplog.messages
    assert events.kinds == ["starting", "ready", "stopped"]


async def test_stderr_of_worker_is_logged_by_level_and_bounded(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    bridge = make()
    await bridge.start()
    text = "WARNING lib: careful\n    continued\nplain\n" + "x" * 300_000 + "\nend"
    await bridge.request("log", {"text": text}, timeout_s=LONG_S)
    await bridge.stop()
    records = [r for r in caplog.records if r.name == "wav2vec2_app.worker.toy"]
    levels = {record.getMessage(): record.levelname for record in records}
    assert levels["lib: careful"] == levels["    continued"] == "WARNING"
    assert levels["plain"] == levels["end"] == "INFO"
    assert max(len(record.getMessage()) for record in records) <= 2000


async def test_info_has_memory_and_what_the_worker_says(make: Make) -> None:
    bridge = make()
    await bridge.start()
    await bridge.wait_ready()
    assert bridge.info["toy"] is True
    assert bridge.info["pid"] == bridge.status().pid


# --- errors of operations ------------------------------------------------------------------------


async def test_errors_of_operations_come_back_typed(make: Make) -> None:
    bridge = make()
    await bridge.start()
    with pytest.raises(InputError) as refused:
        await bridge.request("refuse", timeout_s=LONG_S)
    assert (refused.value.code, refused.value.hint) == ("audio.too_long", "Cut it.")
    assert refused.value.metadata == {"limit_s": None}
    with pytest.raises(ResourceError) as exhausted:
        await bridge.request("exhaust", timeout_s=LONG_S)
    assert exhausted.value.code == "resource.memory"
    with pytest.raises(ProtocolError) as unknown:
        await bridge.request("no such thing", timeout_s=LONG_S)
    assert unknown.value.code == "bridge.unknown_op"
    with pytest.raises(ProtocolError):
        await bridge.request("misanswer", timeout_s=LONG_S)
    with pytest.raises(InternalError, match="Full"):
        await bridge.request("misfail", timeout_s=LONG_S)
    assert bridge.status().restarts == 0


async def test_foreign_error_reaches_the_log_whole_and_the_caller_without_secrets(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    bridge = make()
    await bridge.start()
    with pytest.raises(InternalError) as failed:
        await bridge.request("fail", timeout_s=LONG_S, request_id="r-42")
    assert "secret" not in str(failed.value.public())
    await bridge.stop()
    logged = [r for r in caplog.records if r.name == "wav2vec2_app.worker.toy"]
    text = "\n".join(record.getMessage() for record in logged)
    assert "r-42" in text
    assert "ValueError: the secret is in /etc/secret" in text
    assert "Traceback" in text
    assert {record.levelname for record in logged} == {"ERROR"}


async def test_request_that_cannot_be_framed_fails_alone(make: Make) -> None:
    bridge = make()
    await bridge.start()
    with pytest.raises(ProtocolError) as unframed:
        await bridge.request("echo", {"object": object()}, timeout_s=LONG_S)
    assert unframed.value.code == "bridge.bad_meta"
    assert (await bridge.request("echo", {"n": 1}, timeout_s=LONG_S)).meta["n"] == 1


# --- death and replacement -----------------------------------------------------------------------


async def test_killed_worker_is_replaced_and_the_request_retried(
    make: Make, tmp_path: Path
) -> None:
    events = Events()
    bridge = make(on_event=events)
    await bridge.start()
    await bridge.wait_ready()
    pid = bridge.status().pid
    marker = str(tmp_path / "marker")
    answer = await bridge.request("kill_self_once", {"marker": marker}, timeout_s=LONG_S)
    assert answer.meta["pid"] == bridge.status().pid != pid
    assert bridge.status().restarts == 1
    assert events.kinds == [
        "starting", "ready", "retried", "died", "restarting", "starting", "ready",
    ]  # fmt: skip


async def test_request_that_kills_twice_is_not_asked_a_third_time(make: Make) -> None:
    events = Events()
    bridge = make(on_event=events)
    await bridge.start()
    with pytest.raises(WorkerDiedError) as died:
        await bridge.request("kill_self", {"signal": "SIGKILL"}, timeout_s=LONG_S)
    assert died.value.metadata == {"role": "toy", "exit_code": -9, "signal": "SIGKILL"}
    assert "memory" in died.value.hint
    assert events.kinds.count("retried") == 1
    assert (await bridge.request("echo", {"n": 1}, timeout_s=LONG_S)).meta["n"] == 1


async def test_request_that_is_not_idempotent_is_not_retried(make: Make) -> None:
    events = Events()
    bridge = make(on_event=events)
    await bridge.start()
    with pytest.raises(WorkerDiedError) as died:
        await bridge.request("leave", {"code": 42}, timeout_s=LONG_S, idempotent=False)
    assert died.value.metadata["exit_code"] == 42
    assert "retried" not in events.kinds


async def test_segfault_names_its_signal(make: Make) -> None:
    bridge = make()
    await bridge.start()
    with pytest.raises(WorkerDiedError, match="SIGSEGV"):
        await bridge.request("kill_self", {"signal": "SIGSEGV"}, timeout_s=LONG_S, idempotent=False)


async def test_all_in_flight_fail_together_when_the_worker_dies(make: Make) -> None:
    bridge = make()
    await bridge.start()
    first, _ = await begin(bridge, "hang", idempotent=False)
    others = [
        asyncio.create_task(bridge.request("echo", timeout_s=LONG_S, idempotent=False))
        for _ in range(5)
    ]
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
        await bridge.request("orphan", timeout_s=LONG_S, idempotent=False, on_progress=started)
    orphan = started.meta["pid"]
    await asyncio.to_thread(wait_for_end, orphan)


async def test_restart_budget_spent_means_down_and_failing_fast(make: Make) -> None:
    events = Events()
    bridge = make(on_event=events, restart_budget=2)
    await bridge.start()
    for _ in range(3):
        with pytest.raises(WorkerDiedError):
            await bridge.request("leave", {"code": 9}, timeout_s=LONG_S, idempotent=False)
    await events.wait_for("down")
    with pytest.raises(WorkerDiedError) as down:
        await bridge.request("echo", timeout_s=LONG_S)
    assert (down.value.code, down.value.retryable) == ("worker.down", False)
    assert down.value.metadata["exit_code"] == 9
    assert events.kinds.count("restarting") == 2
    with pytest.raises(WorkerDiedError):
        await bridge.wait_ready()


async def test_worker_that_is_down_is_tried_again_when_the_window_has_slid(make: Make) -> None:
    events = Events()
    bridge = make(on_event=events, restart_budget=1, restart_window_s=5.0)  # two deaths fit in
    await bridge.start()
    for _ in range(2):
        with pytest.raises(WorkerDiedError):
            await bridge.request("leave", {"code": 9}, timeout_s=LONG_S, idempotent=False)
    await events.wait_for("down")
    await events.wait_for("restarting", times=2)
    assert (await bridge.request("echo", {"a": 1}, timeout_s=LONG_S)).meta


async def test_failed_start_is_reported_with_its_reason(make: Make) -> None:
    bridge = make("--start", "fail", restart_budget=1)
    await bridge.start()
    with pytest.raises(WorkerDiedError) as down:
        await bridge.request("echo", timeout_s=LONG_S)
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
        await bridge.request("echo", timeout_s=LONG_S)
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


async def test_worker_that_speaks_something_else_is_killed(make: Make) -> None:
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
    ],
)
async def test_worker_that_misspeaks_is_replaced(
    make: Make, kind: str, meta: dict[str, Any], cause: str
) -> None:
    bridge = make()
    await bridge.start()
    with pytest.raises(WorkerDiedError) as died:
        await bridge.request(
            "misspeak", {"kind": kind, "meta": meta}, timeout_s=LONG_S, idempotent=False
        )
    assert died.value.metadata["cause"] == cause
    assert (await bridge.request("echo", {"n": 1}, timeout_s=LONG_S)).meta["n"] == 1


async def test_worker_that_hangs_up_and_lives_on_is_killed(make: Make) -> None:
    bridge = make(kill_grace_s=0.1)
    await bridge.start()
    with pytest.raises(WorkerDiedError, match="closed its output"):
        await bridge.request("hang_up", timeout_s=LONG_S, idempotent=False)


async def test_dead_child_takes_no_requests_and_waits_for_no_pong(make: Make) -> None:
    bridge = make()
    await bridge.start()
    await bridge.wait_ready()
    child = bridge._child
    assert child is not None
    child.kill("was in the way")
    await child.gone
    child.kill("was in the way again")
    with pytest.raises(WorkerDiedError, match="was in the way"):
        child.submit("echo", {}, {}, None)
    assert await child.ping(LONG_S)


async def test_failing_listener_to_events_takes_nothing_down(make: Make) -> None:
    def listener(event: WorkerEvent) -> None:
        raise RuntimeError("a defect in a sink")

    bridge = make(on_event=listener)
    await bridge.start()
    assert (await bridge.request("echo", {"n": 1}, timeout_s=LONG_S)).meta["n"] == 1


async def test_defect_in_the_supervisor_fails_requests_at_once(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def watch(*_: Any) -> None:
        raise RuntimeError("a defect of ours")

    monkeypatch.setattr(WorkerBridge, "_watch", watch)
    events = Events()
    bridge = make(on_event=events)
    await bridge.start()
    await events.wait_for("down")
    with pytest.raises(WorkerDiedError):
        await bridge.request("echo", timeout_s=LONG_S)


# --- stuck workers, timeouts, cancels ------------------------------------------------------------


async def test_stuck_worker_is_replaced_after_timeout_and_others_succeed(make: Make) -> None:
    events = Events()
    bridge = make(kill_grace_s=0.1, on_event=events)
    await bridge.start()
    await bridge.wait_ready()
    stuck = asyncio.create_task(bridge.request("hang", timeout_s=0.3))
    other = asyncio.create_task(bridge.request("echo", {"n": 1}, timeout_s=LONG_S))
    with pytest.raises(TimedOutError):
        await stuck
    assert (await other).meta["n"] == 1
    died = await events.wait_for("died")
    assert died.error is not None
    assert "held on to a request" in died.error.message


async def test_replacing_a_stuck_worker_costs_nothing_of_the_restart_budget(make: Make) -> None:
    bridge = make(kill_grace_s=0.05, restart_budget=0)
    await bridge.start()
    task, _ = await begin(bridge, "hang")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    pid = bridge.status().pid
    while (await bridge.request("echo", timeout_s=LONG_S)).meta["pid"] == pid:
        pass
    assert bridge.status().restarts == 1


async def test_timed_out_operation_that_heeds_the_cancel_keeps_its_worker(make: Make) -> None:
    bridge = make()
    await bridge.start()
    await bridge.wait_ready()
    with pytest.raises(TimedOutError):
        await bridge.request("heed", timeout_s=0.2)
    assert (await bridge.request("echo", {"n": 1}, timeout_s=LONG_S)).meta["n"] == 1
    assert bridge.status().restarts == 0


async def test_cancelling_the_caller_stops_the_work(make: Make) -> None:
    bridge = make()
    await bridge.start()
    task, _ = await begin(bridge, "heed")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    # Operations run one at a time, so an answer shows that the cancelled one has stopped.
    assert (await bridge.request("echo", {"n": 1}, timeout_s=LONG_S)).meta["n"] == 1
    assert bridge.status().restarts == 0


async def test_cancelling_a_waiting_request_leaves_the_running_one_alone(make: Make) -> None:
    events = Events()
    bridge = make(kill_grace_s=0.2, ping_interval_s=0.1, on_event=events)
    await bridge.start()
    running, _ = await begin(bridge, "heed")
    waiting = asyncio.create_task(bridge.request("echo", timeout_s=0.1))
    with pytest.raises(TimedOutError):
        await waiting
    while bridge._background:  # the grace of the cancelled one
        await asyncio.wait(set(bridge._background))
    assert not running.done()
    assert "died" not in events.kinds
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_request_cancelled_before_it_was_sent_never_reaches_the_worker(make: Make) -> None:
    bridge = make()
    await bridge.start()
    await bridge.wait_ready()
    child = bridge._child
    assert child is not None
    ticket = child.submit("kill_self", {"signal": "SIGKILL"}, {}, None)
    child.abandon(ticket)
    assert ticket.answer.cancelled()
    assert (await bridge.request("echo", timeout_s=LONG_S)).meta["pid"] == child.pid


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
    assert (await bridge.request("echo", timeout_s=LONG_S)).meta["pid"] != pid


async def test_worker_that_stops_reading_a_long_request_is_replaced(make: Make) -> None:
    events = Events()
    bridge = make(ping_interval_s=LONG_S, ping_timeout_s=0.3, on_event=events)
    await bridge.start()
    await bridge.wait_ready()
    pid = bridge.status().pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    answer = await bridge.request(
        "echo", None, {"big": np.zeros(10_000_000, np.uint8)}, timeout_s=LONG_S
    )
    assert answer.meta["pid"] != pid
    assert "stopped decoding" in str(next(event.error for event in events.seen if event.error))


async def test_ping_is_answered_in_the_middle_of_an_operation(make: Make) -> None:
    bridge = make(ping_interval_s=0.01)
    await bridge.start()
    task, _ = await begin(bridge, "heed")
    child = bridge._child
    assert child is not None
    for _ in range(3):
        assert await child.ping(LONG_S)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


# --- the end -------------------------------------------------------------------------------------


async def test_stop_leaves_no_child_even_of_a_worker_that_hangs(make: Make) -> None:
    bridge = make(kill_grace_s=0.2)
    await bridge.start()
    task, _ = await begin(bridge, "hang")
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
        await bridge.request("echo", timeout_s=LONG_S)


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
    assert (await bridge.request("echo", {"n": 1}, timeout_s=LONG_S)).meta["n"] == 1


async def test_ctrl_c_and_sigterm_sent_to_a_worker(make: Make) -> None:
    events = Events()
    bridge = make(on_event=events)
    await bridge.start()
    await bridge.wait_ready()
    pid = bridge.status().pid
    assert pid is not None
    assert os.getpgid(pid) != os.getpgid(0)  # Ctrl-C in a terminal does not reach it
    os.kill(pid, signal.SIGINT)
    assert (await bridge.request("echo", timeout_s=LONG_S)).meta["pid"] == pid
    os.kill(pid, signal.SIGTERM)
    died = await events.wait_for("died")
    assert died.error is not None
    assert died.error.metadata["exit_code"] == 0


async def test_worker_ends_by_itself_when_its_parent_is_gone() -> None:
    spec = toy_spec()
    process = await asyncio.create_subprocess_exec(
        *spec.argv,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, **spec.env},
    )
    from wav2vec2_app.protocol.frame import NIL_ID, Frame, encode, read_frame_async

    assert process.stdin is not None
    assert process.stdout is not None
    ready = await read_frame_async(process.stdout)
    assert ready is not None
    assert ready.kind == "ready"
    request = Frame("request", NIL_ID, "hang")
    process.stdin.writelines([bytes(buffer) for buffer in encode(request)])
    progress = await read_frame_async(process.stdout)
    assert progress is not None
    process.stdin.close()
    assert await process.wait() == 0


# --- pools ---------------------------------------------------------------------------------------


async def test_pool_sends_to_the_least_busy_ready_worker(make: Make) -> None:
    pool = WorkerPool([make(), make()])
    await pool.start()
    await pool.wait_ready()
    task, _ = await begin(pool, "heed")
    busy, free = pool.statuses()
    for _ in range(3):
        assert (await pool.request("echo", timeout_s=LONG_S)).meta["pid"] == free.pid
    assert (busy.in_flight, free.in_flight) == (1, 0)
    assert pool.role == "toy"
    assert [status.pid for status in pool.statuses()] == [busy.pid, free.pid]
    assert pool.info["pid"] == free.pid
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await pool.stop()
    assert [status.state for status in pool.statuses()] == ["stopped", "stopped"]


async def test_pool_retries_a_lost_request_once(make: Make, tmp_path: Path) -> None:
    pool = WorkerPool([make(), make()])
    await pool.start()
    await pool.wait_ready()
    marker = str(tmp_path / "marker")
    answer = await pool.request("kill_self_once", {"marker": marker}, timeout_s=LONG_S)
    assert answer.meta["pid"] in {status.pid for status in pool.statuses()}
    with pytest.raises(WorkerDiedError):
        await pool.request("leave", {"code": 9}, timeout_s=LONG_S, idempotent=False)
    with pytest.raises(WorkerDiedError):
        await pool.request("leave", {"code": 9}, timeout_s=LONG_S)


async def test_pool_passes_over_a_worker_that_is_down(make: Make) -> None:
    events = Events()
    broken, sound = make("--start", "exit", restart_budget=0, on_event=events), make()
    pool = WorkerPool([broken, sound])
    await pool.start()
    await events.wait_for("down")
    assert (await pool.request("echo", {"n": 1}, timeout_s=LONG_S)).meta["n"] == 1


def test_pool_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        WorkerPool([])
