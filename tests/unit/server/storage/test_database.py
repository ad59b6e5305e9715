"""The database: migrations, transactions, and what can be wrong with a file or a disk."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from wav2vec2_app.errors import ResourceError
from wav2vec2_app.server.storage import database as module
from wav2vec2_app.server.storage.database import Database, transaction
from wav2vec2_app.server.storage.errors import storage_error

ONE = ("CREATE TABLE numbers (number INTEGER)",)
TWO = (
    "ALTER TABLE numbers ADD COLUMN name TEXT NOT NULL DEFAULT ''",
    "INSERT INTO numbers VALUES (1, 'one')",
)
BROKEN = ("INSERT INTO numbers VALUES (2, 'two')", "INSERT INTO nowhere VALUES (1)")

MakeDatabase = Callable[..., Database]


@pytest.fixture
async def make(tmp_path: Path) -> AsyncIterator[MakeDatabase]:
    made: list[Database] = []

    def make(*migrations: Any, path: Path = tmp_path / "folder" / "test.sqlite3") -> Database:
        made.append(Database(path, migrations, busy_s=0.05))
        return made[-1]

    yield make
    for one in made:
        await one.close()


def rows(connection: sqlite3.Connection) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in connection.execute("SELECT * FROM numbers")]


async def code_of(work: Any) -> str:
    with pytest.raises(ResourceError) as caught:
        await work
    assert caught.value.hint
    return caught.value.code


async def test_migrations_lead_from_any_version_to_the_newest(make: MakeDatabase) -> None:
    old = make(ONE)
    await old.write(lambda one: one.execute("INSERT INTO numbers VALUES (7)"))
    await old.close()

    assert await make(ONE, TWO).write(rows) == [(7, ""), (1, "one")]
    assert await make(ONE, TWO).read(rows) == [(7, ""), (1, "one")]  # once only


async def test_failed_migration_changes_nothing(make: MakeDatabase) -> None:
    await make(ONE, TWO).write(rows)

    assert (await code_of(make(ONE, TWO, BROKEN).write(rows))).startswith("storage.")

    assert await make(ONE, TWO).write(rows) == [(1, "one")]


async def test_file_of_a_newer_version_is_not_touched(make: MakeDatabase) -> None:
    await make(ONE, TWO).write(rows)
    old = make(ONE)

    assert await code_of(old.write(rows)) == "storage.newer"
    assert await code_of(old.read(rows)) == "storage.newer"

    assert await make(ONE, TWO).read(rows) == [(1, "one")]


async def test_failed_transaction_changes_nothing(make: MakeDatabase) -> None:
    database = make(ONE)

    def work(connection: sqlite3.Connection) -> None:
        with transaction(connection):
            connection.execute("INSERT INTO numbers VALUES (1)")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await database.write(work)

    assert await database.write(rows) == []


async def test_reading_does_not_wait_for_writing(make: MakeDatabase) -> None:
    database = make(ONE)
    await database.write(lambda one: one.execute("INSERT INTO numbers VALUES (1)"))
    release = asyncio.Event()
    loop = asyncio.get_running_loop()
    writing = asyncio.Event()

    def work(connection: sqlite3.Connection) -> None:
        with transaction(connection):
            connection.execute("INSERT INTO numbers VALUES (2)")
            loop.call_soon_threadsafe(writing.set)
            asyncio.run_coroutine_threadsafe(release.wait(), loop).result()

    write = asyncio.create_task(database.write(work))
    await writing.wait()

    assert await database.read(rows) == [(1,)]
    release.set()
    await write
    assert await database.read(rows) == [(1,), (2,)]


@pytest.mark.parametrize("how", ["read", "scan"])
async def test_reading_sees_one_state(make: MakeDatabase, how: str) -> None:
    """What is written between two statements of a reader is for the next reader."""
    database = make(ONE)
    await database.write(rows)
    read, loop = getattr(database, how), asyncio.get_running_loop()

    def twice(connection: sqlite3.Connection) -> tuple[Any, Any]:
        first = rows(connection)
        insert = database.write(lambda one: one.execute("INSERT INTO numbers VALUES (7)"))
        asyncio.run_coroutine_threadsafe(insert, loop).result()
        return first, rows(connection)

    assert await read(twice) == ([], [])
    assert await read(rows) == [(7,)]


async def test_readers_cannot_write(make: MakeDatabase) -> None:
    database = make(ONE)

    assert (
        await code_of(database.read(lambda one: one.execute("DELETE FROM numbers")))
        == "storage.folder"
    )


async def test_locked_file_is_an_error_and_works_again_afterwards(
    make: MakeDatabase, tmp_path: Path
) -> None:
    database = make(ONE)
    await database.write(rows)

    def insert(connection: sqlite3.Connection) -> None:
        with transaction(connection):
            connection.execute("INSERT INTO numbers VALUES (1)")

    other = sqlite3.connect(database.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert await code_of(database.write(insert)) == "storage.locked"
    other.execute("ROLLBACK")
    other.close()

    await database.write(insert)
    assert await database.read(rows) == [(1,)]


async def test_full_disk_is_an_error_and_works_again_afterwards(make: MakeDatabase) -> None:
    database = make(ONE)

    def fill(connection: sqlite3.Connection) -> None:
        with transaction(connection):
            connection.executemany("INSERT INTO numbers VALUES (?)", [(n,) for n in range(100_000)])

    await database.write(lambda one: one.execute("PRAGMA max_page_count = 10"))
    assert await code_of(database.write(fill)) == "storage.full"
    await database.write(lambda one: one.execute("PRAGMA max_page_count = 100000"))

    await database.write(fill)


@pytest.mark.parametrize(
    "content", [b"no database at all" * 100, b"SQLite format 3\x00" + b"\xff" * 4096]
)
async def test_damaged_file_is_an_error(make: MakeDatabase, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "test.sqlite3"
    path.write_bytes(content)

    assert await code_of(make(ONE, path=path).write(rows)) in ("storage.broken", "storage.failed")
    assert path.read_bytes() == content


async def test_folder_that_is_a_file_is_an_error(make: MakeDatabase, tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    assert (
        await code_of(make(ONE, path=tmp_path / "file" / "x.sqlite3").write(rows))
        == "storage.folder"
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="the root user may write everywhere")
async def test_folder_that_cannot_be_written_is_an_error(
    make: MakeDatabase, tmp_path: Path
) -> None:
    tmp_path.chmod(0o500)

    assert await code_of(make(ONE).write(rows)) == "storage.folder"


async def test_closing_finishes_what_has_begun(make: MakeDatabase) -> None:
    database = make(ONE)
    writes = [
        asyncio.create_task(
            database.write(lambda one: one.execute("INSERT INTO numbers VALUES (1)"))
        )
        for _ in range(20)
    ]
    await asyncio.sleep(0)

    await database.close()

    await asyncio.gather(*writes)
    assert len(await make(ONE).read(rows)) == 20


MESSAGES = {
    sqlite3.OperationalError("database or disk is full"): "storage.full",
    OSError(28, "No space left on device"): "storage.full",
    sqlite3.OperationalError("attempt to write a readonly database"): "storage.folder",
    sqlite3.OperationalError("unable to open database file"): "storage.folder",
    PermissionError(13, "Permission denied"): "storage.folder",
    sqlite3.OperationalError("database table is locked"): "storage.locked",
    sqlite3.DatabaseError("database disk image is malformed"): "storage.broken",
    sqlite3.DatabaseError("file is not a database"): "storage.broken",
    sqlite3.OperationalError("no such module: fts5"): "storage.search",
    sqlite3.OperationalError("disk I/O error"): "storage.failed",
}


@pytest.mark.parametrize(("failure", "code"), MESSAGES.items(), ids=map(str, MESSAGES))
def test_failures_of_storage_have_a_code_and_no_path(failure: Exception, code: str) -> None:
    error = storage_error(failure)

    assert error.code == code
    assert "/" not in error.message


def test_pragmas_protect_what_was_deleted() -> None:
    assert "PRAGMA secure_delete = ON" in module.PRAGMAS
