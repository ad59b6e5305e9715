"""The steps of one task: their inputs, their results, and the events of their course."""

from __future__ import annotations

from collections.abc import Mapping

from wav2vec2_app.errors import Wav2Vec2Error
from wav2vec2_app.server.events import Advanced, Partial, Retried, Started
from wav2vec2_app.server.operations import Operation, Step
from wav2vec2_app.server.orchestrator.result import StepResults, timeline, value_of
from wav2vec2_app.server.orchestrator.stream import EventStream
from wav2vec2_app.server.results import Attempt, Progress, Report, Stage, StepValue, TaskResult
from wav2vec2_app.server.tasks import AudioTask, ModelTask, StepInputs
from wav2vec2_app.speech.audio import Audio, AudioProbe
from wav2vec2_app.speech.features import Features
from wav2vec2_app.speech.retiming import cut_stretch
from wav2vec2_app.speech.search import Hits
from wav2vec2_app.speech.speakers import SpeakerTurns
from wav2vec2_app.speech.transcript import Recognition

NEEDS_EMISSION = frozenset({Operation.DECODE_TEXT, Operation.ALIGN, Operation.SEARCH})
"""Operations that start from the emission of a transcript."""

FAILED_ATTEMPT = "failed {operation}"
"""Name of the stage of an attempt that failed."""
BACK_OFF = "back-off"
"""Name of the stage between a failed attempt and the next one."""


class TaskSteps:
    """The steps of one task; the dispatcher runs them.

    Args:
        task: what was submitted.
        events: where their course is published.

    Attributes:
        results: of the finished steps; their stages count from the task's submission.
        queue: the stage of waiting in the queue.
        failed_attempts: the stages of failed attempts, and of the back-off after them.
    """

    def __init__(self, task: AudioTask, events: EventStream) -> None:
        self.results: dict[Step, TaskResult] = {}
        self.queue = Stage("queue", 0.0, 0.0)
        self._task = task
        self._events = events
        self._given: dict[Step, TaskResult] = {}
        self.failed_attempts: list[Stage] = []
        self._attempts: dict[Step, int] = {}
        self._began_s: dict[Step, float] = {}
        self._failed: dict[Step, tuple[Wav2Vec2Error, float]] = {}

    def give(self, values: Mapping[Step, StepValue]) -> None:
        """Take results that exist already; every later step can use them."""
        for step, value in values.items():
            self._given[step] = self.results[step] = TaskResult(step.operation, value)

    @property
    def probe(self) -> AudioProbe | None:
        """The header of the recording; None if it was not read."""
        return value_of(AudioProbe, self._given, Step(Operation.PROBE))

    def prepare(self, step: Step, needed: StepResults) -> ModelTask:
        """What an adapter gets for ``step``; ``needed`` has the results of the steps it depends on.

        Raises:
            InputError: ``model.no_emission``: the model of the transcript gives no emission;
                ``align.bad_part``: it has no such part.
        """
        inputs = _inputs(step, {**self._given, **needed})
        if _needs_one_emission(step, inputs.recognition) and inputs.recognition is not None:
            stretch = self._task.stretch if step.operation is Operation.ALIGN else None
            cut_stretch(inputs.recognition, stretch)  # raises where there is none
        return ModelTask(step, self._task, inputs)

    def _attempt(self, step: Step, attempt: Attempt) -> None:
        """Publish that an attempt begins, or note that it failed."""
        if attempt.failure is not None:
            self._fail(step, attempt.failure)
            return
        now_s = self._began_s[step] = self._events.elapsed_s()
        number = self._attempts[step] = self._attempts.get(step, 0) + 1
        if step in self._failed:
            failure, failed_s = self._failed.pop(step)
            waited_s = now_s - failed_s
            self.failed_attempts.append(Stage(BACK_OFF, failed_s, waited_s))
            retried = Retried(*self._events.stamp(), step, failure, attempt.adapter, waited_s)
            self._events.send(retried)
        self._events.send(Started(*self._events.stamp(), step, number, attempt.adapter))

    def _fail(self, step: Step, failure: Wav2Vec2Error) -> None:
        began_s, now_s = self._began_s[step], self._events.elapsed_s()
        self._failed[step] = (failure, now_s)
        name = FAILED_ATTEMPT.format(operation=step.operation.value.replace("_", " "))
        self.failed_attempts.append(Stage(name, began_s, now_s - began_s))

    def finish(self, step: Step, result: TaskResult) -> TaskResult:
        """Store and publish a result; returns it with its stages counted from the submission.

        Every later step can use the header of the recording.
        """
        self.results[step] = result = result.shifted(self._began_s[step])
        if step.operation is Operation.PROBE:
            self._given[step] = result
        self._announce(step, result.value)
        return result

    def _announce(self, step: Step, value: StepValue) -> None:
        """Publish the value, unless it is of use at the end only; pictures were reported one by one."""
        if not isinstance(value, AudioProbe | Hits | SpeakerTurns | tuple):
            stages = timeline(self.results.values(), self.queue, self.failed_attempts)
            self._events.send(Partial(*self._events.stamp(), step, value, stages))

    def report(self, step: Step) -> Report:
        """What an adapter calls with the progress of ``step``."""

        def report(progress: Progress) -> None:
            if progress.value is not None:
                self._events.send(Partial(*self._events.stamp(), step, progress.value))
            if progress.fraction is not None:
                fraction = min(max(progress.fraction, 0.0), 1.0)
                self._events.send(Advanced(*self._events.stamp(), step, fraction))
            if progress.attempt is not None:
                self._attempt(step, progress.attempt)

        return report


def _needs_one_emission(step: Step, recognition: Recognition | None) -> bool:
    """Whether a step needs the emission of a transcript; only an alignment needs a single one."""
    separate = recognition is not None and bool(recognition.channels)
    return step.operation in ({Operation.ALIGN} if separate else NEEDS_EMISSION)


def _inputs(step: Step, results: StepResults) -> StepInputs:
    """What ``step`` needs of ``results``; the transcript is that of its own target."""
    transcribed = value_of(Recognition, results, Step(Operation.TRANSCRIBE, step.target))
    decoded_again = value_of(Recognition, results, Step(Operation.DECODE_TEXT, step.target))
    return StepInputs(
        probe=value_of(AudioProbe, results, Step(Operation.PROBE)),
        audio=value_of(Audio, results, Step(Operation.DECODE_AUDIO)),
        recognition=decoded_again or transcribed,
        features=value_of(Features, results, Step(Operation.ANALYZE)),
    )
