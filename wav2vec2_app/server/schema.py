"""What leaves the server: the documented JSON of every endpoint.

The models here are the contract of ``docs/api.md``. Every number is finite (what is not known is
``null``), times are seconds, sizes are bytes, confidences lie in [0, 1].
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, FiniteFloat

from wav2vec2_app.errors import Wav2Vec2Error
from wav2vec2_app.server.status import (
    AdapterStatus,
    MemoryReport,
    ModelCapabilities,
    OrchestratorStatus,
)
from wav2vec2_app.server.tasks import AudioResult, Stage
from wav2vec2_app.speech.alignment import AlignedWord
from wav2vec2_app.speech.audio import Audio
from wav2vec2_app.speech.features import Features, Picture
from wav2vec2_app.speech.models import ModelInfo
from wav2vec2_app.speech.options import DEFAULT_OPTIONS, DecodingOptions
from wav2vec2_app.speech.transcript import Transcript, Word


class _Schema(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    def json_dict(self) -> dict[str, Any]:
        """Plain dicts, lists, strings and finite numbers, as strict JSON wants them."""
        return self.model_dump(mode="json")


# --- the answer to one request ------------------------------------------------------------------


class WordSchema(_Schema):
    """One word, its time in the audio and the model's own confidence."""

    text: str
    start: FiniteFloat
    end: FiniteFloat
    confidence: FiniteFloat


class ModelSchema(_Schema):
    """Which model answered and where it ran; ``source`` is embedded, cache or folder."""

    name: str
    source: str
    engine: str
    device: str
    precision: str
    parameters: int
    size_bytes: int
    sample_rate_hz: int
    note: str = ""


class AudioSchema(_Schema):
    """The audio as it arrived; ``warnings`` says what was repaired while decoding it."""

    duration_s: FiniteFloat
    sample_rate_hz: int
    channels: int
    format: str
    warnings: tuple[str, ...] = ()


class StageSchema(_Schema):
    """One stage of the work; ``start_s`` counts from the moment of submission."""

    stage: str
    start_s: FiniteFloat
    duration_s: FiniteFloat
    process: str


class ErrorBody(_Schema):
    """A failure with a stable ``code`` for programs and a ``hint`` for people."""

    code: str
    message: str
    hint: str
    layer: Literal["validation", "context", "resource", "execution"]
    severity: Literal["warning", "error", "critical"]
    retryable: bool
    metadata: dict[str, Any]


class ProblemSchema(_Schema):
    """A wanted extra that is missing, and why."""

    operation: str
    error: ErrorBody


class TranscriptionResponse(_Schema):
    """Answer of ``/transcribe`` and ``/read``.

    ``reason`` is set when ``text`` is empty and says why. ``decoder`` is the one that read it, ``note``
    says so where it is not the one that was wished for. ``reused`` means that the model did not run: what
    it had said of this recording earlier was used again.
    """

    request_id: str
    text: str
    words: tuple[WordSchema, ...]
    confidence: FiniteFloat
    reason: str
    duration_s: FiniteFloat
    model: ModelSchema
    decoder: str
    decoding: DecodingOptions
    note: str = ""
    reused: bool = False
    timings: tuple[StageSchema, ...]
    real_time_factor: FiniteFloat
    audio: AudioSchema
    warnings: tuple[str, ...] = ()
    problems: tuple[ProblemSchema, ...] = ()


class CharacterSchema(_Schema):
    """One letter as the model spells it; ``score`` is its mean probability."""

    text: str
    start: FiniteFloat
    end: FiniteFloat
    score: FiniteFloat


class AlignedWordSchema(_Schema):
    """One word of a given text, as it was written, with its time in the audio.

    A ``wildcard`` is a word that the model's letters cannot spell: it has no characters, a score of 0,
    and the time between its neighbours.
    """

    text: str
    start: FiniteFloat
    end: FiniteFloat
    score: FiniteFloat
    wildcard: bool
    characters: tuple[CharacterSchema, ...]


