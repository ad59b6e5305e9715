"""The JSON of descriptions: a transcription, and the answer to a question about the sound."""

from __future__ import annotations

from pydantic import FiniteFloat

from wav2vec2_app.server.results import AudioResult
from wav2vec2_app.server.schema.base import JsonModel, seconds
from wav2vec2_app.server.schema.transcriptions import TranscriptionResponse, transcription
from wav2vec2_app.speech.description import Description
from wav2vec2_app.speech.options import DEFAULT_OPTIONS, DecodingOptions


class DescriptionJson(JsonModel):
    """An answer about the sound; the same question may be answered otherwise the next time."""

    question: str
    answer: str
    audio_info: str
    """what the description server says about the audio that it received"""
    described_s: FiniteFloat
    """length of the beginning of the recording that was sent to it"""
    truncated: bool
    """whether the recording is longer than that"""


class DescriptionResponse(TranscriptionResponse):
    """Response of ``/v1/descriptions`` and ``/describe``: a transcription and a description."""

    description: DescriptionJson | None
    """``null`` if the description server failed; see ``problems``"""


def description(
    result: AudioResult, decoding: DecodingOptions = DEFAULT_OPTIONS
) -> DescriptionResponse:
    """The response to a question about a recording.

    Raises:
        ValueError: the task did not produce a transcript.
    """
    answer = transcription(result, decoding)
    fields = {name: getattr(answer, name) for name in TranscriptionResponse.model_fields}
    found = result.description
    return DescriptionResponse(**fields, description=_description(found) if found else None)


def _description(found: Description) -> DescriptionJson:
    return DescriptionJson(
        question=found.question,
        answer=found.answer,
        audio_info=found.audio_info,
        described_s=seconds(found.described_s),
        truncated=found.truncated,
    )
