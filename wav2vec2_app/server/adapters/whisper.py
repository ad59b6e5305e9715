"""The Whisper adapter: a second recogniser, with punctuation, capitals and 99 languages."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from wav2vec2_app.errors import InternalError
from wav2vec2_app.server.adapters import channels
from wav2vec2_app.server.adapters.base import AudioLimits, RollingMeasure
from wav2vec2_app.server.bridge.backend import Backend
from wav2vec2_app.server.operations import Operation
from wav2vec2_app.server.results import Report, TaskResult, ignore_progress
from wav2vec2_app.server.service.result import StepResult
from wav2vec2_app.server.service.whisper import WhisperService, WhisperStep
from wav2vec2_app.server.status import AdapterStatus, ModelCapabilities
from wav2vec2_app.server.tasks import ModelTask
from wav2vec2_app.speech.audio import Audio
from wav2vec2_app.speech.transcript import Recognition

WHISPER_FEATURES = (
    "word_times",
    "word_confidence",
    "hotwords",
    "punctuation",
    "capitals",
    "language_detection",
)


class WhisperAdapter:
    """A model adapter around :class:`WhisperService`; its worker starts with the first request.

    Args:
        service: transcribes.
        pool: the workers, for the status; stopped with the adapter.
        audio: largest audio, for the capabilities.
        clock: monotonic, seconds.
    """

    name = "whisper"

    def __init__(
        self,
        service: WhisperService,
        pool: Backend,
        audio: AudioLimits,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._service = service
        self._pool = pool
        self._audio = audio
        self._measure = RollingMeasure(clock=clock)

    async def initialize(self) -> None:
        """Nothing to do before the first request."""

    async def dispose(self) -> None:
        """Cancel downloads and end the workers."""
        await self._service.dispose()
        await self._pool.stop()

    async def handle_task(self, task: ModelTask, report: Report = ignore_progress) -> TaskResult:
        """Transcribe.

        Raises:
            ModelError, InputError: see :meth:`WhisperService.transcribe`.
        """
        if task.operation is not Operation.TRANSCRIBE:
            raise InternalError(
                f"Whisper cannot {task.operation.value} audio.", code="adapter.unsupported"
            )
        audio = task.inputs.audio
        if audio is None:
            raise InternalError("The step needs decoded audio.", code="task.missing_input")

        async def process(audio: Audio, report: Report) -> StepResult[Recognition]:
            step = WhisperStep(
                audio,
                task.step.target.model,
                task.decoding,
                report,
                task.deadline,
                task.task.id,
                task.task.client,
            )
            return await self._service.transcribe(step)

        with self._measure.timing(task.inputs.duration_s):
            results = [await process(*part) for part in channels.parts(audio, report)]
        timed = channels.joined(results, separate=bool(audio.channels))
        return TaskResult(task.operation, timed.value, timed.stages)

    def time_limit_s(self, task: ModelTask) -> float:
        return self._service.time_limit_s(task.inputs.duration_s)

    def answering_model(self, model: str) -> str:
        return self._service.models.answering(model)

    def get_capabilities(self) -> ModelCapabilities:
        operations = frozenset({Operation.TRANSCRIBE})
        return replace(
            self._measure.capabilities(self.name, operations, self._audio),
            features=WHISPER_FEATURES,
            models=self._service.models.names,
        )

    def get_status(self) -> AdapterStatus:
        """Its models and workers; it is always ready, as its workers start with a request."""
        models = self._service.models
        return AdapterStatus(
            name=self.name,
            ready=True,
            model=self._service.loaded if models.is_default else None,
            choices=models.choices,
            workers=self._pool.statuses(),
            notices=tuple(notice for notice in (models.notice,) if notice),
        )
