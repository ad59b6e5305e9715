"""Test doubles with the real interfaces, and factories of plausible values.

``FakeAdapter`` stands in for a model: it answers every operation plausibly from the task itself (the
transcript is the words of the file's name), and can be set up to answer otherwise, to fail, to wait,
or to take time on a :class:`FakeClock`.
"""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import PurePath
from typing import Any

import numpy as np

from wav2vec2_app.server.adapters.base import RollingMeasure
from wav2vec2_app.server.operations import Operation, Want
from wav2vec2_app.server.orchestrator.breaker import BreakerPolicy
from wav2vec2_app.server.orchestrator.cache import CachePolicy
from wav2vec2_app.server.orchestrator.orchestrator import OrchestratorPolicy
from wav2vec2_app.server.orchestrator.queue import QueuePolicy
from wav2vec2_app.server.orchestrator.routing import RoutingPolicy
from wav2vec2_app.server.results import (
    SERVER_PROCESS,
    Progress,
    Report,
    Stage,
    TaskResult,
    ignore_progress,
)
from wav2vec2_app.server.status import (
    AdapterStatus,
    MemoryReport,
    ModelCapabilities,
    ProcessMemory,
    Scores,
    WorkerStatus,
)
from wav2vec2_app.server.tasks import AudioTask, ModelTask
from wav2vec2_app.speech.acoustics import Acoustics
from wav2vec2_app.speech.alignment import AlignedCharacter, AlignedWord, Alignment
from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ, Audio, AudioProbe, AudioSource
from wav2vec2_app.speech.description import DEFAULT_QUESTION, Description
from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.exploration import EmissionPart, Exploration
from wav2vec2_app.speech.features import Features, Picture
from wav2vec2_app.speech.layers import LayerRow, LayerView
from wav2vec2_app.speech.models import AUTO_MODEL, ModelChoice, ModelInfo
from wav2vec2_app.speech.search import Hit, Hits
from wav2vec2_app.speech.speakers import SpeakerTurn, SpeakerTurns
from wav2vec2_app.speech.transcript import Recognition, Transcript, Word

MIB = 1024 * 1024
FRAME_S = 0.02
VOCABULARY = ("<pad>", "<s>", "</s>", "<unk>", "|", *"ETAONIHSRDLUMWCFGYPBVK'XJQZ")
PICTURE_NAMES = ("waveform", "spectrogram", "mfcc", "pitch", "emission")

_STAGES: Mapping[Operation, tuple[tuple[str, str, float], ...]] = {
    Operation.PROBE: (("probe", "audio", 1.0),),
    Operation.DECODE_AUDIO: (("decode audio", "audio", 0.7), ("resample", "audio", 0.3)),
    Operation.TRANSCRIBE: (("forward", "inference", 0.9), ("decode text", "text", 0.1)),
    Operation.DECODE_TEXT: (("decode text", "text", 1.0),),
    Operation.ALIGN: (("align", "text", 1.0),),
    Operation.ANALYZE: (("features", "audio", 1.0),),
    Operation.MEASURE: (("measure", "audio", 1.0),),
    Operation.DRAW: (("draw", "audio", 1.0),),
    Operation.EXPLORE: (("explore", "audio", 1.0),),
    Operation.SEARCH: (("search", "text", 1.0),),
    Operation.LABEL_SPEAKERS: (("speakers", "speakers", 1.0),),
    Operation.DESCRIBE: (("encode", "audio", 0.0), ("describe", "gama", 1.0)),
}
"""Stages of each operation: name, process, share of the operation's time."""


class FakeClock:
    """A monotonic clock that stands still until it is advanced."""

    def __init__(self, now_s: float = 1000.0) -> None:
        self.now_s = now_s

    def __call__(self) -> float:
        return self.now_s

    def advance(self, seconds: float) -> None:
        assert seconds >= 0, "a monotonic clock never goes back"
        self.now_s += seconds


# --- plausible values -------------------------------------------------------------------------


