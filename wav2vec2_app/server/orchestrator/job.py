"""The life of one task: admission, probe, waiting, its graph, its result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wav2vec2_app.errors import InputError, translate
from wav2vec2_app.server.deadline import CANCEL_GRACE_S
from wav2vec2_app.server.events import Advanced, Partial, Queued, Started
from wav2vec2_app.server.orchestrator.cache import CachedResult, ResultCache
from wav2vec2_app.server.orchestrator.dispatch import Dispatcher
from wav2vec2_app.server.orchestrator.events import EventStream
from wav2vec2_app.server.orchestrator.graph import TaskGraph, plan, plan_reading
from wav2vec2_app.server.orchestrator.parallel import ParallelExecutionManager
from wav2vec2_app.server.orchestrator.queue import Ticket, WaitQueue
from wav2vec2_app.server.orchestrator.synthesis import Piece, ResultSynthesizer, timeline
from wav2vec2_app.server.tasks import (
    AudioResult,
    AudioTask,
    ModelTask,
    Operation,
    Problem,
    Progress,
    Report,
    Stage,
    TaskResult,
    Want,
)
from wav2vec2_app.speech.audio import Audio

NODE_MARGIN_S = 2 * CANCEL_GRACE_S
"""How much longer a node of the graph may take than its operation, seconds: the operation's own
limit, whose passing the breaker sees, comes first."""

SHOWN_WHEN_READY = frozenset(Operation) - {Operation.PROBE, Operation.DRAW}
"""Operations whose value is announced as a Partial; DRAW reports its pictures one by one."""


@dataclass(frozen=True)
class Limits:
    """How long one operation may take: ``operation_s`` and ``per_audio_s`` a second of audio."""

    operation_s: float
    per_audio_s: float

    def of(self, audio_s: float) -> float:
        return self.operation_s + self.per_audio_s * audio_s


@dataclass(frozen=True)
class JobContext:
    """What every job works with."""

    line: WaitQueue
    live_queue: WaitQueue
    dispatcher: Dispatcher
    manager: ParallelExecutionManager
    synthesizer: ResultSynthesizer
    limits: Limits
    cache: ResultCache

    def queue_of(self, task: AudioTask) -> WaitQueue:
        """Where ``task`` waits."""
        return self.live_queue if task.live else self.line


class Job:
    """One task while it lives; tells of its course through ``events``, all but the last one."""

    def __init__(self, task: AudioTask, events: EventStream, workshop: JobContext) -> None:
        self.task = task
        self.events = events
        self._context = workshop
        self._line = workshop.queue_of(task)
        self._audio_s = 0.0
        self._queue = Stage("queue", 0.0, 0.0)
        self._pieces: dict[Operation, Piece] = {}
        self._recalled: dict[Operation, Piece] = {}

    async def live(self) -> AudioResult:
        """Do all the task wants.

        Raises:
            Wav2Vec2Error: it was refused or its main part failed.
        """
        with self._line.admit() as ticket:
            content, kept = await self._look_up()
            graph = self._plan(kept)
            for node in graph:
                self._context.dispatcher.route(
                    node.key, self.task
                )  # refused before anything is read
            if self.task.source is not None and kept is None:
                await self._probe()
            if kept is None:
                await self._wait(ticket)
            problems = await self._work(graph)
            result = self._context.synthesizer.synthesize(
                self.task,
                self._pieces,
                queue=self._queue,
                total_s=self.events.elapsed_s(),
                problems=problems,
            )
            if self.task.audio is None:
                self._context.cache.keep(self.task, content, result, origin=kept)
            return result

    async def _look_up(self) -> tuple[str, CachedResult | None]:
        """What is left of the task that this one goes back to, or of the same recording."""
        cache, source = self._context.cache, self.task.source
        if source is not None:
            content = await cache.content_of(source, self.task.session)
            return content, cache.find(self.task, content)
        if self.task.audio is not None:
            return "", None
        kept = cache.get(self.task.cached_id)
        if kept is None:
            raise InputError(
                "That recording is no longer here.",
                code="task.not_kept",
                hint="Send it again: results are kept for a while only.",
            )
        return kept.content, kept

    def _plan(self, kept: CachedResult | None) -> TaskGraph[Operation]:
        """What is to be done; what is known already is taken over."""
        if kept is not None:
            return self._recall(kept)
        known: dict[Operation, Any] = {}
        if self.task.audio is not None:
            known[Operation.DECODE_AUDIO] = self.task.audio
            self._take_over(known, self.task.audio)
        return plan(self.task.wants, known)

    def _recall(self, kept: CachedResult) -> TaskGraph[Operation]:
        """Take over what is left of an earlier task; the graph of what is left to do."""
        values: dict[Operation, Any] = {
            Operation.DECODE_AUDIO: kept.audio,
            Operation.TRANSCRIBE: kept.recognition,
        }
        if kept.features is not None:
            values[Operation.ANALYZE] = kept.features
        shown = self.task.wants & {Want.TRANSCRIPT, Want.PICTURES}
        anew = bool(shown) and kept.decoding != self.task.decoding
        if kept.pictures and not anew:
            values[Operation.DRAW] = kept.pictures
        self._take_over(values, kept.audio)
        return plan_reading(self.task.wants, values) if anew else plan(self.task.wants, values)

    def _take_over(self, values: Mapping[Operation, Any], audio: Audio) -> None:
        for operation, value in values.items():
            self._pieces[operation] = Piece(0.0, TaskResult(operation, value))
        self._recalled = dict(self._pieces)
        self._audio_s = audio.duration_s

    async def _probe(self) -> None:
        """Read the header at once, so that unusable audio is refused before it waits."""
        probe = await self._run(Operation.PROBE, {})
        self._audio_s = probe.result.value.duration_s

    async def _wait(self, ticket: Ticket) -> None:
        began_s = self.events.elapsed_s()
        async for place in self._line.wait(ticket, self._audio_s):
            self.events.send(Queued(*self.events.stamp(), place.position, place.eta_s))
        self._queue = Stage("queue", began_s, self.events.elapsed_s() - began_s)

    async def _work(self, graph: TaskGraph[Operation]) -> tuple[Problem, ...]:
        outcome = await self._context.manager.execute(
            graph, self._run, limit_s=lambda _: self._limit_s() + NODE_MARGIN_S
        )
        return tuple(
            Problem(operation, translate(error)) for operation, error in outcome.failures.items()
        )

    async def _run(self, operation: Operation, needed: Mapping[Operation, Piece]) -> Piece:
        """Do one operation and announce what came of it."""
        began_s = self.events.elapsed_s()

        def started(attempt: int) -> None:
            nonlocal began_s
            began_s = self.events.elapsed_s()
            self.events.send(Started(*self.events.stamp(), operation, attempt))

        known = {**self._recalled, **needed} or self._pieces  # the first one gets the probe's
        inputs = {key: piece.result.value for key, piece in known.items()}
        result = await self._context.dispatcher.run(
            ModelTask(operation, self.task, inputs),
            limit_s=self._limit_s(),
            started=started,
            report=self._report(operation),
        )
        piece = self._pieces[operation] = Piece(began_s, result)
        self._announce(piece)
        return piece

    def _limit_s(self) -> float:
        return self._context.limits.of(self._audio_s)

    def _announce(self, piece: Piece) -> None:
        operation, value = piece.result.operation, piece.result.value
        if operation is Operation.DECODE_AUDIO:
            self._audio_s = max(self._audio_s, value.duration_s)  # a header may promise too little
        if operation in SHOWN_WHEN_READY:
            stages = timeline(self._pieces, self._queue)
            self.events.send(Partial(*self.events.stamp(), value, stages))

    def _report(self, operation: Operation) -> Report:
        def report(progress: Progress) -> None:
            if progress.value is not None:
                self.events.send(Partial(*self.events.stamp(), progress.value))
            if progress.fraction is not None:
                fraction = min(max(progress.fraction, 0.0), 1.0)
                self.events.send(Advanced(*self.events.stamp(), operation, fraction))

        return report
