"""What OpenAPI says of the routes that take forms, which FastAPI does not see."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from wav2vec2_app.server import schema
from wav2vec2_app.speech.options import OPTIONS

_FAILURES: Final[dict[int | str, dict[str, Any]]] = {
    status: {"model": schema.ErrorResponse} for status in (400, 404, 413, 429, 500, 503, 504)
}
_FILE: Final[dict[str, Any]] = {
    "file": {"type": "string", "format": "binary"},
    "model": {"type": "string", "default": "auto"},
}


def transcriptions(formats: Sequence[str], granularities: Sequence[str]) -> dict[str, Any]:
    """Arguments of the decorator of ``/v1/audio/transcriptions``."""
    return _route(
        ["file"],
        {
            **_FILE,
            "response_format": {"type": "string", "enum": formats, "default": "json"},
            "timestamp_granularities[]": {
                "type": "array",
                "items": {"type": "string", "enum": granularities},
            },
            "prompt": {"type": "string"},
            **{option.name: option.json_schema() for option in OPTIONS},
        },
    )


def alignments(formats: Sequence[str]) -> dict[str, Any]:
    """Arguments of the decorator of ``/v1/audio/alignments``."""
    fields = {
        **_FILE,
        "text": {"type": "string"},
        "response_format": {"type": "string", "enum": formats, "default": "json"},
    }
    answer: dict[int | str, dict[str, Any]] = {200: {"model": schema.AlignmentResponse}}
    return _route(["file", "text"], fields, answer)


def _route(
    required: Sequence[str],
    fields: dict[str, Any],
    answers: dict[int | str, dict[str, Any]] | None = None,
) -> dict[str, Any]:
    form = {"type": "object", "required": required, "properties": fields}
    content = {"multipart/form-data": {"schema": form}}
    return {
        "openapi_extra": {"requestBody": {"required": True, "content": content}},
        "responses": {**_FAILURES, **(answers or {})},
    }
