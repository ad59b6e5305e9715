"""The course of one task: admission, cache lookup, probe, queue, graph, description, result."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial

from wav2vec2_app.errors import InputError, translate
from wav2vec2_app.server.events import Queued
from wav2vec2_app.server.offload import off_loop
from wav2vec2_app.server.operations import Operation, Step, Target, Want
from wav2vec2_app.server.orchestrator.cache import CachedResult, ResultCache
from wav2vec2_app.server.orchestrator.demand import demand_of
from wav2vec2_app.server.orchestrator.dispatch import Dispatcher
from wav2vec2_app.server.orchestrator.graph import TaskGraph, plan
from wav2vec2_app.server.orchestrator.parallel import ParallelExecutionManager
from wav2vec2_app.server.orchestrator.parallel_tasks import ParallelTask
from wav2vec2_app.server.orchestrator.queue import Ticket, WaitQueue
from wav2vec2_app.server.orchestrator.remote import RemoteDescription
from wav2vec2_app.server.orchestrator.result import assemble_result, recognitions_of, value_of
from wav2vec2_app.server.orchestrator.steps import TaskSteps
from wav2vec2_app.server.orchestrator.stream import EventStream
from wav2vec2_app.server.orchestrator.targets import targets_of
from wav2vec2_app.server.results import AudioResult, Problem, Stage, StepValue, TaskResult
from wav2vec2_app.server.tasks import AudioTask
from wav2vec2_app.speech.audio import Audio
from wav2vec2_app.speech.transcript import Recognition


@dataclass(frozen=True)
class JobContext:
    """What all jobs of one orchestrator share."""

    queue: WaitQueue
    live_queue: WaitQueue
    dispatcher: Dispatcher
    manager: ParallelExecutionManager
    live_manager: ParallelExecutionManager
    cache: ResultCache

    def queue_of(self, task: AudioTask) -> WaitQueue:
        """The queue that ``task`` waits in."""
        return self.live_queue if task.live else self.queue

    def manager_of(self, task: AudioTask) -> ParallelExecutionManager:
        """What executes the graph of ``task``: steps of uploads never hold up a live pass."""
        return self.live_manager if task.live else self.manager


@dataclass(frozen=True)
class StartPoint:
    """What a job starts with.

    Attributes:
        targets: what transcribes, the primary one first.
        known: steps whose values exist already.
        content: fingerprint of the recording, for the cache.
        origin: the cached result that the task is answered from.
        decode_again: whether the cached emissions are decoded with the task's options.
        same_primary: whether ``origin`` has the same primary transcript, and so the same pictures.
    """

    targets: tuple[Target, ...]
    known: Mapping[Step, StepValue] = field(default_factory=dict)
    content: str = ""
    origin: CachedResult | None = None
    decode_again: bool = False
    same_primary: bool = True


class Job:
    """One task; publishes its course through ``events``, except for the last event."""

    def __init__(self, task: AudioTask, events: EventStream, context: JobContext) -> None:
        self.task = task
        self.events = events
        self._context = context
        self._queue = context.queue_of(task)
        self._steps = TaskSteps(task, events)
        self._audio_s = 0.0

    async def run(self) -> AudioResult:
        """Produce what the task wants.

        Raises:
            Wav2Vec2Error: the task was rejected, or its main part failed.
        """
        async with RemoteDescription(
            self.task.wants, self._steps, self._context.dispatcher
        ) as remote:
            start, problems = await self._run_here(remote)
            local_s = self.events.elapsed_s()
            problems += await remote.finish()
            return await self._finish(start, problems, remote_s=self.events.elapsed_s() - local_s)

    async def _run_here(self, remote: RemoteDescription) -> tuple[StartPoint, tuple[Problem, ...]]:
        """Wait for a slot, and run what runs on this machine in it."""
        with self._queue.admit() as ticket:
            start = await self._start()
            self._steps.give(start.known)
            graph = plan(
                self.task.wants,
                start.targets,
                start.known,
                decode_again=start.decode_again,
                comparison=self.task.comparison,
            )
            self._check_routes(graph)
            if list(graph):  # an answer that is cached completely needs no slot
                cached = start.origin is not None
                self._audio_s = await self._duration_s(start)
                await self._wait(ticket, self._audio_s, cached=cached)
            for step, value in start.known.items():
                remote.after(step, TaskResult(step.operation, value))
            return start, await self._run_graph(graph, remote)

    def _check_routes(self, graph: TaskGraph[Step]) -> None:
        """Reject what cannot be done before the recording is opened; a comparison's extras may fail."""
        for node in graph:
            if graph.is_essential(node.key) or not self.task.comparison:
                self._context.dispatcher.route(node.key)

    async def _start(self) -> StartPoint:
        """Find what is known of the recording."""
        task, cache = self.task, self._context.cache
        targets = targets_of(task, self._context.dispatcher.route)
        if task.audio is not None:
            return StartPoint(targets, {Step(Operation.DECODE_AUDIO): task.audio})
        if task.source is None:
            origin = cache.get(task.cached_id, task.owner)
            if origin is None:
                raise _not_cached()
            primary = next(iter(origin.answers.values()))
            from_emission = bool(task.wants & {Want.ALIGNMENT, Want.HITS})
            if from_emission and not (primary.has_emission or primary.channels):
                return StartPoint(targets, _of_the_audio(origin), origin.content)
            return _start_from(task, origin, {target: target for target in origin.answers})
        if not task.cacheable:
            return StartPoint(task.transcribers)
        content = await cache.content_of(task.source, task.owner, task.audio_options)
        answering = self._answering(targets)
        origin = cache.find(task.owner, content, answering.values())
        if origin is None or len(answering) < len(targets):
            return StartPoint(targets, content=content)
        return _start_from(task, origin, answering)

    def _answering(self, targets: Iterable[Target]) -> dict[Target, Target]:
        """The adapter and model that would answer for each target now, where that is known."""
        found = {target: self._context.dispatcher.answering(target) for target in targets}
        return {target: answering for target, answering in found.items() if answering is not None}

    async def _duration_s(self, start: StartPoint) -> float:
        """Length of the audio that is transcribed: of each channel, if they are kept apart.

        A file's header is read, so that unusable audio never waits.
        """
        if start.origin is not None:
            return start.origin.audio.duration_s
        audio = start.known.get(Step(Operation.DECODE_AUDIO))
        if isinstance(audio, Audio):
            return audio.duration_s
        await self._context.dispatcher.run(self._steps, Step(Operation.PROBE), {})
        probe = self._steps.probe
        if probe is None:
            return 0.0
        separate = self.task.audio_options.channels == "separate"
        return probe.duration_s * (max(1, probe.channels) if separate else 1)

    async def _wait(self, ticket: Ticket, audio_s: float, *, cached: bool) -> None:
        began_s = self.events.elapsed_s()
        async with aclosing(self._queue.wait(ticket, audio_s, cached=cached)) as positions:
            async for one in positions:
                self.events.send(Queued(*self.events.stamp(), one.position, one.eta_s))
        self._steps.queue = Stage("queue", began_s, self.events.elapsed_s() - began_s)

    async def _run_graph(
        self, graph: TaskGraph[Step], remote: RemoteDescription
    ) -> tuple[Problem, ...]:
        def finish(step: Step, result: TaskResult) -> None:
            remote.after(step, self._steps.finish(step, result))

        outcome = await self._context.manager_of(self.task).execute_parallel(
            [self._parallel(node.key) for node in graph],
            {node.key: node.needs for node in graph},
            essential=[node.key for node in graph if graph.is_essential(node.key)],
            on_done=finish,
        )
        if outcome.stopped_by is not None:
            raise outcome.stopped_by
        return tuple(
            Problem(step.operation, translate(error), step.target)
            for step, error in outcome.errors.items()
        )

    def _parallel(self, step: Step) -> ParallelTask[Step, TaskResult]:
        run = partial(self._context.dispatcher.call, self._steps, step)
        return ParallelTask(step, run, demand=demand_of(step, self._audio_s))

    async def _finish(
        self, start: StartPoint, problems: tuple[Problem, ...], *, remote_s: float
    ) -> AudioResult:
        labels = Want.SPEAKERS in self.task.wants or self.task.speaker_names
        audio = value_of(Audio, self._steps.results, Step(Operation.DECODE_AUDIO))
        labelled_s = audio.duration_s if audio is not None and labels else 0.0
        result = await off_loop(
            labelled_s,  # every word gets its speaker
            assemble_result,
            self.task,
            self._steps.results,
            start.targets,
            queue=self._steps.queue,
            attempts=self._steps.failed_attempts,
            total_s=self.events.elapsed_s(),
            remote_s=remote_s,
            problems=problems,
            cached=start.origin is not None,
        )
        if start.origin is not None:
            shown = self.task.decoding == start.origin.decoding and start.same_primary
            shown &= self.task.picture_window == start.origin.picture_window
            pictures = result.pictures if shown else ()
            speakers = result.speakers if start.same_primary else None
            self._context.cache.extend(
                self.task.id, start.origin, result.features, pictures, speakers
            )
        elif self.task.audio is None and self.task.cacheable:
            answers = self._answers(recognitions_of(self._steps.results, start.targets))
            self._context.cache.store(self.task, start.content, result, answers)
        return result

    def _answers(self, recognitions: Mapping[Target, Recognition]) -> dict[Target, Recognition]:
        """The transcripts by the adapter and model that produced them."""
        adapters = {
            target: self._steps.results[Step(Operation.TRANSCRIBE, target)].adapter
            for target in recognitions
        }
        return {
            Target(adapters[target], recognition.transcript.model.name): recognition
            for target, recognition in recognitions.items()
        }


