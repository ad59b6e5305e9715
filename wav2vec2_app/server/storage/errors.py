"""Translates errors of SQLite and of the storage folder."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from wav2vec2_app.errors import ResourceError, Wav2Vec2Error

NEWER: Final = "storage.newer"
"""Code of the error that the database is from a newer version of the application."""


@dataclass(frozen=True)
class StorageFault:
    """One row of :data:`FAULTS`; ``signs`` are parts of SQLite's messages, in lower case."""

    signs: tuple[str, ...]
    code: str
    message: str
    hint: str
    retryable: bool = True

    def error(self) -> ResourceError:
        """The error of this row."""
        return ResourceError(self.message, code=self.code, hint=self.hint, retryable=self.retryable)


FULL: Final = StorageFault(
    ("disk is full", "no space left"),
    "storage.full",
    "The disk of the server is full, so nothing more can be stored.",
    "Free disk space on the server, then try again.",
)
FOLDER: Final = StorageFault(
    ("unable to open", "permission denied", "not a directory", "readonly", "read-only"),
    "storage.folder",
    "The storage folder of the server cannot be written.",
    "Set WAV2VEC2_STORAGE_FOLDER to a folder that the server may write.",
)
FAULTS: Final[tuple[StorageFault, ...]] = (
    FULL,
    FOLDER,
    StorageFault(
        ("locked", "busy"),
        "storage.locked",
        "The database of the server is locked by another program.",
        "Try again in a moment.",
    ),
    StorageFault(
        ("not a database", "malformed", "encrypted"),
        "storage.broken",
        "The database of the server is damaged.",
        "Restore it from a backup, or move it away and restart the server.",
        retryable=False,
    ),
    StorageFault(
        ("no such module",),
        "storage.search",
        "This build of SQLite has no full-text search.",
        "Use a Python whose SQLite has FTS5.",
        retryable=False,
    ),
)
OTHER: Final = StorageFault(
    (),
    "storage.failed",
    "The database of the server failed.",
    "Try again; the log has the details.",
)
"""What is no row of :data:`FAULTS`, such as an error of the disk."""

_ERRNO: Final = {errno.ENOSPC: FULL, errno.EDQUOT: FULL}


@contextmanager
def translated() -> Iterator[None]:
    """Errors of SQLite and of files in the block, as errors of this application.

    Raises:
        ResourceError: ``storage.…``.
    """
    try:
        yield
    except (sqlite3.Error, OSError) as failure:
        raise storage_error(failure) from failure


def storage_error(failure: BaseException) -> Wav2Vec2Error:
    """The error for a failure of SQLite or of a file."""
    if isinstance(failure, OSError):
        return _ERRNO.get(failure.errno or 0, FOLDER).error()
    text = str(failure).lower()
    found = (fault for fault in FAULTS if any(sign in text for sign in fault.signs))
    return next(found, OTHER).error()


def closed() -> ResourceError:
    """The server is stopping."""
    return ResourceError(
        "The database is closed: the server is stopping.",
        code="storage.closed",
        hint="Try again in a moment.",
    )


def newer_version(found: int, known: int) -> ResourceError:
    """The database has migrations that this version of the application does not know."""
    return ResourceError(
        "The database was written by a newer version of the application.",
        code=NEWER,
        hint="Update the application, or set WAV2VEC2_STORAGE_FOLDER to another folder.",
        retryable=False,
        metadata={"version": found, "known": known},
    )
