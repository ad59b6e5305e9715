"""The circuit breaker against its specification: random outcomes and steps of the clock."""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import AbstractContextManager

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.doubles import FakeClock
from wav2vec2_app.errors import CircuitOpenError, InputError, WorkerDiedError
from wav2vec2_app.server.events import BreakerEvent
from wav2vec2_app.server.orchestrator.breaker import BreakerPolicy, CircuitBreaker

FAILURES = 3
RECOVERY_S = 10.0


class BreakerMachine(RuleBasedStateMachine):
    """Calls begin and end at random; a second, plain description says what the breaker must do.

    An outcome counts only if the state has not changed since the call began: ``epoch`` numbers the
    states.
    """

    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock()
        self.published: list[BreakerEvent] = []
        policy = BreakerPolicy(FAILURES, RECOVERY_S)
        self.breaker = CircuitBreaker(
            "fake.draw", policy, publish=self.published.append, clock=self.clock
        )
        self.running: list[tuple[AbstractContextManager[None], int]] = []
        self.expected: list[str] = ["closed"]
        self.in_a_row = 0
        self.opened_s = 0.0
        self.trial_runs = False

    @property
    def epoch(self) -> int:
        return len(self.expected)

    def change(self, state: str) -> None:
        self.expected.append(state)
        self.in_a_row, self.trial_runs, self.opened_s = 0, False, self.clock()

    @rule()
    def begin(self) -> None:
        state = self.expected[-1]
        over = self.clock() >= self.opened_s + RECOVERY_S
        admitted = (
            state == "closed"
            or (state == "open" and over)
            or (state == "half-open" and not self.trial_runs)
        )
        assert self.breaker.admits == admitted
        guard = self.breaker.guard()
        if not admitted:
            with pytest.raises(CircuitOpenError) as rejected:
                guard.__enter__()
            assert float(str(rejected.value.metadata["retry_after_s"])) > 0
            return
        guard.__enter__()
        if state == "open":
            self.change("half-open")
        if state != "closed":
            self.trial_runs = True
        self.running.append((guard, self.epoch))

    @precondition(lambda self: bool(self.running))
    @rule(data=st.data())
    def succeed(self, data: st.DataObject) -> None:
        guard, epoch = self.take(data)
        guard.__exit__(None, None, None)
        if epoch == self.epoch:
            self.in_a_row = 0
            if self.expected[-1] == "half-open":
                self.change("closed")

    @precondition(lambda self: bool(self.running))
    @rule(data=st.data())
    def fault(self, data: st.DataObject) -> None:
        guard, epoch = self.take(data)
        self.raise_in(guard, WorkerDiedError("gone"))
        if epoch == self.epoch:
            self.in_a_row += 1
            if self.expected[-1] == "half-open" or self.in_a_row >= FAILURES:
                self.change("open")

    @precondition(lambda self: bool(self.running))
    @rule(data=st.data(), cancelled=st.booleans())
    def no_verdict(self, data: st.DataObject, cancelled: bool) -> None:
        guard, epoch = self.take(data)
        self.raise_in(guard, asyncio.CancelledError() if cancelled else InputError("bad"))
        if epoch == self.epoch:
            self.trial_runs = False

    @rule(seconds=st.sampled_from([0.1, 1.0, RECOVERY_S - 0.1, RECOVERY_S, 50.0]))
    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @invariant()
    def states_are_as_specified_and_published(self) -> None:
        assert self.breaker.state == self.expected[-1]
        changes = zip(self.expected, self.expected[1:], strict=False)
        assert [(one.before, one.after) for one in self.published] == list(changes)

    def take(self, data: st.DataObject) -> tuple[AbstractContextManager[None], int]:
        return self.running.pop(data.draw(st.integers(0, len(self.running) - 1)))

    @staticmethod
    def raise_in(guard: AbstractContextManager[None], error: BaseException) -> None:
        with contextlib.suppress(type(error)):
            guard.__exit__(type(error), error, None)


BreakerMachine.TestCase.settings = settings(max_examples=6, stateful_step_count=1000, deadline=None)
TestBreaker = BreakerMachine.TestCase
