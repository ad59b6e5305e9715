"""Forms with a file, read with a bound on their size while they arrive."""

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

from wav2vec2_app.errors import InputError

FORM_OVERHEAD_BYTES = 1024 * 1024
"""What the other fields (a text to align, hotwords) and the boundaries may take beside a form's file."""


@dataclass(frozen=True)
class Upload:
    """A form with one file: where it lies for now, what it was called, and the other fields."""

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
    """A multipart form whose ``file`` has at most ``max_bytes``; kept on disk, not in memory, and
    gone when the context ends.

    Raises:
        InputError: there is no file, the form is malformed, or more arrives than is allowed;
            the rest is not read then.
    """
    bounded = _bounded(request, max_bytes)
    try:
        async with bounded.form(max_files=1, max_fields=32) as form:
            file = form.get("file")
            if not isinstance(file, UploadFile):
                raise _missing_file()
            path, size = await asyncio.to_thread(_keep, file.file)
            name = file.filename or "audio"
            fields = form
    except HTTPException as malformed:
        raise InputError(
            "The form could not be read.",
            code="request.malformed",
            hint="Send multipart/form-data with the audio in the field `file`.",
        ) from malformed
    try:
        if size > max_bytes:
            raise too_large(max_bytes)
        yield Upload(path, name, fields)
    finally:
        path.unlink(missing_ok=True)


def _keep(file: BinaryIO) -> tuple[Path, int]:
    """Copy ``file`` to a temporary one; its path and size in bytes."""
    with tempfile.NamedTemporaryFile(prefix="wav2vec2-", delete=False) as kept:
        shutil.copyfileobj(file, kept)
        return Path(kept.name), kept.tell()


def too_large(max_bytes: int) -> InputError:
    """The refusal of an upload that is over the limit."""
    return InputError(
        f"The file is larger than the {max_bytes / 2**20:.0f} MB that are accepted.",
        code="audio.too_large",
        hint="Save it in a compressed format (FLAC, MP3, Opus), or cut it into parts.",
        metadata={"max_bytes": max_bytes},
    )


def _missing_file() -> InputError:
    return InputError(
        "The request has no audio.",
        code="audio.missing",
        hint="Send multipart/form-data with the audio in the field `file`.",
    )


def _bounded(request: Request, max_bytes: int) -> Request:
    """The same request, whose body stops with an error once it is longer than allowed."""
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
