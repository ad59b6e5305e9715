"""What steps report and produce, and the result of a task."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from wav2vec2_app.errors import Wav2Vec2Error
from wav2vec2_app.server.operations import ANY_TARGET, Operation, Step, Target
from wav2vec2_app.speech.acoustics import Acoustics
from wav2vec2_app.speech.alignment import Alignment
from wav2vec2_app.speech.audio import Audio, AudioProbe
from wav2vec2_app.speech.description import Description
from wav2vec2_app.speech.exploration import Explored
from wav2vec2_app.speech.features import Features, Picture
from wav2vec2_app.speech.search import Hits
from wav2vec2_app.speech.speakers import SpeakerTurns
from wav2vec2_app.speech.transcript import PreviewWords, Recognition, Transcript

SERVER_PROCESS = "server"
"""Name of the server process in stages and in memory reports; workers are named after their role."""

WAITING = "wait"
"""Name of a stage in which an operation waited for its worker."""


@dataclass(frozen=True)
class Stage:
    """One bar of the latency waterfall; ``start_s`` counts from the moment of submission."""

    name: str
    start_s: float
    duration_s: float
    process: str = SERVER_PROCESS


@dataclass(frozen=True)
class Attempt:
    """An attempt of a step on one adapter begins, or has failed with ``failure``."""

    adapter: str
    failure: Wav2Vec2Error | None = None


@dataclass(frozen=True)
class Progress:
    """What a running step reports: the fraction done, in [0, 1], a part of its value, or an attempt."""

    fraction: float | None = None
    value: Picture | Recognition | PreviewWords | None = None
    attempt: Attempt | None = None


Report = Callable[[Progress], None]
"""Called by an adapter, on the event loop's thread, while a step runs."""


def ignore_progress(_: Progress) -> None:
    """A :data:`Report` for callers that do not follow progress."""


StepValue: TypeAlias = (
    AudioProbe | Audio | Recognition | Alignment | Features | Acoustics | tuple[Picture, ...]
    | Description | Explored | Hits | SpeakerTurns
)  # fmt: skip
"""What a step produces, by operation; TRANSCRIBE and DECODE_TEXT both a Recognition."""


@dataclass(frozen=True)
class TaskResult:
    """What an adapter answers; ``stages`` start when it was called, ``adapter`` is filled in later."""

    operation: Operation
    value: StepValue
    stages: tuple[Stage, ...] = ()
    adapter: str = ""

    def shifted(self, by_s: float) -> TaskResult:
        """The same result with its stages ``by_s`` seconds later."""
        stages = tuple(replace(stage, start_s=stage.start_s + by_s) for stage in self.stages)
        return replace(self, stages=stages)


@dataclass(frozen=True)
class Problem:
    """A part of the result that could not be produced, although the main part could."""

    operation: Operation
    error: Wav2Vec2Error
    target: Target = ANY_TARGET


@dataclass(frozen=True)
class AudioResult:
    """The result of one :class:`AudioTask`.

    ``recognition`` is the transcript of the primary target, ``recognitions`` has that of every
    target. ``real_time_factor`` is processing seconds (without queueing) per second of audio;
    ``problems`` says which wanted extras are missing and why; ``cached`` says whether the transcript
    came from the result cache, so that no model was run; ``step_stages`` has the stages of each step.
    """

    id: str
    audio: Audio
    stages: tuple[Stage, ...]
    recognition: Recognition | None = None
    alignment: Alignment | None = None
    features: Features | None = None
    acoustics: Acoustics | None = None
    pictures: tuple[Picture, ...] = ()
    description: Description | None = None
    explored: Explored | None = None
    hits: Hits | None = None
    speakers: SpeakerTurns | None = None
    real_time_factor: float = 0.0
    problems: tuple[Problem, ...] = ()
    recognitions: Mapping[Target, Recognition] = field(default_factory=dict)
    cached: bool = False
    step_stages: Mapping[Step, tuple[Stage, ...]] = field(default_factory=dict)

    @property
    def transcript(self) -> Transcript | None:
        return self.recognition.transcript if self.recognition else None
