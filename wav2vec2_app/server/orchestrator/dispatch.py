"""Dispatch of one step to the right adapter, with deadline, circuit breaker, retry and translation."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from wav2vec2_app.errors import (
    BusyError,
    CircuitOpenError,
    InternalError,
    ModelError,
    TimedOutError,
    Wav2Vec2Error,
    WorkerDiedError,
    translate,
)
from wav2vec2_app.server.adapters.base import ModelAdapter
from wav2vec2_app.server.deadline import Deadline, within
from wav2vec2_app.server.events import EventBus
from wav2vec2_app.server.orchestrator.breaker import BreakerPolicy, CircuitBreaker
from wav2vec2_app.server.orchestrator.result import StepResults
from wav2vec2_app.server.orchestrator.steps import TaskSteps
from wav2vec2_app.server.status import ModelCapabilities
from wav2vec2_app.server.tasks import ModelTask, Operation, Report, Step, Target, TaskResult
from wav2vec2_app.speech.alignment import Alignment
from wav2vec2_app.speech.audio import Audio, AudioProbe
from wav2vec2_app.speech.features import Features
from wav2vec2_app.speech.models import AUTO_MODEL
from wav2vec2_app.speech.transcript import Recognition

logger = logging.getLogger(__name__)

_VALUE_TYPES: Mapping[Operation, type] = {
    Operation.PROBE: AudioProbe,
    Operation.DECODE_AUDIO: Audio,
    Operation.TRANSCRIBE: Recognition,
    Operation.DECODE_TEXT: Recognition,
    Operation.ALIGN: Alignment,
    Operation.ANALYZE: Features,
    Operation.DRAW: tuple,
}


class Dispatcher:
    """Routes steps to adapters and runs them there.

    Args:
        adapters: in order of preference.
        breaker: policy of every circuit breaker.
        events: receives the transitions of circuit breakers.
        clock: monotonic, seconds.
    """

    def __init__(
        self,
        adapters: Sequence[ModelAdapter],
        *,
        breaker: BreakerPolicy,
        events: EventBus,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._adapters = tuple(adapters)
        self._breaker_policy = breaker
        self._events = events
        self._clock = clock
        self._breakers: dict[str, CircuitBreaker] = {}

    def route(self, step: Step) -> ModelAdapter:
        """The first adapter that can run ``step`` and fits its target.

        Only transcribing depends on the target's model. What starts from a transcript prefers the
        adapter that made it, and goes to any other one that can do it where that one cannot.

        Raises:
            ModelError: there is none.
        """
        able = [
            (adapter, capabilities)
            for adapter in self._adapters
            if step.operation in (capabilities := adapter.get_capabilities()).operations
        ]
        able.sort(key=lambda one: not _names(one[1], step.target.model))  # stable
        for adapter, capabilities in able:
            if _fits(capabilities, step.target):
                return adapter
        if able and step.operation is not Operation.TRANSCRIBE:
            named = (adapter for adapter, _ in able if adapter.name == step.target.adapter)
            return next(named, able[0][0])
        raise self._no_adapter(step)

    def answering(self, target: Target) -> Target | None:
        """The adapter and model that would transcribe for ``target`` now; ``None`` if unknown."""
        try:
            adapter = self.route(Step(Operation.TRANSCRIBE, target))
        except ModelError:
            return None
        model = adapter.answering_model(target.model)
        return Target(adapter.name, model) if model else None

    async def run(self, steps: TaskSteps, step: Step, needed: StepResults) -> TaskResult:
        """Run one step, and once more if it failed in a way that may pass.

        One deadline, that of the adapter's time limit from now, holds for both attempts.

        Args:
            steps: the task's; gets the course of this one, and its result.
            step: what to run.
            needed: results of the steps that it depends on.

        Raises:
            InputError: ``model.no_emission``: the model of the transcript gives no emission.
            Wav2Vec2Error: of the last attempt.
        """
        adapter = self.route(step)
        task = steps.prepare(step, needed)
        deadline = Deadline.after(adapter.time_limit_s(task), self._clock)
        task = replace(task, deadline=deadline)
        report = steps.report(step)

        async def attempt(number: int, failure: Wav2Vec2Error | None) -> TaskResult:
            with self._breaker(adapter, step.operation).guard():
                steps.start(step, number, failure)
                work = asyncio.create_task(_call(adapter, task, report))
                return await within(deadline.remaining_s(self._clock), work)

        try:
            return steps.finish(step, await attempt(1, None))
        except Wav2Vec2Error as error:
            if not _may_pass(error) or not deadline.remaining_s(self._clock):
                raise
            failure = error
        return steps.finish(step, await attempt(2, failure))

    def breakers(self) -> Mapping[str, str]:
        """The state of each breaker by ``adapter.operation``, for operations that were used."""
        return {name: breaker.state for name, breaker in self._breakers.items()}

    def _breaker(self, adapter: ModelAdapter, operation: Operation) -> CircuitBreaker:
        name = f"{adapter.name}.{operation.value}"
        if name not in self._breakers:
            self._breakers[name] = CircuitBreaker(
                name, self._breaker_policy, publish=self._events.publish, clock=self._clock
            )
        return self._breakers[name]

    def _no_adapter(self, step: Step) -> ModelError:
        operation, target = step.operation, step.target
        if target.adapter and target.adapter not in [adapter.name for adapter in self._adapters]:
            return ModelError(
                f"There is no adapter called “{target.adapter[:80]}”.",
                code="model.no_adapter",
                layer="validation",
                severity="warning",
                hint=f"Choose one of: {', '.join(adapter.name for adapter in self._adapters)}.",
            )
        known = [name for a in self._adapters for name in a.get_capabilities().models]
        if operation is Operation.TRANSCRIBE and target.model != AUTO_MODEL and known:
            return ModelError(
                f"There is no model called “{target.model[:80]}”.",
                code="model.unknown",
                layer="validation",
                severity="warning",
                hint=f"Choose one of: {', '.join(known)}.",
            )
        return ModelError(
            f"No configured model can {operation.value} audio.",
            code="model.no_adapter",
            hint="Ask the operator which models are configured.",
        )


def _fits(capabilities: ModelCapabilities, target: Target) -> bool:
    """Whether an adapter has the adapter name and the model of ``target``."""
    if target.adapter and capabilities.name != target.adapter:
        return False
    return (
        target.model == AUTO_MODEL or not capabilities.models or _names(capabilities, target.model)
    )


def _names(capabilities: ModelCapabilities, name: str) -> bool:
    """Whether an adapter lists the model ``name``, which may be ``model:language``; any may be ``auto``."""
    return name != AUTO_MODEL and not {name, name.rpartition(":")[0]}.isdisjoint(
        capabilities.models
    )


async def _call(adapter: ModelAdapter, task: ModelTask, report: Report) -> TaskResult:
    """Call the adapter; foreign exceptions are translated here and logged in full."""
    try:
        result = await adapter.handle_task(task, report)
    except Wav2Vec2Error:
        raise
    except Exception as error:
        logger.exception(
            "%s failed in %s", adapter.name, task.operation.value, extra={"task_id": task.task.id}
        )
        raise translate(error) from error
    if not isinstance(result.value, _VALUE_TYPES[task.operation]):
        raise InternalError(
            f"{adapter.name} answered {task.operation.value} with a {type(result.value).__name__}.",
            code="adapter.bad_answer",
            hint="Report this, with the request id, to the operator.",
        )
    return result


def _may_pass(error: Wav2Vec2Error) -> bool:
    """Whether an immediate second attempt is useful.

    It is not after a timeout or a rejection for lack of room, nor if the error says when to try
    again. A request that was lost to a dying
    worker has been repeated by the bridge already; repeating it here too would let one bad request
    kill more workers.
    """
    final = BusyError | CircuitOpenError | TimedOutError | WorkerDiedError
    later = "retry_after_s" in error.metadata
    return error.retryable and not later and not isinstance(error, final)
