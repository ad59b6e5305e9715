"""Running a graph of work: each node as soon as what it needs is done, so many at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from wav2vec2_app.errors import CancelledError
from wav2vec2_app.server.deadline import cancel_all, within
from wav2vec2_app.server.orchestrator.graph import K, TaskGraph

V = TypeVar("V")

Run = Callable[[K, Mapping[K, V]], Coroutine[Any, Any, V]]
"""Does one node, given the values of the nodes it needs."""


@dataclass(frozen=True)
class GraphOutcome(Generic[K, V]):
    """What came of a graph whose essential nodes all succeeded.

    Attributes:
        values: of the nodes that succeeded.
        failures: of the nodes that did not; one that was skipped has the error it was skipped for.
    """

    values: Mapping[K, V]
    failures: Mapping[K, Exception]


class ParallelExecutionManager:
    """Runs graphs; knows nothing of what their nodes do.

    A failed node fails the nodes that need it. If it is essential, the rest is cancelled and its
    error is raised; else the others go on. Cancelling :meth:`execute` cancels all its nodes.

    Args:
        concurrency: nodes in work at once, over all graphs this manager runs.
    """

    def __init__(self, *, concurrency: int) -> None:
        self._slots = asyncio.Semaphore(concurrency)

    async def execute(
        self,
        graph: TaskGraph[K],
        run: Run[K, V],
        *,
        limit_s: Callable[[K], float] | None = None,
    ) -> GraphOutcome[K, V]:
        """Run all nodes of ``graph``.

        Args:
            graph: what to run.
            run: does one node.
            limit_s: asked for a node's time limit, in seconds, at the moment it starts.

        Raises:
            Exception: of the first essential node that failed; TimedOutError if it took too long.
        """

        async def bounded(key: K, inputs: Mapping[K, V]) -> V:
            async with self._slots:
                if limit_s is None:
                    return await run(key, inputs)
                return await within(limit_s(key), run(key, inputs))

        execution = _Execution(graph, bounded)
        try:
            while execution.start_ready():
                await execution.settle_some()
        finally:
            await cancel_all(execution.running)
        return GraphOutcome(execution.values, execution.failures)


class _Execution(Generic[K, V]):
    """One graph while it runs."""

    def __init__(self, graph: TaskGraph[K], run: Run[K, V]) -> None:
        self._graph = graph
        self._run = run
        self._order = graph.order()
        self._order.prepare()
        self.running: dict[asyncio.Future[V], K] = {}
        self.values: dict[K, V] = {}
        self.failures: dict[K, Exception] = {}

    def start_ready(self) -> bool:
        """Start, or skip, every node whose needs are settled; False when all is done."""
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


def _error_of(work: asyncio.Future[Any]) -> Exception | None:
    if work.cancelled():
        return CancelledError("The work was stopped before it was finished.")
    error = work.exception()
    if error is not None and not isinstance(error, Exception):
        raise error
    return error
