"""Runs the steps of one task, collects their results and publishes their course."""

from __future__ import annotations

from collections.abc import Mapping

from wav2vec2_app.errors import Wav2Vec2Error
from wav2vec2_app.server.events import Advanced, Partial, Retried, Started
from wav2vec2_app.server.orchestrator.dispatch import Dispatcher
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

NEEDS_EMISSION = frozenset({Operation.DECODE_TEXT, Operation.ALIGN, Operation.DRAW})
"""Operations that start from the emission of a transcript."""


class StepRunner:
    """Runs steps of one task.

    Args:
        task: what was submitted.
        events: where their course is published.
        dispatcher: what runs them.

    Attributes:
        results: of the finished steps; their stages count from the task's submission.
        queue: the stage of waiting in the queue.
    """

    def __init__(self, task: AudioTask, events: EventStream, dispatcher: Dispatcher) -> None:
        self.results: dict[Step, TaskResult] = {}
        self.queue = Stage("queue", 0.0, 0.0)
        self._task = task
        self._events = events
        self._dispatcher = dispatcher
        self._given: dict[Step, TaskResult] = {}

    def give(self, values: Mapping[Step, StepValue]) -> None:
        """Take results that exist already; every later step can use them."""
        for step, value in values.items():
            self._given[step] = self.results[step] = TaskResult(step.operation, value)

    async def probe(self) -> AudioProbe:
        """Read the header of the recording; every later step can use what it says."""
        step = Step(Operation.PROBE)
        result = self._given[step] = await self.run(step, {})
        assert isinstance(result.value, AudioProbe)  # noqa: S101 - the dispatcher checks it
        return result.value

    async def run(self, step: Step, needed: StepResults) -> TaskResult:
        """Run one step and publish its course.

        Args:
            step: what to run.
            needed: results of the steps that it depends on.

        Raises:
            InputError: ``model.no_emission``: the model of the transcript gives no emission.
            Wav2Vec2Error: the step failed.
        """
        began_s = self._events.elapsed_s()

        def started(attempt: int, failure: Wav2Vec2Error | None) -> None:
            nonlocal began_s
            began_s = self._events.elapsed_s()
            if failure is not None:
                self._events.send(Retried(*self._events.stamp(), step, failure))
            self._events.send(Started(*self._events.stamp(), step, attempt))

        inputs = _inputs(step, {**self._given, **needed})
        if _needs_one_emission(step, inputs.recognition) and inputs.recognition is not None:
            _ = inputs.recognition.emitted  # raises where there is none
        result = await self._dispatcher.run(
            ModelTask(step, self._task, inputs), started=started, report=self._report(step)
        )
        self.results[step] = result = result.shifted(began_s)
        self._announce(step, result.value)
        return result

    def _announce(self, step: Step, value: StepValue) -> None:
        """Publish the value, but not that of PROBE, nor pictures, which were reported one by one."""
        if not isinstance(value, AudioProbe | tuple):
            stages = timeline(self.results.values(), self.queue)
            self._events.send(Partial(*self._events.stamp(), step, value, stages))

    def _report(self, step: Step) -> Report:
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
