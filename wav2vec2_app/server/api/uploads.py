"""Receives forms with a file; their size is limited while they arrive."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final
from urllib.parse import unquote

from fastapi import Request
from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.types import Message

from wav2vec2_app.errors import InputError, translate

FORM_OVERHEAD_BYTES = 1024 * 1024
"""Allowance for the other fields of a form (a text to align, hotwords) and the multipart boundaries."""
FILE_FIELD: Final = "file"
MAX_FILES: Final = 16
"""Most files that are read before a form is rejected."""
MAX_FIELDS: Final = 1000
"""Most other fields of a form; those that have no meaning here are ignored."""


@dataclass(frozen=True)
class Upload:
    """A form with one file: its temporary path, its original name, and the other fields.

    ``fields`` has the values by the field's plain name: ``hotwords[]``, ``hotwords[0]`` and ``Hotwords`` are
    all ``hotwords``.
    """

    path: Path
    name: str
    fields: Mapping[str, Sequence[str]]

    def get(self, field: str, default: str) -> str:
        """The first value of a field without quotes and spaces around it; ``default`` if there is none."""
        return next(map(_unquoted, self._present(field)), default)

    def text(self, field: str) -> str:
        """The first value of a field, unchanged; empty if there is none."""
        return next(iter(self._present(field)), "")

    def all(self, *fields: str) -> Sequence[str]:
        """Every value of the fields: repeated, or each a JSON list or a list in brackets."""
        values = (value for field in fields for value in self._present(field))
        return [item for value in values for item in _items(value) if not _is_nothing(item)]

    def _present(self, field: str) -> Sequence[str]:
        return [value for value in self.fields.get(field, ()) if not _is_nothing(value)]


def plain_name(field: str) -> str:
    """A field's name in snake case, without brackets: ``granularities[0]`` is ``granularities``."""
    name = re.sub(r"(\[[^\]]*\])+$", "", unquote(field).strip())
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).replace("-", "_").lower()


_NOTHING: Final = frozenset({"", "null", "none", "nil", "undefined"})
"""How clients write a value that they do not have."""


def _is_nothing(value: str) -> bool:
    return _unquoted(value).lower() in _NOTHING


def _unquoted(value: str) -> str:
    value = value.strip()
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1].strip()
    return value


def _items(value: str) -> Sequence[str]:
    """The items of a list in brackets; the value itself if it is not one."""
    stripped = value.strip()
    if not (stripped.startswith("[") and stripped.endswith("]")):
        return [_unquoted(value)]
    with suppress(ValueError, RecursionError):
        given = json.loads(stripped)
        return [str(item) for item in given if isinstance(item, str | int | float)]
    return [_unquoted(item) for item in stripped[1:-1].split(",")]


@asynccontextmanager
async def received(request: Request, *, max_bytes: int) -> AsyncIterator[Upload]:
    """A multipart form whose ``file`` has at most ``max_bytes``.

    The file is stored on disk until the context ends. An upload that is too large is not read to its end.

    Raises:
        InputError: ``audio.missing``, ``audio.too_large``, ``request.malformed``,
            ``request.several_files``.
    """
    async with parsed_form(request, max_bytes) as form:
        file = _only_file(form)
        path, size = await asyncio.to_thread(store_file, file.file)
        name, fields = file.filename or "audio", fields_of(form)
    try:
        if size > max_bytes:
            raise too_large(max_bytes)
        yield Upload(path, name, fields)
    finally:
        path.unlink(missing_ok=True)


@asynccontextmanager
async def parsed_form(
    request: Request, max_bytes: int, max_files: int = MAX_FILES
) -> AsyncIterator[FormData]:
    """A multipart form of at most ``max_bytes``, with files and fields as they were sent.

    Raises:
        InputError: ``audio.missing``, ``audio.too_large``, ``request.malformed``.
    """
    if not request.headers.get("content-type", "").lower().startswith("multipart/"):
        raise missing_file()
    stream = _bounded(request, max_bytes).stream()
    parser = _FormParser(request.headers, stream, max_files=max_files, max_fields=MAX_FIELDS)
    try:
        form = await parser.parse()
    except MultiPartException as malformed:
        raise InputError(
            "The request is not a valid form.",
            code="request.malformed",
            hint="Send multipart/form-data with the audio in the field `file`.",
        ) from malformed
    try:
        if parser.close_unfinished():
            raise InputError(
                "The form ends in the middle of a file.",
                code="request.malformed",
                hint="Send it again, with the boundary that ends it.",
            )
        yield form
    finally:
        await form.close()


class _FormParser(MultiPartParser):
    """Takes the field ``file`` as a file also if the client does not give it a name."""

    def on_headers_finished(self) -> None:
        part = self._current_part
        _, options = parse_options_header(part.content_disposition)
        name = options.get(b"name", b"").decode("latin-1")
        if plain_name(name) == FILE_FIELD and b"filename" not in options:
            part.content_disposition = (part.content_disposition or b"") + b'; filename=""'
        super().on_headers_finished()

    def close_unfinished(self) -> bool:
        """Whether the form ends within a file, which is then removed."""
        file = self._current_part.file
        if file is None or any(value is file for _, value in self.items):
            return False
        file.file.close()
        return True


def fields_of(form: FormData) -> dict[str, list[str]]:
    """The fields of a form that are not files, by their plain name."""
    fields: dict[str, list[str]] = {}
    for field, value in form.multi_items():
        if isinstance(value, str):
            fields.setdefault(plain_name(field), []).append(value)
    return fields


def _only_file(form: FormData) -> UploadFile:
    """The file of a form.

    Raises:
        InputError: ``audio.missing``, ``request.several_files``.
    """
    files = [
        (plain_name(field), value)
        for field, value in form.multi_items()
        if isinstance(value, UploadFile)
    ]
    if not any(field == FILE_FIELD for field, _ in files):
        raise missing_file()
    if len(files) > 1:
        raise InputError(
            f"The request has {len(files)} files.",
            code="request.several_files",
            hint="Send one file in a request, in the field `file`.",
            metadata={"files": len(files)},
        )
    return files[0][1]


def store_file(file: BinaryIO) -> tuple[Path, int]:
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


def missing_file() -> InputError:
    """The error of a form without a recording."""
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
