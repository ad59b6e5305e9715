"""The execution manager runs tasks in order, in parallel where possible, and stops cleanly."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Collection, Mapping, Sequence

import pytest

from tests.virtual_time import run_in_virtual_time
from wav2vec2_app.errors import CancelledError, InputError, TimedOutError
from wav2vec2_app.server.orchestrator.parallel import ParallelExecutionManager
from wav2vec2_app.server.orchestrator.parallel_tasks import (
    ParallelConfig,
    ParallelResult,
    ParallelTask,
    TaskState,
)
from wav2vec2_app.server.orchestrator.slots import Demand, ResourceLimits

DONE, FAILED, SKIPPED, TIMED_OUT = TaskState
DIAMOND = {"a": (), "b": ("a",), "c": ("a",), "d": ("b", "c")}


class Recorder:
    """Runs nodes: records what began and ended, waits at gates, fails where it is set up to."""

    def __init__(self, **failures: Exception) -> None:
        self.failures = failures
        self.began: list[str] = []
        self.ended: list[str] = []
        self.cancelled: list[str] = []
        self.gates: dict[str, asyncio.Event] = {}
        self.concurrent = 0
        self.max_concurrent = 0
        self._changed = asyncio.Event()

    async def __call__(self, key: str, inputs: Mapping[str, str]) -> str:
        self.began.append(key)
        self.concurrent += 1
        self.max_concurrent = max(self.max_concurrent, self.concurrent)
        self._changed.set()
        try:
            await asyncio.sleep(0)
            if key in self.gates:
                await self.gates[key].wait()
        except asyncio.CancelledError:
            self.cancelled.append(key)
            raise
        finally:
            self.concurrent -= 1
        if key in self.failures:
            raise self.failures[key]
        self.ended.append(key)
        return f"{key}({','.join(inputs.values())})"

    def block(self, key: str) -> asyncio.Event:
        return self.gates.setdefault(key, asyncio.Event())

    async def until_began(self, *keys: str) -> None:
        while not set(keys) <= set(self.began):
            self._changed.clear()
            await self._changed.wait()


def manager(max_concurrent: int = 4, **limits: float) -> ParallelExecutionManager:
    return ParallelExecutionManager(ParallelConfig(max_concurrent, **limits))


async def execute(
    graph: Mapping[str, Sequence[str]],
    run: Recorder,
    *,
    by: ParallelExecutionManager | None = None,
    essential: Collection[str] = (),
) -> ParallelResult[str, str]:
    def task(name: str) -> ParallelTask[str, str]:
        return ParallelTask(name, lambda inputs: run(name, inputs))

    tasks = [task(name) for name in graph]
    return await (by or manager()).execute_parallel(tasks, graph, essential=essential)


# --- order --------------------------------------------------------------------------------------


async def test_every_task_gets_the_values_of_its_dependencies() -> None:
    result = await execute(DIAMOND, Recorder())

    assert result.values["d"] == "d(b(a()),c(a()))"
    assert result.errors == {}
    assert result.names(DONE) == ["a", "b", "c", "d"]


async def test_independent_tasks_run_at_the_same_time() -> None:
    run = Recorder()
    gate = run.block("b")
    work = asyncio.ensure_future(execute(DIAMOND, run))
    await run.until_began("b", "c")
    assert "d" not in run.began

    gate.set()
    await work
    assert run.ended[-1] == "d"


async def test_a_task_starts_while_an_unrelated_one_still_runs() -> None:
    run = Recorder()
    gate = run.block("slow")
    work = asyncio.ensure_future(execute({"slow": (), "quick": (), "after": ("quick",)}, run))

    await run.until_began("after")
    assert "slow" not in run.ended

    gate.set()
    await work


async def test_no_more_tasks_run_concurrently_than_allowed_over_all_calls() -> None:
    run = Recorder()
    by = manager(3)
    graphs = [{f"{g}-{n}": () for n in range(5)} for g in range(4)]

    results = await asyncio.gather(*(execute(graph, run, by=by) for graph in graphs))

    assert run.max_concurrent == 3
    assert all(len(result.values) == 5 for result in results)


async def test_each_done_task_is_reported_before_its_dependents_start() -> None:
    reported: list[str] = []

    async def run(inputs: Mapping[str, str]) -> str:
        return " ".join((*reported, *inputs.values()))

    tasks = [ParallelTask("a", run), ParallelTask("b", run)]
    result = await manager().execute_parallel(
        tasks, {"b": ["a"]}, on_done=lambda name, value: reported.append(f"{name} is done;")
    )

    assert result.values["b"].startswith("a is done;")


async def test_no_tasks_are_done_immediately() -> None:
    assert (await execute({}, Recorder())).outcomes == {}


# --- failures -----------------------------------------------------------------------------------


async def test_a_failed_essential_task_stops_the_rest() -> None:
    broke = RuntimeError("c broke")
    run = Recorder(c=broke)
    run.block("b")

    result = await execute(DIAMOND, run, essential=["c"])

    assert result.stopped_by is broke
    assert {name: one.state for name, one in result.outcomes.items()} == {
        "a": DONE,
        "b": SKIPPED,
        "c": FAILED,
        "d": SKIPPED,
    }
    assert result.errors == {"b": broke, "c": broke, "d": broke}
    assert run.cancelled == ["b"]
    assert "d" not in run.began


async def test_a_failed_task_skips_its_dependents_and_nothing_else() -> None:
    error = RuntimeError("b broke")
    run = Recorder(b=error)

    result = await execute({**DIAMOND, "e": ("d",), "f": ("c",)}, run, essential=["c"])

    assert result.errors == {"b": error, "d": error, "e": error}
    assert result.names(SKIPPED) == ["d", "e"]
    assert set(result.values) == {"a", "c", "f"}
    assert "d" not in run.began
    assert result.stopped_by is None


async def test_a_long_chain_after_a_failure_is_skipped() -> None:
    chain = {str(n): (str(n - 1),) if n else () for n in range(3000)}

    result = await execute(chain, Recorder(**{"0": RuntimeError("first")}))

    assert len(result.names(SKIPPED)) == 2999


async def test_cancelling_the_execution_cancels_every_task_and_waits_for_them() -> None:
    run = Recorder()
    run.block("b")
    run.block("c")
    by = manager(2)
    work = asyncio.ensure_future(execute(DIAMOND, run, by=by))
    await run.until_began("b", "c")

    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert sorted(run.cancelled) == ["b", "c"]
    assert run.concurrent == 0
    assert (await execute(DIAMOND, Recorder(), by=by)).names(DONE)  # the slots are free again


async def test_a_task_cancelled_by_itself_is_a_failure_and_does_not_hang() -> None:
    async def run(inputs: Mapping[str, str]) -> str:
        raise asyncio.CancelledError

    result = await manager().execute_parallel([ParallelTask("a", run)], {})

    assert result.names(FAILED) == ["a"]
    assert isinstance(result.errors["a"], CancelledError)


async def test_a_task_that_cannot_be_called_fails() -> None:
    def run(inputs: Mapping[str, str]) -> asyncio.Future[str]:
        raise RuntimeError("not even a coroutine")

    result = await manager().execute_parallel([ParallelTask("a", run)], {})

    assert result.names(FAILED) == ["a"]


# --- time limits --------------------------------------------------------------------------------


async def sleep_for(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return f"slept {seconds:g} s"


def sleeper(name: str, seconds: float, timeout_s: float | None = None) -> ParallelTask[str, str]:
    return ParallelTask(name, lambda _: sleep_for(seconds), timeout_s)


def test_a_task_is_timed_out_and_its_dependents_are_skipped() -> None:
    tasks = [sleeper("slow", 100), sleeper("own", 100, timeout_s=200), sleeper("after", 1)]
    work = manager(timeout_s=10).execute_parallel(tasks, {"after": ["slow"]})

    result = run_in_virtual_time(work)

    assert {name: one.state for name, one in result.outcomes.items()} == {
        "slow": TIMED_OUT,
        "after": SKIPPED,
        "own": DONE,
    }
    assert result.outcomes["slow"].ended_s == pytest.approx(10)
    assert isinstance(result.errors["after"], TimedOutError)
    assert result.duration_s == pytest.approx(100)


def test_the_total_time_limit_times_out_what_runs_and_skips_the_rest() -> None:
    tasks = [sleeper(name, seconds) for name, seconds in (("a", 3), ("b", 30), ("c", 3), ("d", 3))]
    work = manager(2, total_timeout_s=5).execute_parallel(tasks, {"d": ["b"]})

    result = run_in_virtual_time(work)

    assert {name: one.state for name, one in result.outcomes.items()} == {
        "a": DONE,
        "b": TIMED_OUT,
        "c": TIMED_OUT,
        "d": SKIPPED,
    }
    assert isinstance(result.stopped_by, TimedOutError)
    assert result.duration_s == pytest.approx(5)


def test_a_task_that_ignores_its_cancellation_is_abandoned() -> None:
    async def stubborn(_: Mapping[str, str]) -> str:
        for _ in range(4):
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(6)
        return "at last"

    async def both() -> ParallelResult[str, str]:
        tasks = [ParallelTask("stubborn", stubborn, 1), sleeper("next", 1)]
        result = await manager(1).execute_parallel(tasks, {})
        await asyncio.sleep(100)  # until the stubborn one has ended too
        return result

    result = run_in_virtual_time(both())

    assert result.names(TIMED_OUT) == ["stubborn"]
    assert result.names(DONE) == ["next"]


# --- limits -------------------------------------------------------------------------------------


@pytest.mark.parametrize("limits", [ResourceLimits(memory_bytes=100), ResourceLimits(audio_s=100)])
def test_what_would_break_a_limit_waits(limits: ResourceLimits) -> None:
    by = ParallelExecutionManager(ParallelConfig(10, resource_limits=limits))
    uses = {"a": 60, "b": 60, "c": 30, "d": 0}
    tasks = [
        ParallelTask(name, lambda _: sleep_for(10), demand=Demand(use, use))
        for name, use in uses.items()
    ]

    result = run_in_virtual_time(by.execute_parallel(tasks, {}))

    began_s = {name: one.began_s for name, one in result.outcomes.items()}
    assert began_s == {
        "a": 0,
        "b": pytest.approx(10),
        "c": pytest.approx(10),  # it would fit, but does not overtake
        "d": 0,  # needs nothing
    }
    assert result.names(DONE) == ["a", "d", "b", "c"]


async def test_a_task_that_could_never_start_is_refused() -> None:
    limits = ResourceLimits(audio_s=10)
    by = ParallelExecutionManager(ParallelConfig(resource_limits=limits))
    ran: list[str] = []

    async def run(_: Mapping[str, str]) -> str:
        ran.append("ran")
        return ""

    tasks = [ParallelTask("small", run), ParallelTask("large", run, demand=Demand(audio_s=11))]
    with pytest.raises(InputError) as refused:
        await by.execute_parallel(tasks, {})

    assert refused.value.code == "parallel.too_large"
    assert "large" in refused.value.message
    assert ran == []


@pytest.mark.parametrize(
    ("dependencies", "code"),
    [
        ({"a": ["b"], "b": ["a"]}, "graph.cycle"),
        ({"a": ["x"]}, "graph.unknown"),
        ({"x": ["a"]}, "graph.unknown"),
    ],
)
async def test_inconsistent_dependencies_are_refused_before_anything_runs(
    dependencies: Mapping[str, Sequence[str]], code: str
) -> None:
    tasks = [sleeper("a", 0), sleeper("b", 0)]

    with pytest.raises(InputError) as refused:
        await manager().execute_parallel(tasks, dependencies)

    assert refused.value.code == code


@pytest.mark.parametrize("bad", [-1, -0.001, float("nan"), float("-inf")])
@pytest.mark.parametrize(
    "make",
    [
        lambda bad: ResourceLimits(audio_s=bad),
        lambda bad: ResourceLimits(memory_bytes=bad),
        lambda bad: Demand(audio_s=bad),
        lambda bad: Demand(memory_bytes=bad),
        lambda bad: sleeper("a", 1, timeout_s=bad),
        lambda bad: ParallelConfig(timeout_s=bad),
        lambda bad: ParallelConfig(total_timeout_s=bad),
    ],
)
def test_negative_limits_are_typed_errors(make: Callable[[float], object], bad: float) -> None:
    with pytest.raises(InputError) as refused:
        make(bad)

    assert refused.value.code == "parallel.bad_limit"


@pytest.mark.parametrize("bad", [0, -1])
def test_no_concurrency_is_a_typed_error(bad: int) -> None:
    with pytest.raises(InputError):
        ParallelConfig(max_concurrent=bad)


async def test_ten_thousand_tasks_at_once_work() -> None:
    graph = {str(n): (str(n - 100),) if n >= 100 else () for n in range(10_000)}

    result = await execute(graph, Recorder(), by=manager(16))

    assert len(result.values) == 10_000
