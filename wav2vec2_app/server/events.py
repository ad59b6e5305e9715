"""What happens in the system, as frozen dataclasses, and the bus that delivers it to the sinks.

::

    Event
    ├── TaskEvent      Queued, Started, Retried, Advanced, Partial, Done, Failed: one task's course
    ├── WorkerEvent    a worker process started, died, was restarted; a request to it was retried
    └── BreakerEvent   a circuit breaker changed its state

Publishers (orchestrator, circuit breakers, worker bridges) do not know the sinks (metrics, log).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from wav2vec2_app.errors import Wav2Vec2Error, WorkerDiedError
from wav2vec2_app.server.operations import Operation, Step
from wav2vec2_app.server.results import AudioResult, Stage
from wav2vec2_app.server.tasks import AudioTask
from wav2vec2_app.speech.acoustics import Acoustics
from wav2vec2_app.speech.alignment import Alignment
from wav2vec2_app.speech.audio import Audio
from wav2vec2_app.speech.description import Description
from wav2vec2_app.speech.exploration import Explored
from wav2vec2_app.speech.features import Features, Picture
from wav2vec2_app.speech.transcript import PreviewWords, Recognition

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Event:
    """Something that happened."""


# --- tasks --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TaskEvent(Event):
    """Something that happened to a task; ``at_s`` counts from its submission."""

    task: AudioTask
    at_s: float

    @property
    def task_id(self) -> str:
        return self.task.id


@dataclass(frozen=True)
class Queued(TaskEvent):
    """The task waits: ``position`` 1 is next; ``eta_s`` until the start, from audio ahead and RTF."""

    position: int
    eta_s: float


@dataclass(frozen=True)
class StepEvent(TaskEvent):
    """Something that happened to one step of a task."""

    step: Step

    @property
    def operation(self) -> Operation:
        return self.step.operation


@dataclass(frozen=True)
class Started(StepEvent):
    """A step of the task began on ``adapter``; ``attempt`` is 2 when it is retried."""

    attempt: int = 1
    adapter: str = ""


@dataclass(frozen=True)
class Retried(StepEvent):
    """A step failed in a way that may pass, and is tried again; ``error`` says why it failed.

    ``adapter`` is the one that tries it now, which is another one after a fallback; ``waited_s`` is
    the back-off before this attempt, seconds.
    """

    error: Wav2Vec2Error
    adapter: str = ""
    waited_s: float = 0.0


@dataclass(frozen=True)
class Advanced(StepEvent):
    """A step reported how much of it is done, ``fraction`` in [0, 1]."""

    fraction: float


@dataclass(frozen=True)
class Partial(StepEvent):
    """A part of the result, ready before the rest: the value of a finished step, one Picture, or words of a
    recording that is still being transcribed.
    """

    value: (
        Audio
        | Recognition
        | Alignment
        | Features
        | Acoustics
        | Picture
        | Description
        | Explored
        | PreviewWords
    )
    stages: tuple[Stage, ...] = ()


@dataclass(frozen=True)
class Done(TaskEvent):
    """The task succeeded. The last event of a task is exactly one Done or Failed."""

    result: AudioResult


@dataclass(frozen=True)
class Failed(TaskEvent):
    """The task failed. The last event of a task is exactly one Done or Failed."""

    error: Wav2Vec2Error


# --- workers and circuit breakers ---------------------------------------------------------------


WorkerEventKind = Literal["starting", "ready", "died", "restarting", "down", "stopped", "retried"]
"""``retried``: a request that was lost with a worker is sent again."""


@dataclass(frozen=True)
class WorkerEvent(Event):
    """A worker process changed its state, or a request to it is retried.

    ``took_s``: of ``ready`` and ``died``, how long the process took to get ready, seconds; ``None`` if it
    never was.
    """

    role: str
    kind: WorkerEventKind
    pid: int | None = None
    error: WorkerDiedError | None = None
    took_s: float | None = None

    @property
    def reason(self) -> str:
        """Why a worker died or a request is sent again; empty for other events."""
        return self.error.message if self.error is not None else ""


WorkerEventSink = Callable[[WorkerEvent], None]
"""Called on the event loop with every event of a worker; must not block."""


def ignore_event(_: WorkerEvent) -> None:
    """A sink for callers that do not follow events."""


@dataclass(frozen=True)
class BreakerEvent(Event):
    """A circuit breaker (``circuit`` is ``adapter.operation``) went from one state to another."""

    circuit: str
    before: str
    after: str


# --- delivery -----------------------------------------------------------------------------------

Sink = Callable[[Event], None]
"""Receives every event, on the event loop's thread; must not block."""


class EventBus:
    """Delivers events to subscribed sinks. A sink that raises is logged and affects nothing else."""

    def __init__(self) -> None:
        self._sinks: list[Sink] = []

    def subscribe(self, sink: Sink) -> Callable[[], None]:
        """Add ``sink``; the returned function removes it again."""
        self._sinks.append(sink)

        def unsubscribe() -> None:
            if sink in self._sinks:
                self._sinks.remove(sink)

        return unsubscribe

    def publish(self, event: Event) -> None:
        """Deliver ``event`` to every sink."""
        for sink in tuple(self._sinks):
            _deliver(sink, event)


def _deliver(sink: Sink, event: Event) -> None:
    try:
        sink(event)
    except Exception:
        logger.exception("a sink failed on %s", type(event).__name__)


def audio_s(event: TaskEvent) -> float:
    """Length of the audio of the transcript in an event, seconds; 0 where there is none."""
    if isinstance(event, Done):
        return event.result.audio.duration_s
    if isinstance(event, Partial) and isinstance(event.value, Recognition):
        return event.value.transcript.duration_s
    return 0.0