class AlignmentResponse(_Schema):
    """Answer of ``/align``: when each word and letter of a given text was said.

    ``score`` is the geometric mean of the letters' probabilities: near 0, the text is not what was said.
    """

    request_id: str
    text: str
    words: tuple[AlignedWordSchema, ...]
    score: FiniteFloat
    duration_s: FiniteFloat
    model: ModelSchema
    reused: bool = False
    timings: tuple[StageSchema, ...]
    real_time_factor: FiniteFloat
    audio: AudioSchema
    warnings: tuple[str, ...] = ()


class ContoursSchema(_Schema):
    """Pitch and energy on one frame grid; ``f0_hz`` is ``null`` where there is no voice."""

    times_s: tuple[FiniteFloat, ...]
    f0_hz: tuple[FiniteFloat | None, ...]
    energy_db: tuple[FiniteFloat | None, ...]


class FeaturesSchema(_Schema):
    """Acoustic facts (units in the names) and contours; ``None`` marks what is undefined."""

    summary: dict[str, FiniteFloat | None]
    contours: ContoursSchema


class PictureSchema(_Schema):
    """One picture as a self-contained SVG document whose ink is ``currentColor``."""

    name: str
    title: str
    description: str
    svg: str


class AnalysisResponse(TranscriptionResponse):
    """Answer of ``/analyze``: the transcription, the acoustic features and the pictures."""

    features: FeaturesSchema | None
    pictures: tuple[PictureSchema, ...]


class ErrorResponse(_Schema):
    """What any endpoint answers instead of its own schema when the request failed."""

    request_id: str
    error: ErrorBody


# --- the system ---------------------------------------------------------------------------------


class AdapterCapabilities(_Schema):
    """What one adapter can do; the last four are measured over its recent work."""

    name: str
    operations: tuple[str, ...]
    max_duration_s: FiniteFloat
    max_bytes: int
    formats: tuple[str, ...]
    features: tuple[str, ...]
    models: tuple[str, ...]
    average_latency_s: FiniteFloat | None
    throughput: FiniteFloat | None
    success_rate: FiniteFloat | None
    samples: int


class CapabilitiesResponse(_Schema):
    """Answer of ``/capabilities``."""

    adapters: tuple[AdapterCapabilities, ...]


class ProcessMemorySchema(_Schema):
    """Resident memory of one process."""

    name: str
    pid: int
    rss_bytes: int
    peak_rss_bytes: int


class MemorySchema(_Schema):
    """Resident memory of all processes against the limit."""

    processes: tuple[ProcessMemorySchema, ...]
    total_rss_bytes: int
    limit_bytes: int
    model_bytes: int


class WorkerSchema(_Schema):
    """One worker process."""

    role: str
    state: str
    pid: int | None
    restarts: int
    in_flight: int


class ChoiceSchema(_Schema):
    """A model that may be asked for; ``ready`` means its weights are on this machine."""

    name: str
    label: str
    ready: bool


class AdapterSchema(_Schema):
    """One adapter at this moment."""

    name: str
    ready: bool
    model: ModelSchema | None
    choices: tuple[ChoiceSchema, ...]
    workers: tuple[WorkerSchema, ...]
    memory: MemorySchema | None
    notices: tuple[str, ...]


class StatusResponse(_Schema):
    """Answer of ``/status``.

    ``wait_s`` is what a new request would wait; ``throughput`` is audio seconds per second.
    """

    ready: bool
    queued: int
    running: int
    queue_size: int
    wait_s: FiniteFloat
    throughput: FiniteFloat | None
    adapters: tuple[AdapterSchema, ...]
    breakers: dict[str, str]


# --- from the nouns of the application to the schema --------------------------------------------


def transcription(
    result: AudioResult, decoding: DecodingOptions = DEFAULT_OPTIONS
) -> TranscriptionResponse:
    """The JSON of a finished request; raises ValueError if no transcript was asked for."""
    return TranscriptionResponse(**_transcription_fields(result, decoding))


