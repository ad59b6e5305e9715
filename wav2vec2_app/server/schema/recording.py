"""The JSON that every response about a recording has: model, audio, timings."""

from __future__ import annotations

from typing import TypedDict

from pydantic import FiniteFloat

from wav2vec2_app.server.schema.base import JsonModel, finite, seconds
from wav2vec2_app.server.tasks import AudioResult, Stage
from wav2vec2_app.speech.audio import Audio
from wav2vec2_app.speech.models import ModelInfo
from wav2vec2_app.speech.transcript import Transcript


class ModelJson(JsonModel):
    """The model that transcribed the recording, and where it ran.

    ``source`` is ``embedded``, ``cache`` (the model hub's cache on disk) or ``folder``; ``note`` is a
    sentence for the user.
    """

    name: str
    source: str
    engine: str
    device: str
    precision: str
    parameters: int
    size_bytes: int
    sample_rate_hz: int
    note: str = ""


class AudioJson(JsonModel):
    """The file as it was sent; ``warnings`` lists what was repaired while decoding it."""

    duration_s: FiniteFloat
    sample_rate_hz: int
    channels: int
    format: str
    warnings: tuple[str, ...] = ()


class StageJson(JsonModel):
    """One stage of the processing; ``start_s`` counts from the submission of the request."""

    stage: str
    start_s: FiniteFloat
    duration_s: FiniteFloat
    process: str


class RecordingResponse(JsonModel):
    """The part that all responses about a recording share."""

    request_id: str
    duration_s: FiniteFloat
    model: ModelJson
    reused: bool = False
    timings: tuple[StageJson, ...]
    real_time_factor: FiniteFloat
    audio: AudioJson
    warnings: tuple[str, ...] = ()


class RecordingFields(TypedDict):
    """The arguments of :class:`RecordingResponse`."""

    request_id: str
    duration_s: float
    model: ModelJson
    reused: bool
    timings: tuple[StageJson, ...]
    real_time_factor: float
    audio: AudioJson
    warnings: tuple[str, ...]


def recording_fields(result: AudioResult, transcript: Transcript) -> RecordingFields:
    """The fields of ``result`` that every response about a recording has."""
    return {
        "request_id": result.id,
        "duration_s": seconds(transcript.duration_s),
        "model": model(transcript.model),
        "reused": is_reused(result),
        "timings": tuple(_stage(stage) for stage in result.stages),
        "real_time_factor": finite(result.real_time_factor, 5) or 0.0,
        "audio": _audio(result.audio),
        "warnings": result.audio.warnings,
    }


def is_reused(result: AudioResult) -> bool:
    """Whether the emission came from the result cache, so that the model was not run."""
    return not any(
        stage.name == "decode audio" or stage.process == "inference" for stage in result.stages
    )


def model(info: ModelInfo) -> ModelJson:
    """The JSON of a model."""
    return ModelJson.model_validate(info)


def _audio(audio: Audio) -> AudioJson:
    return AudioJson(
        duration_s=seconds(audio.duration_s),
        sample_rate_hz=audio.original_rate_hz,
        channels=audio.original_channels,
        format=audio.format,
        warnings=audio.warnings,
    )


def _stage(stage: Stage) -> StageJson:
    return StageJson(
        stage=stage.name,
        start_s=seconds(stage.start_s),
        duration_s=seconds(stage.duration_s),
        process=stage.process,
    )
