"""Bringing one operation to the right adapter: limit, breaker, retry and translation around it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence

from wav2vec2_app.errors import (
    BusyError,
    CircuitOpenError,
    ModelError,
    TimedOutError,
    Wav2Vec2Error,
    WorkerDiedError,
    translate,
)
from wav2vec2_app.server.adapters.base import ModelAdapter
from wav2vec2_app.server.deadline import within
from wav2vec2_app.server.orchestrator.breaker import CircuitBreaker
from wav2vec2_app.server.tasks import (
    AudioTask,
    ModelTask,
    Operation,
    Report,
    TaskResult,
    ignore_progress,
)
from wav2vec2_app.speech.models import AUTO_MODEL

logger = logging.getLogger(__name__)


class Dispatcher:
    """Routes operations to adapters.

    Args:
        adapters: in order of preference.
        breaker_failures, breaker_recovery_s: see :class:`CircuitBreaker`.
        clock: monotonic, seconds.
    """

    def __init__(
        self,
        adapters: Sequence[ModelAdapter],
        *,
        breaker_failures: int,
        breaker_recovery_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._adapters = tuple(adapters)
        self._breaker_failures = breaker_failures
        self._breaker_recovery_s = breaker_recovery_s
        self._clock = clock
        self._breakers: dict[str, CircuitBreaker] = {}

    def route(self, operation: Operation, task: AudioTask) -> ModelAdapter:
        """The first adapter that can do ``operation``, with the task's model where it needs one.

        Raises:
            ModelError: there is none.
        """
        for adapter in self._adapters:
            capabilities = adapter.get_capabilities()
            if operation in capabilities.operations and (
                operation is not Operation.TRANSCRIBE
                or task.model == AUTO_MODEL
                or not capabilities.models
                or task.model in capabilities.models
                or task.model.rpartition(":")[0] in capabilities.models  # model:language
            ):
                return adapter
        raise self._nobody_can(operation, task)

    async def run(
        self,
        node: ModelTask,
        *,
        limit_s: float,
        started: Callable[[int], None],
        report: Report = ignore_progress,
    ) -> TaskResult:
        """Do one operation, and once more if it failed in a way that may pass.

        Args:
            node: what to do.
            limit_s: for all attempts together, seconds.
            started: told the number of each attempt as it begins.
            report: passed to the adapter.

        Raises:
            Wav2Vec2Error: of the last attempt.
        """
        adapter = self.route(node.operation, node.task)
        ends_s = self._clock() + limit_s

        async def attempt(number: int) -> TaskResult:
            with self._breaker(adapter, node.operation).guard():
                started(number)
                return await within(ends_s - self._clock(), _call(adapter, node, report))

        try:
            return await attempt(1)
        except Wav2Vec2Error as error:
            if not _may_pass(error) or self._clock() >= ends_s:
                raise
            logger.warning(
                "%s failed (%s), trying again",
                node.operation.value,
                error.code,
                extra={"task_id": node.task.id},
            )
        return await attempt(2)

    def breakers(self) -> Mapping[str, str]:
        """``adapter.operation`` to state, of every operation that was used."""
        return {name: breaker.state for name, breaker in self._breakers.items()}

    def _breaker(self, adapter: ModelAdapter, operation: Operation) -> CircuitBreaker:
        name = f"{adapter.name}.{operation.value}"
        if name not in self._breakers:
            breaker = CircuitBreaker(
                name,
                failures=self._breaker_failures,
                recovery_s=self._breaker_recovery_s,
                clock=self._clock,
            )
            breaker.listen(_log_transition)
            self._breakers[name] = breaker
        return self._breakers[name]

    def _nobody_can(self, operation: Operation, task: AudioTask) -> ModelError:
        known = [m for a in self._adapters for m in a.get_capabilities().models]
        if operation is Operation.TRANSCRIBE and task.model != AUTO_MODEL and known:
            return ModelError(
                f"There is no model called “{task.model[:80]}” here.",
                code="model.unknown",
                layer="validation",
                severity="warning",
                hint=f"Choose one of: {', '.join(known)}.",
            )
        return ModelError(
            f"Nothing here can {operation.value} audio.",
            code="model.no_adapter",
            hint="Ask the operator which models are configured.",
        )


async def _call(adapter: ModelAdapter, node: ModelTask, report: Report) -> TaskResult:
    """The seam where foreign exceptions become ours; the log gets the whole of them."""
    try:
        return await adapter.handle_task(node, report)
    except Wav2Vec2Error:
        raise
    except Exception as error:
        logger.exception(
            "%s failed in %s", adapter.name, node.operation.value, extra={"task_id": node.task.id}
        )
        raise translate(error) from error


def _may_pass(error: Wav2Vec2Error) -> bool:
    """Whether trying again at once makes sense.

    Not where it took too long or was refused room; and what was lost to a dying worker has been
    repeated by the bridge already: once more, and one bad request could cost many workers.
    """
    final = BusyError | CircuitOpenError | TimedOutError | WorkerDiedError
    return error.retryable and not isinstance(error, final)


def _log_transition(name: str, before: str, after: str) -> None:
    logger.warning("circuit %s: %s -> %s", name, before, after)