def _start_from(
    task: AudioTask, origin: CachedResult, answering: Mapping[Target, Target]
) -> StartPoint:
    """Start from a cached result; ``answering`` says whose transcript each target gets."""
    targets = tuple(answering)
    shows_words = bool(task.wants & {Want.TRANSCRIPT, Want.PICTURES})
    decode_again = shows_words and origin.decoding != task.decoding
    answers = [origin.answers[answer] for answer in answering.values()]
    if decode_again and not all(answer.has_emission for answer in answers):
        return StartPoint(targets, _of_the_audio(origin), origin.content)  # transcribed again
    same_primary = next(iter(origin.answers)) == answering[targets[0]]
    known = _of_the_audio(origin)
    for target, answer in answering.items():
        known[Step(Operation.TRANSCRIBE, target)] = origin.answers[answer]
    same_window = task.picture_window == origin.picture_window
    if origin.pictures and same_window and same_primary and not decode_again:
        known[Step(Operation.DRAW, targets[0])] = origin.pictures
    if origin.speakers is not None and same_primary:
        known[Step(Operation.LABEL_SPEAKERS, targets[0])] = origin.speakers
    return StartPoint(targets, known, origin.content, origin, decode_again, same_primary)


def _of_the_audio(origin: CachedResult) -> dict[Step, StepValue]:
    """The values of a cached result that depend on no model."""
    known: dict[Step, StepValue] = {Step(Operation.DECODE_AUDIO): origin.audio}
    if origin.features is not None:
        known[Step(Operation.ANALYZE)] = origin.features
    return known


def _not_cached() -> InputError:
    return InputError(
        "The result of that request is no longer cached.",
        code="task.not_cached",
        hint="Send the recording again.",
    )
