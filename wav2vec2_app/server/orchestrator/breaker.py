"""Circuit breakers: an operation that fails again and again is paused, then tried once.

::

    closed ──so many faults in a row──> open ──recovery time──> half-open ──success──> closed
                                          ^────────fault───────────┘

Each state is a class with its own rules. A verdict counts only while the state that let the call in
is still the present one, so a call that began before a pause cannot end it. There are no locks: all
happens on the event loop's thread, and nothing is held during a call.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ClassVar

from wav2vec2_app.errors import CircuitOpenError
from wav2vec2_app.server.adapters.base import is_fault

Transition = Callable[[str, str, str], None]
"""Told the breaker's name, its old state and its new state."""

TRIAL_RETRY_AFTER_S = 1.0
"""What a caller is told to wait while a trial call is under way, seconds."""


class CircuitBreaker:
    """Guards one operation of one adapter.

    Args:
        name: for messages and listeners, ``adapter.operation``.
        failures: faults in a row that open it.
        recovery_s: how long it stays open before one trial, seconds.
        clock: monotonic, seconds.
    """

    def __init__(
        self,
        name: str,
        *,
        failures: int,
        recovery_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.failures = failures
        self.recovery_s = recovery_s
        self.clock = clock
        self._listeners: list[Transition] = []
        self._state: _State = _Closed(self)

    @property
    def state(self) -> str:
        """``closed``, ``open`` or ``half-open``."""
        return self._state.name

    def listen(self, listener: Transition) -> None:
        """Have ``listener`` told of every change of state."""
        self._listeners.append(listener)

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Let the block's outcome count.

        Raises:
            CircuitOpenError: the operation is paused; the block was not entered.
        """
        admitted_by = self._state.admit()
        try:
            yield
        except BaseException as error:
            if self._state is admitted_by:
                admitted_by.fault() if is_fault(error) else admitted_by.no_verdict()
            raise
        if self._state is admitted_by:
            admitted_by.success()

    def enter(self, state: _State) -> _State:
        """Change state and tell the listeners; for the states alone."""
        before, self._state = self._state, state
        for listener in self._listeners:
            listener(self.name, before.name, state.name)
        return state


class _State:
    name: ClassVar[str]

    def __init__(self, breaker: CircuitBreaker) -> None:
        self.breaker = breaker

    def admit(self) -> _State:
        """The state that lets the call in and answers for it; raises if none does."""
        raise NotImplementedError

    def success(self) -> None:
        """The call succeeded."""

    def fault(self) -> None:
        """The call failed, and that speaks against the operation."""

    def no_verdict(self) -> None:
        """The call ended in a way that says nothing about the operation."""


class _Closed(_State):
    name = "closed"

    def __init__(self, breaker: CircuitBreaker) -> None:
        super().__init__(breaker)
        self._in_a_row = 0

    def admit(self) -> _State:
        return self

    def success(self) -> None:
        self._in_a_row = 0

    def fault(self) -> None:
        self._in_a_row += 1
        if self._in_a_row >= self.breaker.failures:
            self.breaker.enter(_Open(self.breaker))


class _Open(_State):
    name = "open"

    def __init__(self, breaker: CircuitBreaker) -> None:
        super().__init__(breaker)
        self._until_s = breaker.clock() + breaker.recovery_s

    def admit(self) -> _State:
        left_s = self._until_s - self.breaker.clock()
        if left_s > 0:
            raise _paused(self.breaker, left_s)
        return self.breaker.enter(_HalfOpen(self.breaker)).admit()


class _HalfOpen(_State):
    name = "half-open"

    def __init__(self, breaker: CircuitBreaker) -> None:
        super().__init__(breaker)
        self._on_trial = False

    def admit(self) -> _State:
        if self._on_trial:
            raise _paused(self.breaker, TRIAL_RETRY_AFTER_S)
        self._on_trial = True
        return self

    def success(self) -> None:
        self.breaker.enter(_Closed(self.breaker))

    def fault(self) -> None:
        self.breaker.enter(_Open(self.breaker))

    def no_verdict(self) -> None:
        self._on_trial = False


def _paused(breaker: CircuitBreaker, retry_after_s: float) -> CircuitOpenError:
    return CircuitOpenError(
        "This operation failed several times in a row and is paused.",
        hint=f"Try again in {math.ceil(retry_after_s)} s.",
        metadata={"retry_after_s": round(retry_after_s, 3), "circuit": breaker.name},
    )
