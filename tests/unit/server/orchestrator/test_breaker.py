"""A circuit breaker pauses an operation that keeps failing, and tries it once before it goes on."""

from __future__ import annotations

import asyncio

import pytest

from tests.doubles import FakeClock
from wav2vec2_app.errors import (
    BusyError,
    CancelledError,
    CircuitOpenError,
    InputError,
    ModelError,
    WorkerDiedError,
)
from wav2vec2_app.server.events import BreakerEvent
from wav2vec2_app.server.orchestrator.breaker import BreakerPolicy, CircuitBreaker

RECOVERY_S = 10.0


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def published() -> list[BreakerEvent]:
    return []


@pytest.fixture
def breaker(clock: FakeClock, published: list[BreakerEvent]) -> CircuitBreaker:
    policy = BreakerPolicy(failures=3, recovery_s=RECOVERY_S)
    return CircuitBreaker("fake.decode", policy, publish=published.append, clock=clock)


def succeed(breaker: CircuitBreaker) -> None:
    with breaker.guard():
        pass


def fail(breaker: CircuitBreaker, error: BaseException | None = None, times: int = 1) -> None:
    error = error or WorkerDiedError("gone")
    for _ in range(times):
        with pytest.raises(type(error)), breaker.guard():
            raise error


def test_it_opens_after_so_many_faults_in_a_row(breaker: CircuitBreaker) -> None:
    fail(breaker, times=2)
    assert breaker.state == "closed"

    fail(breaker)
    assert breaker.state == "open"


def test_a_success_resets_the_count(breaker: CircuitBreaker) -> None:
    fail(breaker, times=2)
    succeed(breaker)
    fail(breaker, times=2)

    assert breaker.state == "closed"


@pytest.mark.parametrize(
    "error",
    [
        InputError("bad"),
        ModelError("unknown"),
        BusyError("full"),
        CancelledError("stopped"),
        asyncio.CancelledError(),
    ],
)
def test_failures_that_are_not_faults_do_not_count(
    breaker: CircuitBreaker, error: BaseException
) -> None:
    fail(breaker, error, times=10)

    assert breaker.state == "closed"


def test_an_open_one_rejects_and_says_when_to_try_again(
    breaker: CircuitBreaker, clock: FakeClock
) -> None:
    fail(breaker, times=3)
    clock.advance(4.0)

    with pytest.raises(CircuitOpenError) as caught:
        succeed(breaker)

    assert caught.value.metadata == {"retry_after_s": 6.0, "circuit": "fake.decode"}
    assert caught.value.hint == "Try again in 6 s."


def test_a_successful_trial_closes_it(breaker: CircuitBreaker, clock: FakeClock) -> None:
    fail(breaker, times=3)
    clock.advance(RECOVERY_S)

    with breaker.guard():
        assert breaker.state == "half-open"

    assert breaker.state == "closed"


def test_a_failed_trial_opens_it_for_the_full_time_again(
    breaker: CircuitBreaker, clock: FakeClock
) -> None:
    fail(breaker, times=3)
    clock.advance(RECOVERY_S)
    fail(breaker)

    clock.advance(RECOVERY_S - 1)
    with pytest.raises(CircuitOpenError):
        succeed(breaker)


def test_only_one_trial_at_a_time(breaker: CircuitBreaker, clock: FakeClock) -> None:
    fail(breaker, times=3)
    clock.advance(RECOVERY_S)

    with breaker.guard(), pytest.raises(CircuitOpenError):
        succeed(breaker)

    assert breaker.state == "closed"


def test_a_cancelled_trial_permits_another(breaker: CircuitBreaker, clock: FakeClock) -> None:
    fail(breaker, times=3)
    clock.advance(RECOVERY_S)
    fail(breaker, asyncio.CancelledError())
    assert breaker.state == "half-open"

    succeed(breaker)
    assert breaker.state == "closed"


def test_a_call_from_before_the_pause_cannot_end_it(
    breaker: CircuitBreaker, clock: FakeClock
) -> None:
    with breaker.guard():
        fail(breaker, times=3)

    assert breaker.state == "open"


def test_every_transition_is_published(
    breaker: CircuitBreaker, clock: FakeClock, published: list[BreakerEvent]
) -> None:
    fail(breaker, times=3)
    clock.advance(RECOVERY_S)
    succeed(breaker)

    assert published == [
        BreakerEvent("fake.decode", "closed", "open"),
        BreakerEvent("fake.decode", "open", "half-open"),
        BreakerEvent("fake.decode", "half-open", "closed"),
    ]
