"""The statements of the history: what each function does to the tables, in the thread of the database."""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from wav2vec2_app.server.schema import HistoryItemJson
from wav2vec2_app.server.storage import correction_rows
from wav2vec2_app.server.storage.packing import PackedItem
from wav2vec2_app.server.storage.queries import excerpt, full_text, indexed
from wav2vec2_app.server.storage.records import ListQuery, clean_name, no_item

UNTITLED: Final = "recording"
_CHANGED: Final = (
    "SELECT (corrections.words IS NOT NULL) + 2 * (names != '{}') FROM corrections WHERE "  # noqa: S608
    + correction_rows.IS_SHOWN
)
_COLUMNS: Final = (
    "items.number, items.id, items.name, items.created, items.duration_s, items.words, items.confidence, "  # noqa: S608
    "items.model, items.has_emission, items.audio, items.content_bytes + items.audio_bytes AS size, "
    "items.text, (SELECT group_concat(tag, char(31)) FROM tags WHERE tags.number = items.number) AS tags, "
    f"({_CHANGED}) AS changed"
)


@dataclass(frozen=True)
class Page:
    """Items of a list with their numbers, and whether there are older ones."""

    items: Sequence[HistoryItemJson]
    last: int | None


# --- storing ------------------------------------------------------------------------------------


def number_of_request(connection: sqlite3.Connection, owner: str, request_id: str) -> int | None:
    """The item that has the result of a request."""
    row = connection.execute(
        "SELECT number FROM requests JOIN items USING (number) WHERE requests.id = ? AND owner = ?",
        (request_id, owner),
    ).fetchone()
    return row["number"] if row else None


def insert(connection: sqlite3.Connection, item: PackedItem, created: float) -> int:
    """Store a new item; returns its number."""
    new, item_id = item.new, uuid.uuid4().hex
    cursor = connection.execute(
        """
        INSERT INTO items (id, owner, name, created, duration_s, words, confidence, model,
            has_emission, audio, audio_bytes, content_bytes, text)
        VALUES (?, ?, ?, ?, 0, 0, 0, '', 0, '', 0, 0, '')
        """,
        (item_id, new.owner, clean_name(new.name) or UNTITLED, created),
    )
    number = int(cursor.lastrowid or 0)
    connection.execute("INSERT INTO requests (id, number) VALUES (?, ?)", (item_id, number))
    connection.execute("INSERT INTO contents (number, response) VALUES (?, '')", (number,))
    replace(connection, number, item)
    return number


def replace(connection: sqlite3.Connection, number: int, item: PackedItem) -> None:
    """Put another transcript into an item; its name, tags, age, audio and corrections stay."""
    response, new, transcript = item.response, item.new, correction_rows.digest(item.response)
    connection.execute(
        """
        UPDATE items SET duration_s = ?, words = ?, confidence = ?, model = ?, has_emission = ?,
            content_bytes = ?, text = ?, transcript = ?
        WHERE number = ?
        """,
        (response.duration_s, len(response.words), response.confidence, response.model.name,
         item.emission is not None, item.size + correction_rows.size_of(connection, number),
         item.text, transcript, number),
    )  # fmt: skip
    connection.execute(
        "UPDATE contents SET response = ?, emission = ? WHERE number = ?",
        (item.packed_response, item.emission, number),
    )
    connection.execute(
        "INSERT OR REPLACE INTO requests VALUES (?, ?, ?)", (new.request_id, number, transcript)
    )
    connection.execute("INSERT OR REPLACE INTO vectors VALUES (?, ?)", (number, item.vector))
    correction_rows.show(connection, number)
    index(connection, number)


def add_audio(connection: sqlite3.Connection, number: int, suffix: str, size: int) -> None:
    """Note that the recording of an item is stored, and under which ending."""
    connection.execute(
        "UPDATE items SET audio = ?, audio_bytes = ? WHERE number = ?", (suffix, size, number)
    )


