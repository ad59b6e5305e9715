"""What happens to a task, as events."""

from __future__ import annotations

from dataclasses import dataclass

from wav2vec2_app.errors import Wav2Vec2Error
from wav2vec2_app.server.tasks import AudioResult, Operation, Stage
from wav2vec2_app.speech.alignment import Alignment
from wav2vec2_app.speech.audio import Audio
from wav2vec2_app.speech.features import Features, Picture
from wav2vec2_app.speech.transcript import Recognition


@dataclass(frozen=True)
class TaskEvent:
    """Something that happened to a task; ``at_s`` counts from its submission."""

    task_id: str
    at_s: float


@dataclass(frozen=True)
class Queued(TaskEvent):
    """Waiting: ``position`` 1 is next; ``eta_s`` until the start, from audio ahead and measured RTF."""

    position: int
    eta_s: float


@dataclass(frozen=True)
class Started(TaskEvent):
    """An operation of the task began (once per operation, again on a retry)."""

    operation: Operation
    attempt: int = 1


@dataclass(frozen=True)
class Advanced(TaskEvent):
    """An operation reported how far it is, ``fraction`` in [0, 1]."""

    operation: Operation
    fraction: float


@dataclass(frozen=True)
class Partial(TaskEvent):
    """A part of the result is ready before the whole: Audio, Recognition, Features Alignment
    or one Picture.
    """

    value: Audio | Recognition | Alignment | Features | Picture
    stages: tuple[Stage, ...] = ()


@dataclass(frozen=True)
class Done(TaskEvent):
    """The task succeeded. Always the last event."""

    result: AudioResult


@dataclass(frozen=True)
class Failed(TaskEvent):
    """The task failed. Always the last event."""

    error: Wav2Vec2Error
