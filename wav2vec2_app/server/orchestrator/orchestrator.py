"""The orchestrator: admits tasks, runs them on adapters and publishes their events."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from wav2vec2_app.errors import (
    BusyError,
    CancelledError,
    InputError,
    InternalError,
    ResourceError,
    Wav2Vec2Error,
    translate,
)
from wav2vec2_app.server.adapters.base import ModelAdapter
from wav2vec2_app.server.adapters.retry import RetryPolicy
from wav2vec2_app.server.clients import ClientPolicy, SessionClients
from wav2vec2_app.server.deadline import cancel_all
from wav2vec2_app.server.events import Done, EventBus, Failed, TaskEvent
from wav2vec2_app.server.orchestrator.breaker import BreakerPolicy
from wav2vec2_app.server.orchestrator.cache import CachedResult, CachePolicy, ResultCache
from wav2vec2_app.server.orchestrator.dispatch import Dispatcher
from wav2vec2_app.server.orchestrator.job import Job, JobContext
from wav2vec2_app.server.orchestrator.parallel import ParallelExecutionManager
from wav2vec2_app.server.orchestrator.parallel_tasks import ParallelConfig
from wav2vec2_app.server.orchestrator.queue import QueuePolicy, WaitQueue
from wav2vec2_app.server.orchestrator.routing import RoutingPolicy
from wav2vec2_app.server.orchestrator.slots import ResourceLimits
from wav2vec2_app.server.orchestrator.stream import EventStream, is_last
from wav2vec2_app.server.orchestrator.throughput import ThroughputMeter
from wav2vec2_app.server.results import AudioResult
from wav2vec2_app.server.status import ModelCapabilities, OrchestratorStatus
from wav2vec2_app.server.tasks import AudioTask
from wav2vec2_app.speech.audio import AudioSource

logger = logging.getLogger(__name__)

STEPS_PER_TASK = 2
"""Steps of one task with one model that can run at the same time: its graph is no wider."""


@dataclass(frozen=True)
class OrchestratorPolicy:
    """Bounds of the orchestrator's parts; live passes have a queue of their own."""

    queue: QueuePolicy = field(default_factory=QueuePolicy)
    live_queue: QueuePolicy = field(default_factory=lambda: QueuePolicy(size=8))
    breaker: BreakerPolicy = field(default_factory=BreakerPolicy)
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    routing: RoutingPolicy = field(default_factory=RoutingPolicy)
    resources: ResourceLimits = field(default_factory=ResourceLimits)
    cache: CachePolicy = field(default_factory=CachePolicy)
    clients: ClientPolicy = field(default_factory=ClientPolicy)


