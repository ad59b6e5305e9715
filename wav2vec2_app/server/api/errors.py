"""Maps errors to HTTP: the status code, the headers and the JSON body."""

from __future__ import annotations

import math

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
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
    translate,
)
from wav2vec2_app.server import schema

TOO_LARGE_CODES = frozenset(
    {
        "audio.too_large", "audio.too_long", "audio.needs_memory",
        "model.audio_too_long", "parallel.too_large",
    }
)  # fmt: skip

_STATUS_OF_CODE = {
    "access.host": 403,
    "request.origin_not_allowed": 403,
    "access.origin": 403,
    "access.key": 401,
    "model.downloading": 503,
    "schema.unknown": 404,
    "history.not_found": 404,
    "history.no_audio": 404,
    "history.off": 404,
    "batch.not_found": 404,
    "batch.off": 404,
    "batch.file_sent": 409,
}

_STATUS: tuple[tuple[type[Wav2Vec2Error], int], ...] = (
    (InputError, 400),
    (ModelError, 404),
    (BusyError, 429),
    (ResourceError, 503),
    (WorkerDiedError, 503),
    (CancelledError, 503),
    (TimedOutError, 504),
)


class RequestFailed(Exception):  # noqa: N818 - it carries an error, it is not one of the tree
    """Raised by routes: an error, and the id of the request that failed."""

    def __init__(self, error: Wav2Vec2Error, request_id: str = "") -> None:
        super().__init__(error.message)
        self.error = error
        self.request_id = request_id


def install(app: FastAPI) -> None:
    """Have ``app`` respond to our errors, and to a full disk, with their status and JSON."""

    async def handle(_: Request, failure: Exception) -> JSONResponse:
        assert isinstance(failure, RequestFailed)  # noqa: S101 - it is registered for this class only
        return respond(failure.error, failure.request_id)

    async def handle_bad_value(_: Request, failure: Exception) -> JSONResponse:
        assert isinstance(failure, RequestValidationError)  # noqa: S101 - as above
        return respond(_bad_value(failure))

    async def handle_other(_: Request, failure: Exception) -> JSONResponse:
        return respond(translate(failure))

    app.add_exception_handler(RequestFailed, handle)
    app.add_exception_handler(RequestValidationError, handle_bad_value)
    app.add_exception_handler(Wav2Vec2Error, handle_other)
    app.add_exception_handler(OSError, handle_other)


def _bad_value(failure: RequestValidationError) -> InputError:
    """The error of a query or a body that FastAPI rejects."""
    first = failure.errors()[0]
    field = ".".join(str(part) for part in first["loc"][1:]) or "the body"
    return InputError(
        f"`{field[:80]}` cannot be used: {first['msg']}.",
        code="request.bad_value",
        hint="Correct it, or omit it.",
        metadata={"field": field[:80]},
    )


def status_of(error: Wav2Vec2Error) -> int:
    """The HTTP status code of an error."""
    if error.code in TOO_LARGE_CODES:
        return 413
    if error.code in _STATUS_OF_CODE:
        return _STATUS_OF_CODE[error.code]
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def respond(error: Wav2Vec2Error, request_id: str = "") -> JSONResponse:
    """The response to a failed request; with ``Retry-After`` if the error has a time."""
    body = schema.error(error, request_id).json_dict()
    return JSONResponse(body, status_of(error), headers=_headers(error))


def _headers(error: Wav2Vec2Error) -> dict[str, str]:
    retry_after_s = error.metadata.get("retry_after_s")
    if not isinstance(retry_after_s, int | float) or not math.isfinite(retry_after_s):
        return {}
    return {"Retry-After": str(max(1, math.ceil(retry_after_s)))}
