"""The statements of the batches: what each function does to the tables, in the thread of the database."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from wav2vec2_app.errors import Wav2Vec2Error
from wav2vec2_app.server.batches.records import BatchOptions, NewFile, no_batch
from wav2vec2_app.server.schema import (
    BatchCountsJson,
    BatchFileJson,
    BatchResponse,
    ErrorJson,
    TranscriptionResponse,
    error_json,
)
from wav2vec2_app.server.storage.content import pack_response, unpack_response
from wav2vec2_app.speech.spelling import spelled_text

TEXT_CHARACTERS: Final = 300
"""Characters of a transcript in the table of files."""
OPEN: Final = ("missing", "waiting", "running")
"""States of files that are not finished."""


def insert(
    connection: sqlite3.Connection,
    batch: tuple[str, str, str],
    options: BatchOptions,
    files: Sequence[NewFile],
    now: float,
) -> None:
    """Store a new batch, of which ``batch`` is the id, the owner and the name."""
    connection.execute(
        "INSERT INTO batches (id, owner, name, created, touched, version, options) "
        "VALUES (?, ?, ?, ?, ?, 1, ?)",
        (*batch, now, now, options.to_json()),
    )
    connection.executemany(
        "INSERT INTO files (batch, number, name, size, state, version) "
        "VALUES (?, ?, ?, ?, 'missing', 1)",
        [(batch[0], number, one.shown_name, one.size) for number, one in enumerate(files, start=1)],
    )


def change(
    connection: sqlite3.Connection,
    batch: str,
    number: int,
    now: float,
    values: Mapping[str, object],
) -> bool:
    """Change a file, and note that it has changed; whether it is still there."""
    connection.execute(
        "UPDATE batches SET version = version + 1, touched = ? WHERE id = ?", (now, batch)
    )
    names = ", ".join(f"{name} = :{name}" for name in values)
    cursor = connection.execute(
        f"UPDATE files SET {names}, version = (SELECT version FROM batches WHERE id = :batch) "  # noqa: S608
        "WHERE batch = :batch AND number = :number",
        {**values, "batch": batch, "number": number},
    )
    return cursor.rowcount > 0


def done_values(answer: TranscriptionResponse, took_s: float) -> dict[str, object]:
    """The values of a transcribed file."""
    text = spelled_text(answer.text, "sentence")
    return {
        "state": "done",
        "took_s": took_s,
        "duration_s": answer.duration_s,
        "confidence": answer.confidence,
        "text": " ".join(text.split())[:TEXT_CHARACTERS],
        "response": pack_response(answer),
    }


def failed_values(error: Wav2Vec2Error, took_s: float) -> dict[str, object]:
    """The values of a file that failed."""
    return {"state": "failed", "took_s": took_s, "error": error_json(error).model_dump_json()}


# --- finding ------------------------------------------------------------------------------------


def find(connection: sqlite3.Connection, owner: str, batch: str) -> sqlite3.Row:
    """The row of a batch.

    Raises:
        InputError: ``batch.not_found``.
    """
    row = connection.execute(
        "SELECT * FROM batches WHERE id = ? AND owner = ?", (batch, owner)
    ).fetchone()
    if row is None:
        raise no_batch()
    found: sqlite3.Row = row
    return found


def all_of(connection: sqlite3.Connection, owner: str) -> list[sqlite3.Row]:
    """The batches of an owner, the newest first."""
    query = "SELECT * FROM batches WHERE owner = ? ORDER BY created DESC, id"
    return connection.execute(query, (owner,)).fetchall()


def counts(connection: sqlite3.Connection, batch: str) -> BatchCountsJson:
    """How many files are in each state."""
    rows = connection.execute(
        "SELECT state, count(*) AS count FROM files WHERE batch = ? GROUP BY state", (batch,)
    )
    found = {row["state"]: row["count"] for row in rows}
    states = ("missing", "waiting", "running", "done", "failed")
    return BatchCountsJson(
        total=sum(found.values()), **{state: found.get(state, 0) for state in states}
    )


def pace(connection: sqlite3.Connection) -> float | None:
    """Seconds that a byte took in files that are done; ``None`` if there are none."""
    [(took_s, size)] = connection.execute(
        "SELECT sum(took_s), sum(size) FROM files WHERE state = 'done'"
    )
    return took_s / size if took_s and size else None


def open_bytes(connection: sqlite3.Connection, batch: str | None = None) -> int:
    """Size of the files that have arrived and are not finished: of a batch, or of all."""
    where, values = ("AND batch = ?", (batch,)) if batch is not None else ("", ())
    [(size,)] = connection.execute(
        f"SELECT ifnull(sum(size), 0) FROM files WHERE state IN ('waiting', 'running') {where}",  # noqa: S608
        values,
    )
    return int(size)


def files(connection: sqlite3.Connection, batch: str, after: int) -> list[sqlite3.Row]:
    """The files that have changed after a version, without their responses."""
    return connection.execute(
        "SELECT number, name, size, state, duration_s, confidence, text, error FROM files "
        "WHERE batch = ? AND (version > ? OR state = 'running') ORDER BY number",
        (batch, after),
    ).fetchall()


def results(
    connection: sqlite3.Connection, batch: str
) -> list[tuple[BatchFileJson, TranscriptionResponse | None]]:
    """Every file with its transcription."""
    rows = connection.execute(
        "SELECT number, name, size, state, duration_s, confidence, text, error, response "
        "FROM files WHERE batch = ? ORDER BY number",
        (batch,),
    )
    return [
        (file_json(row), unpack_response(row["response"]) if row["response"] else None)
        for row in rows
    ]


def batch_json(
    row: sqlite3.Row,
    counted: BatchCountsJson,
    found: Sequence[BatchFileJson],
    eta_s: float | None,
    retention_s: float,
) -> BatchResponse:
    """The JSON of a batch."""
    finished = counted.done + counted.failed == counted.total
    return BatchResponse(
        id=row["id"],
        name=row["name"],
        created=round(row["created"], 3),
        expires=round(row["touched"] + retention_s, 3) if finished else None,
        finished=finished,
        counts=counted,
        eta_s=eta_s,
        version=row["version"],
        files=tuple(found),
    )


def file_json(row: sqlite3.Row, progress: float = 0.0) -> BatchFileJson:
    """The JSON of a file; ``progress`` is that of a running one."""
    finished = row["state"] in ("done", "failed")
    return BatchFileJson(
        number=row["number"],
        name=row["name"],
        size_bytes=row["size"],
        state=row["state"],
        progress=1.0 if finished else round(progress, 3),
        duration_s=row["duration_s"],
        confidence=row["confidence"],
        text=row["text"],
        error=ErrorJson.model_validate(json.loads(row["error"])) if row["error"] else None,
    )


# --- the runner's -------------------------------------------------------------------------------


def next_waiting(connection: sqlite3.Connection) -> list[sqlite3.Row]:
    """The first waiting file of each batch (whose values go with ``min``), the oldest batch first."""
    return connection.execute(
        """
        SELECT owner, batch, min(number) AS number, files.name, options, attempts
        FROM files JOIN batches ON batches.id = files.batch
        WHERE state = 'waiting'
        GROUP BY batch
        ORDER BY created, batch
        """
    ).fetchall()


def running(connection: sqlite3.Connection) -> list[sqlite3.Row]:
    """The files that were running when the server stopped."""
    query = "SELECT batch, number, attempts FROM files WHERE state = 'running'"
    return connection.execute(query).fetchall()


def unfinished(connection: sqlite3.Connection) -> set[tuple[str, int]]:
    """The files whose uploads are needed."""
    rows = connection.execute(
        "SELECT batch, number FROM files WHERE state IN ('waiting', 'running')"
    )
    return {(row["batch"], row["number"]) for row in rows}


def delete(connection: sqlite3.Connection, batches: Collection[str]) -> None:
    """Delete batches with their files."""
    for statement in ("DELETE FROM files WHERE batch = ?", "DELETE FROM batches WHERE id = ?"):
        connection.executemany(statement, [(batch,) for batch in batches])


def expired(connection: sqlite3.Connection, since: float) -> list[str]:
    """Batches that nothing has happened to since, and of which nothing waits to be transcribed."""
    rows = connection.execute(
        "SELECT id FROM batches WHERE touched < ? AND NOT EXISTS (SELECT 1 FROM files "
        "WHERE batch = id AND state IN ('waiting', 'running'))",
        (since,),
    )
    return [row["id"] for row in rows]
