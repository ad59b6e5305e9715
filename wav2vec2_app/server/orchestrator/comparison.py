"""Comparison of several ways to transcribe one recording, and the synthesis of their transcripts."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from wav2vec2_app.errors import InternalError, Wav2Vec2Error
from wav2vec2_app.server.events import Done, Failed, Partial, Started, TaskEvent
from wav2vec2_app.server.operations import Operation, Step, Target
from wav2vec2_app.server.orchestrator.synthesizer import ResultSynthesizer
from wav2vec2_app.server.results import SERVER_PROCESS, WAITING, AudioResult, Stage
from wav2vec2_app.server.service.memory import MemoryMeter, process_names
from wav2vec2_app.server.status import OrchestratorStatus, ProcessMemory
from wav2vec2_app.server.tasks import AudioTask
from wav2vec2_app.speech.audio import DEFAULT_TRACK_AND_MIX, AudioSource, DecodeAudioOptions
from wav2vec2_app.speech.models import AUTO_MODEL
from wav2vec2_app.speech.synthesis import DEFAULT_SYNTHESIS, Synthesis, SynthesisOptions
from wav2vec2_app.speech.transcript import Recognition
from wav2vec2_app.speech.variants import Variant

if TYPE_CHECKING:
    from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator


@dataclass(frozen=True)
class ComparisonRequest:
    """What is compared, and how the transcripts become one.

    Attributes:
        variants: at least two, each with a name of its own.
        synthesis: how their transcripts become one.
        reference: what was spoken, for word error rates; empty where it is not known.
    """

    variants: tuple[Variant, ...]
    synthesis: SynthesisOptions = DEFAULT_SYNTHESIS
    reference: str = ""

    def task(
        self,
        source: AudioSource,
        session: str = "",
        audio_options: DecodeAudioOptions = DEFAULT_TRACK_AND_MIX,
    ) -> AudioTask:
        """The task that transcribes a recording with every variant."""
        return AudioTask(
            source,
            session=session,
            comparison=True,
            audio_options=audio_options,
            targets=tuple(target_of(variant) for variant in self.variants),
        )


@dataclass(frozen=True)
class VariantOutcome:
    """What one variant produced, or why it did not, and its cost.

    Attributes:
        elapsed_s: from the start of its step to its end, with waiting for a worker; 0 if it did not start.
        stages: of its step.
        memory_bytes: resident memory, at its end, of the worker processes that it ran in; they may serve
            other variants too. ``None`` where it is not known.
    """

    variant: Variant
    recognition: Recognition | None = None
    error: Wav2Vec2Error | None = None
    elapsed_s: float = 0.0
    stages: tuple[Stage, ...] = ()
    memory_bytes: int | None = None

    @property
    def waited_s(self) -> float:
        """Time in which it waited for a worker."""
        return sum(stage.duration_s for stage in self.stages if stage.name == WAITING)

    @property
    def work_s(self) -> float:
        """Time in which it was worked on."""
        return max(0.0, self.elapsed_s - self.waited_s)


@dataclass(frozen=True)
class Comparison:
    """The outcome of a comparison; ``problem`` says why there is no ``synthesis``."""

    request: ComparisonRequest
    result: AudioResult
    outcomes: tuple[VariantOutcome, ...]
    synthesis: Synthesis | None = None
    problem: Wav2Vec2Error | None = None

    def check(self) -> Comparison:
        """The comparison unchanged, if at least one variant succeeded.

        Raises:
            Wav2Vec2Error: the error of the first variant; ``variants`` in its metadata has the others'.
        """
        errors = {one.variant.name: one.error for one in self.outcomes if one.error is not None}
        if errors and len(errors) == len(self.outcomes):
            first = next(iter(errors.values()))
            first.metadata["variants"] = {name: error.code for name, error in errors.items()}
            raise first
        return self


@dataclass
class ComparisonTracker:
    """Follows the events of a comparison's task.

    Args:
        request: what is compared.
        status: the state of the system, for the memory of its processes.
    """

    request: ComparisonRequest
    status: Callable[[], OrchestratorStatus]
    finished: dict[str, Recognition] = field(default_factory=dict, init=False)
    """Transcripts by the names of their variants, in the order in which they were finished."""
    _began_s: dict[Target, float] = field(default_factory=dict, init=False)
    _elapsed_s: dict[Target, float] = field(default_factory=dict, init=False)
    _memory: dict[Target, tuple[ProcessMemory, ...]] = field(default_factory=dict, init=False)

    def note(self, event: TaskEvent) -> bool:
        """Take note of an event; whether a variant has finished."""
        if isinstance(event, Started) and event.operation is Operation.TRANSCRIBE:
            self._began_s.setdefault(event.step.target, event.at_s)
        if not isinstance(event, Partial) or not isinstance(event.value, Recognition):
            return False
        target = event.step.target
        self._elapsed_s[target] = event.at_s - self._began_s.get(target, event.at_s)
        self._memory[target] = _processes(self.status())
        self.finished[self._name(target)] = event.value
        return True

    def outcomes(self, result: AudioResult | None = None) -> tuple[VariantOutcome, ...]:
        """What is known of each variant; ``result`` is there once the task is finished."""
        return tuple(self._outcome(variant, result) for variant in self.request.variants)

    async def finish(self, result: AudioResult) -> Comparison:
        """The outcome, with the synthesis of the transcripts."""
        comparison = Comparison(self.request, result, self.outcomes(result))
        try:
            options = self._options()
            synthesis = await ResultSynthesizer(options).synthesize(self.finished)
        except Wav2Vec2Error as error:
            return replace(comparison, problem=error)
        return replace(comparison, synthesis=synthesis)

    def _name(self, target: Target) -> str:
        return next(one.name for one in self.request.variants if target_of(one) == target)

    def _options(self) -> SynthesisOptions:
        """The options with a weight for each variant that succeeded, by its name or one of its model's."""
        given = self.request.synthesis.weights
        weights = {}
        for variant in self.request.variants:
            if given and variant.name in self.finished:
                answered = self.finished[variant.name].transcript.model.name
                named = (name for name in (variant.name, variant.model, answered) if name in given)
                weights[variant.name] = given.get(next(named, ""), 1.0)
        return replace(self.request.synthesis, weights=weights)

    def _outcome(self, variant: Variant, result: AudioResult | None) -> VariantOutcome:
        target = target_of(variant)
        stages: tuple[Stage, ...] = ()
        error = None
        if result is not None:
            stages = result.step_stages.get(Step(Operation.TRANSCRIBE, target), ())
            failures = (one.error for one in result.problems if one.target == target)
            error = next(failures, None)
        return VariantOutcome(
            variant,
            self.finished.get(variant.name),
            error,
            self._elapsed_s.get(target, 0.0),
            stages,
            _resident(self._memory.get(target, ()), {stage.process for stage in stages}),
        )


