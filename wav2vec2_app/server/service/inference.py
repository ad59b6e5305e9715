"""Transcribes long recordings window by window, so that other requests are served in between.

The windows of a recording are requests of their own, one at a time, or as many as the engine computes
faster as a batch. Cancelling a task takes effect at the next window.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from wav2vec2_app.errors import ModelError
from wav2vec2_app.protocol.inference import (
    NOT_LOADED,
    DescribeRequest,
    DescribeResponse,
    EmitRequest,
    EmitResponse,
)
from wav2vec2_app.server.deadline import Deadline
from wav2vec2_app.server.offload import off_loop
from wav2vec2_app.server.results import Progress, Report, Stage, ignore_progress
from wav2vec2_app.server.service.client import WorkerClient
from wav2vec2_app.server.service.loading import ModelLoader
from wav2vec2_app.server.service.policy import WindowPolicy
from wav2vec2_app.server.service.priority import ShortFirst
from wav2vec2_app.server.service.result import StepResult
from wav2vec2_app.server.service.spool import release
from wav2vec2_app.server.service.stages import after, summed, yielded
from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ, Audio
from wav2vec2_app.speech.emission import Emission, Emitted
from wav2vec2_app.speech.models import AUTO_MODEL, ModelInfo
from wav2vec2_app.speech.seams import join
from wav2vec2_app.speech.windows import FrameGrid, SampleStatistics, Window

T = TypeVar("T")
A = TypeVar("A", EmitResponse, DescribeResponse)

LOADING = "load model"
"""Name of the stage in which a recording waits for its model."""

LEVEL_IN_THREAD_S = 60.0
"""The level of longer recordings is computed in a thread, so that the event loop goes on, seconds."""


OnWindow = Callable[[Window, Emission, ModelInfo], None]


def ignore_window(_: Window, __: Emission, ___: ModelInfo) -> None:
    """An :data:`OnWindow` for callers that need the complete emission only."""


@dataclass(frozen=True)
class EmitStep:
    """One transcription step.

    Attributes:
        audio, model: what is transcribed, by which model; it is loaded first if necessary.
        deadline: of all its requests.
        report: gets the fraction done after each window.
        request_id: for the worker's log.
        on_window: gets each window of a long recording with its emission.
    """

    audio: Audio
    model: str
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
        loader: loads models.
    """

    def __init__(
        self,
        client: WorkerClient,
        windows: WindowPolicy,
        priority: ShortFirst,
        loader: ModelLoader,
    ) -> None:
        self._client = client
        self._loader = loader
        self._windows = windows
        self._priority = priority
        self._batches: dict[str, int] = {}
        """How many windows each model computes faster as a batch, as far as it is known."""

    async def emit(self, step: EmitStep) -> StepResult[Emitted]:
        """The emission of the recording."""
        loading: Sequence[Stage] = ()
        if not self._windows.is_single(step.audio):
            loaded = await self.describe(step)
            loading = loaded.stages
            windows = self._windows.of(step.audio, loaded.value.grid)
            if len(windows) > 1:
                return await self._emit_windows(step, loaded, windows)
        answer = await self._emit_alone(step)
        step.report(Progress(fraction=1.0))
        response = answer.value
        emitted = Emitted(response.emission, response.model, step.audio.duration_s)
        return StepResult(emitted, after(loading, answer.stages))

    def windows_of(self, audio: Audio, grid: FrameGrid) -> list[Window]:
        """The windows that :meth:`emit` uses."""
        if self._windows.is_single(audio):
            return [Window(0, len(audio.samples), 0, max(1, grid.frames(len(audio.samples))))]
        return self._windows.of(audio, grid)

    async def _emit_alone(self, step: EmitStep) -> StepResult[EmitResponse]:
        """The emission in one request. It has no priority while its model is loaded."""
        request = EmitRequest(step.model, step.audio.samples)

        async def send() -> StepResult[EmitResponse]:
            with self._priority.prioritized():
                return await self._send(request, step)

        return await self._loaded(step, send)

    async def _emit_windows(
        self, step: EmitStep, loaded: StepResult[DescribeResponse], windows: Sequence[Window]
    ) -> StepResult[Emitted]:
        audio = step.audio
        if step.model == AUTO_MODEL:  # all windows by one model, also if a better one arrives
            step = replace(step, model=loaded.value.model.name)
        level = await level_of(audio)
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
        return StepResult(emitted, after(loaded.stages, summed(stages)))

    async def _emit(
        self, step: EmitStep, window: Window, level: SampleStatistics | None
    ) -> StepResult[EmitResponse]:
        samples = step.audio.samples[window.start : window.stop]
        request = EmitRequest(step.model, samples, level, self._batches.get(step.model, 1))
        answer = await self._loaded(step, lambda: self._send(request, step))
        self._batches[step.model] = answer.value.batch_limit
        return answer

    async def _send(self, request: EmitRequest, step: EmitStep) -> StepResult[EmitResponse]:
        return await self._client.request(
            request,
            audio_s=len(request.samples) / SAMPLE_RATE_HZ,
            deadline=step.deadline,
            request_id=step.request_id,
        )

    async def describe(self, step: EmitStep) -> StepResult[DescribeResponse]:
        """The model of the step, which is loaded first if necessary."""
        return await self._loaded(
            step,
            lambda: self._client.request(
                DescribeRequest(step.model), deadline=step.deadline, request_id=step.request_id
            ),
        )

    async def _loaded(
        self, step: EmitStep, send: Callable[[], Awaitable[StepResult[A]]]
    ) -> StepResult[A]:
        """What ``send`` returns; if the model is not loaded, it is loaded, and sent again."""
        loading_s = 0.0
        while True:
            try:
                answer = await send()
                break
            except ModelError as error:
                if error.code != NOT_LOADED:
                    raise
            begin = time.monotonic()
            await self._loader.load(step.model, step.deadline)
            loading_s += time.monotonic() - begin
        if answer.value.better_on_disk:
            self._loader.start(step.model)
        if not loading_s:
            return answer
        loading = Stage(LOADING, 0.0, loading_s, "inference")
        return StepResult(answer.value, after((loading,), answer.stages))


async def _all(work: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """The results of all of ``work``; if one fails, the others are cancelled."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()


async def level_of(audio: Audio) -> SampleStatistics:
    """The level of the recording, by which its windows are normalized."""
    if audio.duration_s <= LEVEL_IN_THREAD_S:
        return SampleStatistics.of(audio.samples)
    level = await asyncio.to_thread(SampleStatistics.of, audio.samples)
    release(audio.samples)
    return level
