"""What callers submit, and what adapters are handed of it: one step, and what it starts from."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

from wav2vec2_app.server.clients import current_client, current_history, owner_of
from wav2vec2_app.server.deadline import Deadline
from wav2vec2_app.server.operations import Operation, Step, Target, Want
from wav2vec2_app.speech.audio import (
    DEFAULT_TRACK_AND_MIX,
    Audio,
    AudioProbe,
    AudioSource,
    DecodeAudioOptions,
)  # fmt: skip
from wav2vec2_app.speech.description import DEFAULT_QUESTION
from wav2vec2_app.speech.exploration import Explorable
from wav2vec2_app.speech.features import Features
from wav2vec2_app.speech.models import AUTO_MODEL
from wav2vec2_app.speech.options import DEFAULT_OPTIONS, DecodingOptions
from wav2vec2_app.speech.picture_window import PictureWindow
from wav2vec2_app.speech.retiming import AudioStretch
from wav2vec2_app.speech.search import Search
from wav2vec2_app.speech.transcript import Recognition


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
        stretch, picture_window: the part that the text is aligned with, or pictures show; ``None``: all.
        explored: the part or the word that an exploration shows.
        search: what is searched for where hits are wanted.
        speaker_names: of the speakers, in the order of their first words, or of separate channels.
        previews: whether words of a long recording are reported while it is transcribed.
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
    stretch: AudioStretch | None = None
    search: Search | None = None
    explored: Explorable | None = None
    speaker_names: tuple[str, ...] = ()
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
    """What the steps before this one produced, as far as this one depends on it.

    ``recognition`` is the transcript that alignment, decoding again and pictures start from.
    """

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
