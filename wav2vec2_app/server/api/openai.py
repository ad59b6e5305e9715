"""Routes for OpenAI's clients (with ``/v1`` as base URL), and one to align a text."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic import JsonValue

from wav2vec2_app.errors import BusyError, InputError, Wav2Vec2Error, translate
from wav2vec2_app.server import schema
from wav2vec2_app.server.api import form, openapi
from wav2vec2_app.server.api.errors import RequestFailed
from wav2vec2_app.server.api.uploads import Upload, received
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator
from wav2vec2_app.server.status import OrchestratorStatus
from wav2vec2_app.server.tasks import AudioResult, AudioTask, Want
from wav2vec2_app.settings import Settings
from wav2vec2_app.speech import options, subtitles
from wav2vec2_app.speech.audio import AudioSource
from wav2vec2_app.speech.options import DEFAULT_OPTIONS, DecodingOptions

FORMATS: Final = ("json", "text", "srt", "verbose_json", "vtt")
ALIGNMENT_FORMATS: Final = ("json", "srt", "vtt")
GRANULARITIES: Final = ("segment", "word")
ALIASES: Final = {"": "auto", "whisper-1": "auto"}
"""Model names that OpenAI's clients send by default, and the model that is used."""
LANGUAGE: Final = "english"


def router(orchestrator: ModelOrchestrator, settings: Settings) -> APIRouter:
    """``POST /v1/audio/transcriptions``, ``POST /v1/audio/alignments``, ``GET /v1/models``."""
    routes = APIRouter(prefix="/v1", tags=["transcription"])

    @routes.post("/audio/transcriptions", **openapi.transcriptions(FORMATS, GRANULARITIES))
    async def transcriptions(request: Request) -> Response:
        """Transcribe one file."""
        try:
            _reject_if_full(orchestrator)
            async with received(request, max_bytes=settings.max_bytes) as upload:
                response_format, granularities = _format(upload, FORMATS), _granularities(upload)
                form.reject_unsupported(upload)
                task = _task(upload, decoding=form.decoding_options(upload))
                task = replace(task, audio_options=form.audio_options(upload))
                result = await _run(orchestrator, request, task)
        except Wav2Vec2Error as error:
            raise RequestFailed(error) from error
        return _render(schema.transcription(result, task.decoding), response_format, granularities)

    @routes.post("/audio/alignments", **openapi.alignments(ALIGNMENT_FORMATS))
    async def alignments(request: Request) -> Response:
        """Return when each word and character of a given text is spoken in a file."""
        try:
            _reject_if_full(orchestrator)
            async with received(request, max_bytes=settings.max_bytes) as upload:
                response_format = _format(upload, ALIGNMENT_FORMATS)
                text = options.text_to_align(upload.get("text", ""))
                task = _task(upload, wants=frozenset({Want.ALIGNMENT}), text=text)
                task = replace(task, audio_options=form.audio_options(upload, channels=False))
                result = await _run(orchestrator, request, task)
        except Wav2Vec2Error as error:
            raise RequestFailed(error) from error
        return _render_alignment(schema.alignment(result, text), response_format)

    @routes.get("/models")
    async def models() -> schema.JsonObject:
        """The models that a request may name."""
        return {"object": "list", "data": _models(orchestrator.status())}

    return routes


# --- in -----------------------------------------------------------------------------------------


def _reject_if_full(orchestrator: ModelOrchestrator) -> None:
    """Reject a request before its body is read if the queue would reject its task."""
    now = orchestrator.status()
    if now.queued >= now.queue_size:
        raise BusyError(
            "The queue is full.",
            hint=f"Try again in {now.wait_s:.0f} s.",
            metadata={"retry_after_s": now.wait_s},
        )


def _task(
    upload: Upload,
    *,
    wants: frozenset[Want] = frozenset({Want.TRANSCRIPT}),
    decoding: DecodingOptions = DEFAULT_OPTIONS,
    text: str = "",
) -> AudioTask:
    model = upload.get("model", "")
    source = AudioSource(path=upload.path, name=upload.name)
    return AudioTask(source, wants, ALIASES.get(model, model), decoding, text)


def _format(upload: Upload, formats: Sequence[str]) -> str:
    return _one_of(upload.get("response_format", "json"), formats, "response_format")


def _granularities(upload: Upload) -> frozenset[str]:
    values = upload.all("timestamp_granularities[]", "timestamp_granularities")
    return frozenset(_one_of(value, GRANULARITIES, "timestamp_granularities") for value in values)