def wants_audio(connection: sqlite3.Connection, owner: str) -> bool:
    """Whether recordings of an owner are stored."""
    found = connection.execute("SELECT 1 FROM owners_with_audio WHERE owner = ?", (owner,))
    return found.fetchone() is not None


def store_audio(connection: sqlite3.Connection, owner: str, *, on: bool) -> None:
    """Whether recordings are stored from now on; without, no item has one any more."""
    if on:
        connection.execute("INSERT OR IGNORE INTO owners_with_audio VALUES (?)", (owner,))
        return
    connection.execute("DELETE FROM owners_with_audio WHERE owner = ?", (owner,))
    connection.execute("UPDATE items SET audio = '', audio_bytes = 0 WHERE owner = ?", (owner,))


def index(connection: sqlite3.Connection, number: int) -> None:
    """Put an item's words into the full-text index, in place of those that are there."""
    connection.execute("DELETE FROM search WHERE rowid = ?", (number,))
    [(owner, name, text)] = connection.execute(
        "SELECT owner, name, text FROM items WHERE number = ?", (number,)
    )
    tags = " ".join(_tags(connection, number))
    words = (indexed(one) for one in (name, tags, text))
    connection.execute(
        "INSERT INTO search (rowid, owner, name, tags, text) VALUES (?, ?, ?, ?, ?)",
        (number, owner, *words),
    )


# --- finding ------------------------------------------------------------------------------------


def find(connection: sqlite3.Connection, owner: str, item_id: str, since: float) -> sqlite3.Row:
    """The row of an item.

    Raises:
        InputError: ``history.not_found``.
    """
    return _row(connection, "id", (item_id, owner, since))


def find_number(
    connection: sqlite3.Connection, owner: str, number: int, since: float
) -> sqlite3.Row:
    """The row of an item; an error like :func:`find`."""
    return _row(connection, "number", (number, owner, since))


def _row(connection: sqlite3.Connection, column: str, values: tuple[object, ...]) -> sqlite3.Row:
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM items WHERE {column} = ? AND owner = ? AND created >= ?",  # noqa: S608
        values,
    ).fetchone()
    if row is None:
        raise no_item()
    found: sqlite3.Row = row
    return found


def listed(
    connection: sqlite3.Connection, owner: str, query: ListQuery, since: float, retention_s: float
) -> Page:
    """One page of the items that a query finds, the newest first."""
    where, values = ["items.owner = ?", "items.created >= ?"], [owner, since]
    source = "items"
    if words := full_text(owner, query.text):
        source = "search JOIN items ON items.number = search.rowid"
        where, values = ["search MATCH ?", *where], [words, *values]
    if query.before is not None:
        where.append("search.rowid < ?" if words else "items.number < ?")
        values.append(query.before)
    if query.tag:
        where.append("items.number IN (SELECT number FROM tags WHERE tag = ?)")
        values.append(query.tag)
    order = "search.rowid" if words else "items.number"
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM {source} WHERE {' AND '.join(where)} "  # noqa: S608 - constants
        f"ORDER BY {order} DESC LIMIT ?",
        (*values, query.limit + 1),
    ).fetchall()
    shown = rows[: query.limit]
    found = [item_json(row, retention_s, query.text) for row in shown]
    return Page(found, shown[-1]["number"] if len(rows) > query.limit else None)


def every(connection: sqlite3.Connection, owner: str, since: float) -> list[sqlite3.Row]:
    """All items of an owner, the oldest first."""
    return connection.execute(
        f"SELECT {_COLUMNS} FROM items WHERE owner = ? AND created >= ? ORDER BY number",  # noqa: S608
        (owner, since),
    ).fetchall()


