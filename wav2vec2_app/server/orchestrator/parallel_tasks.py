"""What the parallel execution manager takes and returns: tasks, limits, outcomes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Generic, TypeVar

from wav2vec2_app.server.orchestrator.graph import K
from wav2vec2_app.server.orchestrator.slots import (
    NOTHING,
    Demand,
    ResourceLimits,
    refuse_below,
)

V = TypeVar("V")

Run = Callable[[Mapping[K, V]], Awaitable[V]]
"""Runs one task, given the values of its dependencies by their names."""


@dataclass(frozen=True)
class ParallelConfig:
    """Limits of one manager.

    Attributes:
        max_concurrent: tasks that run at the same time, over all calls.
        timeout_s: time limit of each task that has none of its own, from its start; ``None``: none.
        resource_limits: what the running tasks may use together.
        total_timeout_s: time limit of one call with all its tasks; ``None``: none.

    Raises:
        InputError: ``parallel.bad_limit``: a limit is negative or not a number.
    """

    max_concurrent: int = 4
    timeout_s: float | None = None
    resource_limits: ResourceLimits = field(default_factory=ResourceLimits)
    total_timeout_s: float | None = None

    def __post_init__(self) -> None:
        refuse_below(1, max_concurrent=self.max_concurrent)
        refuse_below(0, timeout_s=self.timeout_s, total_timeout_s=self.total_timeout_s)


@dataclass(frozen=True)
class ParallelTask(Generic[K, V]):
    """One task: its name, what runs it, its time limit (seconds), and what it uses while it runs.

    Raises:
        InputError: ``parallel.bad_limit``: the time limit is negative or not a number.
    """

    name: K
    run: Run[K, V]
    timeout_s: float | None = None
    demand: Demand = NOTHING

    def __post_init__(self) -> None:
        refuse_below(0, timeout_s=self.timeout_s)


class TaskState(str, Enum):
    """How a task ended; ``skipped``: it was not started, or was stopped because of another task."""

    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"
    TIMED_OUT = "timed_out"


@dataclass(frozen=True)
class TaskOutcome(Generic[V]):
    """How one task ended.

    Attributes:
        state: exactly one of the four.
        value: of a task that is done.
        error: why it is not done; of a skipped task the error of what it was skipped for.
        began_s: when it started, seconds after the call; ``None`` if it did not.
        ended_s: when it ended, seconds after the call.
    """

    state: TaskState
    value: V | None = None
    error: Exception | None = None
    began_s: float | None = None
    ended_s: float = 0.0


@dataclass(frozen=True)
class ParallelResult(Generic[K, V]):
    """How all tasks of one call ended.

    Attributes:
        outcomes: of every task, in the order in which they ended.
        duration_s: of the call, seconds.
        stopped_by: the error that stopped the rest: of an essential task, or the total time limit.
    """

    outcomes: Mapping[K, TaskOutcome[V]]
    duration_s: float
    stopped_by: Exception | None = None

    @property
    def values(self) -> dict[K, V]:
        """The values of the tasks that are done."""
        return {
            name: one.value  # type: ignore[misc] # a task that is done has a value, perhaps None
            for name, one in self.outcomes.items()
            if one.state is TaskState.DONE
        }

    @property
    def errors(self) -> dict[K, Exception]:
        """Why the other tasks are not done."""
        return {name: one.error for name, one in self.outcomes.items() if one.error is not None}

    def names(self, state: TaskState) -> list[K]:
        """The tasks that ended so, in this order."""
        return [name for name, one in self.outcomes.items() if one.state is state]
