"""Translates errors of SQLite and of the storage folder."""

from __future__ import annotations

import copy
import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from wav2vec2_app.errors import ResourceError, Wav2Vec2Error


@dataclass(frozen=True)
class StorageFault:
    """One row of :data:`FAULTS`; ``signs`` are parts of SQLite's messages, in lower case."""

    signs: tuple[str, ...]
    pattern: ResourceError

    def error(self) -> ResourceError:
        """A new error of this row."""
        return copy.copy(self.pattern)


FULL: Final = StorageFault(
    ("disk is full", "no space left"),
    ResourceError(
        "The disk of the server is full, so nothing more can be stored.",
        code="storage.full",
        hint="Free disk space on the server, then try again.",
    ),
)
FOLDER: Final = StorageFault(
    ("unable to open", "permission denied", "not a directory", "readonly", "read-only"),
    ResourceError(
        "The storage folder of the server cannot be written.",
        code="storage.folder",
        hint="Set WAV2VEC2_STORAGE_FOLDER to a folder that the server may write.",
    ),
)
FAULTS: Final[tuple[StorageFault, ...]] = (
    FULL,
    FOLDER,
    StorageFault(
        ("locked", "busy"),
        ResourceError(
            "The database of the server is locked by another program.",
            code="storage.locked",
            hint="Try again in a moment.",
        ),
    ),
    StorageFault(
        ("not a database", "malformed", "encrypted"),
        ResourceError(
            "The database of the server is damaged.",
            code="storage.broken",
            hint="Restore it from a backup, or move it away and restart the server.",
            retryable=False,
        ),
    ),
    StorageFault(
        ("no such module",),
        ResourceError(
            "This build of SQLite has no full-text search.",
            code="storage.search",
            hint="Use a Python whose SQLite has FTS5.",
            retryable=False,
        ),
    ),
)
OTHER_FAULT: Final = StorageFault(
    (),
    ResourceError(
        "The database of the server failed.",
        code="storage.failed",
        hint="Try again; the log has the details.",
    ),
)
"""All other failures, such as an error of the disk."""

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
    return next(found, OTHER_FAULT).error()


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
        code="storage.newer",
        hint="Update the application, or set WAV2VEC2_STORAGE_FOLDER to another folder.",
        retryable=False,
        metadata={"version": found, "known": known},
    )
