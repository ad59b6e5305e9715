"""Transcription routes that OpenAI's clients speak: point their base URL at ``/v1``."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from wav2vec2_app.errors import BusyError, InputError, Wav2Vec2Error, translate
from wav2vec2_app.server import schema
from wav2vec2_app.server.api import documents, form
from wav2vec2_app.server.api.errors import RequestFailed
from wav2vec2_app.server.api.uploads import Upload, received
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator
from wav2vec2_app.server.status import OrchestratorStatus
from wav2vec2_app.server.tasks import AudioResult, AudioTask, Want
from wav2vec2_app.settings import Settings
from wav2vec2_app.speech import options, subtitles
from wav2vec2_app.speech.audio import AudioSource

FORMATS: Final = ("json", "text", "srt", "verbose_json", "vtt")
ALIGNMENT_FORMATS: Final = ("json", "srt", "vtt")
GRANULARITIES: Final = ("segment", "word")
ALIASES: Final = {"": "auto", "whisper-1": "auto"}
"""Model names that clients send by default, and what answers them."""
LANGUAGE: Final = "english"


def router(orchestrator: ModelOrchestrator, settings: Settings) -> APIRouter:
    """``POST /v1/audio/transcriptions``, ``POST /v1/audio/alignments``, ``GET /v1/models``."""
    routes = APIRouter(prefix="/v1", tags=["transcription"])

    @routes.post("/audio/transcriptions", **documents.transcriptions(FORMATS, GRANULARITIES))
    async def transcriptions(request: Request) -> Response:
        """Transcribe one file."""
        try:
            _refuse_if_full(orchestrator)
            async with received(request, max_bytes=settings.max_bytes) as upload:
                shape, granularities = _format(upload, FORMATS), _granularities(upload)
                form.refuse_what_is_not_here(upload)
                task = _task(upload, decoding=form.decoding(upload))
                result = await _run(orchestrator, request, task)
        except Wav2Vec2Error as refusal:
            raise RequestFailed(refusal) from refusal
        return _render(schema.transcription(result, task.decoding), shape, granularities)

    @routes.post("/audio/alignments", **documents.alignments(ALIGNMENT_FORMATS))
    async def alignments(request: Request) -> Response:
        """Say when each word and letter of a given text is spoken in a file."""
        try:
            _refuse_if_full(orchestrator)
            async with received(request, max_bytes=settings.max_bytes) as upload:
                shape = _format(upload, ALIGNMENT_FORMATS)
                text = options.text_to_align(upload.get("text", ""))
                task = _task(upload, wants=frozenset({Want.ALIGNMENT}), text=text)
                result = await _run(orchestrator, request, task)
        except Wav2Vec2Error as refusal:
            raise RequestFailed(refusal) from refusal
        return _render_alignment(schema.alignment(result, text), shape)

    @routes.get("/models")
    async def models() -> dict[str, Any]:
        """The models that may be asked for."""
        return {"object": "list", "data": _models(orchestrator.status())}

    return routes


# --- in -----------------------------------------------------------------------------------------


def _refuse_if_full(orchestrator: ModelOrchestrator) -> None:
    """Refuse before the body is read where the task would be refused after it."""
    now = orchestrator.status()
    if now.queued >= now.queue_size:
        raise BusyError(
            "Too many people are waiting already.",
            hint=f"Try again in {now.wait_s:.0f} s.",
            metadata={"retry_after_s": now.wait_s},
        )


def _task(upload: Upload, **asked: Any) -> AudioTask:
    model = upload.get("model", "")
    source = AudioSource(path=upload.path, name=upload.name)
    return AudioTask(source=source, model=ALIASES.get(model, model), **asked)


def _format(upload: Upload, formats: Sequence[str]) -> str:
    return _one_of(upload.get("response_format", "json"), formats, "response_format")


def _granularities(upload: Upload) -> frozenset[str]:
    asked = upload.all("timestamp_granularities[]", "timestamp_granularities")
    return frozenset(_one_of(one, GRANULARITIES, "timestamp_granularities") for one in asked)


def _one_of(value: str, allowed: Sequence[str], field: str) -> str:
    if value not in allowed:
        raise InputError(
            f"`{field}` has a value that is not known.",
            code="request.bad_value",
            hint=f"Use one of {', '.join(allowed)}.",
            metadata={"field": field, "allowed": list(allowed)},
        )
    return value


async def _run(orchestrator: ModelOrchestrator, request: Request, task: AudioTask) -> AudioResult:
    """Run the task; a caller who hangs up stops it."""
    work = asyncio.ensure_future(orchestrator.run(task))
    gone = asyncio.ensure_future(_disconnected(request))
    try:
        await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            orchestrator.cancel(task.id)
        return await work
    except asyncio.CancelledError:
        work.cancel()
        raise
    except Exception as failure:  # the seam where anything unforeseen becomes an answer
        raise RequestFailed(translate(failure), task.id) from failure
    finally:
        gone.cancel()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


# --- out ----------------------------------------------------------------------------------------


def _render(
    answer: schema.TranscriptionResponse, wanted: str, granularities: frozenset[str]
) -> Response:
    headers = {"X-Request-Id": answer.request_id}
    texts = {
        "text": lambda: answer.text + "\n",
        "srt": lambda: subtitles.to_srt(answer.words),
        "vtt": lambda: subtitles.to_vtt(answer.words),
    }
    if wanted in texts:
        return PlainTextResponse(texts[wanted](), headers=headers)
    body = {"text": answer.text} if wanted == "json" else _verbose(answer, granularities)
    return JSONResponse(body, headers=headers)


def _render_alignment(answer: schema.AlignmentResponse, wanted: str) -> Response:
    headers = {"X-Request-Id": answer.request_id}
    if wanted == "json":
        return JSONResponse(answer.json_dict(), headers=headers)
    to_text = subtitles.to_srt if wanted == "srt" else subtitles.to_vtt
    return PlainTextResponse(
        to_text(subtitles.as_written(answer.text, answer.words)), headers=headers
    )


def _verbose(answer: schema.TranscriptionResponse, granularities: frozenset[str]) -> dict[str, Any]:
    """OpenAI's verbose form; confidences, the model and the timings are additions to it."""
    full = answer.json_dict()
    body: dict[str, Any] = {
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
        body["words"] = [
            {"word": one.text, "start": one.start, "end": one.end, "confidence": one.confidence}
            for one in answer.words
        ]
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
)
"""Fields of ours that OpenAI's verbose form does not have."""


def _segment(number: int, cue: Sequence[schema.WordSchema]) -> dict[str, Any]:
    confidence = sum(word.confidence for word in cue) / len(cue)
    return {
        "id": number,
        "start": cue[0].start,
        "end": cue[-1].end,
        "text": " ".join(word.text for word in cue),
        "avg_logprob": round(math.log(max(confidence, 1e-4)), 4),
        "confidence": round(confidence, 4),
    }


def _models(now: OrchestratorStatus) -> list[dict[str, Any]]:
    ready = {choice.name: choice.ready for one in now.adapters for choice in one.choices}
    return [
        {"id": name, "object": "model", "created": 0, "owned_by": "wav2vec2-app", "ready": is_ready}
        for name, is_ready in {"auto": True, **ready}.items()
    ]
