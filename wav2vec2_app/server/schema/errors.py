"""The JSON of failures."""

from __future__ import annotations

from typing import Literal

from pydantic import JsonValue

from wav2vec2_app.errors import Wav2Vec2Error
from wav2vec2_app.server.schema.base import JsonModel, json_value


class ErrorJson(JsonModel):
    """Why a request failed."""

    code: str
    """stable, for programs"""
    message: str
    """what happened, a sentence for the user"""
    hint: str
    """what to do, a sentence for the user; may be empty"""
    layer: Literal["validation", "context", "resource", "execution"]
    severity: Literal["warning", "error", "critical"]
    retryable: bool
    """whether the same request may succeed later"""
    metadata: dict[str, JsonValue]
    """limits and measured values; ``retry_after_s`` says when to try again"""


class ErrorResponse(JsonModel):
    """Response of every endpoint to a request that failed."""

    request_id: str
    """for the log of the server; empty if the request was rejected before it had an id"""
    error: ErrorJson


def error(failure: Wav2Vec2Error, request_id: str = "") -> ErrorResponse:
    """The response to a request that failed."""
    return ErrorResponse(request_id=request_id, error=error_json(failure))


def error_json(failure: Wav2Vec2Error) -> ErrorJson:
    """The public part of a failure: no paths, tracebacks or secrets."""
    metadata = {str(key): json_value(value) for key, value in failure.metadata.items()}
    return ErrorJson(**{**failure.public(), "metadata": metadata})
