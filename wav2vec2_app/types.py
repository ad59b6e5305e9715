"""The nouns that cross layers: sources, audio, emissions, transcripts, tasks, events.

Everything here is a frozen dataclass of plain values and numpy arrays, without behaviour beyond
small derived properties. Times are seconds as float; audio past the decoder is float32, mono,
16 kHz, in [-1, 1], of shape ``(samples,)``.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wav2vec2_app.errors import Wav2Vec2Error

SAMPLE_RATE_HZ = 16_000
"""Sampling rate of all audio past the decoder."""

AUTO_MODEL = "auto"
"""The name that leaves the choice of the model to the application."""
EMBEDDED = "embedded"
"""The name, and the source, of the checkpoint that comes with the application."""

Float32 = NDArray[np.float32]
Float16 = NDArray[np.float16]


# --- audio -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class AudioSource:
    """Encoded audio as it arrived: a file here or bytes in memory, never both.

    ``name`` is what the person called it; it is shown and logged, never opened.
    """

    path: Path | None = None
    data: bytes | None = None
    name: str = "audio"

    def __post_init__(self) -> None:
        if (self.path is None) == (self.data is None):
            raise ValueError("an AudioSource has either a path or data")


@dataclass(frozen=True)
class Audio:
    """Decoded audio.

    Attributes:
        samples: float32 ``(n,)``, mono, 16 kHz, in [-1, 1].
        original_rate_hz, original_channels: as the file had them.
        format: container and codec, such as ``wav/pcm_s16le`` or ``ogg/opus``.
        warnings: what was repaired on the way (a truncated end, clipped samples…).
    """

    samples: Float32
    original_rate_hz: int
    original_channels: int
    format: str
    warnings: tuple[str, ...] = ()

    @property
    def duration_s(self) -> float:
        return len(self.samples) / SAMPLE_RATE_HZ


@dataclass(frozen=True)
class AudioProbe:
    """What a file's header says, read without decoding it.

    ``duration_s`` is estimated from the bytes where the header does not say (``exact`` is false).
    """

    duration_s: float
    exact: bool
    rate_hz: int
    channels: int
    format: str
    size_bytes: int


# --- what the model says -----------------------------------------------------------------------


@dataclass(frozen=True)
class Emission:
    """What one forward pass of a CTC model says: log-probabilities of every token in every frame.

    Attributes:
        log_probs: float32 ``(frames, tokens)``, natural logarithm, rows sum to one when exponentiated.
        vocabulary: the token of each column.
        blank_id: column of the CTC blank.
        word_delimiter: the token between words, usually ``|``.
        frame_s: seconds from one frame to the next (0.02 for wav2vec2).
        special: tokens that are never spelled (``<s>``, ``<unk>``…).
        energy_db: float16 ``(frames,)``, level of the audio under each frame, dB relative to full scale.
        calibration: what the checkpoint brings to turn its scores into confidences, if anything.
        prior: what a beam takes off the log-probability of each token, if anything; see :mod:`model.prior`.
    """

    log_probs: Float32
    vocabulary: tuple[str, ...]
    blank_id: int
    word_delimiter: str
    frame_s: float
    special: tuple[str, ...] = ()
    energy_db: Float16 | None = None
    calibration: Mapping[str, Any] | None = None
    prior: tuple[float, ...] | None = None

    @property
    def duration_s(self) -> float:
        return len(self.log_probs) * self.frame_s

    def cut(self, start: int, stop: int) -> Emission:
        """Frames ``[start, stop)`` of it."""
        energy_db = None if self.energy_db is None else self.energy_db[start:stop]
        return replace(self, log_probs=self.log_probs[start:stop], energy_db=energy_db)


@dataclass(frozen=True)
class Word:
    """One word with its time in the audio and the model's own confidence in [0, 1]."""

    text: str
    start_s: float
    end_s: float
    confidence: float


