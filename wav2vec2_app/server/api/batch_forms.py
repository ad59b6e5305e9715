"""What clients send to start a batch: a form with files, or JSON with their names."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError
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
from wav2vec2_app.server.batches.records import BatchOptions, NewFile
from wav2vec2_app.server.service.speaker_extra import check_speaker_extra
from wav2vec2_app.speech.audio import parse_audio_options
from wav2vec2_app.speech.export_options import EXPORT_OPTION, parse_export
from wav2vec2_app.speech.options import OPTION, parse_options

MAX_FORM_FILES: Final = 100
"""Most files of one form; each needs an open file of the server."""

ModelOf = Callable[[Upload], str]
"""The model that a form names."""


@dataclass(frozen=True)
class ReceivedBatch:
    """A batch as it was sent; ``uploads`` has the temporary file of each of its files, or nothing."""

    name: str
    files: Sequence[NewFile]
    options: BatchOptions
    uploads: Sequence[Path]
    history: str


class AnnouncedFile(BaseModel):
    """A file whose upload follows."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=4000)]
    size: Annotated[int, Field(ge=0)] = 0


class AnnouncedBatch(BaseModel):
    """JSON body of ``POST /v1/transcription-batches``; the files follow one by one."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(max_length=1000)] = ""
    model: Annotated[str, Field(max_length=500)] = ""
    files: Annotated[list[AnnouncedFile], Field(max_length=100_000)]
    options: dict[str, object] = {}
    """decoding and export options, ``track``, ``channels`` and ``diarize``"""


@asynccontextmanager
async def received_batch(
    request: Request, *, max_bytes: int, max_file_bytes: int, model_of: ModelOf
) -> AsyncIterator[ReceivedBatch]:
    """A new batch; temporary files that were not moved away are deleted at the end.

    Raises:
        InputError: the form, the JSON or an option cannot be used.
        ModelError: ``speakers.extra_missing``.
    """
    if "json" in request.headers.get("content-type", "").lower():
        yield _announced(await request.body(), model_of)
        return
    async with AsyncExitStack() as stack:
        sent = await stack.enter_async_context(parsed_form(request, max_bytes, MAX_FORM_FILES))
        uploads = [
            value
            for field, value in sent.multi_items()
            if isinstance(value, UploadFile) and plain_name(field) == FILE_FIELD
        ]
        fields = Upload(Path(), "", fields_of(sent))
        options = _options(fields, model_of)  # before anything is copied
        files, paths = [], []
        for one in uploads:
            path, size = await asyncio.to_thread(store_file, one.file)
            stack.callback(path.unlink, missing_ok=True)
            if size > max_file_bytes:
                raise too_large(max_file_bytes)
            files.append(NewFile(one.filename or "audio", size))
            paths.append(path)
        yield ReceivedBatch(fields.text("name"), files, options, paths, form.history(fields))


def _options(fields: Upload, model_of: ModelOf) -> BatchOptions:
    return BatchOptions(
        model_of(fields),
        form.decoding_options(fields),
        form.audio_options(fields),
        form.export_options(fields),
        _labels_speakers(fields),
    )


def _labels_speakers(fields: Upload) -> bool:
    """Whether ``diarize`` is true; then speakers can be labelled here.

    Raises:
        InputError: ``request.bad_value``.
        ModelError: ``speakers.extra_missing``.
    """
    wanted = form.is_true(fields, "diarize", "false")
    if wanted:
        check_speaker_extra()
    return wanted


def _announced(body: bytes, model_of: ModelOf) -> ReceivedBatch:
    try:
        found = AnnouncedBatch.model_validate_json(body)
    except ValidationError as failure:
        raise _bad_json(failure) from failure
    options = _json_options(found.options)
    chosen = BatchOptions(
        model_of(Upload(Path(), "", {"model": [found.model]})),
        parse_options(**{name: options.get(name) for name in OPTION}),
        parse_audio_options(options.get("track"), options.get("channels")),
        parse_export(**{name: options.get(name) for name in EXPORT_OPTION}),
        _labels_speakers(Upload(Path(), "", {"diarize": [_text(options.get("diarize"))]})),
    )
    files = [NewFile(one.name, one.size) for one in found.files]
    owner = form.history(Upload(Path(), "", {}))
    return ReceivedBatch(found.name, files, chosen, (), owner)


def _text(value: object) -> str:
    """A value of JSON as a form has it."""
    return "" if value is None else str(value)


def _json_options(given: Mapping[str, object]) -> Mapping[str, object]:
    known = {*OPTION, *EXPORT_OPTION, "track", "channels", "diarize"}
    unknown = sorted(set(given) - known)
    if unknown:
        raise InputError(
            f"The option “{unknown[0][:40]}” is unknown.",
            code="request.bad_value",
            hint=f"Use {', '.join(sorted(known))}.",
            metadata={"field": unknown[0][:40]},
        )
    return given


def _bad_json(failure: ValidationError) -> InputError:
    first = failure.errors()[0]
    field = ".".join(str(part) for part in first["loc"])
    return InputError(
        f"The batch cannot be used: {field or 'the body'}: {first['msg']}.",
        code="batch.bad_request",
        hint='Send a form with files, or JSON such as {"files": [{"name": "a.wav"}]}.',
        metadata={"field": field},
    )
