"""Finds who says the words of a recording, on workers that start when they are needed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from wav2vec2_app.protocol.speakers import SpeakersRequest, VoicesRequest
from wav2vec2_app.server.deadline import Deadline
from wav2vec2_app.server.results import Progress, Report, Stage, ignore_progress
from wav2vec2_app.server.service import stages
from wav2vec2_app.server.service.client import WorkerClient
from wav2vec2_app.server.service.result import StepResult
from wav2vec2_app.server.service.spool import release
from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ, Audio, Float32
from wav2vec2_app.speech.speakers import SpeakerTurns, turns_of, voice_windows
from wav2vec2_app.speech.transcript import Transcript

PART_S = 60.0
"""Windows of so much audio are one request, so that cancelling takes effect soon, seconds."""


@dataclass(frozen=True)
class SpeakersStep:
    """One step: what is labelled, and see :class:`WhisperStep` for the others."""

    audio: Audio
    transcript: Transcript
    report: Report = ignore_progress
    deadline: Deadline | None = None
    request_id: str = ""


class SpeakersService:
    """Embeds windows of speech, and groups words by voice.

    Args:
        client: sends requests to the ``speakers`` workers.
    """

    def __init__(self, client: WorkerClient) -> None:
        self._client = client

    def time_limit_s(self, audio_s: float) -> float:
        """How long a step on ``audio_s`` seconds of audio may take, seconds."""
        return self._client.limit_s(audio_s, loads_model=True)

    async def label(self, step: SpeakersStep) -> StepResult[SpeakerTurns]:
        """The turns of the speakers; none where there are no words.

        Raises:
            ModelError: ``speakers.extra_missing``, ``speakers.broken``.
        """
        words = sorted(step.transcript.words, key=lambda word: word.start_s)
        if not words:
            return StepResult(SpeakerTurns(()))
        windows = voice_windows(words, step.audio.duration_s)
        embeddings, spent = await self._embed(step, windows)
        answer = await self._client.request(
            SpeakersRequest(
                embeddings,
                windows,
                np.array([(word.start_s, word.end_s) for word in words], np.float32),
            ),
            audio_s=step.audio.duration_s,
            deadline=step.deadline,
            request_id=step.request_id,
        )
        speakers: list[int] = answer.value.speakers.tolist()
        return StepResult(turns_of(words, speakers), stages.summed([*spent, answer.stages]))

    async def _embed(
        self, step: SpeakersStep, windows: Float32
    ) -> tuple[Float32, list[tuple[Stage, ...]]]:
        """The embeddings of all windows, part by part, and the stages of the requests."""
        found, spent = [], []
        for first, last in parts(windows):
            start_s, end_s = float(windows[first, 0]), float(windows[first:last, 1].max())
            start = round(start_s * SAMPLE_RATE_HZ)
            samples = step.audio.samples[start : round(end_s * SAMPLE_RATE_HZ)]
            answer = await self._client.request(
                VoicesRequest(samples, windows[first:last] - np.float32(start_s)),
                audio_s=end_s - start_s,
                loads_model=True,
                deadline=step.deadline,
                request_id=step.request_id,
            )
            release(step.audio.samples)
            found.append(answer.value.embeddings)
            spent.append(answer.stages)
            step.report(Progress(last / len(windows)))
        return np.concatenate(found), spent


def parts(windows: Float32) -> Iterator[tuple[int, int]]:
    """Ranges of windows that begin within :data:`PART_S` seconds."""
    first = 0
    for index in range(1, len(windows) + 1):
        if index == len(windows) or windows[index, 0] - windows[first, 0] > PART_S:
            yield first, index
            first = index
