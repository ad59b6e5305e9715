"""The JSON that every response about a recording has: model, audio, timings."""

from __future__ import annotations

from typing import TypedDict

from pydantic import FiniteFloat

from wav2vec2_app.server.results import AudioResult, Stage
from wav2vec2_app.server.schema.base import JsonModel, finite, seconds
from wav2vec2_app.speech.audio import Audio
from wav2vec2_app.speech.models import ModelInfo
from wav2vec2_app.speech.transcript import Transcript


class ModelJson(JsonModel):
    """The model that transcribed the recording, and where it ran."""

    name: str
    source: str
    """``embedded``, ``cache`` (the model hub's cache on disk) or ``folder``"""
    engine: str
    """``openvino`` or ``torch``"""
    device: str
    precision: str
    parameters: int
    size_bytes: int
    sample_rate_hz: int
    note: str = ""
    """a sentence about this model for the user"""
    language: str = ""
    """code of the language that it transcribes (``en``); empty if the checkpoint does not say it"""


class AudioJson(JsonModel):
    """The file that was sent."""

    duration_s: FiniteFloat
    sample_rate_hz: int
    channels: int
    format: str
    """container and codec, such as ``webm/opus``"""
    track: int = 1
    """number of the audio track that was used, from 1"""
    tracks: int = 1
    """how many audio tracks the file has"""
    separate_channels: int = 0
    """how many channels were transcribed separately; 0 if they were mixed"""
    warnings: tuple[str, ...] = ()
    """what was repaired while decoding it: a truncated end, clipped samples"""


class StageJson(JsonModel):
    """One stage of the processing."""

    stage: str
    """``queue``, ``decode audio``, ``resample``, ``features``, ``measure``, ``forward``, ``decode text``,
    ``align``, ``draw``, ``encode``, ``describe``, ``total``; ``wait`` is the time that the next stage
    waited for its worker. An attempt that failed is ``failed`` and the operation, and ``back-off`` is the
    time until the next attempt"""
    start_s: FiniteFloat
    """time since the submission of the request"""
    duration_s: FiniteFloat
    process: str
    """the server process, or the worker ``audio``, ``inference`` or ``text``, or ``gama``, the
    description server"""


class RecordingResponse(JsonModel):
    """The part that all responses about a recording share."""

    request_id: str
    """names this result in later requests of the same client"""
    duration_s: FiniteFloat
    """length of the audio"""
    model: ModelJson
    cached: bool = False
    """whether the emission came from the result cache, so that the model was not run"""
    timings: tuple[StageJson, ...]
    real_time_factor: FiniteFloat
    """seconds of processing, without waiting, per second of audio"""
    audio: AudioJson
    warnings: tuple[str, ...] = ()
    """the same as ``audio.warnings``"""


class RecordingFields(TypedDict):
    """The arguments of :class:`RecordingResponse`."""

    request_id: str
    duration_s: float
    model: ModelJson
    cached: bool
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
        "cached": result.cached,
        "timings": tuple(stage(one) for one in result.stages),
        "real_time_factor": finite(result.real_time_factor, 5) or 0.0,
        "audio": audio(result.audio),
        "warnings": result.audio.warnings,
    }


def model(info: ModelInfo) -> ModelJson:
    """The JSON of a model."""
    return ModelJson.model_validate(info)


def audio(decoded: Audio) -> AudioJson:
    """The JSON of decoded audio."""
    return AudioJson(
        duration_s=seconds(decoded.duration_s),
        sample_rate_hz=decoded.original_rate_hz,
        channels=decoded.original_channels,
        format=decoded.format,
        track=decoded.track,
        tracks=decoded.tracks,
        separate_channels=len(decoded.channels),
        warnings=decoded.warnings,
    )


def stage(one: Stage) -> StageJson:
    """The JSON of a stage."""
    return StageJson(
        stage=one.name,
        start_s=seconds(one.start_s),
        duration_s=seconds(one.duration_s),
        process=one.process,
    )
