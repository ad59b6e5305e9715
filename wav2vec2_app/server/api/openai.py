"""Routes for OpenAI's clients (with ``/v1`` as base URL), and one to align a text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from typing import Final
from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from wav2vec2_app.errors import BusyError, Wav2Vec2Error
from wav2vec2_app.server import schema
from wav2vec2_app.server.api import form, openapi
from wav2vec2_app.server.api.errors import RequestFailed
from wav2vec2_app.server.api.openai_json import OPENAI_FORMATS, openai_json
from wav2vec2_app.server.api.run import run_while_connected
from wav2vec2_app.server.api.speakers import with_speakers
from wav2vec2_app.server.api.stream import stream_transcription
from wav2vec2_app.server.api.uploads import Upload, received
from wav2vec2_app.server.offload import off_loop
from wav2vec2_app.server.operations import Want
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator
from wav2vec2_app.server.results import AudioResult
from wav2vec2_app.server.tasks import AudioTask
from wav2vec2_app.settings import Settings
from wav2vec2_app.speech import options
from wav2vec2_app.speech.audio import AudioSource
from wav2vec2_app.speech.export_options import ExportOptions
from wav2vec2_app.speech.exports import EXPORT_FORMAT, ExportDocument, exported
from wav2vec2_app.speech.models import model_for_language, model_or_auto
from wav2vec2_app.speech.options import DEFAULT_OPTIONS, DecodingOptions
from wav2vec2_app.speech.retiming import parse_stretch

FULL_JSON: Final = "full_json"
"""The JSON of the export formats; ``json`` is OpenAI's."""
FORMATS: Final = (*OPENAI_FORMATS, FULL_JSON, *(n for n in EXPORT_FORMAT if n != "json"))
ALIGNMENT_FORMATS: Final = ("json", *(name for name in EXPORT_FORMAT if name != "json"))
GRANULARITIES: Final = ("segment", "word")


def router(orchestrator: ModelOrchestrator, settings: Settings) -> APIRouter:
    """``POST /v1/audio/transcriptions``, ``POST /v1/audio/alignments``."""
    routes = APIRouter(prefix="/v1", tags=["transcription"])

    @routes.post("/audio/transcriptions", **openapi.transcriptions(FORMATS, GRANULARITIES))
    async def transcriptions(request: Request) -> Response:
        """Transcribe one file."""
        return await _transcribe(orchestrator, settings, request)

    @routes.post("/audio/alignments", **openapi.alignments(ALIGNMENT_FORMATS))
    async def alignments(request: Request) -> Response:
        """Return when each word and character of a given text is spoken in a file."""
        return await _align(orchestrator, settings, request)

    return routes


async def _transcribe(
    orchestrator: ModelOrchestrator, settings: Settings, request: Request
) -> Response:
    try:
        reject_if_full(orchestrator)
        async with AsyncExitStack() as stack:
            upload = await stack.enter_async_context(
                received(request, max_bytes=settings.max_bytes)
            )
            response_format, name = _format(upload, FORMATS), upload.name
            granularities = form.several_of(upload, GRANULARITIES, "timestamp_granularities")
            form.check_temperature(upload)
            export = form.export_options(upload)
            model = model_of(upload, orchestrator)
            task = _task(upload, model, decoding=form.decoding_options(upload))
            task = replace(
                task, audio_options=form.audio_options(upload), history=form.history(upload)
            )
            task = with_speakers(task, upload, response_format)
            if form.wants_stream(upload):
                body = partial(_last_event, task, response_format, granularities, export)
                return await stream_transcription(orchestrator, request, task, body, stack, export)
            result = await run_while_connected(orchestrator, request, task)
    except Wav2Vec2Error as error:
        raise RequestFailed(error) from error

    def render() -> Response:
        answer = schema.transcription(result, task.decoding, export)
        if response_format in OPENAI_FORMATS:
            return _json_response(answer, response_format, granularities, export)
        document = schema.transcript_document(answer, name)
        return _file(
            document,
            "json" if response_format == FULL_JSON else response_format,
            export,
            _headers(answer),
        )

    return await off_loop(_effort_s(result, response_format), render)


