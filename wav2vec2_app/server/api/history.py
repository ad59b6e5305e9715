"""Routes of the history: ``/v1/history``."""

from __future__ import annotations

import mimetypes
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import quote

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import FileResponse, JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.background import BackgroundTask

from wav2vec2_app.errors import InputError
from wav2vec2_app.server import schema
from wav2vec2_app.server.api.history_again import align_again, decode_again
from wav2vec2_app.server.api.history_export import exported
from wav2vec2_app.server.api.history_files import transcript_file
from wav2vec2_app.server.api.history_key import history_owner
from wav2vec2_app.server.api.openapi import ERRORS
from wav2vec2_app.server.api.status_page import NOT_STORED
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator
from wav2vec2_app.server.storage.recorder import HistoryRecorder
from wav2vec2_app.server.storage.records import ListQuery
from wav2vec2_app.server.storage.similar import similar_to

MAX_PAGE: Final = 200
_DOCUMENTED: Final[dict[str, Any]] = {"responses": ERRORS}


class ItemChange(BaseModel):
    """Body of ``PATCH /v1/history/{id}``; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(max_length=10_000)] | None = None
    tags: Annotated[list[Annotated[str, Field(max_length=1000)]], Field(max_length=1000)] | None = (
        None
    )


class HistorySettings(BaseModel):
    """Body of ``PUT /v1/history/settings``."""

    model_config = ConfigDict(extra="forbid")

    store_audio: bool
    """whether recordings are stored, too; ``false`` deletes those that are"""


def history_router(orchestrator: ModelOrchestrator, recorder: HistoryRecorder | None) -> APIRouter:
    """The routes; without a recorder, all of them say that the history is off."""
    routes = APIRouter(prefix="/v1/history", tags=["history"])
    _add_list(routes, recorder)
    _add_items(routes, recorder)
    _add_again(routes, orchestrator, recorder)
    return routes


def _add_list(routes: APIRouter, recorder: HistoryRecorder | None) -> None:
    @routes.get("", response_model=schema.HistoryResponse, **_DOCUMENTED)
    async def find(
        request: Request,
        q: Annotated[str, Query(max_length=500)] = "",
        tag: Annotated[str, Query(max_length=100)] = "",
        before: str = "",
        limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
    ) -> Response:
        """List stored results, the newest first; `q` searches names, tags and texts."""
        owner, history = await own_history(request, recorder)
        query = ListQuery(q, tag, place_in_list(before), limit)
        found = await history.store.find(owner, query)
        problem = history.problem_of(owner)
        if problem is not None:
            found = found.model_copy(update={"problem": schema.error_json(problem)})
        return JSONResponse(found.json_dict(), headers=NOT_STORED)

    @routes.delete("", response_model=schema.DeletedResponse, **_DOCUMENTED)
    async def delete_all(request: Request) -> schema.DeletedResponse:
        """Delete everything that this browser or program has stored."""
        owner, history = await own_history(request, recorder)
        deleted = await history.store.delete_all(owner)
        return schema.DeletedResponse(deleted=deleted)

    @routes.get("/export", response_class=FileResponse, **_DOCUMENTED)
    async def export(request: Request) -> FileResponse:
        """Everything as a ZIP file: text, subtitles, JSON, and stored recordings."""
        owner, history = await own_history(request, recorder)
        path = await exported(history.store, owner)
        tidy = BackgroundTask(path.unlink, missing_ok=True)
        return FileResponse(
            path, media_type="application/zip", filename="history.zip", headers=NOT_STORED,
            background=tidy,
        )  # fmt: skip

    @routes.put("/settings", **_DOCUMENTED)
    async def settings(request: Request, body: HistorySettings) -> HistorySettings:
        """Whether recordings are stored beside their transcripts."""
        owner, history = await own_history(request, recorder)
        await history.store.store_audio(owner, on=body.store_audio)
        return body


def _add_items(routes: APIRouter, recorder: HistoryRecorder | None) -> None:
    @routes.get("/{item_id}", response_model=schema.StoredTranscriptionResponse, **_DOCUMENTED)
    async def get(
        request: Request, item_id: str, response_format: str = "json", original: bool = False
    ) -> Response:
        """One stored result as it was corrected, or the original, as JSON or as a file."""
        owner, history = await own_history(request, recorder)
        found = await history.store.get(owner, item_id, original=original)
        return await transcript_file(
            found, response_format, request.query_params, NOT_STORED, original=original
        )

    @routes.get("/{item_id}/similar", response_model=schema.SimilarResponse, **_DOCUMENTED)
    async def similar(
        request: Request, item_id: str, limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 10
    ) -> Response:
        """The stored recordings that are most like an item."""
        owner, history = await own_history(request, recorder)
        found = await similar_to(history.store, owner, item_id, limit)
        return JSONResponse(found.json_dict(), headers=NOT_STORED)

    @routes.get("/{item_id}/audio", response_class=FileResponse, **_DOCUMENTED)
    async def audio(request: Request, item_id: str) -> FileResponse:
        """The recording of an item, if it is stored."""
        owner, history = await own_history(request, recorder)
        path, name = await history.store.audio(owner, item_id)
        return FileResponse(path, media_type=_media_type(path), headers=_attached(name))

    @routes.patch("/{item_id}", response_model=schema.HistoryItemJson, **_DOCUMENTED)
    async def change(request: Request, item_id: str, body: ItemChange) -> schema.HistoryItemJson:
        """Rename an item, or replace its tags."""
        owner, history = await own_history(request, recorder)
        return await history.store.change(owner, item_id, body.name, body.tags)

    @routes.delete("/{item_id}", response_model=schema.DeletedResponse, **_DOCUMENTED)
    async def delete(request: Request, item_id: str) -> schema.DeletedResponse:
        """Delete one item."""
        owner, history = await own_history(request, recorder)
        deleted = await history.store.delete(owner, item_id)
        return schema.DeletedResponse(deleted=deleted)


def _add_again(
    routes: APIRouter, orchestrator: ModelOrchestrator, recorder: HistoryRecorder | None
) -> None:
    @routes.post("/{item_id}/decode", response_model=schema.TranscriptionResponse, **_DOCUMENTED)
    async def decode(
        request: Request, item_id: str, options: dict[str, Any]
    ) -> schema.TranscriptionResponse:
        """Decode a stored emission with other options; the item gets the new transcript."""
        owner, history = await own_history(request, recorder)
        return await decode_again(orchestrator, request, history.store, (owner, item_id), options)

    @routes.post("/{item_id}/align", response_model=schema.AlignmentResponse, **_DOCUMENTED)
    async def align(
        request: Request, item_id: str, body: dict[str, Any]
    ) -> schema.AlignmentResponse:
        """Find when each word of `text` is spoken in a stored recording."""
        owner, history = await own_history(request, recorder)
        return await align_again(orchestrator, request, history.store, (owner, item_id), body)


async def own_history(
    request: Request, recorder: HistoryRecorder | None
) -> tuple[str, HistoryRecorder]:
    """The owner of a request and its history, which has what the client has received before.

    Raises:
        InputError: ``history.off``, ``history.no_key``.
    """
    if recorder is None:
        raise InputError(
            "This server stores no history.",
            code="history.off",
            hint="The operator can enable it with WAV2VEC2_HISTORY_BYTES.",
        )
    owner = history_owner(request)
    await recorder.settled(owner)
    return owner, recorder


def place_in_list(before: str) -> int | None:
    """The number of the item that a page of the list ends before.

    Raises:
        InputError: ``request.bad_value``.
    """
    if not before:
        return None
    if not before.isdigit() or len(before) > 18:
        raise InputError(
            "`before` is not a place in the list.",
            code="request.bad_value",
            hint="Send `next` of the previous page.",
            metadata={"field": "before"},
        )
    return int(before)


def _media_type(path: Path) -> str:
    """A type that a browser plays and never shows as a page."""
    guessed, _ = mimetypes.guess_type(path.name)
    plays = guessed is not None and guessed.startswith(("audio/", "video/"))
    return guessed if guessed is not None and plays else "application/octet-stream"


def _attached(name: str) -> dict[str, str]:
    disposition = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
    return {**NOT_STORED, "Content-Disposition": disposition, "X-Content-Type-Options": "nosniff"}
