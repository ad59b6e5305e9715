"""The adapter that labels speakers: it says who speaks the words of a transcript."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from wav2vec2_app.errors import InternalError
from wav2vec2_app.server.adapters.base import AudioLimits, RollingMeasure
from wav2vec2_app.server.bridge.backend import Backend
from wav2vec2_app.server.operations import Operation
from wav2vec2_app.server.results import Report, TaskResult, ignore_progress
from wav2vec2_app.server.service.result import StepResult
from wav2vec2_app.server.service.speakers import SpeakersService, SpeakersStep
from wav2vec2_app.server.status import AdapterStatus, ModelCapabilities
from wav2vec2_app.server.tasks import ModelTask
from wav2vec2_app.speech.speakers import SpeakerTurns


class SpeakersAdapter:
    """A model adapter around :class:`SpeakersService`; its worker starts with the first request.

    Args:
        service: labels speakers.
        pool: the workers, for the status; stopped with the adapter.
        audio: largest audio, for the capabilities.
        clock: monotonic, seconds.
    """

    name = "speakers"

    def __init__(
        self,
        service: SpeakersService,
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
        """End the workers."""
        await self._pool.stop()

    async def handle_task(self, task: ModelTask, report: Report = ignore_progress) -> TaskResult:
        """Find the turns of the speakers. Separate channels need none: each is a speaker.

        Raises:
            ModelError: see :meth:`SpeakersService.label`.
        """
        if task.operation is not Operation.LABEL_SPEAKERS:
            raise InternalError(
                f"This adapter cannot {task.operation.value} audio.", code="adapter.unsupported"
            )
        audio, recognition = task.inputs.audio, task.inputs.recognition
        if audio is None or recognition is None:
            raise InternalError("The step needs a transcript.", code="task.missing_input")
        found = StepResult(SpeakerTurns(()))
        if not recognition.channels:
            step = SpeakersStep(
                audio, recognition.transcript, report, task.deadline, task.task.id
            )  # fmt: skip
            with self._measure.timing(audio.duration_s):
                found = await self._service.label(step)
        return TaskResult(task.operation, found.value, found.stages)

    def time_limit_s(self, task: ModelTask) -> float:
        return self._service.time_limit_s(task.inputs.duration_s)

    def answering_model(self, model: str) -> str:
        """It transcribes nothing."""
        return ""

    def get_capabilities(self) -> ModelCapabilities:
        operations = frozenset({Operation.LABEL_SPEAKERS})
        return replace(
            self._measure.capabilities(self.name, operations, self._audio),
            features=("speakers",),
        )

    def get_status(self) -> AdapterStatus:
        """It is always ready, as its worker starts with a request."""
        return AdapterStatus(name=self.name, ready=True, workers=self._pool.statuses())
