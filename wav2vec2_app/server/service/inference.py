"""Transcribes long recordings window by window, so that other requests are served in between.

The windows of a recording are requests of their own, one at a time, or as many as the engine computes
faster as a batch. Cancelling a task takes effect at the next window.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from wav2vec2_app.protocol.inference import EmitRequest, EmitResponse, LoadRequest
from wav2vec2_app.server.deadline import Deadline
from wav2vec2_app.server.offload import off_loop
from wav2vec2_app.server.service.client import WorkerClient
from wav2vec2_app.server.service.policy import WindowPolicy
from wav2vec2_app.server.service.priority import ShortFirst
from wav2vec2_app.server.service.result import StepResult
from wav2vec2_app.server.service.spool import release
from wav2vec2_app.server.service.stages import summed, yielded
from wav2vec2_app.server.tasks import Progress, Report, Stage, ignore_progress
from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ, Audio
from wav2vec2_app.speech.emission import Emission, Emitted
from wav2vec2_app.speech.models import ModelInfo
from wav2vec2_app.speech.seams import join
from wav2vec2_app.speech.windows import SampleStatistics, Window, windows_of

T = TypeVar("T")

LEVEL_IN_THREAD_S = 60.0
"""The level of longer recordings is computed in a thread, so that the event loop goes on, seconds."""


OnWindow = Callable[[Window, Emission, ModelInfo], None]


def ignore_window(_: Window, __: Emission, ___: ModelInfo) -> None:
    """An :data:`OnWindow` for callers that need the complete emission only."""


@dataclass(frozen=True)
class EmitStep:
    """One transcription step.

    Attributes:
        audio, model: what is transcribed, by which model.
        loads_model: whether the model may have to be loaded first.
        deadline: of all its requests.
        report: gets the fraction done after each window.
        request_id: for the worker's log.
        on_window: gets each window of a long recording with its emission.
    """

    audio: Audio
    model: str
    loads_model: bool = False
    deadline: Deadline | None = None
    report: Report = ignore_progress
    request_id: str = ""
    on_window: OnWindow = ignore_window


class WindowedInference:
    """Computes emissions on the inference workers.

    Args:
        client: the workers.
        windows: how long audio is cut.
        priority: makes long recordings yield to short ones before each window.
    """

    def __init__(self, client: WorkerClient, windows: WindowPolicy, priority: ShortFirst) -> None:
        self._client = client
        self._windows = windows
        self._priority = priority
        self._batches: dict[str, int] = {}
        """How many windows each model computes faster as a batch, as far as it is known."""

    async def emit(self, step: EmitStep) -> StepResult[Emitted]:
        """The emission of the recording."""
        if not self._windows.is_single(step.audio):
            return await self._emit_windows(step)
        answer = await self._emit(step, Window(0, len(step.audio.samples), 0, 0), None)
        step.report(Progress(fraction=1.0))
        response = answer.value
        emitted = Emitted(response.emission, response.model, step.audio.duration_s)
        return StepResult(emitted, answer.stages)

    async def _emit_windows(self, step: EmitStep) -> StepResult[Emitted]:
        audio = step.audio
        loaded = await self._client.request(
            LoadRequest(step.model),
            loads_model=step.loads_model,
            deadline=step.deadline,
            request_id=step.request_id,
        )
        windows = windows_of(
            len(audio.samples),
            loaded.value.grid,
            window_s=self._windows.window_s,
            overlap_s=self._windows.overlap_s,
        )
        level = await _level_of(audio)
        emissions: list[Emission] = []
        stages: list[Sequence[Stage]] = []
        batch = self._batches[step.model] = max(1, loaded.value.batch)
        for begin in range(0, len(windows), batch):
            yielded_s = await self._priority.yield_to_short()
            answers = await _all(
                self._emit(step, window, level) for window in windows[begin : begin + batch]
            )
            for window, answer in zip(windows[begin:], answers, strict=False):
                emissions.append(answer.value.emission)
                step.on_window(window, answer.value.emission, loaded.value.model)
            stages.append((yielded(yielded_s, answers[0].stages),))
            stages += [answer.stages for answer in answers]
            release(audio.samples)
            step.report(Progress(fraction=len(emissions) / len(windows)))
        joined = await off_loop(audio.duration_s, join, windows, emissions)
        emitted = Emitted(joined, loaded.value.model, audio.duration_s)
        return StepResult(emitted, (*loaded.stages, *summed(stages)))

    async def _emit(
        self, step: EmitStep, window: Window, level: SampleStatistics | None
    ) -> StepResult[EmitResponse]:
        samples = step.audio.samples[window.start : window.stop]
        answer = await self._client.request(
            EmitRequest(step.model, samples, level, self._batches.get(step.model, 1)),
            audio_s=len(samples) / SAMPLE_RATE_HZ,
            loads_model=step.loads_model,
            deadline=step.deadline,
            request_id=step.request_id,
        )
        self._batches[step.model] = answer.value.batch_limit
        return answer


async def _all(work: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """The results of all of ``work``; if one fails, the others are cancelled."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()


async def _level_of(audio: Audio) -> SampleStatistics:
    if audio.duration_s <= LEVEL_IN_THREAD_S:
        return SampleStatistics.of(audio.samples)
    level = await asyncio.to_thread(SampleStatistics.of, audio.samples)
    release(audio.samples)
    return level
