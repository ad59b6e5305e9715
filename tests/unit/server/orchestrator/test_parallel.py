"""The execution manager runs any graph: in order, in parallel where possible, and stops cleanly."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from wav2vec2_app.errors import CancelledError
from wav2vec2_app.server.orchestrator.graph import Node, TaskGraph
from wav2vec2_app.server.orchestrator.parallel import ParallelExecutionManager

DIAMOND = [Node("a"), Node("b", ("a",)), Node("c", ("a",)), Node("d", ("b", "c"))]


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


async def test_every_node_gets_the_values_of_its_dependencies() -> None:
    outcome = await ParallelExecutionManager(concurrency=4).execute(TaskGraph(DIAMOND), Recorder())

    assert outcome.values["d"] == "d(b(a()),c(a()))"
    assert outcome.failures == {}


async def test_independent_nodes_run_at_the_same_time() -> None:
    run = Recorder()
    gate = run.block("b")
    work = asyncio.ensure_future(
        ParallelExecutionManager(concurrency=4).execute(TaskGraph(DIAMOND), run)
    )
    await run.until_began("b", "c")
    assert "d" not in run.began

    gate.set()
    await work
    assert run.ended[-1] == "d"


async def test_a_node_starts_while_an_unrelated_one_still_runs() -> None:
    run = Recorder()
    gate = run.block("slow")
    graph = TaskGraph([Node("slow"), Node("quick"), Node("after", ("quick",))])
    work = asyncio.ensure_future(ParallelExecutionManager(concurrency=4).execute(graph, run))

    await run.until_began("after")
    assert "slow" not in run.ended

    gate.set()
    await work


async def test_no_more_nodes_run_concurrently_than_allowed_over_all_graphs() -> None:
    run = Recorder()
    manager = ParallelExecutionManager(concurrency=3)
    graphs = [TaskGraph([Node(f"{g}-{n}") for n in range(5)]) for g in range(4)]

    outcomes = await asyncio.gather(*(manager.execute(graph, run) for graph in graphs))

    assert run.max_concurrent == 3
    assert all(len(outcome.values) == 5 for outcome in outcomes)


async def test_a_failed_essential_node_cancels_the_rest_and_its_error_is_raised() -> None:
    run = Recorder(c=RuntimeError("c broke"))
    run.block("b")

    with pytest.raises(RuntimeError, match="c broke"):
        await ParallelExecutionManager(concurrency=4).execute(TaskGraph(DIAMOND), run)

    assert run.cancelled == ["b"]
    assert "d" not in run.began


async def test_a_failed_extra_fails_its_dependents_and_nothing_else() -> None:
    error = RuntimeError("b broke")
    run = Recorder(b=error)
    graph = TaskGraph(
        [*DIAMOND, Node("e", ("d",)), Node("f", ("c",))],
        essential=["c"],
    )

    outcome = await ParallelExecutionManager(concurrency=4).execute(graph, run)

    assert outcome.failures == {"b": error, "d": error, "e": error}
    assert set(outcome.values) == {"a", "c", "f"}
    assert "d" not in run.began


async def test_cancelling_the_execution_cancels_every_node_and_waits_for_them() -> None:
    run = Recorder()
    run.block("b")
    run.block("c")
    work = asyncio.ensure_future(
        ParallelExecutionManager(concurrency=4).execute(TaskGraph(DIAMOND), run)
    )
    await run.until_began("b", "c")

    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert sorted(run.cancelled) == ["b", "c"]
    assert run.concurrent == 0


async def test_a_node_cancelled_by_itself_is_a_failure_and_does_not_hang() -> None:
    async def run(key: str, inputs: Mapping[str, str]) -> str:
        raise asyncio.CancelledError

    with pytest.raises(CancelledError):
        await ParallelExecutionManager(concurrency=1).execute(TaskGraph([Node("a")]), run)


async def test_a_graph_without_nodes_is_done_immediately() -> None:
    empty: TaskGraph[str] = TaskGraph([])

    outcome = await ParallelExecutionManager(concurrency=1).execute(empty, Recorder())

    assert outcome.values == {}
