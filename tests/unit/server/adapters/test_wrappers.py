"""Wrappers have the interface of an adapter, and each adds one thing."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence

import pytest
import stamina

from tests.doubles import FakeAdapter, FakeClock, make_probe, make_task
from tests.virtual_time import run_in_virtual_time
from wav2vec2_app.errors import (
    BusyError,
    CircuitOpenError,
    InputError,
    InternalError,
    ModelError,
    ResourceError,
    TimedOutError,
    Wav2Vec2Error,
    WorkerDiedError,
)
from wav2vec2_app.server.adapters.base import ModelAdapter
from wav2vec2_app.server.adapters.retry import RetryBudget, RetryPolicy
from wav2vec2_app.server.adapters.wrappers import (
    CheckedAdapter,
    FallbackAdapter,
    GuardedAdapter,
    LimitedAdapter,
    RetryingAdapter,
    WrapperAdapter,
)
from wav2vec2_app.server.deadline import Deadline
from wav2vec2_app.server.operations import Operation, Step
from wav2vec2_app.server.results import Attempt, Progress, TaskResult
from wav2vec2_app.server.tasks import ModelTask

PROBE = Operation.PROBE
LACKING = ResourceError("no room at the moment")


def probe(deadline: Deadline | None = None) -> ModelTask:
    return ModelTask(Step(PROBE), make_task(), deadline=deadline)


def budget(retries: int = 100, clock: FakeClock | None = None) -> RetryBudget:
    return RetryBudget(retries, 60.0, clock or FakeClock())


def retrying(inner: ModelAdapter, clock: FakeClock | None = None, **policy: float) -> ModelAdapter:
    clock = clock or FakeClock()
    return RetryingAdapter(inner, RetryPolicy(**policy), budget(clock=clock), clock=clock)


@pytest.fixture
def adapter() -> FakeAdapter:
    return FakeAdapter()


@pytest.mark.parametrize("kind", ["wrapper", "checked", "limited", "retrying", "fallback"])
async def test_every_wrapper_has_the_interface_of_an_adapter(
    adapter: FakeAdapter, kind: str
) -> None:
    wrapped = {
        "wrapper": lambda: WrapperAdapter(adapter),
        "checked": lambda: CheckedAdapter(adapter),
        "limited": lambda: LimitedAdapter(adapter, 1),
        "retrying": lambda: retrying(adapter),
        "fallback": lambda: FallbackAdapter([adapter], lambda _: [adapter]),
    }[kind]()

    assert isinstance(wrapped, ModelAdapter)
    await wrapped.initialize()
    result = await wrapped.handle_task(probe())
    await wrapped.dispose()
    assert result.value == make_probe()
    assert (adapter.initialized, adapter.disposed) == (1, 1)
    assert wrapped.name == adapter.name
    assert wrapped.get_capabilities() == adapter.get_capabilities()
    assert wrapped.get_status() == adapter.get_status()
    assert wrapped.answering_model("auto") == "fake/wav2vec2"
    assert wrapped.time_limit_s(probe()) == 60.0


# --- checked ------------------------------------------------------------------------------------


async def test_the_result_says_which_adapter_answered(adapter: FakeAdapter) -> None:
    assert (await CheckedAdapter(adapter).handle_task(probe())).adapter == "fake"


async def test_attempts_and_their_failures_are_reported(adapter: FakeAdapter) -> None:
    reports: list[Progress] = []
    adapter.fail(PROBE, LACKING)

    with pytest.raises(ResourceError):
        await CheckedAdapter(adapter).handle_task(probe(), reports.append)

    assert [one.attempt for one in reports] == [Attempt("fake"), Attempt("fake", LACKING)]


async def test_work_past_its_deadline_is_stopped(adapter: FakeAdapter) -> None:
    adapter.block(PROBE)

    with pytest.raises(TimedOutError):
        await CheckedAdapter(adapter, clock=FakeClock()).handle_task(probe(Deadline(0.0)))

    assert len(adapter.cancelled) == 1


# --- retries ------------------------------------------------------------------------------------


@pytest.mark.parametrize("failures", range(4))
async def test_it_is_tried_as_often_as_allowed(adapter: FakeAdapter, failures: int) -> None:
    adapter.fail(PROBE, LACKING, times=failures)
    wrapped = retrying(adapter, attempts=3)

    if failures < 3:
        await wrapped.handle_task(probe())
    else:
        with pytest.raises(ResourceError):
            await wrapped.handle_task(probe())

    assert adapter.count(PROBE) == min(failures + 1, 3)


@pytest.mark.parametrize(
    "error",
    [
        InputError("bad"),
        ModelError("unknown"),
        BusyError("full"),
        TimedOutError("slow"),
        CircuitOpenError("paused"),
        WorkerDiedError("gone"),
        ResourceError("later", metadata={"retry_after_s": 3}),
    ],
)
async def test_what_will_not_pass_is_not_tried_again(
    adapter: FakeAdapter, error: Wav2Vec2Error
) -> None:
    adapter.fail(PROBE, LACKING)
    adapter.fail(PROBE, error)

    with pytest.raises(type(error)):
        await retrying(adapter).handle_task(probe())

    assert adapter.count(PROBE) == 2


async def test_the_budget_holds_over_all_tasks_and_is_restored_with_time(
    adapter: FakeAdapter,
) -> None:
    clock = FakeClock()
    shared = budget(2, clock)
    wrapped = RetryingAdapter(adapter, RetryPolicy(attempts=2), shared, clock=clock)

    async def tries() -> int:
        before = adapter.count(PROBE)
        adapter.fail(PROBE, LACKING)
        await asyncio.gather(wrapped.handle_task(probe()), return_exceptions=True)
        return adapter.count(PROBE) - before

    assert [await tries() for _ in range(4)] == [2, 2, 1, 1]
    assert shared.left == 0
    clock.advance(60)
    assert await tries() == 2


async def test_all_attempts_share_one_deadline(adapter: FakeAdapter) -> None:
    clock = FakeClock()
    adapter = FakeAdapter(clock=clock, takes_s={PROBE: 25.0}, time_limit_s=60.0)
    adapter.fail(PROBE, LACKING, times=9)

    with pytest.raises(ResourceError):
        await retrying(adapter, clock, attempts=9).handle_task(probe())

    assert {call.deadline for call in adapter.calls} == {Deadline(1060.0)}
    assert adapter.count(PROBE) == 3, "no attempt begins after 75 of 60 seconds"


def test_the_back_off_doubles_up_to_its_limit_with_a_random_addition(adapter: FakeAdapter) -> None:
    began_s: list[float] = []

    class Broken(FakeAdapter):
        async def handle_task(self, task: ModelTask, report: object = None) -> TaskResult:
            began_s.append(asyncio.get_running_loop().time())
            raise LACKING

    wrapped = retrying(Broken(), attempts=6, backoff_s=1.0, max_backoff_s=4.0, jitter_s=0.5)

    async def fails() -> None:
        with pytest.raises(ResourceError):
            await wrapped.handle_task(probe())

    with stamina.set_testing(False):
        run_in_virtual_time(fails())

    waits_s = [after - before for before, after in itertools.pairwise(began_s)]
    assert len(waits_s) == 5
    for wait_s, least_s in zip(waits_s, [1, 2, 4, 4, 4], strict=True):
        assert least_s - 1e-6 <= wait_s <= min(least_s + 0.5, 4) + 1e-6
    assert len(set(waits_s)) > 2, "they differ at random"


# --- guards and limits --------------------------------------------------------------------------


async def test_the_guard_of_the_operation_is_around_each_call(adapter: FakeAdapter) -> None:
    class Paused:
        def __init__(self, operation: Operation) -> None:
            self.operation = operation

        def __enter__(self) -> None:
            raise CircuitOpenError(self.operation.value)

        def __exit__(self, *_: object) -> None: ...

    with pytest.raises(CircuitOpenError, match="probe"):
        await GuardedAdapter(adapter, Paused).handle_task(probe())

    assert adapter.calls == []


@pytest.mark.parametrize("limit", [1, 2, 5])
async def test_no_more_tasks_run_at_the_same_time_than_the_limit(
    adapter: FakeAdapter, limit: int
) -> None:
    gate = adapter.block(PROBE)
    wrapped = LimitedAdapter(adapter, limit)
    works = [asyncio.ensure_future(wrapped.handle_task(probe())) for _ in range(8)]
    await adapter.reached(PROBE, limit)
    await asyncio.sleep(0)
    assert adapter.count(PROBE) == limit

    gate.set()
    await asyncio.gather(*works)
    assert adapter.count(PROBE) == 8


# --- fallback -----------------------------------------------------------------------------------


def three() -> Sequence[FakeAdapter]:
    return [FakeAdapter(name) for name in ("a", "b", "c")]


@pytest.mark.parametrize("failing", range(3))
async def test_the_first_adapter_that_succeeds_answers(failing: int) -> None:
    adapters = three()
    for one in adapters[:failing]:
        one.fail(PROBE, LACKING)
    wrapped = FallbackAdapter(adapters, lambda _: [CheckedAdapter(one) for one in adapters])

    result = await wrapped.handle_task(probe())

    assert result.adapter == "abc"[failing]
    assert [one.count(PROBE) for one in adapters] == [int(at <= failing) for at in range(3)]


async def test_the_error_of_the_first_choice_is_raised_where_all_fail() -> None:
    adapters = three()
    errors = [LACKING, InternalError("b is broken"), InputError("c refuses")]
    for one, error in zip(adapters, errors, strict=True):
        one.fail(PROBE, error)

    with pytest.raises(ResourceError) as failed:
        await FallbackAdapter(adapters, lambda _: adapters).handle_task(probe())

    assert failed.value is LACKING


@pytest.mark.parametrize("error", [InputError("bad"), ModelError("none"), InternalError("defect")])
async def test_an_error_that_stays_does_not_reach_the_next_adapter(error: Wav2Vec2Error) -> None:
    adapters = three()
    adapters[0].fail(PROBE, error)

    with pytest.raises(type(error)):
        await FallbackAdapter(adapters, lambda _: adapters).handle_task(probe())

    assert adapters[1].calls == []


def test_the_capabilities_are_those_of_all() -> None:
    a = FakeAdapter("a", operations=[PROBE], models=["small"])
    b = FakeAdapter("b", operations=[Operation.TRANSCRIBE], models=["large", "small"])

    found = FallbackAdapter([a, b], lambda _: [a]).get_capabilities()

    assert found.operations == {PROBE, Operation.TRANSCRIBE}
    assert found.models == ("small", "large")
