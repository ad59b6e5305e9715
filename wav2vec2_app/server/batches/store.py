"""The batches and their uploads on disk."""

from __future__ import annotations

import secrets
import shutil
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from wav2vec2_app.errors import Wav2Vec2Error
from wav2vec2_app.server import schema
from wav2vec2_app.server.batches import rows
from wav2vec2_app.server.batches.migrations import BATCHES
from wav2vec2_app.server.batches.records import (
    MAX_BATCHES,
    BatchBounds,
    BatchOptions,
    NewFile,
    WaitingFile,
    interrupted,
    no_batch,
    not_missing,
    too_many_batches,
)
from wav2vec2_app.server.storage.database import Database, transaction
from wav2vec2_app.server.storage.records import clean_name

BATCHES_FILE: Final = "batches.sqlite3"
UPLOADS_FOLDER: Final = "batch-uploads"
ID_BYTES: Final = 12

Fractions = Mapping[tuple[str, int], float]
"""How much of each running file is transcribed, by batch and number."""
Result = tuple[schema.BatchFileJson, schema.TranscriptionResponse | None]


class BatchStore:
    """The batches of all owners. An upload is stored until its file is done or has failed, no longer.

    Args:
        folder: of the database and the uploads.
        policy: bounds.
        now: seconds since 1970.
    """

    def __init__(
        self, folder: Path, policy: BatchBounds, *, now: Callable[[], float] = time.time
    ) -> None:
        self.policy = policy
        self.folder = folder
        self._now = now
        self._uploads = folder / UPLOADS_FOLDER
        self._database = Database(folder / BATCHES_FILE, BATCHES)
        self._served: Counter[str] = Counter()

    async def start(self) -> None:
        """Open the database, and put back what was running when the server stopped.

        Raises:
            ResourceError: ``storage.…``.
        """
        await self._database.write(self._recover)

    async def close(self) -> None:
        """Finish what is being written."""
        await self._database.close()

    # --- for clients ---

    async def create(
        self, owner: str, name: str, options: BatchOptions, files: Sequence[NewFile]
    ) -> str:
        """A new batch whose files are missing yet; returns its id.

        Raises:
            InputError: ``batch.empty``, ``batch.too_many_files``.
            BusyError: ``batch.full``, ``batch.too_many``.
            ResourceError: ``storage.…``.
        """
        self.policy.check(files)
        batch = secrets.token_hex(ID_BYTES)

        def work(connection: sqlite3.Connection) -> None:
            self.policy.check_room(rows.open_bytes(connection), sum(one.size for one in files))
            if len(rows.all_of(connection, owner)) >= MAX_BATCHES:
                raise too_many_batches()
            with transaction(connection):
                new = (batch, owner, clean_name(name))
                rows.insert(connection, new, options, files, self._now())

        await self._database.write(work)
        return batch

    async def add_upload(self, owner: str, batch: str, number: int, upload: Path) -> None:
        """Take the upload of a missing file over: the file is moved.

        Raises:
            InputError: ``batch.not_found``, ``batch.file_sent``.
            BusyError: ``batch.full``.
            ResourceError: ``storage.…``.
        """

        def work(connection: sqlite3.Connection) -> None:
            rows.find(connection, owner, batch)
            self._check_missing(connection, batch, number)
            size = upload.stat().st_size
            self.policy.check_room(rows.open_bytes(connection), size)
            path = self._path(batch, number)
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                shutil.move(upload, path)
                self._change(connection, batch, number, {"state": "waiting", "size": size})
            except BaseException:
                path.unlink(missing_ok=True)
                raise

        await self._database.write(work)

    async def check_missing(self, owner: str, batch: str, number: int) -> None:
        """Check that the upload of a file is missing; errors like :meth:`add_upload`."""

        def work(connection: sqlite3.Connection) -> None:
            rows.find(connection, owner, batch)
            self._check_missing(connection, batch, number)

        await self._database.read(work)

    async def get(
        self, owner: str, batch: str, after: int, progress: Fractions
    ) -> schema.BatchResponse:
        """A batch with the files that have changed after a version.

        Raises:
            InputError: ``batch.not_found``.
        """

        def work(connection: sqlite3.Connection) -> schema.BatchResponse:
            row = rows.find(connection, owner, batch)
            found = [
                rows.file_json(one, progress.get((batch, one["number"]), 0.0))
                for one in rows.files(connection, batch, after)
            ]
            return self._batch(connection, row, found)

        return await self._database.read(work)

    async def overview(self, owner: str) -> schema.BatchListResponse:
        """The batches of an owner, without their files."""

        def work(connection: sqlite3.Connection) -> schema.BatchListResponse:
            found = [self._batch(connection, row, ()) for row in rows.all_of(connection, owner)]
            return schema.BatchListResponse(
                batches=tuple(found),
                retention_s=self.policy.retention_s,
                most_files=self.policy.max_files,
            )

        return await self._database.read(work)

    async def results(self, owner: str, batch: str) -> tuple[str, BatchOptions, Sequence[Result]]:
        """The name of a batch, its options, and every file with its transcription."""

        def work(connection: sqlite3.Connection) -> tuple[str, BatchOptions, Sequence[Result]]:
            row = rows.find(connection, owner, batch)
            options = BatchOptions.from_json(row["options"])
            return row["name"], options, rows.results(connection, batch)

        return await self._database.scan(work)

    async def delete(self, owner: str, batch: str) -> None:
        """Delete a batch with its uploads and results."""

        def work(connection: sqlite3.Connection) -> None:
            rows.find(connection, owner, batch)
            self._delete(connection, [batch])

        await self._database.write(work)

    async def purge(self) -> int:
        """Delete what is too old; returns how many batches that were."""

        def work(connection: sqlite3.Connection) -> int:
            found = rows.expired(connection, self._now() - self.policy.retention_s)
            self._delete(connection, found)
            return len(found)

        return await self._database.write(work)

    # --- for the runner ---

    async def next(self) -> WaitingFile | None:
        """The next file, which is running from now on; owners take turns. ``None`` if none waits."""

        def work(connection: sqlite3.Connection) -> WaitingFile | None:
            waiting = rows.next_waiting(connection)
            if not waiting:
                return None
            row = min(waiting, key=lambda one: self._served[one["owner"]])
            self._served[row["owner"]] += 1
            batch, number = row["batch"], row["number"]
            values = {"state": "running", "attempts": row["attempts"] + 1}
            self._change(connection, batch, number, values)
            options = BatchOptions.from_json(row["options"])
            return WaitingFile(
                batch, number, row["owner"], row["name"], self._path(batch, number), options
            )

        return await self._database.write(work)

    async def finish(
        self,
        file: WaitingFile,
        outcome: schema.TranscriptionResponse | Wav2Vec2Error,
        took_s: float,
    ) -> None:
        """Store the result of a file, and delete its upload."""

        def work(connection: sqlite3.Connection) -> None:
            if isinstance(outcome, Wav2Vec2Error):
                values = rows.failed_values(outcome, took_s)
            else:
                values = rows.done_values(outcome, took_s)
            self._change(connection, file.batch, file.number, values)
            file.path.unlink(missing_ok=True)
            with suppress(OSError):
                file.path.parent.rmdir()  # after the last one

        await self._database.write(work)

    async def put_back(self, file: WaitingFile) -> None:
        """A running file waits again: the server is stopping."""

        def work(connection: sqlite3.Connection) -> None:
            if file.path.is_file():
                self._change(
                    connection, file.batch, file.number, {"state": "waiting", "attempts": 0}
                )

        await self._database.write(work)

    # --- inside ---

    def _path(self, batch: str, number: int) -> Path:
        return self._uploads / batch / str(number)

    def _change(
        self,
        connection: sqlite3.Connection,
        batch: str,
        number: int,
        values: Mapping[str, object],
    ) -> None:
        with transaction(connection):
            rows.change(connection, batch, number, self._now(), values)

    def _check_missing(self, connection: sqlite3.Connection, batch: str, number: int) -> None:
        row = connection.execute(
            "SELECT state FROM files WHERE batch = ? AND number = ?", (batch, number)
        ).fetchone()
        if row is None:
            raise no_batch()
        if row["state"] != "missing":
            raise not_missing()

    def _batch(
        self,
        connection: sqlite3.Connection,
        row: sqlite3.Row,
        found: Sequence[schema.BatchFileJson],
    ) -> schema.BatchResponse:
        counted, pace = rows.counts(connection, row["id"]), rows.pace(connection)
        left = rows.open_bytes(connection, row["id"])
        eta_s = round(left * pace, 1) if pace is not None and not counted.missing else None
        return rows.batch_json(row, counted, found, eta_s, self.policy.retention_s)

    def _delete(self, connection: sqlite3.Connection, batches: Sequence[str]) -> None:
        with transaction(connection):
            rows.delete(connection, batches)
        for batch in batches:
            shutil.rmtree(self._uploads / batch, ignore_errors=True)

    def _recover(self, connection: sqlite3.Connection) -> None:
        """After a stop: running files wait again, and uploads that nothing needs are deleted."""
        for row in rows.running(connection):
            values: Mapping[str, object] = {"state": "waiting"}
            if row["attempts"] >= self.policy.attempts:
                values = rows.failed_values(interrupted(row["attempts"]), 0.0)
            self._change(connection, row["batch"], row["number"], values)
        needed = rows.unfinished(connection)
        for batch, number in needed:
            if not self._path(batch, number).is_file():
                self._change(connection, batch, number, {"state": "missing"})
        for path in self._uploads.glob("*/*"):
            if not path.name.isdigit() or (path.parent.name, int(path.name)) not in needed:
                path.unlink(missing_ok=True)
