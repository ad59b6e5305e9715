"""One SQLite file off the event loop: a thread that writes and a thread that reads."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final, TypeVar

from wav2vec2_app.server.storage.errors import closed, newer_version, translated

R = TypeVar("R")

Migration = Sequence[str]
"""The statements that lead from one version of the tables to the next."""
Work = Callable[[sqlite3.Connection], R]

BUSY_S: Final = 2.0
"""How long a statement waits for another process that has locked the file, seconds."""
PRAGMAS: Final = (
    "PRAGMA auto_vacuum = INCREMENTAL",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = NORMAL",  # with a WAL, a power failure loses the last commits at most
    "PRAGMA secure_delete = ON",  # what users delete is overwritten
)


class Database:
    """One SQLite file in WAL mode; readers never wait for the writer.

    The file is opened and migrated by the first work that needs it. If that fails, the next work tries
    again, so a disk that was full or a lock need no restart.

    Args:
        path: of the file; its folder is made.
        migrations: number N leads from version N to N + 1, which ``PRAGMA user_version`` has.
        busy_s: how long a lock is waited for, seconds.
    """

    def __init__(
        self, path: Path, migrations: Sequence[Migration], *, busy_s: float = BUSY_S
    ) -> None:
        self.path = path
        self._migrations = migrations
        self._busy_s = busy_s
        self._writer = _Thread(self._open_to_write)
        self._reader = _Thread(self._open_to_read)

    async def write(self, work: Work[R]) -> R:
        """The result of ``work``, in the thread that writes; in the order of the calls.

        Raises:
            ResourceError: ``storage.…``.
        """
        return await self._writer.run(work)

    async def read(self, work: Work[R]) -> R:
        """The result of ``work``, in the thread that reads: all its statements see one state.

        Raises:
            ResourceError: ``storage.…``.
        """
        return await self._reader.run(_snapshot(work))

    async def scan(self, work: Work[R]) -> R:
        """The result of long ``work`` that only reads: it has a thread and a connection of its own.

        Raises:
            ResourceError: ``storage.…``.
        """

        def run() -> R:
            with translated(), closing(self._open_to_read()) as connection:
                return _snapshot(work)(connection)

        return await asyncio.to_thread(run)

    async def close(self) -> None:
        """Finish what has begun, and close the file."""
        await asyncio.gather(self._reader.close(), self._writer.close())

    def _open_to_write(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        connection = _connect(self.path, self._busy_s)
        try:
            for pragma in PRAGMAS:
                connection.execute(pragma)
            migrate(connection, self._migrations)
        except BaseException:
            connection.close()
            raise
        return connection

    def _open_to_read(self) -> sqlite3.Connection:
        if not self.path.is_file():
            self._open_to_write().close()
        connection = _connect(self.path, self._busy_s)
        try:
            if _version(connection) != len(self._migrations):
                self._open_to_write().close()
            connection.execute("PRAGMA query_only = ON")
        except BaseException:
            connection.close()
            raise
        return connection


class _Thread:
    """One thread with one connection, opened when it is needed."""

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self._connect = connect
        self._connection: sqlite3.Connection | None = None
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="storage")
        self._closed = False

    async def run(self, work: Work[R]) -> R:
        if self._closed:
            raise closed()
        return await asyncio.wrap_future(self._executor.submit(self._run, work))

    async def close(self) -> None:
        if not self._closed:
            self._closed = True
            await asyncio.wrap_future(self._executor.submit(self._close))
            self._executor.shutdown(wait=False)

    def _run(self, work: Work[R]) -> R:
        with translated():
            if self._connection is None:
                self._connection = self._connect()
            return work(self._connection)

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _snapshot(work: Work[R]) -> Work[R]:
    """``work`` that sees nothing of what is written while it reads."""

    def run(connection: sqlite3.Connection) -> R:
        with transaction(connection, "DEFERRED"):
            return work(connection)

    return run


@contextmanager
def transaction(connection: sqlite3.Connection, kind: str = "IMMEDIATE") -> Iterator[None]:
    """The statements of the block together, or none of them.

    Args:
        connection: without implicit transactions.
        kind: ``IMMEDIATE`` to write, ``DEFERRED`` to read one state.
    """
    connection.execute(f"BEGIN {kind}")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def migrate(connection: sqlite3.Connection, migrations: Sequence[Migration]) -> None:
    """Bring the tables to the newest version; nothing changes if a migration fails.

    Raises:
        ResourceError: ``storage.newer``.
    """
    if _version(connection) == len(migrations):
        return
    with transaction(connection):  # another process may migrate at the same time
        found = _version(connection)
        if found > len(migrations):
            raise newer_version(found, len(migrations))
        for migration in migrations[found:]:
            for statement in migration:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(migrations)}")


def _version(connection: sqlite3.Connection) -> int:
    [(version,)] = connection.execute("PRAGMA user_version")
    return int(version)


def _connect(path: Path, busy_s: float) -> sqlite3.Connection:
    """A connection without implicit transactions, whose rows have names."""
    connection = sqlite3.connect(
        path, timeout=busy_s, isolation_level=None, check_same_thread=False
    )
    connection.row_factory = sqlite3.Row
    return connection
