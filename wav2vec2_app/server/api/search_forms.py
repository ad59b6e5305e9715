"""Receives searches: forms with a recording, a spoken query, both or neither, or a JSON object."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fastapi import Request
from starlette.datastructures import UploadFile

from wav2vec2_app.errors import InputError
from wav2vec2_app.server.api import form
from wav2vec2_app.server.api.uploads import (
    FILE_FIELD,
    Upload,
    fields_of,
    parsed_form,
    plain_name,
    store_file,
    too_large,
)
from wav2vec2_app.server.orchestrator.searching import SearchRequest, parse_search
from wav2vec2_app.speech.audio import AudioSource

QUERY_FIELD: Final = "query"
MAX_JSON_BYTES: Final = 100_000


@dataclass(frozen=True)
class SearchForm:
    """The files that were sent, and the other fields."""

    file: AudioSource | None
    query: AudioSource | None
    fields: Upload

    def search(self) -> SearchRequest:
        """What is searched for.

        Raises:
            InputError: see :func:`parse_search`.
        """
        fields = self.fields
        word = next(iter(fields.fields.get("word", ())), "")  # "none" is a word like others
        return parse_search(
            word, fields.get("start", ""), fields.get("end", ""),
            query=self.query, whole_words=form.is_true(fields, "whole_words", "true"),
            limit=fields.get("limit", ""),
        )  # fmt: skip


@asynccontextmanager
async def received_search(request: Request, max_bytes: int) -> AsyncIterator[SearchForm]:
    """A form with its files, each of at most ``max_bytes``, stored on disk until the context ends.

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
            stored: dict[str, AudioSource] = {}
            for name in (FILE_FIELD, QUERY_FIELD):
                if name not in files:
                    continue
                path, size = await asyncio.to_thread(store_file, files[name].file)
                paths.append(path)
                if size > max_bytes:
                    raise too_large(max_bytes)
                stored[name] = AudioSource(path=path, name=files[name].filename or "audio")
            fields = Upload(Path(), "", fields_of(parsed))
        yield SearchForm(stored.get(FILE_FIELD), stored.get(QUERY_FIELD), fields)
    finally:
        for path in paths:
            path.unlink(missing_ok=True)


@asynccontextmanager
async def received_stored_search(request: Request, max_bytes: int) -> AsyncIterator[SearchForm]:
    """A search in the history: a form as :func:`received_search` reads it, or a JSON object of its fields.

    Raises:
        InputError: ``request.malformed``, and see :func:`received_search`.
    """
    kind = request.headers.get("content-type", "").lower()
    if kind.startswith("multipart/"):
        async with received_search(request, max_bytes) as found:
            yield found
    elif kind.startswith("application/json"):
        yield SearchForm(None, None, Upload(Path(), "", await _json_fields(request)))
    else:
        raise _malformed()


async def _json_fields(request: Request) -> Mapping[str, list[str]]:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MAX_JSON_BYTES:
            raise _malformed()
    try:
        given = json.loads(body)
    except (ValueError, RecursionError):
        raise _malformed() from None
    if not isinstance(given, dict):
        raise _malformed()
    return {
        plain_name(name): [value if isinstance(value, str) else json.dumps(value)]
        for name, value in given.items()
    }


def _malformed() -> InputError:
    return InputError(
        "The search is not a JSON object, and not a form.",
        code="request.malformed",
        hint='Send a JSON object such as {"word": "hello"}, or multipart/form-data with `query`.',
    )
