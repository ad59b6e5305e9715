"""Dispatch of one step to the right adapter: composed of wrappers with the adapter's interface."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial

from wav2vec2_app.errors import InputError, ModelError
from wav2vec2_app.server.adapters.base import ModelAdapter
from wav2vec2_app.server.adapters.retry import RetryBudget, RetryPolicy
from wav2vec2_app.server.adapters.wrappers import (
    CheckedAdapter,
    FallbackAdapter,
    GuardedAdapter,
    LimitedAdapter,
    RetryingAdapter,
)
from wav2vec2_app.server.events import EventBus
from wav2vec2_app.server.operations import Operation, Step, Target
from wav2vec2_app.server.orchestrator.breaker import BreakerPolicy, CircuitBreaker
from wav2vec2_app.server.orchestrator.result import StepResults
from wav2vec2_app.server.orchestrator.routing import Router, RoutingPolicy
from wav2vec2_app.server.orchestrator.steps import TaskSteps
from wav2vec2_app.server.results import TaskResult
from wav2vec2_app.server.tasks import ModelTask


class Dispatcher:
    """Routes steps to adapters and runs them there.

    Args:
        adapters: in order of preference.
        breaker: policy of every circuit breaker.
        retry: number of attempts, back-off and budget.
        routing: preference, and limits of single adapters.
        events: receives the transitions of circuit breakers.
        clock: monotonic, seconds.

    Raises:
        InputError: ``settings.unknown_adapter``: a limit is for an adapter that does not exist.
    """

    def __init__(
        self,
        adapters: Sequence[ModelAdapter],
        *,
        breaker: BreakerPolicy,
        events: EventBus,
        retry: RetryPolicy | None = None,
        routing: RoutingPolicy | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._breaker_policy = breaker
        self._retry = retry or RetryPolicy()
        self._routing = routing or RoutingPolicy()
        self._events = events
        self._clock = clock
        self._breakers: dict[str, CircuitBreaker] = {}
        self._budget = RetryBudget(self._retry.budget, self._retry.window_s, clock)
        _refuse_unknown(self._routing.concurrency, adapters)
        wrapped = [self._wrapped(adapter) for adapter in adapters]
        self._router = Router(wrapped, prefer=self._routing.prefer, is_paused=self._is_paused)
        self._adapter = FallbackAdapter(wrapped, self._candidates) if wrapped else None

    def route(self, step: Step, audio_s: float = 0.0) -> ModelAdapter:
        """The adapter that would run ``step`` now.

        Raises:
            ModelError: there is none.
            InputError: the audio is too long for all of them.
        """
        return self._router.candidates(step, audio_s)[0]

    def answering(self, target: Target) -> Target | None:
        """The adapter and model that would transcribe for ``target`` now; ``None`` if unknown."""
        try:
            adapter = self.route(Step(Operation.TRANSCRIBE, target))
        except ModelError:
            return None
        model = adapter.answering_model(target.model)
        return Target(adapter.name, model) if model else None

    async def run(self, steps: TaskSteps, step: Step, needed: StepResults) -> TaskResult:
        """Run one step (:meth:`call`) and publish its result."""
        return steps.finish(step, await self.call(steps, step, needed))

    def call(self, steps: TaskSteps, step: Step, needed: StepResults) -> Awaitable[TaskResult]:
        """Run one step: on the best adapter, and on others if that one fails in a way that may pass.

        The caller passes the result to :meth:`TaskSteps.finish`.

        Args:
            steps: the task's; gets the course of this one.
            step: what to run.
            needed: results of the steps that it depends on.

        Raises:
            InputError: ``model.no_emission``: the model of the transcript gives no emission.
            Wav2Vec2Error: of the last attempt on the best adapter.
        """
        adapter = self._adapter or self.route(step)
        return adapter.handle_task(steps.prepare(step, needed), steps.report(step))

    def breakers(self) -> Mapping[str, str]:
        """The state of each breaker by ``adapter.operation``, for operations that were used."""
        return {name: breaker.state for name, breaker in self._breakers.items()}

    # --- composition ---

    def _wrapped(self, adapter: ModelAdapter) -> ModelAdapter:
        guard = partial(self._guard, adapter.name)
        guarded = GuardedAdapter(CheckedAdapter(adapter, clock=self._clock), guard)
        retrying = RetryingAdapter(guarded, self._retry, self._budget, clock=self._clock)
        limit = self._routing.concurrency.get(adapter.name, 0)
        return LimitedAdapter(retrying, limit) if limit else retrying

    def _candidates(self, task: ModelTask) -> Sequence[ModelAdapter]:
        return self._router.candidates(task.step, task.inputs.duration_s)

    def _guard(self, adapter: str, operation: Operation) -> AbstractContextManager[None]:
        if not self._breaker_policy.monitors(operation):
            return contextlib.nullcontext()
        return self._breaker(adapter, operation).guard()

    def _is_paused(self, adapter: str, operation: Operation) -> bool:
        breaker = self._breakers.get(f"{adapter}.{operation.value}")
        return breaker is not None and not breaker.admits

    def _breaker(self, adapter: str, operation: Operation) -> CircuitBreaker:
        name = f"{adapter}.{operation.value}"
        if name not in self._breakers:
            self._breakers[name] = CircuitBreaker(
                name, self._breaker_policy, publish=self._events.publish, clock=self._clock
            )
        return self._breakers[name]


def _refuse_unknown(limits: Mapping[str, int], adapters: Sequence[ModelAdapter]) -> None:
    known = [adapter.name for adapter in adapters]
    unknown = [name for name in limits if name not in known]
    if unknown:
        raise InputError(
            f"There is no adapter called {', '.join(f'“{name}”' for name in unknown)}.",
            code="settings.unknown_adapter",
            hint=f"Limit the concurrency of these only: {', '.join(known)}.",
        )
