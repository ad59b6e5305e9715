"""The statements of corrections, in the thread of the database.

A correction belongs to one transcript of an item: once the item is decoded again with other options, its
new transcript is shown, and with the earlier options the correction is shown again.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from dataclasses import dataclass
from typing import Final

from wav2vec2_app.server.schema import TranscriptionResponse

MAX_TRANSCRIPTS: Final = 8
"""Transcripts of an item whose corrections are kept, the latest ones."""
IS_SHOWN: Final = "corrections.number = items.number AND corrections.transcript = items.transcript"
"""Which correction of an item is shown."""


@dataclass(frozen=True)
class PackedCorrection:
    """A correction as it is stored.

    Attributes:
        names: of speakers by their labels, as JSON.
        words: as :func:`pack_words` packs them; ``None`` if they are the original ones, and then
        text, word_count, confidence: have no meaning.
    """

    names: str
    words: bytes | None = None
    text: str = ""
    word_count: int = 0
    confidence: float = 0.0

    @property
    def size(self) -> int:
        """What it takes, bytes."""
        return len(self.words or b"") + len(self.names.encode()) + 2 * len(self.text.encode())


def digest(response: TranscriptionResponse) -> str:
    """The same for two transcripts with the same words at the same times."""
    found = hashlib.sha256()
    for word in response.words:
        found.update(f"{word.text}\0{word.start}\0{word.end}\0{word.speaker}\n".encode())
    return found.hexdigest()[:16]


def place_of(
    connection: sqlite3.Connection, owner: str, item: str, since: float
) -> tuple[int, str] | None:
    """The number of an item, and its transcript: that of a request, or the one that is shown."""
    row = connection.execute(
        "SELECT number, CASE WHEN items.id = requests.id THEN items.transcript "
        "ELSE requests.transcript END AS transcript FROM requests JOIN items USING (number) "
        "WHERE requests.id = ? AND owner = ? AND created >= ?",
        (item, owner, since),
    ).fetchone()
    return (row["number"], row["transcript"]) if row else None


def store(
    connection: sqlite3.Connection, number: int, transcript: str, packed: PackedCorrection
) -> None:
    """Store the correction of a transcript, in place of the earlier one."""
    before = size_of(connection, number)
    connection.execute(
        "DELETE FROM corrections WHERE number = ? AND transcript = ?", (number, transcript)
    )
    connection.execute(
        "INSERT INTO corrections (number, transcript, words, names, text, word_count, confidence, "
        "size) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (number, transcript, packed.words, packed.names, packed.text, packed.word_count,
         packed.confidence, packed.size),
    )  # fmt: skip
    connection.execute(
        "DELETE FROM corrections WHERE number = ? AND place NOT IN (SELECT place FROM corrections "
        "WHERE number = ? ORDER BY place DESC LIMIT ?)",
        (number, number, MAX_TRANSCRIPTS),
    )
    _resize(connection, number, before)


def delete(connection: sqlite3.Connection, number: int, transcript: str) -> bool:
    """Delete the correction of a transcript; whether there was one."""
    before = size_of(connection, number)
    cursor = connection.execute(
        "DELETE FROM corrections WHERE number = ? AND transcript = ?", (number, transcript)
    )
    _resize(connection, number, before)
    return cursor.rowcount > 0


def size_of(connection: sqlite3.Connection, number: int) -> int:
    """What the corrections of an item take, bytes."""
    [(size,)] = connection.execute(
        "SELECT ifnull(sum(size), 0) FROM corrections WHERE number = ?", (number,)
    )
    return int(size)


def _resize(connection: sqlite3.Connection, number: int, before: int) -> None:
    connection.execute(
        "UPDATE items SET content_bytes = content_bytes + ? WHERE number = ?",
        (size_of(connection, number) - before, number),
    )


def show(connection: sqlite3.Connection, number: int) -> None:
    """Give an item the text of its corrected words, where it has some."""
    connection.execute(
        "UPDATE items SET words = corrections.word_count, confidence = corrections.confidence, "  # noqa: S608
        f"text = corrections.text FROM corrections WHERE {IS_SHOWN} AND corrections.words IS NOT NULL "
        "AND items.number = ?",
        (number,),
    )


def show_original(
    connection: sqlite3.Connection, number: int, shown: tuple[int, float, str]
) -> None:
    """Give an item the number of words, the confidence and the text of its original transcript."""
    connection.execute(
        "UPDATE items SET words = ?, confidence = ?, text = ? WHERE number = ?", (*shown, number)
    )


def shown(connection: sqlite3.Connection, number: int) -> tuple[bytes | None, dict[str, str]]:
    """The words and the names of the correction that is shown; ``None`` for the original words."""
    row = connection.execute(
        "SELECT corrections.words AS words, names FROM corrections JOIN items "  # noqa: S608
        f"ON {IS_SHOWN} WHERE items.number = ?",
        (number,),
    ).fetchone()
    return (row["words"], dict(json.loads(row["names"]))) if row else (None, {})
