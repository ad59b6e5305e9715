"""Receives forms with a file; their size is limited while they arrive."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from fastapi import Request
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.types import Message

from wav2vec2_app.errors import InputError, translate

FORM_OVERHEAD_BYTES = 1024 * 1024
"""Allowance for the other fields of a form (a text to align, hotwords) and the multipart boundaries."""


@dataclass(frozen=True)
class Upload:
    """A form with one file: its temporary path, its original name, and the other fields."""

    path: Path
    name: str
    fields: FormData

    def get(self, field: str, default: str) -> str:
        """The first value of a field, or ``default`` where it is missing or empty."""
        value = self.fields.get(field)
        return value if isinstance(value, str) and value else default

    def all(self, *fields: str) -> Sequence[str]:
        """Every value of the fields."""
        values = (value for field in fields for value in self.fields.getlist(field))
        return [value for value in values if isinstance(value, str)]


@asynccontextmanager
async def received(request: Request, *, max_bytes: int) -> AsyncIterator[Upload]:
    """A multipart form whose ``file`` has at most ``max_bytes``.

    The file is stored on disk until the context ends. An upload that is too large is not read to its end.

    Raises:
        InputError: ``audio.missing``, ``audio.too_large``, ``request.malformed``.
    """
    bounded = _bounded(request, max_bytes)
    try:
        async with bounded.form(max_files=1, max_fields=32) as form:
            file = form.get("file")
            if not isinstance(file, UploadFile):
                raise _missing_file()
            path, size = await asyncio.to_thread(_store, file.file)
            name = file.filename or "audio"
            fields = form
    except HTTPException as malformed:
        raise InputError(
            "The request is not a valid form.",
            code="request.malformed",
            hint="Send multipart/form-data with the audio in the field `file`.",
        ) from malformed
    try:
        if size > max_bytes:
            raise too_large(max_bytes)
        yield Upload(path, name, fields)
    finally:
        path.unlink(missing_ok=True)


def _store(file: BinaryIO) -> tuple[Path, int]:
    """Copy ``file`` to a temporary file; returns its path and size in bytes.

    Raises:
        ResourceError: ``resource.disk``; nothing is left behind.
    """
    with tempfile.NamedTemporaryFile(prefix="wav2vec2-", delete=False) as copy:
        try:
            shutil.copyfileobj(file, copy)
            copy.flush()
        except BaseException as failure:
            Path(copy.name).unlink(missing_ok=True)
            raise translate(failure) from failure
        return Path(copy.name), copy.tell()


def too_large(max_bytes: int) -> InputError:
    """The error of an upload above the limit."""
    return InputError(
        f"The file is larger than the limit of {max_bytes / 2**20:.0f} MB.",
        code="audio.too_large",
        hint="Save it in a compressed format (FLAC, MP3, Opus), or split it.",
        metadata={"max_bytes": max_bytes},
    )


def _missing_file() -> InputError:
    return InputError(
        "The request has no audio file.",
        code="audio.missing",
        hint="Send multipart/form-data with the audio in the field `file`.",
    )


def _bounded(request: Request, max_bytes: int) -> Request:
    """The same request; reading more of its body than allowed raises an error."""
    limit = max_bytes + FORM_OVERHEAD_BYTES
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > limit:
        raise too_large(max_bytes)
    arrived = 0

    async def receive() -> Message:
        nonlocal arrived
        message = await request.receive()
        arrived += len(message.get("body", b""))
        if arrived > limit:
            raise too_large(max_bytes)
        return message

    return Request(request.scope, receive)
