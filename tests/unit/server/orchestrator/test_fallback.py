"""Which adapter is chosen by its health, its speed and its limits, and what answers instead."""

from __future__ import annotations

import asyncio

import pytest

from tests.doubles import FakeAdapter, FakeClock, make_task
from tests.unit.server.orchestrator.conftest import Start
from tests.unit.server.orchestrator.follow import all_of, error_of
from wav2vec2_app.errors import InputError, InternalError, ResourceError, TimedOutError
from wav2vec2_app.server.events import Done, EventBus, Retried, Started
from wav2vec2_app.server.operations import Operation, Step, Target, Want
from wav2vec2_app.server.orchestrator.breaker import BreakerPolicy, monitored_operations
from wav2vec2_app.server.orchestrator.dispatch import Dispatcher
from wav2vec2_app.server.orchestrator.routing import Preference, Router, RoutingPolicy

TRANSCRIBE = Operation.TRANSCRIBE
LACKING = ResourceError("no room at the moment")


def pair(clock: FakeClock | None = None) -> tuple[FakeAdapter, FakeAdapter]:
    return FakeAdapter("a", clock=clock), FakeAdapter("b", clock=clock)


# --- fallback -----------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [LACKING, TimedOutError("slow")])
async def test_another_adapter_answers_where_the_first_one_fails_in_passing(
    start: Start, error: Exception
) -> None:
    a, b = pair()
    a.fail(TRANSCRIBE, error, times=3)
    orchestrator = await start(a, b)

    events = await all_of(orchestrator.submit(make_task("still here.wav")))

    done = events[-1]
    assert isinstance(done, Done)
    assert done.result.transcript is not None
    assert done.result.transcript.text == "still here"
    [first, *_] = [one for one in events if isinstance(one, Retried)]
    assert first.error is error
    last = [one for one in events if isinstance(one, Started) and one.operation is TRANSCRIBE][-1]
    assert last.adapter == "b"


async def test_a_named_adapter_has_no_substitute(start: Start) -> None:
    a, b = pair()
    a.fail(TRANSCRIBE, LACKING, times=3)
    orchestrator = await start(a, b)
    task = make_task()

    error = await error_of(orchestrator, type(task)(task.source, targets=(Target("a"),)))

    assert error is LACKING
    assert b.count(TRANSCRIBE) == 0


async def test_a_paused_adapter_is_passed_over_until_its_trial(start: Start) -> None:
    clock = FakeClock()
    a, b = pair(clock)
    a.fail(TRANSCRIBE, InternalError("broken"), times=2)
    orchestrator = await start(a, b, clock=clock, breaker_failures=2, breaker_recovery_s=10)
    for _ in range(2):
        await error_of(orchestrator, make_task())
    assert orchestrator.status().breakers["a.transcribe"] == "open"

    await orchestrator.run(make_task())
    assert (a.count(TRANSCRIBE), b.count(TRANSCRIBE)) == (2, 1)

    clock.advance(10)
    await orchestrator.run(make_task())
    assert (a.count(TRANSCRIBE), b.count(TRANSCRIBE)) == (3, 1)


async def test_a_substitute_is_cached_under_its_own_name(start: Start) -> None:
    a, b = pair()
    a.default_model, b.default_model = "model-a", "model-b"
    for _ in range(10):
        a._measure.record(latency_s=1.0)  # so that it is healthy in spite of these failures
    a.fail(TRANSCRIBE, LACKING, times=3)
    orchestrator = await start(a, b, cache_bytes=10_000_000)

    await orchestrator.run(make_task(session="me"))
    again = await orchestrator.run(make_task(session="me"))

    assert a.count(TRANSCRIBE) == 4, "the preferred adapter is asked again"
    assert not again.cached


# --- retries in the waterfall -------------------------------------------------------------------


async def test_failed_attempts_and_their_back_off_are_stages_of_the_request(start: Start) -> None:
    clock = FakeClock()
    adapter = FakeAdapter(clock=clock, takes_s={TRANSCRIBE: 2.0})
    adapter.fail(TRANSCRIBE, LACKING, times=2)
    orchestrator = await start(adapter, clock=clock)

    result = await orchestrator.run(make_task())

    stages = [(one.name, one.start_s, one.duration_s) for one in result.stages]
    assert stages.count(("back-off", 2.0, 0.0)) == 1
    assert stages.count(("back-off", 4.0, 0.0)) == 1
    assert ("failed transcribe", 0.0, 2.0) in stages
    assert ("failed transcribe", 2.0, 2.0) in stages
    assert ("forward", 4.0, 1.8) in stages, "the stages of the attempt that succeeded"


async def test_the_failed_attempts_of_an_extra_are_shown_too(start: Start) -> None:
    adapter = FakeAdapter()
    adapter.fail(Operation.ANALYZE, InternalError("broken"))
    orchestrator = await start(adapter)

    result = await orchestrator.run(make_task(wants=[Want.TRANSCRIPT, Want.FEATURES]))

    assert [stage.name for stage in result.stages].count("failed analyze") == 1


