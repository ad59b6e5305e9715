"""``POST /v1/audio/searches``: where a word or a sound occurs in a file, and in the history."""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from wav2vec2_app.errors import Wav2Vec2Error
from wav2vec2_app.server import schema
from wav2vec2_app.server.api import form, openapi
from wav2vec2_app.server.api.errors import RequestFailed
from wav2vec2_app.server.api.history import own_history
from wav2vec2_app.server.api.history_searches import OwnHistory, search_stored
from wav2vec2_app.server.api.openai import reject_if_full
from wav2vec2_app.server.api.run import run_while_connected
from wav2vec2_app.server.api.search_forms import SearchForm, received_search
from wav2vec2_app.server.api.uploads import missing_file
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator
from wav2vec2_app.server.orchestrator.searching import elsewhere, find
from wav2vec2_app.server.storage.recorder import HistoryRecorder
from wav2vec2_app.server.tasks import AudioTask
from wav2vec2_app.settings import Settings
from wav2vec2_app.speech.models import AUTO_MODEL


def search_router(
    orchestrator: ModelOrchestrator, settings: Settings, recorder: HistoryRecorder | None
) -> APIRouter:
    """``POST /v1/audio/searches``."""
    routes = APIRouter(prefix="/v1", tags=["transcription"])

    @routes.post("/audio/searches", **openapi.searches())
    async def searches(request: Request) -> JSONResponse:
        """Find where a word, a spoken query or a stretch of the file occurs in it."""
        try:
            reject_if_full(orchestrator)
            async with received_search(request, settings.max_bytes) as sent:
                answer = await _search(orchestrator, recorder, request, sent)
        except Wav2Vec2Error as error:
            raise RequestFailed(error) from error
        return JSONResponse(answer.json_dict(), headers={"X-Request-Id": answer.request_id})

    return routes


async def _search(
    orchestrator: ModelOrchestrator,
    recorder: HistoryRecorder | None,
    request: Request,
    sent: SearchForm,
) -> schema.SearchResponse:
    if sent.file is None:
        raise missing_file()
    wanted, fields = sent.search(), sent.fields
    own: OwnHistory | None = None
    if form.is_true(fields, "history", "false"):
        owner, history = await own_history(request, recorder)
        own = OwnHistory(history.store, owner)
    task = AudioTask(
        sent.file,
        model=fields.get("model", AUTO_MODEL),
        audio_options=form.audio_options(fields),
    )
    run = partial(run_while_connected, orchestrator, request)
    result, search = await find(run, task, wanted)
    if own is None:
        return schema.search(result)
    stored = await search_stored(orchestrator, request, own, elsewhere(search, result))
    return schema.search(result, stored.items)