def item_json(row: sqlite3.Row, retention_s: float, query: str = "") -> HistoryItemJson:
    """The JSON of a row."""
    return HistoryItemJson(
        id=row["id"],
        name=row["name"],
        tags=tuple(sorted(filter(None, (row["tags"] or "").split("\x1f")), key=str.casefold)),
        created=round(row["created"], 3),
        expires=round(row["created"] + retention_s, 3),
        duration_s=row["duration_s"],
        words=row["words"],
        confidence=row["confidence"],
        model=row["model"],
        has_emission=bool(row["has_emission"]),
        has_audio=bool(row["audio"]),
        corrected=bool((row["changed"] or 0) & 1),
        renamed=bool((row["changed"] or 0) & 2),
        size_bytes=row["size"],
        excerpt=excerpt(row["text"], query),
    )


def totals(connection: sqlite3.Connection, owner: str, since: float) -> tuple[int, int]:
    """Number and size of the items of an owner."""
    [(count, size)] = connection.execute(
        "SELECT count(*), ifnull(sum(content_bytes + audio_bytes), 0) FROM items "
        "WHERE owner = ? AND created >= ?",
        (owner, since),
    )
    return count, size


def all_tags(connection: sqlite3.Connection, owner: str) -> tuple[str, ...]:
    """Every tag of an owner, by its name."""
    rows = connection.execute(
        "SELECT DISTINCT tag FROM tags JOIN items USING (number) WHERE owner = ?", (owner,)
    )
    return tuple(sorted((row["tag"] for row in rows), key=str.casefold))


def _tags(connection: sqlite3.Connection, number: int) -> list[str]:
    rows = connection.execute("SELECT tag FROM tags WHERE number = ?", (number,))
    return sorted((row["tag"] for row in rows), key=str.casefold)


# --- changing and deleting ----------------------------------------------------------------------


def set_name(connection: sqlite3.Connection, number: int, name: str) -> None:
    """Rename an item."""
    connection.execute("UPDATE items SET name = ? WHERE number = ?", (name, number))


def set_tags(connection: sqlite3.Connection, number: int, tags: Sequence[str]) -> None:
    """Replace the tags of an item."""
    connection.execute("DELETE FROM tags WHERE number = ?", (number,))
    connection.executemany("INSERT INTO tags VALUES (?, ?)", [(number, tag) for tag in tags])


def delete(connection: sqlite3.Connection, numbers: Sequence[int]) -> None:
    """Delete items and everything that belongs to them, except their files."""
    for table in ("contents", "tags", "requests", "vectors", "corrections", "items"):
        connection.executemany(
            f"DELETE FROM {table} WHERE number = ?",  # noqa: S608 - a constant
            [(number,) for number in numbers],
        )
    connection.executemany("DELETE FROM search WHERE rowid = ?", [(one,) for one in numbers])


def forget_deleted_words(connection: sqlite3.Connection) -> None:
    """Write the full-text index again: deletions only mark its entries as deleted."""
    connection.execute("INSERT INTO search (search) VALUES ('optimize')")


def numbers_of(connection: sqlite3.Connection, owner: str) -> list[int]:
    """The items of an owner."""
    rows = connection.execute("SELECT number FROM items WHERE owner = ?", (owner,))
    return [row["number"] for row in rows]


def expired(connection: sqlite3.Connection, since: float) -> list[int]:
    """The items that were stored before ``since``."""
    rows = connection.execute("SELECT number FROM items WHERE created < ?", (since,))
    return [row["number"] for row in rows]


def oldest_above(connection: sqlite3.Connection, limit: int, share: float) -> int | None:
    """The item to be deleted next while all take more than ``limit`` bytes; ``None`` if they do not.

    The oldest one of the owner with most bytes if that has more than its share, else of all.
    """
    [(total,)] = connection.execute("SELECT ifnull(sum(content_bytes + audio_bytes), 0) FROM items")
    if total <= limit:
        return None
    owner, size = connection.execute(
        "SELECT owner, sum(content_bytes + audio_bytes) AS size FROM items "
        "GROUP BY owner ORDER BY size DESC LIMIT 1"
    ).fetchone()
    if size > share * limit:
        found = connection.execute("SELECT min(number) FROM items WHERE owner = ?", (owner,))
    else:
        found = connection.execute("SELECT min(number) FROM items")
    number: int = found.fetchone()[0]
    return number
