"""Failures as HTTP: the status code of each error, and its body."""

from __future__ import annotations

import math

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from wav2vec2_app.errors import (
    BusyError,
    CancelledError,
    InputError,
    ModelError,
    ResourceError,
    TimedOutError,
    Wav2Vec2Error,
    WorkerDiedError,
)
from wav2vec2_app.server import schema

TOO_LARGE_CODES = frozenset({"audio.too_large", "audio.too_long"})

_STATUS: tuple[tuple[type[Wav2Vec2Error], int], ...] = (
    (InputError, 400),
    (ModelError, 404),
    (BusyError, 429),
    (ResourceError, 503),
    (WorkerDiedError, 503),
    (CancelledError, 503),
    (TimedOutError, 504),
)


class RequestFailed(Exception):  # noqa: N818 - it says what happened; the error is inside
    """A failure on its way out, with the id of the request it ended."""

    def __init__(self, error: Wav2Vec2Error, request_id: str = "") -> None:
        super().__init__(error.message)
        self.error = error
        self.request_id = request_id


def install(app: FastAPI) -> None:
    """Answer every RequestFailed that a route raises with its status and JSON."""

    async def answer(_: Request, failure: Exception) -> JSONResponse:
        assert isinstance(failure, RequestFailed)  # noqa: S101 - registered for nothing else
        return respond(failure.error, failure.request_id)

    app.add_exception_handler(RequestFailed, answer)


def status_of(error: Wav2Vec2Error) -> int:
    """The HTTP status that says the same as the error."""
    if error.code in TOO_LARGE_CODES:
        return 413
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def respond(error: Wav2Vec2Error, request_id: str = "") -> JSONResponse:
    """The error as a response; with ``Retry-After`` where it is known when to come back."""
    body = schema.error(error, request_id).json_dict()
    return JSONResponse(body, status_of(error), headers=_headers(error))


def _headers(error: Wav2Vec2Error) -> dict[str, str]:
    after = error.metadata.get("retry_after_s")
    if not isinstance(after, int | float) or not math.isfinite(after):
        return {}
    return {"Retry-After": str(max(1, math.ceil(after)))}