def alignment(result: AudioResult, text: str) -> AlignmentResponse:
    """The JSON of a finished alignment of ``text``; raises ValueError if none was asked for."""
    transcript, found = result.transcript, result.alignment
    if transcript is None or found is None:
        raise ValueError("the result has no alignment: the task did not want one")
    return AlignmentResponse(
        text=text,
        words=tuple(_aligned_word(word) for word in found.words),
        score=_share(found.score),
        **_common_fields(result, transcript),
    )


def is_reused(result: AudioResult) -> bool:
    """Whether the model's earlier answer was used again: nothing was decoded, and it did not run."""
    return not any(
        stage.name == "decode audio" or stage.process == "inference" for stage in result.stages
    )


def analysis(result: AudioResult, decoding: DecodingOptions = DEFAULT_OPTIONS) -> AnalysisResponse:
    """The JSON of a finished request with its features and pictures."""
    return AnalysisResponse(
        **_transcription_fields(result, decoding),
        features=_features(result.features) if result.features else None,
        pictures=tuple(_picture(picture) for picture in result.pictures),
    )


def error(failure: Wav2Vec2Error, request_id: str = "") -> ErrorResponse:
    """The JSON of a failure: only what :meth:`Wav2Vec2Error.public` lets out."""
    return ErrorResponse(request_id=request_id, error=_error_body(failure))


def _error_body(failure: Wav2Vec2Error) -> ErrorBody:
    public = failure.public()
    return ErrorBody(**{**public, "metadata": _json_able(public["metadata"])})


def capabilities(found: Iterable[ModelCapabilities]) -> CapabilitiesResponse:
    """The JSON of what the adapters can do."""
    return CapabilitiesResponse(adapters=tuple(_adapter_capabilities(one) for one in found))


def status(now: OrchestratorStatus) -> StatusResponse:
    """The JSON of the whole system at this moment."""
    return StatusResponse(
        ready=is_ready(now),
        queued=now.queued,
        running=now.running,
        queue_size=now.queue_size,
        wait_s=_seconds(now.wait_s),
        throughput=_finite(now.throughput),
        adapters=tuple(_adapter(one) for one in now.adapters),
        breakers=dict(now.breakers),
    )


def is_ready(now: OrchestratorStatus) -> bool:
    """Whether every adapter can take work."""
    return bool(now.adapters) and all(adapter.ready for adapter in now.adapters)


def model(info: ModelInfo) -> ModelSchema:
    """The JSON of the model that answered."""
    return ModelSchema(
        name=info.name,
        source=info.source,
        engine=info.engine,
        device=info.device,
        precision=info.precision,
        parameters=info.parameters,
        size_bytes=info.size_bytes,
        sample_rate_hz=info.sample_rate_hz,
        note=info.note,
    )


def _transcription_fields(result: AudioResult, decoding: DecodingOptions) -> dict[str, Any]:
    transcript = result.transcript
    if transcript is None:
        raise ValueError("the result has no transcript: the task did not want one")
    return {
        **_common_fields(result, transcript),
        "text": transcript.text,
        "words": tuple(_word(word) for word in transcript.words),
        "confidence": _share(transcript.confidence),
        "reason": transcript.reason,
        "decoder": transcript.decoder,
        "decoding": decoding,
        "note": transcript.note,
        "problems": tuple(
            ProblemSchema(operation=one.operation.value, error=_error_body(one.error))
            for one in result.problems
        ),
    }


def _common_fields(result: AudioResult, transcript: Transcript) -> dict[str, Any]:
    """What every answer about a recording has."""
    return {
        "request_id": result.id,
        "duration_s": _seconds(transcript.duration_s),
        "model": model(transcript.model),
        "reused": is_reused(result),
        "timings": tuple(_stage(stage) for stage in result.stages),
        "real_time_factor": _finite(result.real_time_factor, 5) or 0.0,
        "audio": _audio(result.audio),
        "warnings": result.audio.warnings,
    }


