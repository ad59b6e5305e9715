"""``/v1/history/{id}/words``: corrected words and the names of speakers of a stored result."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Final

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from wav2vec2_app.errors import InputError, Wav2Vec2Error
from wav2vec2_app.server import schema
from wav2vec2_app.server.api.history import own_history
from wav2vec2_app.server.api.openapi import ERRORS
from wav2vec2_app.server.storage.corrections import (
    MAX_CORRECTED,
    StoredCorrection,
    bad_words,
    restore_original,
    store_correction,
)
from wav2vec2_app.server.storage.recorder import HistoryRecorder

MAX_CORRECTION_BYTES: Final = 64 << 20
"""Largest body: a day of speech."""
_DOCUMENTED: Final[dict[str, Any]] = {"responses": ERRORS}


class CorrectionBody(BaseModel):
    """Body of ``PUT /v1/history/{id}/words``; what is left out stays as the model wrote it."""

    model_config = ConfigDict(extra="forbid")

    words: Annotated[tuple[schema.WordJson, ...], Field(max_length=MAX_CORRECTED)] | None = None
    """all words, as they are written"""
    names: dict[str, str] = {}
    """names of speakers by their labels, or by the numbers of their channels"""


def history_corrections_router(recorder: HistoryRecorder | None) -> APIRouter:
    """The routes; without a recorder, they say that the history is off."""
    routes = APIRouter(prefix="/v1/history", tags=["history"])
    body = {"content": {"application/json": {"schema": _body_schema()}}, "required": True}

    @routes.put(
        "/{item_id}/words",
        response_model=schema.HistoryItemJson,
        openapi_extra={"requestBody": body},
        **_DOCUMENTED,
    )
    async def correct(request: Request, item_id: str) -> schema.HistoryItemJson:
        """Store corrected words, or names of speakers; the original is kept.

        The id is that of an item, or the `request_id` of a transcription that an item has.
        """
        owner, history = await own_history(request, recorder)
        sent = await _body(request)
        correction = await asyncio.to_thread(
            parse_correction, sent
        )  # hours of speech are megabytes
        try:
            return await store_correction(history.store, owner, item_id, correction)
        except InputError as error:
            raise _reason(error, history.problem_of(owner)) from error

    @routes.delete("/{item_id}/words", response_model=schema.HistoryItemJson, **_DOCUMENTED)
    async def restore(request: Request, item_id: str) -> schema.HistoryItemJson:
        """Delete the corrections of an item: it is again what the model wrote."""
        owner, history = await own_history(request, recorder)
        try:
            return await restore_original(history.store, owner, item_id)
        except InputError as error:
            raise _reason(error, history.problem_of(owner)) from error

    return routes


def _reason(error: InputError, problem: Wav2Vec2Error | None) -> Wav2Vec2Error:
    """Why there is no item: because its result could not be stored, if that is so."""
    return problem if problem is not None and error.code == "history.not_found" else error


async def _body(request: Request) -> bytes:
    """The body of a request.

    Raises:
        InputError: ``history.bad_words``.
    """
    found = bytearray()
    async for part in request.stream():
        found += part
        if len(found) > MAX_CORRECTION_BYTES:
            raise bad_words("the body is too large")
    return bytes(found)


def parse_correction(sent: bytes) -> StoredCorrection:
    """The correction in a body.

    Raises:
        InputError: ``history.bad_words``.
    """
    try:
        body = CorrectionBody.model_validate_json(sent)
    except ValidationError as failure:
        place = failure.errors(include_url=False, include_input=False)[0]["loc"]
        raise bad_words(".".join(map(str, place)) or "the body") from failure
    if body.words is None and not body.names:
        raise bad_words("words")
    return StoredCorrection(body.words, body.names)


def _body_schema() -> dict[str, object]:
    """The schema of the body with everything that it refers to inside."""
    found = CorrectionBody.model_json_schema(ref_template="#/components/schemas/{model}")
    found.pop("$defs", None)
    return found
