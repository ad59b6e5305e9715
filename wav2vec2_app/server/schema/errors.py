"""The JSON of failures."""

from __future__ import annotations

from typing import Literal

from pydantic import JsonValue

from wav2vec2_app.errors import Wav2Vec2Error
from wav2vec2_app.server.schema.base import JsonModel, json_value


class ErrorJson(JsonModel):
    """A failure: a stable ``code`` for programs, a ``message`` and a ``hint`` for users."""

    code: str
    message: str
    hint: str
    layer: Literal["validation", "context", "resource", "execution"]
    severity: Literal["warning", "error", "critical"]
    retryable: bool
    metadata: dict[str, JsonValue]


class ErrorResponse(JsonModel):
    """Response of every endpoint to a request that failed."""

    request_id: str
    error: ErrorJson


def error(failure: Wav2Vec2Error, request_id: str = "") -> ErrorResponse:
    """The response to a request that failed."""
    return ErrorResponse(request_id=request_id, error=error_json(failure))


def error_json(failure: Wav2Vec2Error) -> ErrorJson:
    """The public part of a failure: no paths, tracebacks or secrets."""
    public = failure.public()
    metadata = {str(key): json_value(value) for key, value in public["metadata"].items()}
    return ErrorJson(**{**public, "metadata": metadata})