def _aligned_word(word: AlignedWord) -> AlignedWordSchema:
    return AlignedWordSchema(
        text=word.text,
        start=_seconds(word.start_s),
        end=_seconds(word.end_s),
        score=_share(word.score),
        wildcard=word.wildcard,
        characters=tuple(
            CharacterSchema(
                text=one.text,
                start=_seconds(one.start_s),
                end=_seconds(one.end_s),
                score=_share(one.score),
            )
            for one in word.characters
        ),
    )


def _word(word: Word) -> WordSchema:
    return WordSchema(
        text=word.text,
        start=_seconds(word.start_s),
        end=_seconds(word.end_s),
        confidence=_share(word.confidence),
    )


def _audio(audio: Audio) -> AudioSchema:
    return AudioSchema(
        duration_s=_seconds(audio.duration_s),
        sample_rate_hz=audio.original_rate_hz,
        channels=audio.original_channels,
        format=audio.format,
        warnings=audio.warnings,
    )


def _stage(stage: Stage) -> StageSchema:
    return StageSchema(
        stage=stage.name,
        start_s=_seconds(stage.start_s),
        duration_s=_seconds(stage.duration_s),
        process=stage.process,
    )


def _features(features: Features) -> FeaturesSchema:
    return FeaturesSchema(
        summary={name: _finite(value) for name, value in features.summary.items()},
        contours=ContoursSchema(
            times_s=tuple(_seconds(value) for value in features.times_s),
            f0_hz=tuple(_finite(value, 2) for value in features.f0_hz),
            energy_db=tuple(_finite(value, 2) for value in features.energy_db),
        ),
    )


def _picture(picture: Picture) -> PictureSchema:
    return PictureSchema(
        name=picture.name,
        title=picture.title,
        description=picture.description,
        svg=picture.svg.decode("utf-8"),
    )


def _adapter_capabilities(found: ModelCapabilities) -> AdapterCapabilities:
    return AdapterCapabilities(
        name=found.name,
        operations=tuple(sorted(operation.value for operation in found.operations)),
        max_duration_s=found.max_duration_s,
        max_bytes=found.max_bytes,
        formats=found.formats,
        features=found.features,
        models=found.models,
        average_latency_s=_finite(found.average_latency_s),
        throughput=_finite(found.throughput),
        success_rate=_finite(found.success_rate),
        samples=found.samples,
    )


def _adapter(adapter: AdapterStatus) -> AdapterSchema:
    return AdapterSchema(
        name=adapter.name,
        ready=adapter.ready,
        model=model(adapter.model) if adapter.model else None,
        choices=tuple(
            ChoiceSchema(name=choice.name, label=choice.label, ready=choice.ready)
            for choice in adapter.choices
        ),
        workers=tuple(
            WorkerSchema(
                role=worker.role,
                state=worker.state,
                pid=worker.pid,
                restarts=worker.restarts,
                in_flight=worker.in_flight,
            )
            for worker in adapter.workers
        ),
        memory=_memory(adapter.memory) if adapter.memory else None,
        notices=adapter.notices,
    )


def _memory(memory: MemoryReport) -> MemorySchema:
    return MemorySchema(
        processes=tuple(
            ProcessMemorySchema(
                name=process.name,
                pid=process.pid,
                rss_bytes=process.rss_bytes,
                peak_rss_bytes=process.peak_rss_bytes,
            )
            for process in memory.processes
        ),
        total_rss_bytes=memory.total_rss_bytes,
        limit_bytes=memory.limit_bytes,
        model_bytes=memory.model_bytes,
    )


def _finite(value: float | None, digits: int = 4) -> float | None:
    """``value`` rounded, or None where it is missing, NaN or infinite."""
    if value is None or not math.isfinite(value):
        return None
    return round(float(value), digits)


def _seconds(value: float) -> float:
    return _finite(value) or 0.0


def _share(value: float) -> float:
    return min(1.0, max(0.0, _finite(value) or 0.0))


def _json_able(value: Any) -> Any:
    """``value`` without what JSON cannot say: NaN becomes null, a foreign object its text."""
    if isinstance(value, Mapping):
        return {str(key): _json_able(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_json_able(item) for item in value]
    if isinstance(value, bool | int | str) or value is None:
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return str(value)
