"""Execution of graphs: each node runs when its dependencies are done, with bounded concurrency."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from wav2vec2_app.errors import CancelledError
from wav2vec2_app.server.deadline import cancel_all
from wav2vec2_app.server.orchestrator.graph import K, TaskGraph

V = TypeVar("V")

Run = Callable[[K, Mapping[K, V]], Awaitable[V]]
"""Runs one node, given the values of its dependencies."""


@dataclass(frozen=True)
class GraphOutcome(Generic[K, V]):
    """The outcome of a graph whose essential nodes all succeeded.

    Attributes:
        values: of the nodes that succeeded.
        failures: of the nodes that did not; a skipped node has the error of the failed dependency.
    """

    values: Mapping[K, V]
    failures: Mapping[K, Exception]


class ParallelExecutionManager:
    """Runs graphs, whatever their nodes do.

    A failed node fails the nodes that depend on it. If it is essential, the other nodes are cancelled
    and its error is raised; else the others go on. Cancelling :meth:`execute` cancels all its nodes.

    Args:
        concurrency: nodes that run at the same time, over all graphs of this manager.
    """

    def __init__(self, *, concurrency: int) -> None:
        self._slots = asyncio.Semaphore(concurrency)

    async def execute(self, graph: TaskGraph[K], run: Run[K, V]) -> GraphOutcome[K, V]:
        """Run all nodes of ``graph``.

        Raises:
            Exception: of the first essential node that failed.
        """

        async def run_in_slot(key: K, inputs: Mapping[K, V]) -> V:
            async with self._slots:
                return await run(key, inputs)

        execution = _Execution(graph, run_in_slot)
        try:
            while execution.start_ready():
                await execution.settle_some()
        finally:
            await cancel_all(execution.running)
        return GraphOutcome(execution.values, execution.failures)


class _Execution(Generic[K, V]):
    """One running graph."""

    def __init__(self, graph: TaskGraph[K], run: Run[K, V]) -> None:
        self._graph = graph
        self._run = run
        self._order = graph.order()
        self._order.prepare()
        self.running: dict[asyncio.Future[V], K] = {}
        self.values: dict[K, V] = {}
        self.failures: dict[K, Exception] = {}

    def start_ready(self) -> bool:
        """Start, or skip, every node whose dependencies are settled; False when all are done."""
        while ready := self._order.get_ready():
            for key in ready:
                needs = self._graph.needs(key)
                cause = next((self.failures[n] for n in needs if n in self.failures), None)
                if cause is not None:
                    self._fail(key, cause)
                else:
                    inputs = {need: self.values[need] for need in needs}
                    self.running[asyncio.ensure_future(self._run(key, inputs))] = key
        return bool(self.running)

    async def settle_some(self) -> None:
        """Wait until at least one node is done; raise the error of an essential one."""
        done, _ = await asyncio.wait(self.running, return_when=asyncio.FIRST_COMPLETED)
        for work in [work for work in self.running if work in done]:
            self._settle(self.running[work], work)
            del self.running[work]

    def _settle(self, key: K, work: asyncio.Future[V]) -> None:
        error = _error_of(work)
        if error is not None:
            self._fail(key, error)
        else:
            self.values[key] = work.result()
            self._order.done(key)

    def _fail(self, key: K, error: Exception) -> None:
        if self._graph.is_essential(key):
            raise error
        self.failures[key] = error
        self._order.done(key)


def _error_of(work: asyncio.Future[V]) -> Exception | None:
    if work.cancelled():
        return CancelledError("The work was cancelled before it was finished.")
    error = work.exception()
    if error is not None and not isinstance(error, Exception):
        raise error
    return error
