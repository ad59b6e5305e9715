"""Steps on recordings whose channels are transcribed separately: one call of the service for each."""

from __future__ import annotations

from dataclasses import replace

from wav2vec2_app.server.results import Progress, Report
from wav2vec2_app.server.service.result import StepResult
from wav2vec2_app.server.service.stages import summed
from wav2vec2_app.speech.audio import Audio
from wav2vec2_app.speech.channels import merged
from wav2vec2_app.speech.transcript import Recognition


def parts(audio: Audio, report: Report) -> list[tuple[Audio, Report]]:
    """What the service has to process, one after the other: ``audio``, or each of its channels."""
    count = len(audio.channels)
    separate = [
        (replace(audio, samples=samples, channels=()), _part(report, number, count))
        for number, samples in enumerate(audio.channels)
    ]
    return separate or [(audio, report)]


def joined(results: list[StepResult[Recognition]], *, separate: bool) -> StepResult[Recognition]:
    """The results of all parts as one."""
    if not separate:
        return results[0]
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
