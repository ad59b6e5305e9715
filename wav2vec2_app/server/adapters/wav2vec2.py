"""Translates the orchestrator's tasks into calls of :class:`Wav2Vec2Service` and measures them."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

from wav2vec2_app.errors import InputError, InternalError
from wav2vec2_app.server.adapters.base import RollingMeasure
from wav2vec2_app.server.service.result import StepResult
from wav2vec2_app.server.service.wav2vec2 import Wav2Vec2Service
from wav2vec2_app.server.status import AdapterStatus, ModelCapabilities
from wav2vec2_app.server.tasks import ModelTask, Operation, Report, TaskResult, ignore_progress
from wav2vec2_app.settings import Settings
from wav2vec2_app.speech.audio import Audio, AudioSource
from wav2vec2_app.speech.transcript import Recognition

FEATURES = (
    "log_mel",
    "mfcc",
    "f0",
    "energy",
    "word_times",
    "word_confidence",
    "hotwords",
    "alignment",
)


class Wav2Vec2Adapter:
    """A model adapter around one service.

    Args:
        service: owned: initialized and disposed with the adapter.
        settings: limits that the capabilities report.
    """

    name = "wav2vec2"

    def __init__(
        self,
        service: Wav2Vec2Service,
        settings: Settings,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._service = service
        self._settings = settings
        self._measure = RollingMeasure(clock=clock)
        self._handlers: dict[
            Operation, Callable[[ModelTask, Report], Awaitable[StepResult[Any]]]
        ] = {
            Operation.PROBE: self._probe,
            Operation.DECODE_AUDIO: self._decode,
            Operation.TRANSCRIBE: self._transcribe,
            Operation.DECODE_TEXT: self._read,
            Operation.ALIGN: self._align,
            Operation.ANALYZE: self._analyze,
            Operation.DRAW: self._draw,
        }

    async def initialize(self) -> None:
        await self._service.initialize()

    async def dispose(self) -> None:
        await self._service.dispose()

    async def handle_task(self, task: ModelTask, report: Report = ignore_progress) -> TaskResult:
        """Do one operation.

        Raises:
            InputError: the task itself is unusable.
            Wav2Vec2Error: whatever the service raises.
        """
        if len(task.task.model) > MAX_NAME:
            raise InputError("The model's name is too long.", code="model.bad_name")
        timed = await self._measured(task, self._handlers[task.operation](task, report))
        return TaskResult(task.operation, timed.value, timed.stages)

    def get_capabilities(self) -> ModelCapabilities:
        measured = self._measure
        return ModelCapabilities(
            name=self.name,
            operations=frozenset(self._handlers),
            max_duration_s=self._settings.max_duration_s,
            max_bytes=self._settings.max_bytes,
            formats=self._service.formats,
            features=FEATURES,
            models=tuple(choice.name for choice in self._service.choices),
            average_latency_s=measured.average_latency_s,
            throughput=measured.throughput,
            success_rate=measured.success_rate,
            samples=measured.samples,
        )

    def get_status(self) -> AdapterStatus:
        return self._service.status(self.name)

    async def _measured(self, task: ModelTask, work: Awaitable[StepResult[Any]]) -> StepResult[Any]:
        """Await ``work``; transcriptions count in the measured capabilities."""
        if task.operation is not Operation.TRANSCRIBE:
            return await work
        with self._measure.timing(_input(task, Operation.DECODE_AUDIO).duration_s):
            return await work

    async def _probe(self, task: ModelTask, _: Report) -> StepResult[Any]:
        found = await self._service.probe(_source(task), request_id=task.task.id)
        return StepResult(found, ())

    async def _decode(self, task: ModelTask, _: Report) -> StepResult[Any]:
        probe = task.inputs.get(Operation.PROBE)
        expected_s = probe.duration_s if probe is not None else self._settings.max_duration_s
        return await self._service.decode(
            _source(task), expected_s=expected_s, request_id=task.task.id
        )

    async def _transcribe(self, task: ModelTask, report: Report) -> StepResult[Any]:
        audio: Audio = _input(task, Operation.DECODE_AUDIO)
        return await self._service.process(
            audio,
            model=task.task.model,
            decoding=task.task.decoding,
            report=report,
            request_id=task.task.id,
        )

    async def _read(self, task: ModelTask, _: Report) -> StepResult[Any]:
        known: Recognition = _input(task, Operation.TRANSCRIBE)
        return await self._service.decode_text(
            known.emitted, task.task.decoding, request_id=task.task.id
        )

    async def _align(self, task: ModelTask, _: Report) -> StepResult[Any]:
        known: Recognition = _input(task, Operation.TRANSCRIBE)
        return await self._service.align(known.emitted, task.task.text, request_id=task.task.id)

    async def _analyze(self, task: ModelTask, _: Report) -> StepResult[Any]:
        audio: Audio = _input(task, Operation.DECODE_AUDIO)
        return await self._service.analyze(audio, request_id=task.task.id)

    async def _draw(self, task: ModelTask, report: Report) -> StepResult[Any]:
        return await self._service.draw(
            _input(task, Operation.DECODE_AUDIO),
            _input(task, Operation.ANALYZE),
            task.inputs.get(Operation.DECODE_TEXT) or _input(task, Operation.TRANSCRIBE),
            report=report,
            request_id=task.task.id,
        )


MAX_NAME = 200
"""Longest model name looked at, characters."""


def _source(task: ModelTask) -> AudioSource:
    if task.task.source is None:
        raise InternalError("There is no recording to read.", code="task.missing_input")
    return task.task.source


def _input(task: ModelTask, operation: Operation) -> Any:
    try:
        return task.inputs[operation]
    except KeyError:
        raise InternalError(
            f"{task.operation.value} needs the result of {operation.value}.",
            code="task.missing_input",
        ) from None
