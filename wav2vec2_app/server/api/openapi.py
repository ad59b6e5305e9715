"""OpenAPI descriptions of the routes that take forms; FastAPI cannot derive them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypedDict

from wav2vec2_app.server import schema
from wav2vec2_app.speech.audio import CHANNELS
from wav2vec2_app.speech.description import DEFAULT_QUESTION, MAX_QUESTION_CHARACTERS
from wav2vec2_app.speech.export_options import EXPORT_OPTION, EXPORT_OPTIONS
from wav2vec2_app.speech.options import DECODERS, OPTIONS
from wav2vec2_app.speech.search import MAX_HITS, MAX_KEYWORD_CHARACTERS
from wav2vec2_app.speech.synthesis import CONFLICT_RESOLUTIONS

Fields = Mapping[str, Mapping[str, object]]
"""JSON schema of each field of a form."""
Responses = dict[int | str, dict[str, Any]]


class RouteArguments(TypedDict):
    """Keyword arguments of FastAPI's route decorators."""

    openapi_extra: dict[str, Any]
    responses: Responses


_STRETCH: Final = "the part of the recording that the text is aligned with, seconds"
_TRACK: Final = {"type": "integer", "minimum": 1, "description": "number of an audio track"}
_ERROR: Final = {
    "schema": {"$ref": f"#/components/schemas/{schema.ErrorResponse.__name__}"}
}  # fmt: skip
ERRORS: Final[Responses] = {
    400: {"model": schema.ErrorResponse},
    **{
        status: {"content": {"application/json": _ERROR}}
        for status in (404, 413, 429, 500, 503, 504)
    },
}
"""The typed errors; the model is given once, since FastAPI spends a millisecond on each."""
_FILE_FIELDS: Final[Fields] = {
    "file": {"type": "string", "format": "binary"},
    "model": {"type": "string", "default": "auto"},
}


def transcriptions(formats: Sequence[str], granularities: Sequence[str]) -> RouteArguments:
    """Arguments of the decorator of ``/v1/audio/transcriptions``."""
    fields = {
        **_FILE_FIELDS,
        "response_format": {"type": "string", "enum": formats, "default": "json"},
        "timestamp_granularities[]": {
            "type": "array",
            "items": {"type": "string", "enum": granularities},
        },
        "prompt": {"type": "string"},
        "language": {"type": "string"},
        "stream": {"type": "boolean", "default": False},
        **{option.name: option.json_schema() for option in (*OPTIONS, *EXPORT_OPTIONS)},
        "track": _TRACK,
        "channels": {"type": "string", "enum": CHANNELS, "default": "mix"},
        "history_key": {"type": "string", "description": _HISTORY_KEY},
        "diarize": {"type": "boolean", "default": False, "description": _DIARIZE},
        "speaker_names": {"type": "string", "description": _SPEAKER_NAMES},
    }
    return _route(["file"], fields, ERRORS)


def alignments(formats: Sequence[str]) -> RouteArguments:
    """Arguments of the decorator of ``/v1/audio/alignments``."""
    fields = {
        **_FILE_FIELDS,
        "text": {"type": "string"},
        "start": {"type": "number", "minimum": 0, "description": _STRETCH},
        "end": {"type": "number", "minimum": 0, "description": _STRETCH},
        "response_format": {"type": "string", "enum": formats, "default": "json"},
        **{option.name: option.json_schema() for option in EXPORT_OPTIONS},
        "track": _TRACK,
    }
    return _route(["file", "text"], fields, {**ERRORS, 200: {"model": schema.AlignmentResponse}})


def searches() -> RouteArguments:
    """Arguments of the decorator of ``/v1/audio/searches``."""
    return _route(["file"], _search_fields(), {**ERRORS, 200: {"model": schema.SearchResponse}})


def _search_fields() -> Fields:
    seconds = {"type": "number", "minimum": 0}
    return {
        **_FILE_FIELDS,
        "word": {"type": "string", "maxLength": MAX_KEYWORD_CHARACTERS},
        "whole_words": {"type": "boolean", "default": True},
        "query": {"type": "string", "format": "binary", "description": "A spoken query."},
        "start": {**seconds, "description": "Start of a stretch that is the query, seconds."},
        "end": {**seconds, "description": "End of the stretch, seconds."},
        "limit": {"type": "integer", "minimum": 1, "maximum": MAX_HITS, "default": 20},
        "history": {"type": "boolean", "default": False, "description": "Search the history, too."},
        "track": _TRACK,
        "channels": {"type": "string", "enum": CHANNELS, "default": "mix"},
    }


