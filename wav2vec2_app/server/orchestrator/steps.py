"""The steps of one task: their inputs, their results, and the events of their course."""

from __future__ import annotations

from collections.abc import Mapping

from wav2vec2_app.errors import Wav2Vec2Error
from wav2vec2_app.server.events import Advanced, Partial, Retried, Started
from wav2vec2_app.server.orchestrator.result import StepResults, timeline, value_of
from wav2vec2_app.server.orchestrator.stream import EventStream
from wav2vec2_app.server.tasks import (
    AudioTask,
    ModelTask,
    Operation,
    Progress,
    Report,
    Stage,
    Step,
    StepInputs,
    StepValue,
    TaskResult,
)
from wav2vec2_app.speech.audio import Audio, AudioProbe
from wav2vec2_app.speech.features import Features
from wav2vec2_app.speech.transcript import Recognition

NEEDS_EMISSION = frozenset({Operation.DECODE_TEXT, Operation.ALIGN})
"""Operations that start from the emission of a transcript."""


class TaskSteps:
    """The steps of one task; the dispatcher runs them.

    Args:
        task: what was submitted.
        events: where their course is published.

    Attributes:
        results: of the finished steps; their stages count from the task's submission.
        queue: the stage of waiting in the queue.
    """

    def __init__(self, task: AudioTask, events: EventStream) -> None:
        self.results: dict[Step, TaskResult] = {}
        self.queue = Stage("queue", 0.0, 0.0)
        self._task = task
        self._events = events
        self._given: dict[Step, TaskResult] = {}
        self._began_s: dict[Step, float] = {}

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
            InputError: ``model.no_emission``: the model of the transcript gives no emission.
        """
        inputs = _inputs(step, {**self._given, **needed})
        if _needs_one_emission(step, inputs.recognition) and inputs.recognition is not None:
            _ = inputs.recognition.emitted  # raises where there is none
        return ModelTask(step, self._task, inputs)

    def start(self, step: Step, attempt: int, failure: Wav2Vec2Error | None) -> None:
        """An attempt begins; ``failure`` is that of the one before."""
        self._began_s[step] = self._events.elapsed_s()
        if failure is not None:
            self._events.send(Retried(*self._events.stamp(), step, failure))
        self._events.send(Started(*self._events.stamp(), step, attempt))

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
        """Publish the value, but not that of PROBE, nor pictures, which were reported one by one."""
        if not isinstance(value, AudioProbe | tuple):
            stages = timeline(self.results.values(), self.queue)
            self._events.send(Partial(*self._events.stamp(), step, value, stages))

    def report(self, step: Step) -> Report:
        """What an adapter calls with the progress of ``step``."""

        def report(progress: Progress) -> None:
            if progress.value is not None:
                self._events.send(Partial(*self._events.stamp(), step, progress.value))
            if progress.fraction is not None:
                fraction = min(max(progress.fraction, 0.0), 1.0)
                self._events.send(Advanced(*self._events.stamp(), step, fraction))

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