def make_audio(duration_s: float = 1.0, *, frequency_hz: float = 220.0) -> Audio:
    """A quiet tone."""
    times_s = np.arange(round(duration_s * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    samples = 0.1 * np.sin(2 * np.pi * frequency_hz * times_s)
    return Audio(samples.astype(np.float32), SAMPLE_RATE_HZ, 1, "wav/pcm_s16le")


def make_probe(duration_s: float = 1.0) -> AudioProbe:
    size_bytes = 44 + 2 * round(duration_s * SAMPLE_RATE_HZ)
    return AudioProbe(duration_s, True, SAMPLE_RATE_HZ, 1, "wav/pcm_s16le", size_bytes)


def make_model_info(name: str = "fake/wav2vec2") -> ModelInfo:
    return ModelInfo(name, "embedded", "torch", "cpu", "float32", 4_000_000, 8_000_000)


def make_emission(text: str = "hello world") -> Emission:
    """Log-probabilities whose greedy decoding is ``text``: two frames a letter, then one blank."""
    frames = [0]
    for letter in text.upper().replace(" ", "|"):
        token = VOCABULARY.index(letter) if letter in VOCABULARY else VOCABULARY.index("<unk>")
        frames += [token, token, 0]
    probabilities = np.full((len(frames), len(VOCABULARY)), 0.1 / (len(VOCABULARY) - 1))
    probabilities[np.arange(len(frames)), frames] = 0.9
    return Emission(np.log(probabilities).astype(np.float32), VOCABULARY, 0, "|", FRAME_S)


def make_recognition(text: str = "hello world", *, model: ModelInfo | None = None) -> Recognition:
    """A transcript of ``text`` whose word times are those in its emission."""
    emission = make_emission(text)
    words = tuple(
        Word(
            match.group(),
            start_s=round((1 + 3 * match.start()) * FRAME_S, 6),
            end_s=round(3 * match.end() * FRAME_S, 6),
            confidence=0.9,
        )
        for match in re.finditer(r"\S+", text)
    )
    transcript = Transcript(
        text=text,
        words=words,
        confidence=0.9 if words else 0.0,
        duration_s=emission.duration_s,
        model=model or make_model_info(),
        reason="" if words else "silence",
    )
    return Recognition(transcript, emission)


def make_alignment(text: str = "hello world") -> Alignment:
    """Each word of ``text`` a fifth of a second long, letter by letter."""
    words = tuple(
        AlignedWord(
            word,
            round(0.2 * number, 6),
            round(0.2 * number + 0.2, 6),
            0.9,
            tuple(AlignedCharacter(c.upper(), 0.2 * number, 0.2 * number + 0.2, 0.9) for c in word),
        )
        for number, word in enumerate(text.split())
    )
    return Alignment(words, 0.9 if words else 0.0)


def make_exploration(duration_s: float = 1.0) -> Exploration:
    """A part of ten columns whose emission has four frames and two characters."""
    emission = EmissionPart(
        start_s=0.0, frame_s=FRAME_S, merged=1, tokens=("A", " "),
        probabilities=np.array([[0, 1, 0, 0.5], [0, 0, 0.25, 0]], np.float32),
        blank=np.array([1, 0, 0.75, 0.5], np.float32),
        entropy_bits=np.array([0, 0, 0.8, 1], np.float32),
    )  # fmt: skip
    column = np.linspace(0, 1, 10, dtype=np.float32)
    spectrum = np.arange(40, dtype=np.uint8).reshape(4, 10)
    return Exploration(0.0, duration_s, -column, column, spectrum, 31.25, 80.0, emission)


def make_layers(*, layer: int = 1) -> LayerView:
    """Two layers over three frames: “A” in the middle from the first layer on."""
    top = np.array([[0, 0, 1], [0, 2, 0], [0, 2, 0]], np.int32)
    rows = (LayerRow(0, "", 1 / 3), LayerRow(1, "A", 1.0), LayerRow(2, "A", 1.0))
    similarity = np.array([[1, 0, -1], [0, 1, 0.5], [-1, 0.5, 1]], np.float32)
    shares = np.array([[0, 0, 0], [0.5, 1, 0.25], [0.5, 0, 0.25]], np.float32)
    return LayerView(
        0.0, FRAME_S, rows, ("", " ", "A"), top, shares, 2 * shares, layer, similarity, 1
    )


def make_features(duration_s: float = 1.0, *, frame_s: float = FRAME_S) -> Features:
    """Features of a steady voice that is silent in its last quarter."""
    frames = max(1, round(duration_s / frame_s))
    times_s = ((np.arange(frames) + 0.5) * frame_s).astype(np.float32)
    voiced = np.arange(frames) < 0.75 * frames
    return Features(
        times_s=times_s,
        f0_hz=np.where(voiced, 120.0 + 10.0 * np.sin(times_s), np.nan).astype(np.float32),
        energy_db=np.where(voiced, -20.0, -60.0).astype(np.float32),
        log_mel_db=np.linspace(-80, 0, 80 * frames).reshape(80, frames).astype(np.float16),
        mfcc=np.linspace(-30, 30, 13 * frames).reshape(13, frames).astype(np.float16),
        summary={"peak_dbfs": -3.0, "rms_dbfs": -20.0, "f0_median_hz": 120.0},
    )


def make_acoustics(duration_s: float = 1.0, *, clipped: float = 0.0) -> Acoustics:
    """The analysis of a steady voice that is silent in its last quarter."""
    features = make_features(duration_s)
    contours = np.stack([features.f0_hz, features.energy_db])
    silence = np.array([[0.75 * duration_s, duration_s]], np.float32)
    return Acoustics(
        times_s=features.times_s,
        names=("f0_hz", "level_dbfs"),
        contours=contours,
        chroma=np.ones((12, 10), np.float32),
        silences=silence,
        clipped=silence if clipped else silence[:0],
        summary={"loudness_lufs": -23.5, "f0_median_hz": 120.0, "clipped_fraction": clipped},
    )


def make_speakers(recognition: Recognition | None, count: int) -> SpeakerTurns:
    """A turn for each word, of so many speakers who alternate."""
    words = recognition.transcript.words if recognition is not None else ()
    return SpeakerTurns(
        tuple(
            SpeakerTurn(word.start_s, word.end_s, 1 + index % count)
            for index, word in enumerate(words)
        )
    )


def make_description(question: str = DEFAULT_QUESTION) -> Description:
    return Description(question, "A dog barks.", "1.0 s", described_s=1.0, truncated=False)


def make_picture(name: str = "waveform") -> Picture:
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 20">'
        f'<title>{name}</title><path d="M0 10H100" stroke="currentColor"/></svg>'
    )
    return Picture(name, name.capitalize(), svg.encode(), f"The {name} of the recording.")


def make_task(
    name: str = "hello world.wav",
    *,
    wants: Iterable[Want] = (Want.TRANSCRIPT,),
    model: str = "auto",
    session: str = "",
) -> AudioTask:
    """A task that FakeAdapter transcribes as the words of ``name``."""
    source = AudioSource(data=b"RIFF", name=name)
    return AudioTask(source, frozenset(wants), model=model, session=session)


def make_policy(
    *,
    queue_size: int = 32,
    concurrency: int = 2,
    live_queue_size: int = 8,
    live_concurrency: int = 2,
    breaker_failures: int = 5,
    breaker_recovery_s: float = 10.0,
    cache_bytes: int = 0,
    cache_s: float = 3000.0,
    cache_shared: bool = False,
    routing: RoutingPolicy | None = None,
    monitored: frozenset[Operation] | None = None,
) -> OrchestratorPolicy:
    """An orchestrator's policy with some of its bounds changed."""
    return OrchestratorPolicy(
        queue=QueuePolicy(queue_size, concurrency),
        live_queue=QueuePolicy(live_queue_size, live_concurrency),
        breaker=BreakerPolicy(breaker_failures, breaker_recovery_s, monitored),
        routing=routing or RoutingPolicy(),
        cache=CachePolicy(cache_bytes, cache_s, cache_shared),
    )


# --- the adapter -------------------------------------------------------------------------------


class FakeAdapter:
    """A model adapter that needs no model.

    Args:
        name: of the adapter.
        operations: what its capabilities list.
        models: the models its capabilities list; none listed means that it takes any.
        duration_s: of every audio it probes and decodes.
        clock, takes_s: an operation named in ``takes_s`` advances ``clock`` by that many seconds.
        time_limit_s: of every step.

    Attributes:
        calls: every task it was handed, in order.
        cancelled: the tasks that were cancelled while it ran them.
        initialized, disposed: how often each was called.
        default_model: name of the model that answers for ``auto``.
        max_duration_s: longest audio that its capabilities accept.
        scores: of its features.
        speakers: how many it labels, who alternate word by word.
    """

    def __init__(
        self,
        name: str = "fake",
        *,
        operations: Iterable[Operation] = tuple(Operation),
        models: Sequence[str] = (),
        duration_s: float = 1.0,
        clock: FakeClock | None = None,
        takes_s: Mapping[Operation, float] | None = None,
        time_limit_s: float = 60.0,
    ) -> None:
        self.name = name
        self.duration_s = duration_s
        self.calls: list[ModelTask] = []
        self.cancelled: list[ModelTask] = []
        self.initialized = 0
        self.disposed = 0
        self.default_model = "fake/wav2vec2"
        self.max_duration_s = 3 * 3600.0
        self.scores: Scores = {}
        self.speakers = 1
        self._time_limit_s = time_limit_s
        self._operations = frozenset(operations)
        self._models = tuple(models)
        self._clock = clock or FakeClock()
        self._takes_s = dict(takes_s or {})
        self._answers: dict[Operation, deque[Any]] = defaultdict(deque)
        self._gates: dict[Operation, asyncio.Event] = {}
        self._called = asyncio.Event()
        self._measure = RollingMeasure(clock=self._clock)

    # --- set up by a test ---

    def answer(self, operation: Operation, *answers: Any) -> None:
        """Queue answers to ``operation``: a value, a whole TaskResult, or an exception to raise.

        A callable is given the ModelTask and returns one of these. When the queue is empty, the
        default answer is given again.
        """
        self._answers[operation].extend(answers)

    def fail(self, operation: Operation, error: BaseException, *, times: int = 1) -> None:
        """Queue ``times`` failures of ``operation``."""
        self.answer(operation, *[error] * times)

    def block(self, operation: Operation) -> asyncio.Event:
        """Make every call of ``operation`` wait until the returned event is set."""
        return self._gates.setdefault(operation, asyncio.Event())

    async def reached(self, operation: Operation, times: int = 1) -> None:
        """Wait until ``operation`` has been called ``times`` times."""
        while self.count(operation) < times:
            await self._called.wait()

    def count(self, operation: Operation) -> int:
        """How often ``operation`` was called."""
        return sum(call.operation is operation for call in self.calls)

    # --- the interface ---

    async def initialize(self) -> None:
        self.initialized += 1

    async def dispose(self) -> None:
        self.disposed += 1

    async def handle_task(self, task: ModelTask, report: Report = ignore_progress) -> TaskResult:
        self._note(task)
        try:
            with self._measure.timing(task.inputs.duration_s):
                return await self._work(task, report)
        except asyncio.CancelledError:
            self.cancelled.append(task)
            raise

    def time_limit_s(self, task: ModelTask) -> float:
        return self._time_limit_s

    def answering_model(self, model: str) -> str:
        return self.default_model if model == AUTO_MODEL else model

    def get_capabilities(self) -> ModelCapabilities:
        return ModelCapabilities(
            name=self.name,
            operations=self._operations,
            max_duration_s=self.max_duration_s,
            max_bytes=100 * MIB,
            formats=("wav", "flac", "ogg", "mp3", "m4a", "webm"),
            features=("words", "confidence", "emission"),
            models=self._models,
            average_latency_s=self._measure.average_latency_s,
            throughput=self._measure.throughput,
            success_rate=self._measure.success_rate,
            samples=self._measure.samples,
            scores=self.scores,
            default_model=self.default_model,
        )

    def get_status(self) -> AdapterStatus:
        ready = self.initialized > self.disposed
        return AdapterStatus(
            name=self.name,
            ready=ready,
            model=make_model_info(self.default_model),
            choices=tuple(ModelChoice(name, name, ready=True) for name in self._models),
            workers=tuple(
                WorkerStatus(role, "ready" if ready else "stopped", pid, restarts=0, in_flight=0)
                for role, pid in (("audio", 101), ("inference", 102))
            ),
            memory=make_memory(),
        )

    # --- inside ---

    def _note(self, task: ModelTask) -> None:
        self.calls.append(task)
        called, self._called = self._called, asyncio.Event()
        called.set()

    async def _work(self, task: ModelTask, report: Report) -> TaskResult:
        if gate := self._gates.get(task.operation):
            await gate.wait()
        await asyncio.sleep(0)  # like a real adapter, it yields to the event loop
        took_s = self._takes_s.get(task.operation, 0.0)
        self._clock.advance(took_s)
        queued = self._answers[task.operation]
        answer = queued.popleft() if queued else self._default(task, report)
        if callable(answer):
            answer = answer(task)
        if isinstance(answer, BaseException):
            raise answer
        if isinstance(answer, TaskResult):
            return answer
        return TaskResult(task.operation, answer, _stages(task.operation, took_s))

    def _default(self, task: ModelTask, report: Report) -> Any:
        made: Mapping[Operation, Callable[[], Any]] = {
            Operation.PROBE: lambda: make_probe(self.duration_s),
            Operation.DECODE_AUDIO: lambda: make_audio(self.duration_s),
            Operation.TRANSCRIBE: lambda: self._transcribe(task, report),
            Operation.DECODE_TEXT: lambda: make_recognition(
                " ".join(task.task.decoding.hotwords) or "decoded again"
            ),
            Operation.ALIGN: lambda: make_alignment(task.task.text),
            Operation.ANALYZE: lambda: make_features(self.duration_s),
            Operation.MEASURE: lambda: make_acoustics(self.duration_s),
            Operation.DESCRIBE: lambda: make_description(task.task.question),
            Operation.EXPLORE: lambda: make_exploration(self.duration_s),
            Operation.SEARCH: lambda: Hits((Hit(0.5, 1.0, 0.9),)),
            Operation.LABEL_SPEAKERS: lambda: make_speakers(task.inputs.recognition, self.speakers),
            Operation.DRAW: lambda: self._draw(report),
        }
        return made[task.operation]()

    def _transcribe(self, task: ModelTask, report: Report) -> Recognition:
        report(Progress(fraction=1.0))
        model = make_model_info(self.answering_model(task.step.target.model))
        return make_recognition(PurePath(_source(task).name).stem, model=model)

    def _draw(self, report: Report) -> tuple[Picture, ...]:
        pictures = tuple(make_picture(name) for name in PICTURE_NAMES)
        for number, picture in enumerate(pictures, start=1):
            report(Progress(fraction=number / len(pictures), value=picture))
        return pictures


def _source(task: ModelTask) -> AudioSource:
    assert task.task.source is not None
    return task.task.source


def make_memory() -> MemoryReport:
    """Memory of the server and two workers."""
    processes = (
        ProcessMemory(SERVER_PROCESS, 100, 180 * MIB, 190 * MIB),
        ProcessMemory("audio", 101, 150 * MIB, 200 * MIB),
        ProcessMemory("inference", 102, 300 * MIB, 350 * MIB),
    )
    return MemoryReport(processes, limit_bytes=2048 * MIB, model_bytes=8_000_000)


def _stages(operation: Operation, took_s: float) -> tuple[Stage, ...]:
    stages: list[Stage] = []
    start_s = 0.0
    for name, process, share in _STAGES[operation]:
        stages.append(Stage(name, start_s, share * took_s, process))
        start_s += share * took_s
    return tuple(stages)
