"""Routes of the batches: ``/v1/transcription-batches``."""

from __future__ import annotations

import secrets
from typing import Annotated, Any, Final
from urllib.parse import quote

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import FileResponse, JSONResponse
from starlette.background import BackgroundTask

from wav2vec2_app.errors import InputError, Wav2Vec2Error
from wav2vec2_app.server import schema
from wav2vec2_app.server.api.batch_forms import received_batch
from wav2vec2_app.server.api.history_key import KEY_BYTES, history_owner
from wav2vec2_app.server.api.openai import model_of
from wav2vec2_app.server.api.openapi import ERRORS
from wav2vec2_app.server.api.status_page import NOT_STORED
from wav2vec2_app.server.api.uploads import received
from wav2vec2_app.server.batches.archive import archived
from wav2vec2_app.server.batches.runner import BatchRunner
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator
from wav2vec2_app.server.storage.records import owner_of_key
from wav2vec2_app.settings import Settings

_DOCUMENTED: Final[dict[str, Any]] = {"responses": ERRORS}


def batch_router(
    orchestrator: ModelOrchestrator, settings: Settings, runner: BatchRunner | None
) -> APIRouter:
    """The routes; without a runner, all of them say that batches are off."""
    routes = APIRouter(prefix="/v1/transcription-batches", tags=["batches"])
    _add_sending(routes, orchestrator, settings, runner)
    _add_reading(routes, runner)
    return routes


def _add_sending(
    routes: APIRouter,
    orchestrator: ModelOrchestrator,
    settings: Settings,
    runner: BatchRunner | None,
) -> None:
    @routes.post("", response_model=schema.BatchResponse, status_code=202, **_DOCUMENTED)
    async def create(request: Request) -> Response:
        """Transcribe many files in the background: a form with files, or JSON with their names."""
        batches = _on(runner)
        async with received_batch(
            request,
            max_bytes=settings.batch_bytes,
            max_file_bytes=settings.max_bytes,
            model_of=lambda upload: model_of(upload, orchestrator),
        ) as sent:
            key = "" if sent.history else secrets.token_urlsafe(KEY_BYTES)
            owner = sent.history or owner_of_key(key)
            batch = await batches.store.create(owner, sent.name, sent.options, sent.files)
            try:
                for number, path in enumerate(sent.uploads, start=1):
                    await batches.store.add_upload(owner, batch, number, path)
            except Wav2Vec2Error:
                await batches.store.delete(owner, batch)  # all files, or none
                raise
        batches.wake()
        found = await batches.store.get(owner, batch, 0, batches.progress)
        body = found.model_copy(update={"key": key}).json_dict()
        return JSONResponse(body, 202, headers=NOT_STORED)

    @routes.post("/{batch}/files/{number}", status_code=202, **_DOCUMENTED)
    async def upload(request: Request, batch: str, number: int) -> dict[str, str]:
        """Send a file that a batch was created with by its name."""
        batches, owner = _on(runner), history_owner(request)
        await batches.store.check_missing(owner, batch, number)  # before the body is read
        async with received(request, max_bytes=settings.max_bytes) as sent:
            await batches.store.add_upload(owner, batch, number, sent.path)
        batches.wake()
        return {"state": "waiting"}


def _add_reading(routes: APIRouter, runner: BatchRunner | None) -> None:
    @routes.get("", response_model=schema.BatchListResponse, **_DOCUMENTED)
    async def overview(request: Request) -> Response:
        """The batches of this browser or program, without their files."""
        found = await _on(runner).store.overview(history_owner(request))
        return JSONResponse(found.json_dict(), headers=NOT_STORED)

    @routes.get("/{batch}", response_model=schema.BatchResponse, **_DOCUMENTED)
    async def get(
        request: Request, batch: str, after: Annotated[int, Query(ge=0, le=2**62)] = 0
    ) -> Response:
        """A batch with its files, or with those that have changed after a version."""
        batches, owner = _on(runner), history_owner(request)
        found = await batches.store.get(owner, batch, after, batches.progress)
        return JSONResponse(found.json_dict(), headers=NOT_STORED)

    @routes.get("/{batch}/results", response_class=FileResponse, **_DOCUMENTED)
    async def results(request: Request, batch: str) -> FileResponse:
        """The results so far as a ZIP file: text, subtitles and JSON of each file, and a CSV summary."""
        owner = history_owner(request)
        name, path = await archived(_on(runner).store, owner, batch)
        disposition = f"attachment; filename*=UTF-8''{quote(name + '.zip', safe='')}"
        return FileResponse(
            path,
            media_type="application/zip",
            headers={**NOT_STORED, "Content-Disposition": disposition},
            background=BackgroundTask(path.unlink, missing_ok=True),
        )

    @routes.delete("/{batch}", response_model=schema.DeletedResponse, **_DOCUMENTED)
    async def delete(request: Request, batch: str) -> schema.DeletedResponse:
        """Stop a batch and delete its files and results."""
        batches = _on(runner)
        await batches.store.delete(history_owner(request), batch)
        batches.cancel(batch)
        return schema.DeletedResponse(deleted=1)


def _on(runner: BatchRunner | None) -> BatchRunner:
    if runner is None:
        raise InputError(
            "This server takes no batches.",
            code="batch.off",
            hint="The operator can enable them with WAV2VEC2_BATCH_BYTES.",
        )
    if runner.problem is not None:
        raise runner.problem
    return runner
