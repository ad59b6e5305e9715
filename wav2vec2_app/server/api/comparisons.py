"""``POST /v1/comparisons``: several models or decoders on one file, and the synthesis of their texts."""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from wav2vec2_app.errors import Wav2Vec2Error, translate
from wav2vec2_app.server import schema
from wav2vec2_app.server.api import form, openapi
from wav2vec2_app.server.api.disconnect import run_connected
from wav2vec2_app.server.api.errors import RequestFailed
from wav2vec2_app.server.api.openai import reject_if_full
from wav2vec2_app.server.api.uploads import Upload, received
from wav2vec2_app.server.offload import off_loop
from wav2vec2_app.server.orchestrator.comparison import (
    Comparison,
    ComparisonRequest,
    check_weights,
    compare,
)
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator
from wav2vec2_app.server.tasks import AudioTask
from wav2vec2_app.settings import Settings
from wav2vec2_app.speech.audio import AudioSource
from wav2vec2_app.speech.options import OPTIONS, parse_options
from wav2vec2_app.speech.synthesis import SynthesisOptions
from wav2vec2_app.speech.variants import (
    Variant,
    combined,
    parse_reference,
    parse_synthesis,
    parse_variants,
)


def comparison_router(orchestrator: ModelOrchestrator, settings: Settings) -> APIRouter:
    """``POST /v1/comparisons``."""
    routes = APIRouter(prefix="/v1", tags=["transcription"])

    @routes.post("/comparisons", **openapi.comparisons())
    async def comparisons(request: Request) -> Response:
        """Transcribe one file with several models or decoders side by side."""
        return await _compare(orchestrator, settings, request)

    return routes


async def _compare(
    orchestrator: ModelOrchestrator, settings: Settings, request: Request
) -> Response:
    try:
        reject_if_full(orchestrator)
        async with received(request, max_bytes=settings.max_bytes) as upload:
            letter_case = form.export_options(upload).letter_case
            wanted = ComparisonRequest(_variants(upload), _synthesis(upload), _reference(upload))
            check_weights(wanted, orchestrator.status().default_model)
            source = AudioSource(path=upload.path, name=upload.name)
            task = wanted.task(source, audio_options=form.audio_options(upload, channels=False))
            outcome = await _run(orchestrator, request, wanted, task)
    except Wav2Vec2Error as error:
        raise RequestFailed(error) from error
    audio_s = len(outcome.outcomes) * outcome.result.audio.duration_s
    body = await off_loop(audio_s, lambda: schema.comparison(outcome, letter_case).json_dict())
    return JSONResponse(body, headers={"X-Request-Id": outcome.result.id})


async def _run(
    orchestrator: ModelOrchestrator,
    request: Request,
    wanted: ComparisonRequest,
    task: AudioTask,
) -> Comparison:
    try:
        return await run_connected(
            request,
            compare(orchestrator, task, wanted),
            partial(orchestrator.cancel, task.id),
        )
    except Exception as failure:  # the boundary where unforeseen failures become a response
        raise RequestFailed(translate(failure), task.id) from failure


def _variants(upload: Upload) -> tuple[Variant, ...]:
    """``variants``; without it, every ``model`` with every ``decoder`` and the other decoding options."""
    given = upload.text("variants")
    if given:
        return parse_variants(given)
    values: dict[str, object] = {option.name: upload.get(option.name, "") for option in OPTIONS}
    hotwords = list(upload.all("hotwords", "keywords"))
    decoding = parse_options(**{**values, "hotwords": hotwords, "decoder": ""})
    return combined(upload.all("model", "models"), upload.all("decoder", "decoders"), decoding)


def _synthesis(upload: Upload) -> SynthesisOptions:
    return parse_synthesis(
        upload.text("weights"),
        upload.get("quality_threshold", ""),
        upload.get("conflict_resolution", ""),
    )


def _reference(upload: Upload) -> str:
    return parse_reference(upload.text("reference"))
