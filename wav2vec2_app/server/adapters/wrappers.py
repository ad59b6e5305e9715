"""Wrappers with the interface of an adapter, which are composed to the dispatch of steps.

::

    FallbackAdapter            the first of several adapters that succeeds
    └── LimitedAdapter         so many steps at the same time
        └── RetryingAdapter    one deadline, several attempts with a back-off
            └── GuardedAdapter     a circuit breaker
                └── CheckedAdapter     stops at the deadline, translates foreign errors
                    └── an adapter of a model
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial

import stamina

from wav2vec2_app.errors import InternalError, Wav2Vec2Error, translate
from wav2vec2_app.server.adapters.base import ModelAdapter
from wav2vec2_app.server.adapters.retry import RetryBudget, RetryPolicy, may_pass
from wav2vec2_app.server.deadline import Deadline, within
from wav2vec2_app.server.operations import Operation
from wav2vec2_app.server.results import Attempt, Progress, Report, TaskResult, ignore_progress
from wav2vec2_app.server.status import AdapterStatus, ModelCapabilities
from wav2vec2_app.server.tasks import ModelTask
from wav2vec2_app.speech.acoustics import Acoustics
from wav2vec2_app.speech.alignment import Alignment
from wav2vec2_app.speech.audio import Audio, AudioProbe
from wav2vec2_app.speech.description import Description
from wav2vec2_app.speech.exploration import Explored
from wav2vec2_app.speech.features import Features
from wav2vec2_app.speech.search import Hits
from wav2vec2_app.speech.speakers import SpeakerTurns
from wav2vec2_app.speech.transcript import Recognition

logger = logging.getLogger(__name__)

_VALUE_TYPES: Mapping[Operation, type] = {
    Operation.PROBE: AudioProbe,
    Operation.DECODE_AUDIO: Audio,
    Operation.TRANSCRIBE: Recognition,
    Operation.DECODE_TEXT: Recognition,
    Operation.ALIGN: Alignment,
    Operation.ANALYZE: Features,
    Operation.MEASURE: Acoustics,
    Operation.DRAW: tuple,
    Operation.EXPLORE: Explored,
    Operation.DESCRIBE: Description,
    Operation.SEARCH: Hits,
    Operation.LABEL_SPEAKERS: SpeakerTurns,
}


class WrapperAdapter:
    """An adapter around another one; subclasses change how tasks are handled."""

    def __init__(self, inner: ModelAdapter) -> None:
        self._inner = inner

    @property
    def name(self) -> str:
        return self._inner.name

    async def initialize(self) -> None:
        await self._inner.initialize()

    async def dispose(self) -> None:
        await self._inner.dispose()

    async def handle_task(self, task: ModelTask, report: Report = ignore_progress) -> TaskResult:
        return await self._inner.handle_task(task, report)

    def time_limit_s(self, task: ModelTask) -> float:
        return self._inner.time_limit_s(task)

    def answering_model(self, model: str) -> str:
        return self._inner.answering_model(model)

    def get_capabilities(self) -> ModelCapabilities:
        return self._inner.get_capabilities()

    def get_status(self) -> AdapterStatus:
        return self._inner.get_status()


class CheckedAdapter(WrapperAdapter):
    """Stops tasks at their deadline, translates foreign errors and checks the type of the value.

    Each call is reported as an attempt, and its failure too.

    Args:
        inner: the adapter of a model.
        clock: monotonic, seconds.
    """

    def __init__(self, inner: ModelAdapter, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(inner)
        self._clock = clock

    async def handle_task(self, task: ModelTask, report: Report = ignore_progress) -> TaskResult:
        """Run one step before its deadline.

        Raises:
            TimedOutError: the deadline passed.
            InternalError: ``adapter.bad_answer``: the value is not one of this operation.
            Wav2Vec2Error: the operation failed.
        """
        report(Progress(attempt=Attempt(self.name)))
        work = asyncio.create_task(self._call(task, report))
        try:
            if task.deadline is None:
                return await work
            return await within(task.deadline.remaining_s(self._clock), work)
        except Wav2Vec2Error as error:
            report(Progress(attempt=Attempt(self.name, error)))
            raise

    async def _call(self, task: ModelTask, report: Report) -> TaskResult:
        operation = task.operation
        try:
            result = await self._inner.handle_task(task, report)
        except Wav2Vec2Error:
            raise
        except Exception as error:
            facts = {"request_id": task.task.id}
            logger.exception("%s failed in %s", self.name, operation.value, extra=facts)
            raise translate(error) from error
        if not isinstance(result.value, _VALUE_TYPES[operation]):
            kind = type(result.value).__name__
            raise InternalError(
                f"{self.name} answered {operation.value} with a {kind}.",
                code="adapter.bad_answer",
                hint="Report this, with the request id, to the operator.",
            )
        return replace(result, adapter=self.name)


class GuardedAdapter(WrapperAdapter):
    """Runs each task inside a guard, such as that of a circuit breaker.

    Args:
        inner: what runs the task.
        guard: the context for an operation; it raises if the operation is paused.
    """

    def __init__(
        self, inner: ModelAdapter, guard: Callable[[Operation], AbstractContextManager[None]]
    ) -> None:
        super().__init__(inner)
        self._guard = guard

    async def handle_task(self, task: ModelTask, report: Report = ignore_progress) -> TaskResult:
        """Run one step inside its guard."""
        with self._guard(task.operation):
            return await self._inner.handle_task(task, report)


class RetryingAdapter(WrapperAdapter):
    """Gives a task its deadline, and tries it again with a back-off while that may help.

    One deadline, that of the time limit from now, holds for all attempts. ``stamina`` repeats; a
    task that succeeds at first never enters it.

    Args:
        inner: what runs an attempt.
        policy: number of attempts and back-off.
        budget: shared with other adapters.
        clock: monotonic, seconds.
    """

    def __init__(
        self,
        inner: ModelAdapter,
        policy: RetryPolicy,
        budget: RetryBudget,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(inner)
        self._policy = policy
        self._budget = budget
        self._clock = clock

    async def handle_task(self, task: ModelTask, report: Report = ignore_progress) -> TaskResult:
        """Run one step; raises the error of the last attempt."""
        deadline = Deadline.after(self.time_limit_s(task), self._clock)
        task = replace(task, deadline=deadline)
        try:
            return await self._inner.handle_task(task, report)
        except Wav2Vec2Error as error:
            if not self._may_retry(deadline, error):
                raise
            failure = error
        async for attempt in self._attempts(deadline):
            with attempt:
                if attempt.num == 1:
                    raise failure
                self._budget.spend()
                return await self._inner.handle_task(task, report)
        raise failure  # not reached: the last attempt returns or raises

    def _may_retry(self, deadline: Deadline, error: Exception) -> bool:
        passing = isinstance(error, Wav2Vec2Error) and may_pass(error)
        return passing and deadline.remaining_s(self._clock) > 0 and self._budget.left > 0

    def _attempts(self, deadline: Deadline) -> AsyncIterable[stamina.Attempt]:
        """The attempts after a failure, which is raised again in the first of them."""
        policy = self._policy
        return stamina.retry_context(
            on=partial(self._may_retry, deadline),
            attempts=policy.attempts,
            timeout=deadline.remaining_s(self._clock),
            wait_initial=policy.backoff_s,
            wait_max=policy.max_backoff_s,
            wait_jitter=policy.jitter_s,
        )


class LimitedAdapter(WrapperAdapter):
    """Runs at most ``limit`` tasks at the same time; the others wait, before their deadlines begin."""

    def __init__(self, inner: ModelAdapter, limit: int) -> None:
        super().__init__(inner)
        self._slots = asyncio.Semaphore(limit)

    async def handle_task(self, task: ModelTask, report: Report = ignore_progress) -> TaskResult:
        """Run one step when there is a slot."""
        async with self._slots:
            return await self._inner.handle_task(task, report)


class FallbackAdapter(WrapperAdapter):
    """Several adapters behind the interface of one: each task goes to the first that succeeds.

    The next one is tried if one is paused or fails in a way that passes; if all fail, the first error counts.

    Args:
        adapters: at least one; the first one speaks for all where only one can.
        choose: those that can run a task, the best one first.
    """

    def __init__(
        self,
        adapters: Sequence[ModelAdapter],
        choose: Callable[[ModelTask], Sequence[ModelAdapter]],
    ) -> None:
        super().__init__(adapters[0])
        self._adapters = tuple(adapters)
        self._choose = choose

    async def initialize(self) -> None:
        await asyncio.gather(*(adapter.initialize() for adapter in self._adapters))

    async def dispose(self) -> None:
        await asyncio.gather(*(adapter.dispose() for adapter in self._adapters))

    async def handle_task(self, task: ModelTask, report: Report = ignore_progress) -> TaskResult:
        """Run one step on the first adapter that succeeds."""
        first, *others = self._choose(task)
        try:
            return await first.handle_task(task, report)
        except Wav2Vec2Error as error:
            if not error.retryable or not others:
                raise
            try:
                return await self._fall_back(others, task, report)
            except Wav2Vec2Error as other:
                logger.warning("no other adapter succeeded: %s", other.code)
                raise error from other

    async def _fall_back(
        self, adapters: Sequence[ModelAdapter], task: ModelTask, report: Report
    ) -> TaskResult:
        first, *others = adapters
        try:
            return await first.handle_task(task, report)
        except Wav2Vec2Error:
            if not others:
                raise
        return await self._fall_back(others, task, report)

    def get_capabilities(self) -> ModelCapabilities:
        """What any of them can do, with the measured performance of the first one."""
        all_of = [adapter.get_capabilities() for adapter in self._adapters]
        return replace(
            all_of[0],
            operations=frozenset(able for one in all_of for able in one.operations),
            max_duration_s=max(one.max_duration_s for one in all_of),
            max_bytes=max(one.max_bytes for one in all_of),
            models=tuple(dict.fromkeys(model for one in all_of for model in one.models)),
        )