@dataclass(frozen=True)
class ModelInfo:
    """Which model answers and where it runs.

    ``source`` is one of ``embedded``, ``cache`` (the hub's cache on disk) or ``folder``.
    """

    name: str
    source: str
    engine: str
    device: str
    precision: str
    parameters: int
    size_bytes: int
    sample_rate_hz: int = SAMPLE_RATE_HZ
    note: str = ""


@dataclass(frozen=True)
class Emitted:
    """An emission, the model that made it, and the length of the audio it heard, seconds."""

    emission: Emission
    model: ModelInfo
    duration_s: float


@dataclass(frozen=True)
class Reading:
    """How an emission is read.

    Attributes:
        decoder: ``greedy`` (the best path), ``beam`` (a lexicon and a language model), or ``auto``: the
            beam for the embedded model and wherever there are hotwords, the best path otherwise.
        beam_width: hypotheses kept from frame to frame.
        lm_weight: of the language model's log10 probability, added to the emission's natural logarithm.
        word_score: added for each word; above 0 favours more and shorter words.
        hotwords: words or names to favour, also such as no lexicon has.
        hotword_boost: added for each hotword, natural logarithm.
    """

    decoder: str = "auto"
    beam_width: int = 300
    lm_weight: float = 3.0
    word_score: float = -1.0
    hotwords: tuple[str, ...] = ()
    hotword_boost: float = 6.0


AS_USUAL = Reading()
"""How an emission is read if nobody says otherwise."""


@dataclass(frozen=True)
class Transcript:
    """What was said. ``reason`` is set when ``text`` is empty and says why (``silence``…).

    ``decoder`` is the one that read it; ``note`` says so where it is not the one that was wished for.
    """

    text: str
    words: tuple[Word, ...]
    confidence: float
    duration_s: float
    model: ModelInfo
    decoder: str = "greedy"
    reason: str = ""
    note: str = ""


@dataclass(frozen=True)
class AlignedCharacter:
    """One letter as the model spells it; ``score`` is its mean probability, in [0, 1]."""

    text: str
    start_s: float
    end_s: float
    score: float


@dataclass(frozen=True)
class AlignedWord:
    """One word of a given text with its time in the audio.

    ``score`` is the geometric mean of its letters' probabilities, in [0, 1]. A ``wildcard`` is a word
    that the model's letters cannot spell: it has no characters, and the time between its neighbours.
    """

    text: str
    start_s: float
    end_s: float
    score: float
    characters: tuple[AlignedCharacter, ...] = ()
    wildcard: bool = False


@dataclass(frozen=True)
class Alignment:
    """A given text aligned with an emission; ``score`` is the geometric mean over its letters."""

    words: tuple[AlignedWord, ...]
    score: float


@dataclass(frozen=True)
class Features:
    """Acoustic features on one frame grid.

    Attributes:
        times_s: ``(n,)`` centre of each frame.
        f0_hz: ``(n,)`` fundamental frequency, NaN where unvoiced.
        energy_db: ``(n,)`` RMS level, dB relative to full scale.
        log_mel_db: float16 ``(mels, n)``, dB relative to the loudest cell.
        mfcc: float16 ``(coefficients, n)``.
        summary: scalar facts with units in their names (``peak_dbfs``, ``f0_median_hz``…).
    """

    times_s: Float32
    f0_hz: Float32
    energy_db: Float32
    log_mel_db: Float16
    mfcc: Float16
    summary: Mapping[str, float]


@dataclass(frozen=True)
class Picture:
    """A drawn picture: SVG whose text and axes use ``currentColor``, so it reads in light and dark."""

    name: str
    title: str
    svg: bytes
    description: str


# --- cost --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Stage:
    """One bar of the latency waterfall; ``start_s`` counts from the moment of submission."""

    name: str
    start_s: float
    duration_s: float
    process: str = "page"


WAITING = "wait"
"""Name of a stage in which an operation waited for its worker."""


@dataclass(frozen=True)
class ProcessMemory:
    """Resident memory of one process, now and at its highest, in bytes."""

    name: str
    pid: int
    rss_bytes: int
    peak_rss_bytes: int


