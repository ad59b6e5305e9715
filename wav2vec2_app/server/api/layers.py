"""``POST /v1/audio/layers``: what each layer of the model says in a part of a file."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from wav2vec2_app.errors import Wav2Vec2Error
from wav2vec2_app.server import schema
from wav2vec2_app.server.api import form, openapi
from wav2vec2_app.server.api.errors import RequestFailed
from wav2vec2_app.server.api.openai import reject_if_full
from wav2vec2_app.server.api.run import run_while_connected
from wav2vec2_app.server.api.uploads import Upload, received
from wav2vec2_app.server.operations import Want
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator
from wav2vec2_app.server.tasks import AudioTask
from wav2vec2_app.settings import Settings
from wav2vec2_app.speech.audio import AudioSource
from wav2vec2_app.speech.exploration import MAX_LAYERS_S, ExploredLayers, parse_layers
from wav2vec2_app.speech.models import model_or_auto


def layers_router(orchestrator: ModelOrchestrator, settings: Settings) -> APIRouter:
    """``POST /v1/audio/layers``."""
    routes = APIRouter(prefix="/v1", tags=["transcription"])

    @routes.post("/audio/layers", **openapi.layers())
    async def layers(request: Request) -> JSONResponse:
        """Transcribe one file and show the layers of the model in a part of it."""
        try:
            reject_if_full(orchestrator)
            async with received(request, max_bytes=settings.max_bytes) as upload:
                task = AudioTask(
                    AudioSource(path=upload.path, name=upload.name),
                    frozenset({Want.EXPLORATION}),
                    model_or_auto(upload.get("model", ""), orchestrator.status().choices),
                    audio_options=form.audio_options(upload, channels=False),
                    explored=_wanted(upload),
                )
                result = await run_while_connected(orchestrator, request, task)
        except Wav2Vec2Error as error:
            raise RequestFailed(error) from error
        return JSONResponse(
            schema.model_layers(result).json_dict(), headers={"X-Request-Id": result.id}
        )

    return routes


def _wanted(upload: Upload) -> ExploredLayers:
    """The part; by default the longest one from its start."""
    start, end = upload.get("start", "0"), upload.get("end", "")
    layer, columns = upload.get("layer", "-1"), upload.get("columns", "240")
    return parse_layers(start, end or _later(start), layer, columns)


def _later(start: str) -> object:
    try:
        return float(start) + MAX_LAYERS_S
    except ValueError:
        return start  # which is refused
