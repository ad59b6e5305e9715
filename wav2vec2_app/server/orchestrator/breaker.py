"""Circuit breakers: an operation that keeps failing is paused, then tried once.

::

    closed ──so many faults in a row──> open ──recovery time──> half-open ──success──> closed
                                          ^────────fault───────────┘

Each state is a class with its own rules. An outcome counts only while the state that admitted the
call is still the current one, so a call that began before a pause cannot end it. There are no locks:
everything happens on the event loop's thread, and nothing is held during a call.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

from wav2vec2_app.errors import CircuitOpenError, InputError
from wav2vec2_app.server.adapters.base import is_fault
from wav2vec2_app.server.events import BreakerEvent
from wav2vec2_app.server.operations import Operation

TRIAL_RETRY_AFTER_S = 1.0
"""The ``retry_after_s`` of calls that are rejected while a trial call runs, seconds."""


@dataclass(frozen=True)
class BreakerPolicy:
    """When a breaker opens and closes.

    Attributes:
        failures: faults in a row that open it.
        recovery_s: how long it stays open before one trial, seconds.
        operations: those that have a breaker; ``None``: all.
    """

    failures: int = 5
    recovery_s: float = 10.0
    operations: frozenset[Operation] | None = None

    def monitors(self, operation: Operation) -> bool:
        """Whether ``operation`` has a breaker."""
        return self.operations is None or operation in self.operations


class CircuitBreaker:
    """Guards one operation of one adapter.

    Args:
        name: ``adapter.operation``, for messages and events.
        policy: when it opens and closes.
        publish: receives every change of state.
        clock: monotonic, seconds.
    """

    def __init__(
        self,
        name: str,
        policy: BreakerPolicy,
        *,
        publish: Callable[[BreakerEvent], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.policy = policy
        self.clock = clock
        self._publish = publish
        self._state: _State = _Closed(self)

    @property
    def state(self) -> str:
        """``closed``, ``open`` or ``half-open``."""
        return self._state.name

    @property
    def admits(self) -> bool:
        """Whether a call would be admitted now."""
        return self._state.retry_after_s <= 0

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Run the block and count its outcome.

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
        """Change to ``state`` and publish the transition; called by the states only."""
        before, self._state = self._state, state
        self._publish(BreakerEvent(self.name, before.name, state.name))
        return state


class _State:
    name: ClassVar[str]

    def __init__(self, breaker: CircuitBreaker) -> None:
        self.breaker = breaker

    @property
    def retry_after_s(self) -> float:
        """How long calls are rejected, seconds; 0 if one would be admitted."""
        return 0.0

    def admit(self) -> _State:
        """Admit a call and return the state that its outcome counts for, or raise."""
        raise NotImplementedError

    def success(self) -> None:
        """The call succeeded."""

    def fault(self) -> None:
        """The call failed because of a fault of the operation."""

    def no_verdict(self) -> None:
        """The call ended without telling whether the operation works."""


class _Closed(_State):
    name = "closed"

    def __init__(self, breaker: CircuitBreaker) -> None:
        super().__init__(breaker)
        self._consecutive = 0

    def admit(self) -> _State:
        return self

    def success(self) -> None:
        self._consecutive = 0

    def fault(self) -> None:
        self._consecutive += 1
        if self._consecutive >= self.breaker.policy.failures:
            self.breaker.enter(_Open(self.breaker))


class _Open(_State):
    name = "open"

    def __init__(self, breaker: CircuitBreaker) -> None:
        super().__init__(breaker)
        self._until_s = breaker.clock() + breaker.policy.recovery_s

    @property
    def retry_after_s(self) -> float:
        return max(0.0, self._until_s - self.breaker.clock())

    def admit(self) -> _State:
        if self.retry_after_s > 0:
            raise _paused(self.breaker, self.retry_after_s)
        return self.breaker.enter(_HalfOpen(self.breaker)).admit()


class _HalfOpen(_State):
    name = "half-open"

    def __init__(self, breaker: CircuitBreaker) -> None:
        super().__init__(breaker)
        self._trial_running = False

    @property
    def retry_after_s(self) -> float:
        return TRIAL_RETRY_AFTER_S if self._trial_running else 0.0

    def admit(self) -> _State:
        if self._trial_running:
            raise _paused(self.breaker, self.retry_after_s)
        self._trial_running = True
        return self

    def success(self) -> None:
        self.breaker.enter(_Closed(self.breaker))

    def fault(self) -> None:
        self.breaker.enter(_Open(self.breaker))

    def no_verdict(self) -> None:
        self._trial_running = False


def _paused(breaker: CircuitBreaker, retry_after_s: float) -> CircuitOpenError:
    return CircuitOpenError(
        "This operation failed several times in a row and is paused for a moment.",
        hint=f"Try again in {math.ceil(retry_after_s)} s.",
        metadata={"retry_after_s": round(retry_after_s, 3), "circuit": breaker.name},
    )


def monitored_operations(names: Sequence[str]) -> frozenset[Operation] | None:
    """The operations that have circuit breakers; ``None`` for all.

    Raises:
        InputError: ``settings.unknown_operation``.
    """
    if "all" in names:
        return None
    known = [operation.value for operation in Operation]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise InputError(
            f"There is no operation called {', '.join(f'“{name}”' for name in unknown)}.",
            code="settings.unknown_operation",
            hint=f"Set monitored_operations to some of: all, {', '.join(known)}.",
        )
    return frozenset(Operation(name) for name in names)
