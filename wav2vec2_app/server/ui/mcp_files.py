"""Recordings that programs send to tools as text: a data URL, base64, or the path of an upload."""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from wav2vec2_app.errors import InputError
from wav2vec2_app.server.ui.gradio_internals import UPLOADS_VARIABLE

MAX_OVERHEAD: Final = 1 << 20
"""What a request may have beside its recording, bytes."""
LONGEST_PATH: Final = 4096
_DATA_URL: Final = re.compile(r"data:[^,]{0,200};base64,", re.IGNORECASE)

UploadedFile = dict[str, object]
"""A file as Gradio's clients send it."""


@contextlib.contextmanager
def tool_file(value: object, max_bytes: int) -> Iterator[UploadedFile | None]:
    """The recording as an upload; one sent in the request is deleted at the end.

    Raises:
        InputError: ``request.bad_value``, ``audio.too_large``.
    """
    if isinstance(value, dict):
        value = value.get("path")
    if value is None or value == "":
        yield None
        return
    if not isinstance(value, str) or value.lower().startswith(("http:", "https:", "file:")):
        raise _unusable()
    if _is_path(value):
        yield _uploaded(Path(value))
        return
    with tempfile.TemporaryDirectory(dir=_folder(), ignore_cleanup_errors=True) as folder:
        path = Path(folder) / "audio"
        path.write_bytes(_decoded(value, max_bytes))
        yield _uploaded(path)


def _is_path(value: str) -> bool:
    """Whether it is a path of an upload; an absolute path is checked again where it is opened."""
    return len(value) <= LONGEST_PATH and Path(value).is_absolute() and _is_inside(value)


def _is_inside(value: str) -> bool:
    folder = Path(_folder() or tempfile.gettempdir()).resolve()
    return Path(value).resolve().is_relative_to(folder) and Path(value).is_file()


def _folder() -> str | None:
    return os.environ.get(UPLOADS_VARIABLE)


def _decoded(value: str, max_bytes: int) -> bytes:
    match = _DATA_URL.match(value)
    text = value[match.end() :] if match else value
    if len(text) * 3 // 4 > max_bytes + 3:
        raise InputError(
            f"The file is larger than {max_bytes / 2**20:.0f} MB.",
            code="audio.too_large",
            hint="Send a shorter recording, or compress it.",
            metadata={"limit_bytes": max_bytes},
        )
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise _unusable() from error


def _unusable() -> InputError:
    return InputError(
        "`audio` is not a file that was sent or uploaded.",
        code="request.bad_value",
        hint="Send a data URL or base64 of the file, or the path that /gradio_api/upload returned.",
        metadata={"field": "audio"},
    )


def _uploaded(path: Path) -> UploadedFile:
    return {"path": str(path), "orig_name": path.name, "meta": {"_type": "gradio.FileData"}}