def target_of(variant: Variant) -> Target:
    """The adapter, the model and the options of a variant."""
    return Target(variant.adapter, variant.model, variant.decoding)


def check_weights(request: ComparisonRequest, default_model: str) -> None:
    """Check, before anything runs, that every weight names a variant or a model of the request.

    Raises:
        InputError: ``synthesis.unknown_model``.
    """
    models = [one.model for one in request.variants]
    default = [default_model] if AUTO_MODEL in models else []
    request.synthesis.check_names([*(one.name for one in request.variants), *models, *default])


async def compare(
    orchestrator: ModelOrchestrator, task: AudioTask, request: ComparisonRequest
) -> Comparison:
    """Run the task of a comparison to its end.

    Raises:
        Wav2Vec2Error: the recording cannot be used, or no variant succeeded.
    """
    check_weights(request, orchestrator.status().default_model)
    tracker = ComparisonTracker(request, orchestrator.status)
    async with aclosing(orchestrator.submit(task)) as events:
        async for event in events:
            tracker.note(event)
            if isinstance(event, Failed):
                raise event.error
            if isinstance(event, Done):
                return (await tracker.finish(event.result)).check()
    raise InternalError("The task ended without a result.", hint="Try again.")


def _processes(status: OrchestratorStatus) -> tuple[ProcessMemory, ...]:
    """The processes that the adapters report, and the workers of those that report no memory."""
    found: list[ProcessMemory] = []
    for adapter in status.adapters:
        memory = adapter.memory
        if memory is None:
            names = process_names(adapter.workers)
            memory = MemoryMeter(limit_bytes=0).report(names, model_bytes=0)
        found += memory.processes
    return tuple(found)


def _resident(processes: tuple[ProcessMemory, ...], used: set[str]) -> int | None:
    """Memory of the workers in ``used``, by role; of several workers of one role, that of the largest."""
    roles: dict[str, int] = {}
    for process in processes:
        role = process.name.partition("-")[0]
        if role in used and role != SERVER_PROCESS:
            roles[role] = max(roles.get(role, 0), process.rss_bytes)
    return sum(roles.values()) or None
