"""The orchestrator: what the page, the API and the command line submit their tasks to."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing

from wav2vec2_app.errors import (
    CancelledError,
    InputError,
    InternalError,
    ResourceError,
    Wav2Vec2Error,
    translate,
)
from wav2vec2_app.server.adapters.base import ModelAdapter
from wav2vec2_app.server.deadline import cancel_all
from wav2vec2_app.server.events import Done, Failed, TaskEvent
from wav2vec2_app.server.orchestrator.cache import ResultCache
from wav2vec2_app.server.orchestrator.dispatch import Dispatcher
from wav2vec2_app.server.orchestrator.events import EventStream, Sink, Sinks, is_last
from wav2vec2_app.server.orchestrator.job import Job, JobContext, Limits
from wav2vec2_app.server.orchestrator.pace import Pace
from wav2vec2_app.server.orchestrator.parallel import ParallelExecutionManager
from wav2vec2_app.server.orchestrator.queue import WaitQueue
from wav2vec2_app.server.orchestrator.synthesis import ResultSynthesizer
from wav2vec2_app.server.status import ModelCapabilities, OrchestratorStatus
from wav2vec2_app.server.tasks import AudioResult, AudioTask

logger = logging.getLogger(__name__)

NODES_PER_TASK = 2
"""How many operations of one task can run at once: its graph is no wider."""


class ModelOrchestrator:
    """Admits tasks, queues them, runs their graphs on adapters, and tells of it as events.

    All of it lives on one event loop. Between :meth:`start` and :meth:`stop` it takes tasks; before
    and after, they fail with ``app.not_running``.

    Args:
        adapters: the models, in order of preference; started and stopped with the orchestrator.
        queue_size: tasks that may wait; the next one is refused.
        concurrency: tasks in work at once.
        live_queue_size, live_concurrency: the same for live passes, which wait in a line of their own.
        operation_timeout_s, timeout_per_audio_s: limit of one operation and what each second of
            audio adds to it, seconds.
        breaker_failures: failures in a row that pause an operation of an adapter.
        breaker_recovery_s: how long it is paused before one trial, seconds.
        cache_bytes, cache_s, cache_shared: how much of finished tasks is kept, how long, and whether
            the same recording is recognised across sessions; see :class:`ResultCache`.
        clock: monotonic, seconds.
    """

    def __init__(
        self,
        adapters: Sequence[ModelAdapter],
        *,
        queue_size: int = 32,
        concurrency: int = 2,
        live_queue_size: int = 8,
        live_concurrency: int = 2,
        operation_timeout_s: float = 30.0,
        timeout_per_audio_s: float = 2.0,
        breaker_failures: int = 5,
        breaker_recovery_s: float = 10.0,
        cache_bytes: int = 0,
        cache_s: float = 3000.0,
        cache_shared: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._adapters = tuple(adapters)
        self._clock = clock
        self._sinks = Sinks()
        self._pace = Pace()
        self._line = WaitQueue(
            queue_size=queue_size, concurrency=concurrency, pace=self._pace, clock=clock
        )
        live_queue = WaitQueue(
            queue_size=live_queue_size, concurrency=live_concurrency, pace=Pace(), clock=clock
        )
        self._dispatcher = Dispatcher(
            self._adapters,
            breaker_failures=breaker_failures,
            breaker_recovery_s=breaker_recovery_s,
            clock=clock,
        )
        self._workshop = JobContext(
            self._line,
            live_queue,
            self._dispatcher,
            ParallelExecutionManager(concurrency=NODES_PER_TASK * (concurrency + live_concurrency)),
            ResultSynthesizer(),
            Limits(operation_timeout_s, timeout_per_audio_s),
            ResultCache(limit_bytes=cache_bytes, cache_s=cache_s, shared=cache_shared, clock=clock),
        )
        self._works: dict[Job, asyncio.Task[AudioResult]] = {}
        self._state = "new"

    # --- life ---

    async def start(self) -> None:
        """Initialize all adapters; if one cannot, all are disposed and its error is raised."""
        if self._state != "new":
            raise RuntimeError(f"start() is called once, and this orchestrator is {self._state}")
        self._state = "starting"
        outcomes = await asyncio.gather(
            *(adapter.initialize() for adapter in self._adapters), return_exceptions=True
        )
        errors = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        if errors:
            await self.stop()
            raise errors[0]
        self._state = "running"

    async def stop(self) -> None:
        """Cancel every task, wait until it has ended, and dispose the adapters."""
        if self._state == "stopped":
            return
        self._state = "stopped"
        await cancel_all(self._works.values())
        outcomes = await asyncio.gather(
            *(adapter.dispose() for adapter in self._adapters), return_exceptions=True
        )
        for adapter, outcome in zip(self._adapters, outcomes, strict=True):
            if isinstance(outcome, BaseException):
                logger.error("%s could not be disposed", adapter.name, exc_info=outcome)

    # --- tasks ---

    async def submit(self, task: AudioTask) -> AsyncGenerator[TaskEvent, None]:
        """Do ``task`` and tell of it; the last event is exactly one Done or Failed.

        The task is admitted when the first event is asked for. Closing the generator cancels the
        task and waits until its work has stopped. A task's failure is an event, never an exception.
        """
        job = self._begin(task)
        try:
            while True:
                event = await job.events.next()
                yield event
                if is_last(event):
                    return
        finally:
            if work := self._works.get(job):
                await cancel_all([work])

    async def run(self, task: AudioTask) -> AudioResult:
        """Do ``task`` and return its result.

        Raises:
            Wav2Vec2Error: it failed.
        """
        async with aclosing(self.submit(task)) as events:
            async for event in events:
                if isinstance(event, Done):
                    return event.result
                if isinstance(event, Failed):
                    raise event.error
        raise InternalError("The task ended without a result.")

    def cancel(self, task_id: str) -> bool:
        """Cancel one task; whether there was one to cancel."""
        return self._cancel_where(lambda task: task.id == task_id) > 0

    def cancel_session(self, session: str) -> int:
        """Cancel all tasks of one person; how many. Tasks without a session belong to nobody."""
        return self._cancel_where(lambda task: bool(session) and task.session == session)

    def forget_session(self, session: str) -> None:
        """One person has left: cancel all of their tasks and keep nothing of theirs."""
        self.cancel_session(session)
        self._workshop.cache.forget_session(session)

    # --- facts ---

    def subscribe(self, sink: Sink) -> Callable[[], None]:
        """Tell ``sink`` of every event of every task; what is returned ends it."""
        return self._sinks.subscribe(sink)

    def status(self) -> OrchestratorStatus:
        """The whole system at this moment; cheap, asks no worker."""
        return OrchestratorStatus(
            queued=self._line.queued,
            running=self._line.running,
            queue_size=self._line.queue_size,
            wait_s=self._line.wait_s,
            throughput=self._pace.measured,
            adapters=tuple(adapter.get_status() for adapter in self._adapters),
            breakers=self._dispatcher.breakers(),
        )

    def capabilities(self) -> tuple[ModelCapabilities, ...]:
        """What each adapter can do, with what it measured of itself."""
        return tuple(adapter.get_capabilities() for adapter in self._adapters)

    # --- inside ---

    def _begin(self, task: AudioTask) -> Job:
        job = Job(task, EventStream(task, self._sinks.publish, self._clock), self._workshop)
        refusal = self._refusal(task)
        if refusal is not None:
            job.events.send(Failed(*job.events.stamp(), refusal))
            return job
        work = self._works[job] = asyncio.ensure_future(job.live())
        work.add_done_callback(lambda work: self._end(job, work))
        return job

    def _refusal(self, task: AudioTask) -> Wav2Vec2Error | None:
        if self._state != "running":
            return ResourceError(
                "The application is not running.",
                code="app.not_running",
                hint="Try again in a moment.",
            )
        if any(job.task.id == task.id for job in self._works):
            return InputError(
                "A task with this id is already in work.",
                code="task.duplicate_id",
                hint="Give every task its own id.",
            )
        return None

    def _end(self, job: Job, work: asyncio.Future[AudioResult]) -> None:
        """Send the last event; called exactly once, even for a task cancelled before it began."""
        del self._works[job]
        stamp = job.events.stamp()
        error = _error_of(work, job.task)
        job.events.send(Failed(*stamp, error) if error else Done(*stamp, work.result()))

    def _cancel_where(self, chosen: Callable[[AudioTask], bool]) -> int:
        works = [work for job, work in self._works.items() if chosen(job.task)]
        return sum(work.cancel() for work in works)


def _error_of(work: asyncio.Future[AudioResult], task: AudioTask) -> Wav2Vec2Error | None:
    if work.cancelled():
        return CancelledError("The task was cancelled.", hint="Submit it again to start over.")
    error = work.exception()
    if error is None or isinstance(error, Wav2Vec2Error):
        return error
    logger.error("a defect ended the task", exc_info=error, extra={"task_id": task.id})
    return translate(error)
