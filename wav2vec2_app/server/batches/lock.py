"""A lock that a process holds while it runs the batches of a folder; it ends with the process."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

from wav2vec2_app.server.batches.records import in_use

LOCK_FILE: Final = "batches.lock"


class FolderLock:
    """An exclusive transaction in a database of its own: every operating system has that lock.

    Args:
        folder: what is locked.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / LOCK_FILE
        self._connection: sqlite3.Connection | None = None

    def acquire(self) -> None:
        """Take the lock.

        Raises:
            ResourceError: ``batch.in_use``.
            OSError: the folder cannot be written.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(
            self._path, timeout=0, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as failure:
            connection.close()
            if "locked" in str(failure):
                raise in_use() from failure
            raise
        self._connection = connection

    def release(self) -> None:
        """Give the lock back."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