async def _align(orchestrator: ModelOrchestrator, settings: Settings, request: Request) -> Response:
    try:
        reject_if_full(orchestrator)
        async with received(request, max_bytes=settings.max_bytes) as upload:
            response_format, name = _format(upload, ALIGNMENT_FORMATS), upload.name
            export = form.export_options(upload)
            text = options.text_to_align(upload.text("text"))
            model = model_of(upload, orchestrator)
            task = _task(upload, model, wants=frozenset({Want.ALIGNMENT}), text=text)
            stretch = parse_stretch(upload.get("start", ""), upload.get("end", ""))
            task = replace(
                task, audio_options=form.audio_options(upload, channels=False), stretch=stretch
            )
            result = await run_while_connected(orchestrator, request, task)

        def render() -> Response:
            answer = schema.alignment(result, text, stretch)
            document = schema.alignment_document(answer, name)
            return _file(document, response_format, export, _headers(answer))

        return await off_loop(_effort_s(result, response_format), render)
    except Wav2Vec2Error as error:
        raise RequestFailed(error) from error


# --- in -----------------------------------------------------------------------------------------


def reject_if_full(orchestrator: ModelOrchestrator) -> None:
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
    model: str,
    *,
    wants: frozenset[Want] = frozenset({Want.TRANSCRIPT}),
    decoding: DecodingOptions = DEFAULT_OPTIONS,
    text: str = "",
) -> AudioTask:
    source = AudioSource(path=upload.path, name=upload.name)
    return AudioTask(source, wants, model, decoding, text)


def model_of(upload: Upload, orchestrator: ModelOrchestrator) -> str:
    """The model of a request; OpenAI's names mean :data:`AUTO_MODEL`.

    Raises:
        InputError: ``language.unsupported``.
    """
    now = orchestrator.status()
    name = model_or_auto(upload.get("model", ""), now.choices)
    languages = upload.all("language", "languages")
    return model_for_language(name, next(iter(languages), ""), now.choices, now.default_model)


def _format(upload: Upload, formats: Sequence[str]) -> str:
    return form.one_of(upload.get("response_format", "json"), formats, "response_format")


def _last_event(
    task: AudioTask,
    response_format: str,
    granularities: frozenset[str],
    export: ExportOptions,
    result: AudioResult,
) -> schema.JsonObject:
    """The fields of the last event of a stream."""
    answer = schema.transcription(result, task.decoding, export)
    return openai_json(answer, response_format, granularities, export)


# --- out ----------------------------------------------------------------------------------------


def _json_response(
    answer: schema.TranscriptionResponse,
    response_format: str,
    granularities: frozenset[str],
    export: ExportOptions,
) -> Response:
    """OpenAI's formats ``json``, ``verbose_json`` and ``diarized_json``."""
    body = openai_json(answer, response_format, granularities, export)
    return JSONResponse(body, headers=_headers(answer))


def _file(
    document: ExportDocument, name: str, export: ExportOptions, headers: dict[str, str]
) -> Response:
    """The file of an export format."""
    file = exported(document, EXPORT_FORMAT[name], export)
    disposition = f"attachment; filename*=UTF-8''{quote(file.name, safe='')}"
    return Response(
        file.content, media_type=file.media_type,
        headers={**headers, "Content-Disposition": disposition},
    )  # fmt: skip


def _effort_s(result: AudioResult, response_format: str) -> float:
    """Length of the audio; endless for a format whose library is large, so that it is loaded in a thread."""
    return math.inf if response_format == "docx" else result.audio.duration_s


def _headers(answer: schema.TranscriptionResponse | schema.AlignmentResponse) -> dict[str, str]:
    """The request, and which model answered, for formats that cannot say it."""
    return {"X-Request-Id": answer.request_id, "X-Model": quote(answer.model.name, safe="/:@ ")}
