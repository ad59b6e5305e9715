"""Tasks and their results, as callers submit them and adapters answer them."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from wav2vec2_app.errors import Wav2Vec2Error
from wav2vec2_app.speech.alignment import Alignment
from wav2vec2_app.speech.audio import Audio, AudioSource
from wav2vec2_app.speech.features import Features, Picture
from wav2vec2_app.speech.models import AUTO_MODEL
from wav2vec2_app.speech.options import DEFAULT_OPTIONS, DecodingOptions
from wav2vec2_app.speech.transcript import Recognition, Transcript


@dataclass(frozen=True)
class Stage:
    """One bar of the latency waterfall; ``start_s`` counts from the moment of submission."""

    name: str
    start_s: float
    duration_s: float
    process: str = "page"


WAITING = "wait"
"""Name of a stage in which an operation waited for its worker."""


class Operation(str, Enum):
    """What an adapter can be asked to do; the nodes of a task's graph."""

    PROBE = "probe"
    DECODE_AUDIO = "decode_audio"
    TRANSCRIBE = "transcribe"
    DECODE_TEXT = "decode_text"
    ALIGN = "align"
    ANALYZE = "analyze"
    DRAW = "draw"


class Want(str, Enum):
    """What a caller wants to have at the end."""

    TRANSCRIPT = "transcript"
    ALIGNMENT = "alignment"
    FEATURES = "features"
    PICTURES = "pictures"


@dataclass(frozen=True)
class AudioTask:
    """One request of one caller, as submitted to the orchestrator.

    Attributes:
        source: the recording; ``None`` where ``cached_id`` or ``audio`` stands in its place.
        wants: what is to be made of it.
        model: which model hears it.
        decoding: how its emission is read.
        text: what is to be aligned, where an alignment is wanted.
        session: groups the tasks of one person, so that they can be cancelled together.
        cached_id: the id of an earlier task, whose audio and emission are used again.
        audio: the recording as it is after decoding; nothing of such a task is kept.
        live: a pass over speech that goes on: it waits in a short line of its own, so that neither
            it nor uploads wait for the other's line.
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
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def __post_init__(self) -> None:
        given = (self.source is not None, bool(self.cached_id), self.audio is not None)
        if sum(given) != 1:
            raise ValueError("an AudioTask has one of source, kept and audio")


@dataclass(frozen=True)
class ModelTask:
    """One node of a task's graph, as handed to an adapter.

    ``inputs`` holds the values of the operations it depends on.
    """

    operation: Operation
    task: AudioTask
    inputs: Mapping[Operation, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Progress:
    """What a running operation reports on its way: a fraction in [0, 1] or a finished picture."""

    fraction: float | None = None
    value: Picture | None = None


Report = Callable[[Progress], None]
"""Called by an adapter, on the event loop's thread, while an operation runs."""


def ignore_progress(_: Progress) -> None:
    """A :data:`Report` for callers that do not follow progress."""


@dataclass(frozen=True)
class TaskResult:
    """What an adapter answers.

    ``value`` by operation: PROBE -> AudioProbe; DECODE -> Audio; TRANSCRIBE and READ -> Recognition;
    ALIGN -> Alignment; ANALYZE -> Features; DRAW -> tuple of Picture. ``stages`` start from the
    moment the adapter was called.
    """

    operation: Operation
    value: Any
    stages: tuple[Stage, ...] = ()


@dataclass(frozen=True)
class Problem:
    """A part of the result that could not be made, although the main part could."""

    operation: Operation
    error: Wav2Vec2Error


@dataclass(frozen=True)
class AudioResult:
    """All that came of one :class:`AudioTask`.

    ``real_time_factor`` is processing seconds (without queueing) per second of audio;
    ``problems`` says which wanted extras are missing and why.
    """

    id: str
    audio: Audio
    stages: tuple[Stage, ...]
    recognition: Recognition | None = None
    alignment: Alignment | None = None
    features: Features | None = None
    pictures: tuple[Picture, ...] = ()
    real_time_factor: float = 0.0
    problems: tuple[Problem, ...] = ()

    @property
    def transcript(self) -> Transcript | None:
        return self.recognition.transcript if self.recognition else None
