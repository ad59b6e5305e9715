"""The nouns of a task: what callers submit, the steps it is made of, and what adapters answer."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TypeAlias

from wav2vec2_app.errors import Wav2Vec2Error
from wav2vec2_app.server.clients import current_client, current_history, owner_of
from wav2vec2_app.server.deadline import Deadline
from wav2vec2_app.speech.acoustics import Acoustics
from wav2vec2_app.speech.alignment import Alignment
from wav2vec2_app.speech.audio import (
    DEFAULT_TRACK_AND_MIX,
    Audio,
    AudioProbe,
    AudioSource,
    DecodeAudioOptions,
)  # fmt: skip
from wav2vec2_app.speech.description import DEFAULT_QUESTION, Description
from wav2vec2_app.speech.features import Features, Picture
from wav2vec2_app.speech.models import AUTO_MODEL
from wav2vec2_app.speech.options import DEFAULT_OPTIONS, DecodingOptions
from wav2vec2_app.speech.picture_window import PictureWindow
from wav2vec2_app.speech.search import Hits, Search
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


class Operation(str, Enum):
    """What an adapter can do."""

    PROBE = "probe"
    DECODE_AUDIO = "decode_audio"
    TRANSCRIBE = "transcribe"
    DECODE_TEXT = "decode_text"
    ALIGN = "align"
    ANALYZE = "analyze"
    MEASURE = "measure"
    DRAW = "draw"
    DESCRIBE = "describe"
    SEARCH = "search"


@dataclass(frozen=True)
class Target:
    """What a step is for; ``adapter`` is empty where any will do, ``decoding`` ``None`` for the task's."""

    adapter: str = ""
    model: str = AUTO_MODEL
    decoding: DecodingOptions | None = None


ANY_TARGET = Target()


@dataclass(frozen=True)
class Step:
    """One node of a task's graph: an operation, and the adapter, model and options that it is for.

    Steps are the keys everywhere, so that one task can have several transcripts by different models or
    decoders. Steps that depend on no model have :data:`ANY_TARGET`.
    """

    operation: Operation
    target: Target = ANY_TARGET

    def __str__(self) -> str:
        return self.operation.value


class Want(str, Enum):
    """What a caller wants to have at the end."""

    TRANSCRIPT = "transcript"
    ALIGNMENT = "alignment"
    FEATURES = "features"
    ACOUSTICS = "acoustics"
    PICTURES = "pictures"
    DESCRIPTION = "description"
    HITS = "hits"


@dataclass(frozen=True)
class AudioTask:
    """One request of one caller, as submitted to the orchestrator.

    Attributes:
        source: the encoded recording; ``None`` where ``cached_id`` or ``audio`` is given instead.
        wants: which results to produce.
        model, decoding: what transcribes it, and how its emission is decoded.
        text, question: the text to align, and the question that a description answers.
        session: groups the tasks of one user, so that they can be cancelled together.
        cached_id: the id of an earlier task, whose audio and transcripts are used again.
        audio: the recording after decoding; the result of such a task is not cached.
        live: a pass of live captions, which has a short queue of its own.
        targets: whose transcripts are made side by side, the primary one first. Empty: ``model`` alone.
        comparison: the task succeeds without a transcript that fails, also that of the primary target.
        audio_options: the track of the source, and whether its channels are transcribed separately.
        picture_window: the part of the recording that pictures show; ``None``: all of it.
        previews: whether words of a long recording are reported while it is transcribed.
        search: what is searched for where hits are wanted.
        client, history: who sends it, and whose history has its result (:mod:`wav2vec2_app.server.clients`).
    """

    source: AudioSource | None = None
    wants: frozenset[Want] = frozenset({Want.TRANSCRIPT})
    model: str = AUTO_MODEL
    decoding: DecodingOptions = DEFAULT_OPTIONS
    text: str = ""
    session: str = ""
    cached_id: str = ""
    audio: Audio | None = None
    live: bool = False
    targets: tuple[Target, ...] = ()
    comparison: bool = False
    audio_options: DecodeAudioOptions = DEFAULT_TRACK_AND_MIX
    previews: bool = False
    question: str = DEFAULT_QUESTION
    picture_window: PictureWindow | None = None
    search: Search | None = None
    client: str = field(default_factory=current_client)
    history: str = field(default_factory=current_history)
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def __post_init__(self) -> None:
        given = (self.source is not None, bool(self.cached_id), self.audio is not None)
        if sum(given) != 1:
            raise ValueError("an AudioTask has exactly one of source, cached_id and audio")
        if len(set(self.targets)) < len(self.targets):
            raise ValueError("an AudioTask names each target once")

    @property
    def owner(self) -> str:
        """Who may use its result."""
        return owner_of(self.client, self.session)

    @property
    def transcribers(self) -> tuple[Target, ...]:
        """The targets whose transcripts are wanted, the primary one first."""
        return self.targets or (Target(model=self.model),)

    @property
    def cacheable(self) -> bool:
        """Whether the result cache may answer it: not if its targets have options of their own."""
        return all(target.decoding is None for target in self.targets)


@dataclass(frozen=True)
class StepInputs:
    """What the steps before this one produced; alignment and pictures start from ``recognition``."""

    probe: AudioProbe | None = None
    audio: Audio | None = None
    recognition: Recognition | None = None
    features: Features | None = None

    @property
    def duration_s(self) -> float:
        """Length of the audio, seconds: of decoded audio, else by its header; 0 where nothing is known."""
        if self.audio is not None:
            return self.audio.duration_s
        if self.recognition is not None:
            return self.recognition.transcript.duration_s
        return self.probe.duration_s if self.probe is not None else 0.0

    @property
    def transcribed_s(self) -> float:
        """Seconds that a model transcribes: the duration, once for each separate channel."""
        channels = 1
        if self.audio is not None:
            channels = len(self.audio.channels)
        elif self.recognition is not None:
            channels = len(self.recognition.channels)
        return self.duration_s * max(1, channels)


@dataclass(frozen=True)
class ModelTask:
    """One step of a task, as handed to an adapter; ``deadline`` is when it must be finished."""

    step: Step
    task: AudioTask
    inputs: StepInputs = field(default_factory=StepInputs)
    deadline: Deadline | None = None

    @property
    def operation(self) -> Operation:
        return self.step.operation

    @property
    def decoding(self) -> DecodingOptions:
        """The options of the step's target, else those of the task."""
        return self.step.target.decoding or self.task.decoding


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
    | Description | Hits
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
    hits: Hits | None = None
    real_time_factor: float = 0.0
    problems: tuple[Problem, ...] = ()
    recognitions: Mapping[Target, Recognition] = field(default_factory=dict)
    cached: bool = False
    step_stages: Mapping[Step, tuple[Stage, ...]] = field(default_factory=dict)

    @property
    def transcript(self) -> Transcript | None:
        return self.recognition.transcript if self.recognition else None
