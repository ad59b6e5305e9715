"""The history: results of each browser and program, found again by their text."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from wav2vec2_app.server.schema import (
    HistoryItemJson,
    HistoryResponse,
    StoredTranscriptionResponse,
    TranscriptionResponse,
)
from wav2vec2_app.server.storage import items
from wav2vec2_app.server.storage.database import Database, transaction
from wav2vec2_app.server.storage.migrations import HISTORY
from wav2vec2_app.server.storage.packing import pack
from wav2vec2_app.server.storage.recordings import Recordings, suffix_of
from wav2vec2_app.server.storage.records import (
    ListQuery,
    NewItem,
    checked_name,
    checked_tags,
    no_audio,
    too_large,
)
from wav2vec2_app.server.storage.responses import content, original_response, shown_response
from wav2vec2_app.speech.emission import Emission

HISTORY_FILE: Final = "history.sqlite3"
AUDIO_FOLDER: Final = "history-audio"
SHARE: Final = 0.25
"""Part of the size of all histories up to which one cannot lose items in favour of others."""
FREED_PAGES: Final = 1000
"""Pages that a deletion gives back to the file system at most."""


@dataclass(frozen=True)
class HistoryPolicy:
    """Bounds of the history: its age, seconds, and the size of all items together, bytes."""

    retention_s: float = 24 * 3600.0
    limit_bytes: int = 1 << 30


class HistoryStore:
    """The items of all owners; every function is for one owner and finds nothing of others.

    Recordings lie beside the database in files of their own, named after the item's number.

    Args:
        folder: of the database and the recordings.
        policy: bounds.
        now: seconds since 1970.
    """

    def __init__(
        self, folder: Path, policy: HistoryPolicy, *, now: Callable[[], float] = time.time
    ) -> None:
        self.policy = policy
        self._now = now
        self._recordings = Recordings(folder / AUDIO_FOLDER)
        self._marked = True  # entries of the index, perhaps, before the server was started
        self.database = Database(folder / HISTORY_FILE, HISTORY)

    async def start(self) -> None:
        """Open the database, and delete what is too old or has lost its item.

        Raises:
            ResourceError: ``storage.…``.
        """
        await self.purge()
        await self.database.write(self._delete_orphans)

    async def close(self) -> None:
        """Finish what is being stored."""
        await self.database.close()

    # --- storing ---

    async def add(self, new: NewItem) -> None:
        """Store a result; one that decodes an earlier recording again takes the place of its transcript.

        Raises:
            ResourceError: ``storage.…``, ``history.too_large``.
        """
        await self.database.write(lambda connection: self._add(connection, new))

    def _add(self, connection: sqlite3.Connection, new: NewItem) -> None:
        packed = pack(new)
        if packed.size > self.policy.limit_bytes:
            raise too_large()
        with transaction(connection):
            number = items.number_of_request(connection, new.owner, new.replaces or new.request_id)
            if number is not None:
                items.replace(connection, number, packed)
            else:
                number = items.insert(connection, packed, self._now())
                self._store_audio(connection, number, new)
        self.make_room(connection)

    def _store_audio(self, connection: sqlite3.Connection, number: int, new: NewItem) -> None:
        """Copy the recording, if its owner wants that; a failure undoes the item."""
        if new.audio is None or not items.wants_audio(connection, new.owner):
            return
        suffix = suffix_of(new.name)
        size = self._recordings.store(number, suffix, new.audio)
        items.add_audio(connection, number, suffix, size)

    def make_room(self, connection: sqlite3.Connection) -> None:
        """Delete the oldest items while all take more bytes than they may, and those that are too old."""
        while number := items.oldest_above(connection, self.policy.limit_bytes, SHARE):
            self._delete(connection, [number])
        self._delete(connection, items.expired(connection, self.since))

    # --- finding ---

    async def find(self, owner: str, query: ListQuery) -> HistoryResponse:
        """One page of an owner's items. ``problem`` is for the caller to fill in."""

        def work(connection: sqlite3.Connection) -> HistoryResponse:
            since = self.since
            page = items.listed(connection, owner, query, since, self.policy.retention_s)
            total, size = items.totals(connection, owner, since)
            return HistoryResponse(
                items=tuple(page.items),
                next=str(page.last) if page.last is not None else None,
                total=total,
                size_bytes=size,
                tags=items.all_tags(connection, owner),
                retention_s=self.policy.retention_s,
                stores_audio=items.wants_audio(connection, owner),
                problem=None,
            )

        return await self.database.read(work)

    async def get(
        self, owner: str, item_id: str, *, original: bool = False
    ) -> StoredTranscriptionResponse:
        """An item with its transcription: as it was corrected, or the original.

        Raises:
            InputError: ``history.not_found``.
        """

        def work(connection: sqlite3.Connection) -> StoredTranscriptionResponse:
            row = items.find(connection, owner, item_id, self.since)
            item = items.item_json(row, self.policy.retention_s)
            answer = (original_response if original else shown_response)(connection, row["number"])
            return StoredTranscriptionResponse(item=item, transcription=answer)

        return await self.database.read(work)

    async def content(
        self, owner: str, item_id: str
    ) -> tuple[TranscriptionResponse, Sequence[Emission]]:
        """The response and the emissions of an item, see :meth:`get`."""

        def work(
            connection: sqlite3.Connection,
        ) -> tuple[TranscriptionResponse, Sequence[Emission]]:
            row = items.find(connection, owner, item_id, self.since)
            return content(connection, row["number"])

        return await self.database.read(work)

    async def audio(self, owner: str, item_id: str) -> tuple[Path, str]:
        """The recording of an item and its name.

        Raises:
            InputError: ``history.not_found``, ``history.no_audio``.
        """

        def work(connection: sqlite3.Connection) -> tuple[Path, str]:
            row = items.find(connection, owner, item_id, self.since)
            path = self._recordings.path(row["number"], row["audio"])
            if not row["audio"] or not path.is_file():
                raise no_audio()
            return path, row["name"]

        return await self.database.read(work)

    async def everything(
        self, owner: str, use: Callable[[StoredTranscriptionResponse, Path | None], None]
    ) -> None:
        """Call ``use`` in a thread with every item of an owner, the oldest first, and its recording.

        Raises:
            ResourceError: ``storage.…``.
        """

        def work(connection: sqlite3.Connection) -> None:
            for row in items.every(connection, owner, self.since):
                item = items.item_json(row, self.policy.retention_s)
                path = self._recordings.path(row["number"], row["audio"]) if row["audio"] else None
                answer = shown_response(connection, row["number"])
                use(StoredTranscriptionResponse(item=item, transcription=answer), path)

        await self.database.scan(work)

    # --- changing ---

    async def change(
        self,
        owner: str,
        item_id: str,
        name: str | None = None,
        tags: Sequence[str] | None = None,
    ) -> HistoryItemJson:
        """Rename an item, or replace its tags; ``None`` leaves them.

        Raises:
            InputError: ``history.not_found``, ``history.bad_name``, ``history.bad_tags``.
        """
        new_name = None if name is None else checked_name(name)
        new_tags = None if tags is None else checked_tags(tags)

        def work(connection: sqlite3.Connection) -> HistoryItemJson:
            number = items.find(connection, owner, item_id, self.since)["number"]
            with transaction(connection):
                if new_name is not None:
                    items.set_name(connection, number, new_name)
                if new_tags is not None:
                    items.set_tags(connection, number, new_tags)
                items.index(connection, number)
            row = items.find(connection, owner, item_id, self.since)
            return items.item_json(row, self.policy.retention_s)

        return await self.database.write(work)

    async def store_audio(self, owner: str, *, on: bool) -> None:
        """Whether recordings of an owner are stored from now on; without, those stored are deleted."""

        def work(connection: sqlite3.Connection) -> None:
            with transaction(connection):
                items.store_audio(connection, owner, on=on)
            if not on:
                self._recordings.delete(items.numbers_of(connection, owner))

        await self.database.write(work)

    async def delete(self, owner: str, item_id: str) -> int:
        """Delete one item; an error like :meth:`get`."""

        def work(connection: sqlite3.Connection) -> int:
            row = items.find(connection, owner, item_id, self.since)
            return self._delete(connection, [row["number"]])

        return await self.database.write(work)

    async def delete_all(self, owner: str) -> int:
        """Delete all items of an owner; returns how many there were."""

        def work(connection: sqlite3.Connection) -> int:
            return self._delete_finally(connection, items.numbers_of(connection, owner))

        return await self.database.write(work)

    async def purge(self) -> int:
        """Delete what is too old; returns how many items that were."""

        def work(connection: sqlite3.Connection) -> int:
            return self._delete_finally(connection, items.expired(connection, self.since))

        return await self.database.write(work)

    # --- inside ---

    @property
    def since(self) -> float:
        """Items that were stored before are too old, and found no more."""
        return self._now() - self.policy.retention_s

    def _delete_finally(self, connection: sqlite3.Connection, numbers: Sequence[int]) -> int:
        """Delete items, and the words of all deleted items from the index, which takes longer."""
        deleted = self._delete(connection, numbers)
        if self._marked:
            items.forget_deleted_words(connection)
            self._marked = False
        return deleted

    def _delete(self, connection: sqlite3.Connection, numbers: Sequence[int]) -> int:
        if not numbers:
            return 0
        with transaction(connection):
            items.delete(connection, numbers)
        self._marked = True
        self._recordings.delete(numbers)
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)")  # what was deleted leaves the log, too
        connection.execute(f"PRAGMA incremental_vacuum({FREED_PAGES})").fetchall()
        return len(numbers)

    def _delete_orphans(self, connection: sqlite3.Connection) -> None:
        rows = connection.execute("SELECT number FROM items WHERE audio != ''")
        self._recordings.keep_only({row["number"] for row in rows})