# --- choice -------------------------------------------------------------------------------------


def measured(name: str, seconds: float, *, failures: int = 0, calls: int = 6) -> FakeAdapter:
    """An adapter that was measured: ``seconds`` for each second of audio, so many failures."""
    adapter = FakeAdapter(name)
    for number in range(calls):
        adapter._measure.record(latency_s=seconds, audio_s=1.0, success=number >= failures)
    return adapter


def order(*adapters: FakeAdapter, prefer: Preference = "listed", paused: str = "") -> list[str]:
    router = Router(adapters, prefer=prefer, is_paused=lambda name, _: name == paused)
    return [one.name for one in router.candidates(Step(TRANSCRIBE))]


def test_adapters_come_in_their_order_where_nothing_is_known() -> None:
    assert order(FakeAdapter("a"), FakeAdapter("b"), FakeAdapter("c")) == ["a", "b", "c"]


def test_the_fastest_comes_first_where_that_is_set_and_the_unmeasured_before_it() -> None:
    slow, fast, new = measured("slow", 2.0), measured("fast", 0.1), FakeAdapter("new")

    assert order(slow, fast, new, prefer="fastest") == ["new", "fast", "slow"]
    assert order(slow, fast, new) == ["slow", "fast", "new"]


def test_failing_and_paused_adapters_come_last() -> None:
    failing = measured("failing", 0.1, failures=4)
    paused, good = measured("paused", 0.1), measured("good", 5.0)

    assert order(paused, failing, good, paused="paused") == ["good", "failing", "paused"]


def test_a_few_failures_do_not_count_yet() -> None:
    assert order(measured("a", 1, failures=4, calls=4), FakeAdapter("b")) == ["a", "b"]


def test_an_adapter_that_cannot_take_the_length_is_left_out() -> None:
    short, long = FakeAdapter("short"), FakeAdapter("long")
    short.max_duration_s, long.max_duration_s = 10.0, 100.0
    router = Router([short, long], is_paused=lambda *_: False)

    assert [one.name for one in router.candidates(Step(TRANSCRIBE), 5.0)] == ["short", "long"]
    assert [one.name for one in router.candidates(Step(TRANSCRIBE), 50.0)] == ["long"]
    with pytest.raises(InputError) as refused:
        router.candidates(Step(TRANSCRIBE), 500.0)
    assert refused.value.code == "model.audio_too_long"
    assert "100 s" in refused.value.message


# --- limits and monitored operations ----------------------------------------------------------


async def test_the_limit_of_one_adapter_holds_over_all_tasks(start: Start) -> None:
    adapter = FakeAdapter("narrow")
    gate = adapter.block(TRANSCRIBE)
    routing = RoutingPolicy(concurrency={"narrow": 1})
    orchestrator = await start(adapter, concurrency=4, routing=routing)
    works = [asyncio.ensure_future(orchestrator.run(make_task(f"{n}.wav"))) for n in range(3)]
    await adapter.reached(TRANSCRIBE)
    for _ in range(50):
        await asyncio.sleep(0)
    assert adapter.count(TRANSCRIBE) == 1

    gate.set()
    await asyncio.gather(*works)
    assert adapter.count(TRANSCRIBE) == 3


def test_a_limit_for_an_unknown_adapter_is_a_typed_error() -> None:
    routing = RoutingPolicy(concurrency={"wave2vec": 1})

    with pytest.raises(InputError) as refused:
        Dispatcher([FakeAdapter("a")], breaker=BreakerPolicy(), routing=routing, events=EventBus())

    assert refused.value.code == "settings.unknown_adapter"
    assert "wave2vec" in refused.value.message
    assert "a" in refused.value.hint


@pytest.mark.parametrize("monitored", [True, False])
async def test_only_monitored_operations_are_paused(start: Start, monitored: bool) -> None:
    adapter = FakeAdapter()
    adapter.fail(TRANSCRIBE, InternalError("broken"), times=2)
    operations = frozenset({TRANSCRIBE} if monitored else {Operation.DRAW})
    orchestrator = await start(adapter, breaker_failures=2, monitored=operations)
    for _ in range(2):
        await error_of(orchestrator, make_task())

    if monitored:
        assert (await error_of(orchestrator, make_task())).code == "circuit.open"
    else:
        await orchestrator.run(make_task())
        assert orchestrator.status().breakers == {}


def test_monitored_operations_are_named_by_a_setting() -> None:
    assert monitored_operations(["all"]) is None
    assert monitored_operations([]) == frozenset()
    assert monitored_operations(["transcribe", "draw"]) == {TRANSCRIBE, Operation.DRAW}
    with pytest.raises(InputError) as refused:
        monitored_operations(["transcribe", "listen"])
    assert refused.value.code == "settings.unknown_operation"
    assert "listen" in refused.value.message
    assert "decode_audio" in refused.value.hint
