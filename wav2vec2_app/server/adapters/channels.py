"""Steps on recordings whose channels are transcribed separately: one call of the service for each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from wav2vec2_app.server.service.result import StepResult
from wav2vec2_app.server.service.stages import summed
from wav2vec2_app.server.tasks import Progress, Report
from wav2vec2_app.speech.audio import Audio
from wav2vec2_app.speech.channels import merged
from wav2vec2_app.speech.transcript import Recognition

Process = Callable[[Audio, Report], Awaitable[StepResult[Recognition]]]
Decode = Callable[[Recognition], Awaitable[StepResult[Recognition]]]


async def transcribe(audio: Audio, process: Process, report: Report) -> StepResult[Recognition]:
    """The recognition of ``audio``, or those of its channels merged."""
    if not audio.channels:
        return await process(audio, report)
    count = len(audio.channels)
    results = [
        await process(replace(audio, samples=samples, channels=()), _part(report, number, count))
        for number, samples in enumerate(audio.channels)
    ]
    return _merged(results)


async def decode(recognition: Recognition, decode_one: Decode) -> StepResult[Recognition]:
    """A recognition decoded again, channel by channel where they were transcribed separately."""
    if not recognition.channels:
        return await decode_one(recognition)
    return _merged([await decode_one(channel) for channel in recognition.channels])


def _merged(results: list[StepResult[Recognition]]) -> StepResult[Recognition]:
    recognition = merged([one.value for one in results])
    return StepResult(recognition, summed([one.stages for one in results]))


def _part(report: Report, number: int, count: int) -> Report:
    """Reports the progress of one part of ``count`` as a fraction of all; its transcript is not all."""

    def report_part(progress: Progress) -> None:
        done = progress.fraction
        fraction = None if done is None else (number + done) / count
        value = None if isinstance(progress.value, Recognition) else progress.value
        report(Progress(fraction, value))

    return report_part