class ModelOrchestrator:
    """Admits tasks, queues them, runs their graphs of steps on adapters, and publishes events.

    It lives on one event loop. It accepts tasks between :meth:`start` and :meth:`stop`; before and
    after, they fail with ``app.not_running``.

    Args:
        adapters: the models, in order of preference; started and stopped with the orchestrator.
        policy: bounds of queues, circuit breakers and cache.
        events: receives the events of all tasks, retries and circuit breakers.
        clock: monotonic, seconds.
    """

    def __init__(
        self,
        adapters: Sequence[ModelAdapter],
        policy: OrchestratorPolicy | None = None,
        *,
        events: EventBus | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        policy = policy or OrchestratorPolicy()
        self.events = events or EventBus()
        self._adapters = tuple(adapters)
        self._clock = clock
        self._meter = ThroughputMeter()
        self._context = JobContext(
            queue=WaitQueue(policy.queue, self._meter, clock=clock),
            live_queue=WaitQueue(policy.live_queue, ThroughputMeter(), clock=clock),
            dispatcher=Dispatcher(
                self._adapters,
                breaker=policy.breaker,
                retry=policy.retry,
                routing=policy.routing,
                events=self.events,
                clock=clock,
            ),
            manager=_manager(policy.queue, policy.resources),
            live_manager=_manager(policy.live_queue, ResourceLimits()),
            cache=ResultCache(policy.cache, clock=clock),
        )
        self.session_clients = SessionClients()
        self._client_policy = policy.clients
        self._running: dict[Job, asyncio.Task[AudioResult]] = {}
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
        await cancel_all(self._running.values())
        outcomes = await asyncio.gather(
            *(adapter.dispose() for adapter in self._adapters), return_exceptions=True
        )
        for adapter, outcome in zip(self._adapters, outcomes, strict=True):
            if isinstance(outcome, BaseException):
                logger.error("%s could not be disposed", adapter.name, exc_info=outcome)

    # --- tasks ---

    async def submit(self, task: AudioTask) -> AsyncGenerator[TaskEvent, None]:
        """Run ``task`` and yield its events; the last one is exactly one Done or Failed.

        The task is admitted when the first event is requested. Closing the generator cancels the
        task and waits until its work has stopped. A task's failure is an event, never an exception.
        """
        job = self._start_job(task)
        try:
            while True:
                event = await job.events.next()
                yield event
                if is_last(event):
                    return
        finally:
            if work := self._running.get(job):
                await cancel_all([work])

    async def run(self, task: AudioTask) -> AudioResult:
        """Run ``task`` and return its result.

        Raises:
            Wav2Vec2Error: it failed.
        """
        async with aclosing(self.submit(task)) as events:
            async for event in events:
                if isinstance(event, Done):
                    return event.result
                if isinstance(event, Failed):
                    raise event.error
        raise InternalError("The task ended without a result.", hint="Try again.")

    def cancel(self, task_id: str) -> bool:
        """Cancel one task; returns whether it was running or queued."""
        return self._cancel_where(lambda task: task.id == task_id) > 0

    def cancel_session(self, session: str) -> int:
        """Cancel all tasks of one session and return their number; none for the empty session."""
        return self._cancel_where(lambda task: bool(session) and task.session == session)

    def forget_session(self, session: str) -> None:
        """Cancel all tasks of a session that has ended and drop its cached results."""
        self.cancel_session(session)
        self._context.cache.forget_session(session)

    def restore(self, task_id: str, cached: CachedResult) -> None:
        """Put a stored result into the cache, for tasks whose ``cached_id`` is ``task_id``."""
        self._context.cache.restore(task_id, cached)

    # --- facts ---

    def status(self) -> OrchestratorStatus:
        """The state of the system at this moment; cheap, sends nothing to a worker."""
        queue = self._context.queue
        return OrchestratorStatus(
            queued=queue.queued,
            running=queue.running,
            queue_size=queue.policy.size,
            wait_s=queue.wait_s,
            throughput=self._meter.measured,
            adapters=tuple(adapter.get_status() for adapter in self._adapters),
            breakers=self._context.dispatcher.breakers(),
        )

    @property
    def cache_bytes(self) -> int:
        """Size of all cached results together, bytes."""
        return self._context.cache.size_bytes

    def capabilities(self) -> tuple[ModelCapabilities, ...]:
        """What each adapter can do, with its measured performance."""
        return tuple(adapter.get_capabilities() for adapter in self._adapters)

    # --- inside ---

    def _start_job(self, task: AudioTask) -> Job:
        client = self.session_clients.of(task.session)
        history = task.history or self.session_clients.history_of(task.session)
        task = replace(task, client=task.client or client, history=history)
        job = Job(task, EventStream(task, self.events, self._clock), self._context)
        rejection = self._rejection(task)
        if rejection is not None:
            job.events.send(Failed(*job.events.stamp(), rejection))
            return job
        work = self._running[job] = asyncio.ensure_future(job.run())
        work.add_done_callback(lambda work: self._end_job(job, work))
        return job

    def _rejection(self, task: AudioTask) -> Wav2Vec2Error | None:
        if self._state != "running":
            return ResourceError(
                "The application is not running.",
                code="app.not_running",
                hint="Try again in a moment.",
            )
        if any(job.task.id == task.id for job in self._running):
            return InputError(
                "A task with this id is running already.",
                code="task.duplicate_id",
                hint="Give every task its own id.",
            )
        return self._over_limit(task)

    def _over_limit(self, task: AudioTask) -> Wav2Vec2Error | None:
        """The error of a client that has too much in progress; live sessions are limited elsewhere."""
        if task.live:
            return None
        others = (job.task for job in self._running)
        sizes = [
            size_of(other.source)
            for other in others
            if other.client == task.client and not other.live
        ]
        try:
            self._client_policy.check(
                task.client, sizes, size_of(task.source), self._context.queue.wait_s
            )
        except BusyError as error:
            return error
        return None

    def _end_job(self, job: Job, work: asyncio.Future[AudioResult]) -> None:
        """Send the last event; called exactly once, also for a task cancelled before it began."""
        del self._running[job]
        stamp = job.events.stamp()
        error = _error_of(work, job.task)
        job.events.send(Failed(*stamp, error) if error else Done(*stamp, work.result()))

    def _cancel_where(self, chosen: Callable[[AudioTask], bool]) -> int:
        works = [work for job, work in self._running.items() if chosen(job.task)]
        return sum(work.cancel() for work in works)


def size_of(source: AudioSource | None) -> int:
    """Size of an encoded recording, bytes; 0 where there is none."""
    if source is None:
        return 0
    if source.data is not None:
        return len(source.data)
    try:
        return source.path.stat().st_size if source.path is not None else 0
    except OSError:
        return 0  # the audio worker reports what is wrong with the file


def _manager(policy: QueuePolicy, limits: ResourceLimits) -> ParallelExecutionManager:
    config = ParallelConfig(STEPS_PER_TASK * policy.concurrency, resource_limits=limits)
    return ParallelExecutionManager(config)


def _error_of(work: asyncio.Future[AudioResult], task: AudioTask) -> Wav2Vec2Error | None:
    if work.cancelled():
        return CancelledError("The task was cancelled.", hint="Submit it again to start over.")
    error = work.exception()
    if error is None or isinstance(error, Wav2Vec2Error):
        return error
    logger.error("a defect ended the task", exc_info=error, extra={"request_id": task.id})
    return translate(error)
