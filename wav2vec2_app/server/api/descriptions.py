"""A route for questions about the sound of a recording."""

from __future__ import annotations

from fastapi import APIRouter, Request

from wav2vec2_app.errors import Wav2Vec2Error
from wav2vec2_app.server import schema
from wav2vec2_app.server.api import form, openapi
from wav2vec2_app.server.api.errors import RequestFailed
from wav2vec2_app.server.api.run import run_while_connected
from wav2vec2_app.server.api.uploads import received
from wav2vec2_app.server.offload import off_loop
from wav2vec2_app.server.operations import Want
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator
from wav2vec2_app.server.tasks import AudioTask
from wav2vec2_app.settings import Settings
from wav2vec2_app.speech.audio import AudioSource
from wav2vec2_app.speech.description import parse_question
from wav2vec2_app.speech.models import model_or_auto

WANTS = frozenset({Want.TRANSCRIPT, Want.DESCRIPTION})
"""The transcript comes even if the description server fails."""


def router(orchestrator: ModelOrchestrator, settings: Settings) -> APIRouter:
    """``POST /v1/descriptions``."""
    routes = APIRouter(prefix="/v1", tags=["description"])

    @routes.post("/descriptions", **openapi.descriptions())
    async def descriptions(request: Request) -> schema.JsonObject:
        """Transcribe one file and ask a model on another server a question about its sound."""
        try:
            async with received(request, max_bytes=settings.max_bytes) as upload:
                model = model_or_auto(upload.get("model", ""), orchestrator.status().choices)
                task = AudioTask(
                    AudioSource(path=upload.path, name=upload.name),
                    WANTS,
                    model,
                    audio_options=form.audio_options(upload, channels=False),
                    question=parse_question(upload.text("question")),
                )
                result = await run_while_connected(orchestrator, request, task)
        except Wav2Vec2Error as error:
            raise RequestFailed(error) from error
        return await off_loop(
            result.audio.duration_s, lambda: schema.description(result).json_dict()
        )

    return routes