def _one_of(value: str, allowed: Sequence[str], field: str) -> str:
    if value not in allowed:
        raise InputError(
            f"`{field}` has an unknown value.",
            code="request.bad_value",
            hint=f"Use one of {', '.join(allowed)}.",
            metadata={"field": field, "allowed": list(allowed)},
        )
    return value


async def _run(orchestrator: ModelOrchestrator, request: Request, task: AudioTask) -> AudioResult:
    """Run the task; cancel it if the client disconnects."""
    work = asyncio.ensure_future(orchestrator.run(task))
    disconnected = asyncio.ensure_future(_disconnected(request))
    try:
        await asyncio.wait({work, disconnected}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            orchestrator.cancel(task.id)
        return await work
    except asyncio.CancelledError:
        work.cancel()
        raise
    except Exception as failure:  # the boundary where unforeseen failures become a response
        raise RequestFailed(translate(failure), task.id) from failure
    finally:
        disconnected.cancel()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


# --- out ----------------------------------------------------------------------------------------


def _render(
    answer: schema.TranscriptionResponse, response_format: str, granularities: frozenset[str]
) -> Response:
    headers = {"X-Request-Id": answer.request_id}
    texts = {
        "text": lambda: answer.labelled_text + "\n",
        "srt": lambda: subtitles.to_srt(answer.words),
        "vtt": lambda: subtitles.to_vtt(answer.words),
    }
    if response_format in texts:
        return PlainTextResponse(texts[response_format](), headers=headers)
    if response_format == "json":
        return JSONResponse({"text": answer.text}, headers=headers)
    body = _verbose(answer, granularities)
    return JSONResponse(body, headers=headers)


def _render_alignment(answer: schema.AlignmentResponse, response_format: str) -> Response:
    headers = {"X-Request-Id": answer.request_id}
    if response_format == "json":
        return JSONResponse(answer.json_dict(), headers=headers)
    to_text = subtitles.to_srt if response_format == "srt" else subtitles.to_vtt
    return PlainTextResponse(
        to_text(subtitles.as_written(answer.text, answer.words)), headers=headers
    )


def _verbose(
    answer: schema.TranscriptionResponse, granularities: frozenset[str]
) -> schema.JsonObject:
    """OpenAI's ``verbose_json``, with confidences and our own fields (:data:`_EXTRAS`) added."""
    full = answer.json_dict()
    body: schema.JsonObject = {
        "task": "transcribe",
        "language": LANGUAGE,
        "duration": answer.duration_s,
        "text": answer.text,
    }
    if "segment" in granularities or not granularities:
        body["segments"] = [
            _segment(number, cue) for number, cue in enumerate(subtitles.cues(answer.words))
        ]
    if "word" in granularities:
        body["words"] = [_word(word) for word in answer.words]
    return body | {name: full[name] for name in _EXTRAS}


_EXTRAS: Final = (
    "request_id",
    "confidence",
    "reason",
    "model",
    "decoder",
    "decoding",
    "note",
    "timings",
    "real_time_factor",
    "audio",
)
"""Our fields that OpenAI's ``verbose_json`` does not have."""


def _segment(number: int, cue: Sequence[schema.WordJson]) -> schema.JsonObject:
    confidence = sum(word.confidence for word in cue) / len(cue)
    segment: schema.JsonObject = {
        "id": number,
        "start": cue[0].start,
        "end": cue[-1].end,
        "text": " ".join(word.text for word in cue),
        "avg_logprob": round(math.log(max(confidence, 1e-4)), 4),
        "confidence": round(confidence, 4),
    }
    return segment | _channel(cue[0])


def _word(word: schema.WordJson) -> schema.JsonObject:
    fields: schema.JsonObject = {
        "word": word.text,
        "start": word.start,
        "end": word.end,
        "confidence": word.confidence,
    }
    return fields | _channel(word)


def _channel(word: schema.WordJson) -> schema.JsonObject:
    """The channel of a word; nothing if channels were mixed."""
    return {} if word.channel is None else {"channel": word.channel}


def _models(now: OrchestratorStatus) -> list[JsonValue]:
    ready = {choice.name: choice.ready for adapter in now.adapters for choice in adapter.choices}
    return [
        {"id": name, "object": "model", "created": 0, "owned_by": "wav2vec2-app", "ready": is_ready}
        for name, is_ready in {"auto": True, **ready}.items()
    ]
