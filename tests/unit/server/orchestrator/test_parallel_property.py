"""Random graphs of tasks that succeed, fail and hang: each task ends in one state, in order."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.virtual_time import run_in_virtual_time
from wav2vec2_app.errors import InputError, TimedOutError
from wav2vec2_app.server.orchestrator.parallel import ParallelExecutionManager
from wav2vec2_app.server.orchestrator.parallel_tasks import (
    ParallelConfig,
    ParallelResult,
    ParallelTask,
    TaskState,
)
from wav2vec2_app.server.orchestrator.slots import Demand, ResourceLimits

DONE, FAILED, SKIPPED, TIMED_OUT = TaskState
TIMEOUT_S = 10.0
FOREVER_S = 1e6
LIMITS = ResourceLimits(memory_bytes=1000, audio_s=100.0)


class BrokenError(Exception):
    """What a failing task raises."""


@dataclass(frozen=True)
class Plan:
    """What one random task does: it depends on earlier tasks, and succeeds, fails or hangs."""

    needs: tuple[int, ...]
    fate: str
    takes_s: float
    demand: Demand


@st.composite
def graphs(draw: st.DrawFn) -> list[Plan]:
    """Up to 200 tasks in a random order; 20 % fail and 10 % hang."""
    size = draw(st.integers(1, 200))
    random = Random(draw(st.integers(0, 2**32)))
    density = draw(st.sampled_from([0, 1, 3]))
    plans = [
        Plan(
            needs=tuple(random.sample(range(number), min(number, random.randint(0, density)))),
            fate=random.choices(["succeeds", "fails", "hangs"], [70, 20, 10])[0],
            takes_s=random.choice([0.0, 0.5, 3.0]),
            demand=Demand(random.choice([0, 10, 900]), random.choice([0.0, 60.0])),
        )
        for number in range(size)
    ]
    names = list(range(size))
    random.shuffle(names)  # so that dependencies go both ways in the order of the list
    renamed = {
        names[number]: replace(plan, needs=tuple(names[need] for need in plan.needs))
        for number, plan in enumerate(plans)
    }
    return [renamed[name] for name in range(size)]


class World:
    """Runs the plans and watches the limits."""

    def __init__(self, plans: list[Plan], max_concurrent: int) -> None:
        self.plans = plans
        self.max_concurrent = max_concurrent
        self.running: set[int] = set()
        self.began: list[int] = []

    async def run(self, name: int, inputs: Mapping[int, int]) -> int:
        plan = self.plans[name]
        assert set(inputs) == set(plan.needs)
        assert all(value == need for need, value in inputs.items())
        self.began.append(name)
        self.running.add(name)
        self._check()
        try:
            await asyncio.sleep(FOREVER_S if plan.fate == "hangs" else plan.takes_s)
        finally:
            self.running.remove(name)
        if plan.fate == "fails":
            raise BrokenError(name)
        return name

    def _check(self) -> None:
        demands = [self.plans[name].demand for name in self.running]
        assert len(self.running) <= self.max_concurrent
        assert sum(one.memory_bytes for one in demands) <= (LIMITS.memory_bytes or 0)
        assert sum(one.audio_s for one in demands) <= (LIMITS.audio_s or 0)

    def task(self, name: int) -> ParallelTask[int, int]:
        demand = self.plans[name].demand
        return ParallelTask(name, lambda inputs: self.run(name, inputs), demand=demand)

    async def execute(self) -> ParallelResult[int, int]:
        config = ParallelConfig(self.max_concurrent, TIMEOUT_S, LIMITS)
        return await ParallelExecutionManager(config).execute_parallel(
            [self.task(name) for name in range(len(self.plans))],
            {name: plan.needs for name, plan in enumerate(self.plans)},
        )


@settings(max_examples=60, deadline=None)
@given(graphs(), st.integers(1, 12))
def test_every_task_ends_in_exactly_one_state_in_the_order_of_dependencies(
    plans: list[Plan], max_concurrent: int
) -> None:
    world = World(plans, max_concurrent)

    result = run_in_virtual_time(world.execute())

    assert set(result.outcomes) == set(range(len(plans)))
    order = {name: at for at, name in enumerate(result.outcomes)}
    for name, outcome in result.outcomes.items():
        plan = plans[name]
        bad = [need for need in plan.needs if result.outcomes[need].state is not DONE]
        expected = {"succeeds": DONE, "fails": FAILED, "hangs": TIMED_OUT}[plan.fate]
        assert outcome.state is (SKIPPED if bad else expected)
        assert all(order[need] < order[name] for need in plan.needs)
        if bad:
            assert outcome.error in [result.errors[need] for need in bad]
            assert outcome.began_s is None
        else:
            assert outcome.began_s is not None
            latest_s = max((result.outcomes[need].ended_s for need in plan.needs), default=0.0)
            assert outcome.began_s >= latest_s
        if outcome.state is DONE:
            assert (outcome.value, outcome.error) == (name, None)
        if outcome.state is FAILED:
            assert isinstance(outcome.error, BrokenError)
        if outcome.state is TIMED_OUT:
            assert isinstance(outcome.error, TimedOutError)
    assert len(set(world.began)) == len(world.began)
    assert sorted(world.began) == sorted(set(range(len(plans))) - set(result.names(SKIPPED)))
    assert not world.running


@given(st.lists(st.integers(0, 30), min_size=2, max_size=20, unique=True))
def test_any_cycle_is_refused_with_its_names(names: list[int]) -> None:
    tasks = [ParallelTask(name, _never) for name in names]
    ring = {name: [names[at - 1]] for at, name in enumerate(names)}

    async def execute() -> str:
        try:
            await ParallelExecutionManager(ParallelConfig()).execute_parallel(tasks, ring)
        except InputError as error:
            return f"{error.code} {error.message}"
        return "accepted"

    answer = run_in_virtual_time(execute())

    assert answer.startswith("graph.cycle")
    assert all(f"“{name}”" in answer for name in names)


async def _never(_: Mapping[int, int]) -> int:
    raise AssertionError("a refused task never runs")
