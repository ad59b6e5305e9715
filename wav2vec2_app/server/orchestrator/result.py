"""Assembly of a task's result from the results of its steps, on one time axis."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from wav2vec2_app.errors import InternalError
from wav2vec2_app.server.operations import Operation, Step, Target, Want
from wav2vec2_app.server.results import WAITING, AudioResult, Problem, Stage, TaskResult
from wav2vec2_app.server.tasks import AudioTask
from wav2vec2_app.speech.acoustics import Acoustics
from wav2vec2_app.speech.alignment import Alignment
from wav2vec2_app.speech.audio import Audio
from wav2vec2_app.speech.description import Description
from wav2vec2_app.speech.exploration import Explored
from wav2vec2_app.speech.features import Features
from wav2vec2_app.speech.search import Hits
from wav2vec2_app.speech.speakers import SpeakerTurns, with_speakers
from wav2vec2_app.speech.transcript import Recognition

T = TypeVar("T")

StepResults = Mapping[Step, TaskResult]
"""Results by step; their stages count from the task's submission."""


def assemble_result(
    task: AudioTask,
    results: StepResults,
    targets: tuple[Target, ...],
    *,
    queue: Stage,
    total_s: float,
    attempts: Sequence[Stage] = (),
    remote_s: float = 0.0,
    problems: tuple[Problem, ...] = (),
    cached: bool = False,
) -> AudioResult:
    """The result of ``task``, whose decoded audio must be among ``results``.

    Args:
        task: what was submitted.
        results: of the steps that succeeded.
        targets: what transcribed, the primary one first.
        queue: the stage of waiting in the queue.
        total_s: seconds since the submission.
        attempts: stages of failed attempts.
        remote_s: how much of them only another machine worked, seconds.
        problems: of the extras that failed.
        cached: whether the transcripts came from the result cache.
    """
    audio = value_of(Audio, results, Step(Operation.DECODE_AUDIO))
    if audio is None:
        raise InternalError("The task has no decoded audio.", code="task.missing_input")
    primary = targets[0]
    recognitions = _labelled(results, task, targets)
    stages = timeline(results.values(), queue, attempts)
    return AudioResult(
        id=task.id,
        audio=audio,
        stages=(*stages, Stage("total", 0.0, total_s)),
        recognition=recognitions.get(primary),
        alignment=value_of(Alignment, results, Step(Operation.ALIGN, primary)),
        features=value_of(Features, results, Step(Operation.ANALYZE)),
        acoustics=value_of(Acoustics, results, Step(Operation.MEASURE)),
        pictures=value_of(tuple, results, Step(Operation.DRAW, primary)) or (),
        description=value_of(Description, results, Step(Operation.DESCRIBE)),
        explored=value_of(Explored, results, Step(Operation.EXPLORE, primary)),
        speakers=value_of(SpeakerTurns, results, Step(Operation.LABEL_SPEAKERS, primary)),
        hits=value_of(Hits, results, Step(Operation.SEARCH, primary)),
        real_time_factor=_ratio(total_s - remote_s - _waited_s(stages, queue), audio.duration_s),
        problems=problems,
        recognitions=recognitions,
        cached=cached,
        step_stages={step: one.stages for step, one in results.items()},
    )


def _labelled(
    results: StepResults, task: AudioTask, targets: Sequence[Target]
) -> dict[Target, Recognition]:
    """The transcripts with the speakers of their words, if they are wanted."""
    turns = value_of(SpeakerTurns, results, Step(Operation.LABEL_SPEAKERS, targets[0]))
    wanted = turns if Want.SPEAKERS in task.wants else None
    return {
        target: with_speakers(one, wanted, task.speaker_names)
        for target, one in recognitions_of(results, targets).items()
    }


def _waited_s(stages: Iterable[Stage], queue: Stage) -> float:
    """The wait in the queue, and the longest wait for a worker, seconds."""
    return queue.duration_s + max(
        (stage.duration_s for stage in stages if stage.name == WAITING), default=0.0
    )


def timeline(
    results: Iterable[TaskResult], queue: Stage, attempts: Sequence[Stage] = ()
) -> tuple[Stage, ...]:
    """The stages so far, those of the queue and of failed attempts among them, by their start."""
    stages = [queue, *attempts, *(stage for result in results for stage in result.stages)]
    return tuple(sorted(stages, key=lambda stage: stage.start_s))


def recognitions_of(results: StepResults, targets: Iterable[Target]) -> dict[Target, Recognition]:
    """The transcript of each target that has one; decoding again replaces the first decoding."""
    found = {
        target: value_of(Recognition, results, Step(Operation.DECODE_TEXT, target))
        or value_of(Recognition, results, Step(Operation.TRANSCRIBE, target))
        for target in targets
    }
    return {target: one for target, one in found.items() if one is not None}


def value_of(kind: type[T], results: StepResults, step: Step) -> T | None:
    """The value of ``step``, ``None`` where it has no result of this type."""
    result = results.get(step)
    return result.value if result is not None and isinstance(result.value, kind) else None


def _ratio(seconds: float, audio_s: float) -> float:
    return seconds / audio_s if audio_s > 0 else 0.0
