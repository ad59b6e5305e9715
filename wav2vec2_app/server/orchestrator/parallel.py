"""Parallel execution: each task runs when its dependencies are done, within the limits."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import Generic

from wav2vec2_app.errors import CancelledError, InputError, TimedOutError
from wav2vec2_app.server.deadline import CANCEL_GRACE_S, cancel_all
from wav2vec2_app.server.orchestrator.graph import K, Node, TaskGraph
from wav2vec2_app.server.orchestrator.parallel_tasks import (
    ParallelConfig,
    ParallelResult,
    ParallelTask,
    TaskOutcome,
    TaskState,
    V,
)
from wav2vec2_app.server.orchestrator.slots import ResourceLimits, SlotPool, SlotRequest

OnDone = Callable[[K, V], object]
"""Called with the name and the value of each task that is done, before what depends on it starts."""


class ParallelExecutionManager:
    """Runs tasks with dependencies, whatever they do; its limits hold over all calls together.

    A task that depends on one that is not done is skipped, with its error. Cancelling
    :meth:`execute_parallel` cancels its tasks. Times are those of the event loop.
    """

    def __init__(self, config: ParallelConfig) -> None:
        self._config = config
        self._slots = SlotPool(config.max_concurrent, config.resource_limits)

    async def execute_parallel(
        self,
        tasks: Sequence[ParallelTask[K, V]],
        dependencies: Mapping[K, Collection[K]],
        *,
        essential: Collection[K] = (),
        on_done: OnDone[K, V] = lambda _name, _value: None,
    ) -> ParallelResult[K, V]:
        """Run ``tasks`` and return how each of them ended.

        Args:
            tasks: in the order in which they start where dependencies leave it open.
            dependencies: the names that a task waits for, and whose values it gets, by its name.
            essential: if one of these is not done, the other tasks are stopped and skipped. What an
                essential task depends on is essential too.
            on_done: see :data:`OnDone`.

        Raises:
            InputError: names are unknown or given twice, dependencies form a cycle, or a task alone is
                larger than the limits (``parallel.too_large``).
        """
        graph = _graph(tasks, dependencies, essential)
        _refuse_too_large(tasks, self._config.resource_limits)
        execution = _Execution(tasks, graph, self._slots, self._config, on_done)
        try:
            return await execution.run()
        finally:
            await execution.close()


class _Execution(Generic[K, V]):
    """One call."""

    def __init__(
        self,
        tasks: Sequence[ParallelTask[K, V]],
        graph: TaskGraph[K],
        slots: SlotPool,
        config: ParallelConfig,
        on_done: OnDone[K, V],
    ) -> None:
        self._tasks = {task.name: task for task in tasks}
        self._graph = graph
        self._slots = slots
        self._config = config
        self._on_done = on_done
        self._loop = asyncio.get_running_loop()
        self._submitted_s = self._loop.time()
        self._order = graph.order()
        self._order.prepare()
        self._requests: dict[K, SlotRequest] = {}
        self._granted: deque[K] = deque()
        self._running: dict[K, asyncio.Task[V]] = {}
        self._began_s: dict[K, float] = {}
        self._timers: dict[K, asyncio.TimerHandle] = {}
        self._ended: deque[K] = deque()
        self._timed_out: dict[K, TimedOutError] = {}
        self._outcomes: dict[K, TaskOutcome[V]] = {}
        self._stopped_by: Exception | None = None
        self._awake = asyncio.Event()
        self._total: asyncio.TimerHandle | None = None

    async def run(self) -> ParallelResult[K, V]:
        """Run until every task has ended."""
        if (limit_s := self._config.total_timeout_s) is not None:
            self._total = self._loop.call_later(limit_s, self._expire, limit_s)
        self._request_ready()
        while len(self._outcomes) < len(self._tasks):
            while self._granted:
                self._start(self._granted.popleft())
            await self._awake.wait()
            self._awake.clear()
            while self._ended:
                self._settle(self._ended.popleft())
            self._request_ready()
        return ParallelResult(self._outcomes, self._elapsed_s(), self._stopped_by)

    async def close(self) -> None:
        """Cancel what still runs, and give back all slots."""
        for timer in (*self._timers.values(), *([self._total] if self._total else ())):
            timer.cancel()
        if self._running:
            await cancel_all(self._running.values())
        for request in self._requests.values():
            self._slots.release(request)

    # --- start ---

    def _request_ready(self) -> None:
        """Request slots for the tasks whose dependencies are done; skip those that will never be."""
        while self._stopped_by is None and (ready := self._order.get_ready()):
            for name in ready:
                self._request(name)

    def _request(self, name: K) -> None:
        if self._stopped_by is not None:
            return
        cause = self._cause(name)
        if cause is not None:
            self._end(name, TaskState.SKIPPED, error=cause)
        else:
            granted = partial(self._grant, name)
            self._requests[name] = self._slots.request(self._tasks[name].demand, granted)

    def _cause(self, name: K) -> Exception | None:
        """The error of a dependency that is not done."""
        needs = (self._outcomes[need].error for need in self._graph.needs(name))
        return next((error for error in needs if error is not None), None)

    def _grant(self, name: K) -> None:
        self._granted.append(name)
        self._awake.set()

    def _start(self, name: K) -> None:
        if name in self._outcomes:
            return  # it was stopped meanwhile
        task = self._tasks[name]
        inputs = {need: self._outcomes[need].value for need in self._graph.needs(name)}
        work = self._loop.create_task(_run(task, inputs))
        self._running[name] = work
        self._began_s[name] = self._elapsed_s()
        work.add_done_callback(partial(self._notice_end, name))
        limit_s = self._config.timeout_s if task.timeout_s is None else task.timeout_s
        if limit_s is not None:
            self._timers[name] = self._loop.call_later(limit_s, self._time_out, name, limit_s)

    # --- end ---

    def _notice_end(self, name: K, work: asyncio.Task[V] | None = None) -> None:
        if work is not None and not work.cancelled():
            work.exception()  # retrieved, so that asyncio does not log it as unretrieved
        self._ended.append(name)
        self._awake.set()

    def _settle(self, name: K) -> None:
        """A running task has ended, or is abandoned because it ignores its cancellation."""
        work = self._running.pop(name, None)
        if work is None:
            return
        if timer := self._timers.pop(name, None):
            timer.cancel()
        if name in self._timed_out:
            self._end(name, TaskState.TIMED_OUT, error=self._timed_out[name])
        elif self._stopped_by is not None and (not work.done() or work.cancelled()):
            self._end(name, TaskState.SKIPPED, error=self._stopped_by)
        elif (error := _error_of(work)) is not None:
            late = isinstance(error, TimedOutError)
            self._end(name, TaskState.TIMED_OUT if late else TaskState.FAILED, error=error)
        else:
            self._end(name, TaskState.DONE, work.result())

    def _end(
        self, name: K, state: TaskState, value: V | None = None, error: Exception | None = None
    ) -> None:
        began_s, ended_s = self._began_s.get(name), self._elapsed_s()
        self._outcomes[name] = TaskOutcome(state, value, error, began_s, ended_s)
        if request := self._requests.pop(name, None):
            self._slots.release(request)
        if state is TaskState.DONE:
            self._on_done(name, value)  # type: ignore[arg-type] # the value of a task that is done
        elif error is not None and self._graph.is_essential(name):
            self._stop(error)
        if self._stopped_by is None:
            self._order.done(name)

    def _time_out(self, name: K, limit_s: float) -> None:
        self._timed_out[name] = TimedOutError(
            f"A task took longer than its limit of {limit_s:g} s.",
            hint="Try again, or allow more time.",
            metadata={"limit_s": limit_s, "task": str(name)},
        )
        self._cancel(name)

    def _expire(self, limit_s: float) -> None:
        """The time of the call is over: what runs is timed out, the rest is skipped."""
        error = TimedOutError(
            f"The tasks took longer than their limit of {limit_s:g} s.",
            hint="Try again with fewer tasks, or allow more time.",
            metadata={"limit_s": limit_s},
        )
        self._timed_out = {**dict.fromkeys(self._running, error), **self._timed_out}
        self._stop(error)
        self._awake.set()

    def _stop(self, error: Exception) -> None:
        """Cancel what runs and skip what does not."""
        if self._stopped_by is not None:
            return
        self._stopped_by = error
        for name in self._running:
            self._cancel(name)
        for name in self._tasks:
            if name not in self._running and name not in self._outcomes:
                self._end(name, TaskState.SKIPPED, error=error)

    def _cancel(self, name: K) -> None:
        """Cancel a running task; one that does not end is abandoned after a time."""
        self._running[name].cancel()
        if timer := self._timers.get(name):
            timer.cancel()
        self._timers[name] = self._loop.call_later(CANCEL_GRACE_S, self._notice_end, name)

    def _elapsed_s(self) -> float:
        return self._loop.time() - self._submitted_s


async def _run(task: ParallelTask[K, V], inputs: Mapping[K, V]) -> V:
    return await task.run(inputs)


def _graph(
    tasks: Iterable[ParallelTask[K, V]],
    dependencies: Mapping[K, Collection[K]],
    essential: Collection[K],
) -> TaskGraph[K]:
    nodes = [Node(task.name, tuple(dependencies.get(task.name, ()))) for task in tasks]
    graph = TaskGraph(nodes, essential=essential)
    graph.refuse_unknown(dependencies)
    return graph


def _refuse_too_large(tasks: Iterable[ParallelTask[K, V]], limits: ResourceLimits) -> None:
    """Refuse tasks that could never start."""
    large = [task for task in tasks if not task.demand.within(limits)]
    if large:
        first = large[0]
        raise InputError(
            f"The task “{first.name}” alone needs more than all running tasks may use together.",
            code="parallel.too_large",
            hint="Use a shorter recording.",
            metadata={
                "names": [str(task.name) for task in large[:20]],
                "audio_s": first.demand.audio_s,
                "memory_bytes": first.demand.memory_bytes,
                "limit_audio_s": limits.audio_s,
                "limit_memory_bytes": limits.memory_bytes,
            },
        )


def _error_of(work: asyncio.Task[V]) -> Exception | None:
    if work.cancelled():
        return CancelledError("The work was cancelled before it was finished.")
    error = work.exception()
    if error is not None and not isinstance(error, Exception):
        raise error
    return error
