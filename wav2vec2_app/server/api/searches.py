"""``POST /v1/audio/searches``: where a word or a sound occurs in a file, and in the history."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from starlette.datastructures import UploadFile

from wav2vec2_app.errors import InputError, Wav2Vec2Error
from wav2vec2_app.server import schema
from wav2vec2_app.server.api import form, openapi
from wav2vec2_app.server.api.errors import RequestFailed
from wav2vec2_app.server.api.history_key import history_owner
from wav2vec2_app.server.api.openai import reject_if_full
from wav2vec2_app.server.api.run import run_while_connected
from wav2vec2_app.server.api.uploads import (
    FILE_FIELD,
    Upload,
    fields_of,
    missing_file,
    parsed_form,
    plain_name,
    store_file,
    too_large,
)
from wav2vec2_app.server.operations import Want
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator
from wav2vec2_app.server.orchestrator.searching import elsewhere, find, parse_search
from wav2vec2_app.server.storage.history import HistoryStore
from wav2vec2_app.server.storage.recorder import HistoryRecorder
from wav2vec2_app.server.storage.records import ListQuery
from wav2vec2_app.server.storage.restoring import restored
from wav2vec2_app.server.tasks import AudioTask
from wav2vec2_app.settings import Settings
from wav2vec2_app.speech.audio import AudioSource
from wav2vec2_app.speech.models import AUTO_MODEL
from wav2vec2_app.speech.search import Search

QUERY_FIELD: Final = "query"
MAX_STORED: Final = 50
"""How many results of the history are searched, the newest first."""

Uploads = tuple[Upload, AudioSource | None]
"""The recording, and the spoken query if there is one."""


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
            async with _received(request, settings.max_bytes) as (upload, query):
                answer = await _search(orchestrator, recorder, request, upload, query)
        except Wav2Vec2Error as error:
            raise RequestFailed(error) from error
        return JSONResponse(answer.json_dict(), headers={"X-Request-Id": answer.request_id})

    return routes


async def _search(
    orchestrator: ModelOrchestrator,
    recorder: HistoryRecorder | None,
    request: Request,
    upload: Upload,
    query: AudioSource | None,
) -> schema.SearchResponse:
    wanted = parse_search(
        upload.text("word"), upload.get("start", ""), upload.get("end", ""),
        query=query, whole_words=form.is_true(upload, "whole_words", "true"),
        limit=upload.get("limit", ""),
    )  # fmt: skip
    in_history = form.is_true(upload, "history", "false")
    owner = history_owner(request) if in_history else ""
    if in_history and recorder is None:
        raise InputError("The history is off.", code="history.off", hint="Search the file alone.")
    task = AudioTask(
        AudioSource(path=upload.path, name=upload.name),
        model=upload.get("model", AUTO_MODEL),
        audio_options=form.audio_options(upload),
    )
    run = partial(run_while_connected, orchestrator, request)
    result, search = await find(run, task, wanted)
    if not in_history or recorder is None:
        return schema.search(result)
    stored = await _in_history(
        orchestrator, request, recorder.store, owner, elsewhere(search, result)
    )
    return schema.search(result, stored)


async def _in_history(
    orchestrator: ModelOrchestrator,
    request: Request,
    store: HistoryStore,
    owner: str,
    search: Search,
) -> tuple[schema.StoredHitsJson, ...]:
    """The newest results with a hit; those that cannot be searched (no emission) are left out."""
    found: list[schema.StoredHitsJson] = []
    listed = await store.find(owner, ListQuery(limit=MAX_STORED))
    for item in listed.items:
        if not item.has_emission:
            continue
        try:
            cached = await restored(store, owner, item.id)
            orchestrator.restore(item.id, cached)
            task = AudioTask(
                wants=frozenset({Want.HITS}), search=search, session=cached.session,
                cached_id=item.id, decoding=cached.decoding, history="",
            )  # fmt: skip
            result = await run_while_connected(orchestrator, request, task)
        except InputError:  # deleted meanwhile, or another model's alphabet
            continue
        except RequestFailed as failed:
            if isinstance(failed.error, InputError):
                continue
            raise
        if result.hits is not None and result.hits.hits:
            hits = schema.hits_json(result.hits)
            found.append(schema.StoredHitsJson(id=item.id, name=item.name, hits=hits))
    return tuple(sorted(found, key=lambda one: -one.hits[0].score))


@asynccontextmanager
async def _received(request: Request, max_bytes: int) -> AsyncIterator[Uploads]:
    """The form's file and its spoken query, stored on disk until the context ends.

    Raises:
        InputError: ``audio.missing``, ``audio.too_large``, ``request.malformed``.
    """
    paths: list[Path] = []
    try:
        async with parsed_form(request, 2 * max_bytes) as parsed:
            files = {
                plain_name(name): value
                for name, value in parsed.multi_items()
                if isinstance(value, UploadFile)
            }
            fields = fields_of(parsed)
            stored: dict[str, AudioSource] = {}
            for name in (FILE_FIELD, QUERY_FIELD):
                if name not in files:
                    continue
                path, size = await asyncio.to_thread(store_file, files[name].file)
                paths.append(path)
                if size > max_bytes:
                    raise too_large(max_bytes)
                stored[name] = AudioSource(path=path, name=files[name].filename or "audio")
        file = stored.get(FILE_FIELD)
        if file is None or file.path is None:
            raise missing_file()
        yield Upload(file.path, file.name, fields), stored.get(QUERY_FIELD)
    finally:
        for path in paths:
            path.unlink(missing_ok=True)
