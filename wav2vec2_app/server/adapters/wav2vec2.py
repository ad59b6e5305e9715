"""The wav2vec2 adapter: translates steps into calls of the service and measures them."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TypeVar

from wav2vec2_app.errors import InputError, InternalError
from wav2vec2_app.server.adapters import channels
from wav2vec2_app.server.adapters.base import AudioLimits, RollingMeasure
from wav2vec2_app.server.operations import Operation
from wav2vec2_app.server.results import Report, TaskResult, ignore_progress
from wav2vec2_app.server.service.result import StepResult
from wav2vec2_app.server.service.wav2vec2 import Wav2Vec2Service
from wav2vec2_app.server.status import AdapterStatus, ModelCapabilities, Scores
from wav2vec2_app.server.tasks import ModelTask
from wav2vec2_app.speech.audio import Audio, AudioSource
from wav2vec2_app.speech.models import AUTO_MODEL
from wav2vec2_app.speech.retiming import cut_stretch, shifted
from wav2vec2_app.speech.transcript import Recognition

FEATURES = (
    "transcription",
    "analysis",
    "log_mel",
    "mfcc",
    "f0",
    "energy",
    "word_times",
    "word_confidence",
    "hotwords",
    "alignment",
    "search",
)

MAX_MODEL_NAME_CHARS = 200
NO_SCORES: Scores = MappingProxyType({})

T = TypeVar("T")

StepHandler = Callable[[ModelTask, Report], Awaitable[TaskResult]]


class Wav2Vec2Adapter:
    """A model adapter around one service.

    Args:
        service: initialized and disposed with the adapter.
        audio: largest audio, for the capabilities.
        scores: of features, for the capabilities.
        clock: monotonic, seconds.
    """

    name = "wav2vec2"

    def __init__(
        self,
        service: Wav2Vec2Service,
        audio: AudioLimits,
        *,
        scores: Scores = NO_SCORES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._scores = scores
        self._service = service
        self._audio = audio
        self._measure = RollingMeasure(clock=clock)
        self._handlers: Mapping[Operation, StepHandler] = {
            Operation.PROBE: self._probe,
            Operation.DECODE_AUDIO: self._decode_audio,
            Operation.TRANSCRIBE: self._transcribe,
            Operation.DECODE_TEXT: self._decode_text,
            Operation.ALIGN: self._align,
            Operation.ANALYZE: self._analyze,
            Operation.MEASURE: self._measure_voice,
            Operation.DRAW: self._draw,
            Operation.EXPLORE: self._explore,
            Operation.SEARCH: self._search,
        }

    async def initialize(self) -> None:
        await self._service.initialize()

    async def dispose(self) -> None:
        await self._service.dispose()

    async def handle_task(self, task: ModelTask, report: Report = ignore_progress) -> TaskResult:
        """Run one step.

        Raises:
            InputError: the model's name is unusable.
            Wav2Vec2Error: whatever the service raises.
        """
        if len(task.step.target.model) > MAX_MODEL_NAME_CHARS:
            raise InputError(
                f"The model's name is longer than {MAX_MODEL_NAME_CHARS} characters.",
                code="model.bad_name",
                hint="Choose one of the listed models.",
            )
        work = self._handlers[task.operation](task, report)
        if task.operation is not Operation.TRANSCRIBE:
            return await work
        with self._measure.timing(task.inputs.transcribed_s):
            return await work

    def time_limit_s(self, task: ModelTask) -> float:
        return self._service.time_limit_s(
            task.operation, task.inputs.transcribed_s, task.step.target.model
        )

    def answering_model(self, model: str) -> str:
        if model != AUTO_MODEL:
            return model
        default = self._service.model
        return default.name if default is not None else ""

    def get_capabilities(self) -> ModelCapabilities:
        return replace(
            self._measure.capabilities(self.name, frozenset(self._handlers), self._audio),
            formats=self._service.formats,
            features=FEATURES,
            models=self._service.model_names,
            scores=self._scores,
            default_model=self.answering_model(AUTO_MODEL),
        )

    def get_status(self) -> AdapterStatus:
        return self._service.status(self.name)

    async def _probe(self, task: ModelTask, _: Report) -> TaskResult:
        found = await self._service.probe(
            _source(task),
            task.task.audio_options,
            deadline=task.deadline,
            request_id=task.task.id,
        )
        return TaskResult(task.operation, found)

    async def _decode_audio(self, task: ModelTask, _: Report) -> TaskResult:
        timed = await self._service.decode(
            _source(task),
            task.task.audio_options,
            expected_s=task.inputs.duration_s,
            deadline=task.deadline,
            request_id=task.task.id,
        )
        return TaskResult(task.operation, timed.value, timed.stages)

    async def _transcribe(self, task: ModelTask, report: Report) -> TaskResult:
        async def process(audio: Audio, report: Report) -> StepResult[Recognition]:
            return await self._service.process(
                audio,
                model=task.step.target.model,
                decoding=task.decoding,
                report=report,
                deadline=task.deadline,
                request_id=task.task.id,
                client=task.task.client,
                previews=task.task.previews and not separate,
            )

        audio = _needed(task.inputs.audio, "decoded audio")
        separate = bool(audio.channels)  # one after the other: no preview of the conversation
        results = [await process(*part) for part in channels.parts(audio, report)]
        timed = channels.joined(results, separate=separate)
        return TaskResult(task.operation, timed.value, timed.stages)

    async def _decode_text(self, task: ModelTask, _: Report) -> TaskResult:
        recognition = _needed(task.inputs.recognition, "a transcript")

        async def decode(one: Recognition) -> StepResult[Recognition]:
            return await self._service.decode_text(
                one.emitted, task.decoding, deadline=task.deadline, request_id=task.task.id
            )

        results = [await decode(one) for one in recognition.channels or (recognition,)]
        timed = channels.joined(results, separate=bool(recognition.channels))
        return TaskResult(task.operation, timed.value, timed.stages)

    async def _align(self, task: ModelTask, _: Report) -> TaskResult:
        recognition = _needed(task.inputs.recognition, "a transcript")
        emitted, offset_s = cut_stretch(recognition, task.task.stretch)
        timed = await self._service.align(
            emitted, task.task.text, deadline=task.deadline, request_id=task.task.id
        )
        return TaskResult(task.operation, shifted(timed.value, offset_s), timed.stages)

    async def _search(self, task: ModelTask, _: Report) -> TaskResult:
        timed = await self._service.search(
            _needed(task.inputs.recognition, "a transcript"),
            _needed(task.task.search, "a search"),
            deadline=task.deadline,
            request_id=task.task.id,
        )
        return TaskResult(task.operation, timed.value, timed.stages)

    async def _analyze(self, task: ModelTask, _: Report) -> TaskResult:
        timed = await self._service.analyze(
            _needed(task.inputs.audio, "decoded audio"),
            deadline=task.deadline,
            request_id=task.task.id,
        )
        return TaskResult(task.operation, timed.value, timed.stages)

    async def _measure_voice(self, task: ModelTask, _: Report) -> TaskResult:
        timed = await self._service.measure(
            _needed(task.inputs.audio, "decoded audio"),
            _needed(task.inputs.features, "features"),
            deadline=task.deadline,
            request_id=task.task.id,
        )
        return TaskResult(task.operation, timed.value, timed.stages)

    async def _draw(self, task: ModelTask, report: Report) -> TaskResult:
        timed = await self._service.draw(
            _needed(task.inputs.audio, "decoded audio"),
            _needed(task.inputs.features, "features"),
            _needed(task.inputs.recognition, "a transcript"),
            task.task.picture_window,
            report=report,
            deadline=task.deadline,
            request_id=task.task.id,
        )
        return TaskResult(task.operation, timed.value, timed.stages)

    async def _explore(self, task: ModelTask, _: Report) -> TaskResult:
        audio = _needed(task.inputs.audio, "decoded audio")
        wanted = task.task.explored
        if wanted is None:
            raise InternalError("The step needs what to explore.", code="task.missing_input")
        timed = await self._service.explore(
            audio,
            _needed(task.inputs.recognition, "a transcript"),
            wanted,
            task.decoding,
            deadline=task.deadline,
            request_id=task.task.id,
        )
        return TaskResult(task.operation, timed.value, timed.stages)


def _source(task: ModelTask) -> AudioSource:
    return _needed(task.task.source, "a recording")


def _needed(value: T | None, what: str) -> T:
    if value is None:
        raise InternalError(f"The step needs {what}.", code="task.missing_input")
    return value