def layers() -> RouteArguments:
    """Arguments of the decorator of ``/v1/audio/layers``."""
    seconds = {"type": "number", "minimum": 0}
    fields: Fields = {
        **_FILE_FIELDS,
        "start": {**seconds, "default": 0, "description": "Start of the part, seconds."},
        "end": {**seconds, "description": "End of the part, seconds; by default 30 later."},
        "layer": {"type": "integer", "minimum": -1, "default": -1, "description": _LAYER},
        "columns": {"type": "integer", "minimum": 16, "maximum": 400, "default": 240},
        "track": _TRACK,
    }
    return _route(["file"], fields, {**ERRORS, 200: {"model": schema.ModelLayersResponse}})


def history_searches() -> RouteArguments:
    """Arguments of the decorator of ``/v1/history/searches``."""
    fields: Fields = {
        name: field for name, field in _search_fields().items()
        if name not in ("file", "history", "track", "channels")
    }  # fmt: skip
    fields = {
        **fields,
        "item": {"type": "string", "description": "Id of the stored result that has the stretch."},
        "before": {"type": "string", "description": "`next` of an answer: search older results."},
    }
    found = _route([], fields, {**ERRORS, 200: {"model": schema.HistorySearchResponse}})
    content = found["openapi_extra"]["requestBody"]["content"]
    content["application/json"] = content["multipart/form-data"]
    return found


def descriptions() -> RouteArguments:
    """Arguments of the decorator of ``/v1/descriptions``."""
    question = {
        "type": "string", "default": DEFAULT_QUESTION, "maxLength": MAX_QUESTION_CHARACTERS,
    }  # fmt: skip
    answer: Responses = {200: {"model": schema.DescriptionResponse}}
    fields = {**_FILE_FIELDS, "question": question, "track": _TRACK}
    return _route(["file"], fields, {**ERRORS, **answer})


def comparisons() -> RouteArguments:
    """Arguments of the decorator of ``/v1/comparisons``."""
    several: Mapping[str, object] = {"type": "array", "items": {"type": "string"}}
    fields: Fields = {
        "file": _FILE_FIELDS["file"],
        "variants": {"type": "string", "description": _VARIANTS},
        "model": {**several, "description": "Repeat it to compare several models."},
        **{
            option.name: option.json_schema() for option in (*OPTIONS, EXPORT_OPTION["letter_case"])
        },
        "decoder": {
            **several,
            "description": "Repeat it to compare several decoders.",
            "items": {"type": "string", "enum": list(DECODERS)},
        },
        "reference": {"type": "string", "description": "What was spoken, for word error rates."},
        "conflict_resolution": {
            "type": "string",
            "enum": list(CONFLICT_RESOLUTIONS),
            "default": CONFLICT_RESOLUTIONS[0],
        },
        "track": _TRACK,
        "quality_threshold": {"type": "number", "minimum": 0, "maximum": 1, "default": 0},
        "weights": {"type": "string", "description": _WEIGHTS},
    }
    return _route(["file"], fields, {**ERRORS, 200: {"model": schema.ComparisonResponse}})


_LAYER: Final = "Layer whose frames are compared with each other; -1 is the middle one."
_HISTORY_KEY: Final = (
    "A secret of your own, in whose history the result is stored, like `X-History-Key`."
)
_DIARIZE: Final = "Label who speaks; `diarized_json` does so anyway."
_SPEAKER_NAMES: Final = (
    "Names of the speakers, separated by commas, in the order in which they begin; of separate "
    "channels, in the order of the channels."
)
_VARIANTS: Final = (
    "JSON list of objects with `name`, `model`, `adapter` and decoding options. Without it, every "
    "`model` is compared with every `decoder`."
)
_WEIGHTS: Final = (
    "JSON object, or `NAME=NUMBER` with commas between; names of variants or of models."
)


def _route(required: Sequence[str], fields: Fields, responses: Responses) -> RouteArguments:
    form = {"type": "object", "required": required, "properties": fields}
    content = {"multipart/form-data": {"schema": form}}
    return {
        "openapi_extra": {"requestBody": {"required": True, "content": content}},
        "responses": responses,
    }