@dataclass(frozen=True)
class MemoryReport:
    """Resident memory of all of the application's processes against the limit, in bytes."""

    processes: tuple[ProcessMemory, ...]
    limit_bytes: int
    model_bytes: int

    @property
    def total_rss_bytes(self) -> int:
        return sum(process.rss_bytes for process in self.processes)


# --- tasks -------------------------------------------------------------------------------------


class Operation(str, Enum):
    """What an adapter can be asked to do; the nodes of a task's graph."""

    PROBE = "probe"
    DECODE = "decode"
    TRANSCRIBE = "transcribe"
    READ = "read"
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
        source: the recording; ``None`` where ``kept`` or ``audio`` stands in its place.
        wants: what is to be made of it.
        model: which model hears it.
        reading: how its emission is read.
        text: what is to be aligned, where an alignment is wanted.
        session: groups the tasks of one person, so that they can be cancelled together.
        kept: the id of an earlier task, whose audio and emission are used again.
        audio: the recording as it is after decoding; nothing of such a task is kept.
        live: a pass over speech that goes on: it waits in a short line of its own, so that neither
            it nor uploads wait for the other's line.
    """

    source: AudioSource | None = None
    wants: frozenset[Want] = frozenset({Want.TRANSCRIPT})
    model: str = AUTO_MODEL
    reading: Reading = AS_USUAL
    text: str = ""
    session: str = ""
    kept: str = ""
    audio: Audio | None = None
    live: bool = False
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def __post_init__(self) -> None:
        given = (self.source is not None, bool(self.kept), self.audio is not None)
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
class Recognition:
    """A transcript together with the emission it was read from."""

    transcript: Transcript
    emission: Emission

    @property
    def emitted(self) -> Emitted:
        return Emitted(self.emission, self.transcript.model, self.transcript.duration_s)


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


@dataclass(frozen=True)
class ModelCapabilities:
    """What an adapter can do, and how well it has done it lately.

    ``average_latency_s``, ``throughput`` (audio seconds per second) and ``success_rate`` are measured
    over a sliding window of ``samples`` operations; ``None`` until there is something to measure.
    """

    name: str
    operations: frozenset[Operation]
    max_duration_s: float
    max_bytes: int
    formats: tuple[str, ...]
    features: tuple[str, ...]
    models: tuple[str, ...] = ()
    average_latency_s: float | None = None
    throughput: float | None = None
    success_rate: float | None = None
    samples: int = 0


# --- status ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ModelChoice:
    """A model a person may choose; ``ready`` means its weights are on this machine already."""

    name: str
    label: str
    ready: bool


@dataclass(frozen=True)
class WorkerStatus:
    """One worker process as its bridge sees it.

    ``state`` is one of ``starting``, ``ready``, ``restarting``, ``down``, ``stopped``.
    """

    role: str
    state: str
    pid: int | None
    restarts: int
    in_flight: int


@dataclass(frozen=True)
class AdapterStatus:
    """What an adapter can tell about itself at this moment, without asking a worker.

    ``notices`` are plain sentences for the page (which model answered and why, a fetch under way…).
    """

    name: str
    ready: bool
    model: ModelInfo | None = None
    choices: tuple[ModelChoice, ...] = ()
    workers: tuple[WorkerStatus, ...] = ()
    memory: MemoryReport | None = None
    notices: tuple[str, ...] = ()


@dataclass(frozen=True)
class OrchestratorStatus:
    """The whole system at this moment.

    ``throughput`` is measured audio seconds per second, ``None`` before the first task;
    ``breakers`` maps ``adapter.operation`` to ``closed``, ``open`` or ``half-open``.
    """

    queued: int
    running: int
    queue_size: int
    wait_s: float
    throughput: float | None
    adapters: tuple[AdapterStatus, ...]
    breakers: Mapping[str, str]


# --- events ------------------------------------------------------------------------------------


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
