"""Stored recordings that are like one of them, by the vectors of their emissions."""

from __future__ import annotations

import sqlite3
from typing import Final

import numpy as np

from wav2vec2_app.errors import InputError
from wav2vec2_app.server.schema import SimilarItemJson, SimilarResponse
from wav2vec2_app.server.storage import items
from wav2vec2_app.server.storage.content import unpack_emissions
from wav2vec2_app.server.storage.database import transaction
from wav2vec2_app.server.storage.history import HistoryStore
from wav2vec2_app.server.storage.packing import vector_bytes
from wav2vec2_app.speech.pooling import pooled

MAX_FILLED: Final = 200
"""Items without a vector, stored by an earlier version, that get one at the same time."""


async def similar_to(store: HistoryStore, owner: str, item_id: str, limit: int) -> SimilarResponse:
    """The items of an owner that are most like one of them, the most similar first.

    Raises:
        InputError: ``history.not_found``, ``history.no_emission``.
    """
    since = store.since
    await store.database.write(lambda connection: _fill(connection, owner, since))

    def work(connection: sqlite3.Connection) -> SimilarResponse:
        row = items.find(connection, owner, item_id, since)
        if not row["has_emission"]:
            raise InputError(
                "This item cannot be compared: its model has no emission.",
                code="history.no_emission",
                hint="Transcribe the recording again with a CTC model, such as wav2vec2.",
            )
        ranked = _ranked(connection, owner, item_id, since)[:limit]
        rows = [(items.find(connection, owner, one, since), share) for one, share in ranked]
        return SimilarResponse(
            items=tuple(
                SimilarItemJson(
                    item=items.item_json(row, store.policy.retention_s),
                    similarity=round(share, 4),
                )
                for row, share in rows
            )
        )

    return await store.database.read(work)


def _ranked(
    connection: sqlite3.Connection, owner: str, item_id: str, since: float
) -> list[tuple[str, float]]:
    """The ids of the other items with a vector, and how similar they are, in [0, 1]; newer ones first."""
    rows = connection.execute(
        "SELECT id, vector FROM vectors JOIN items USING (number) "
        "WHERE owner = ? AND created >= ? AND length(vector) > 0 ORDER BY number DESC",
        (owner, since),
    ).fetchall()
    vectors = {row["id"]: np.frombuffer(row["vector"], np.float16) for row in rows}
    own = vectors.pop(item_id, None)
    if own is None or not vectors:
        return []
    similarities = np.stack(list(vectors.values())).astype(np.float32) @ own.astype(np.float32)
    pairs = zip(vectors, np.clip(similarities, 0.0, 1.0).tolist(), strict=True)
    return sorted(pairs, key=lambda pair: -pair[1])


def _fill(connection: sqlite3.Connection, owner: str, since: float) -> None:
    rows = connection.execute(
        "SELECT number, emission FROM items JOIN contents USING (number) "
        "WHERE owner = ? AND created >= ? AND has_emission "
        "AND number NOT IN (SELECT number FROM vectors) ORDER BY number DESC LIMIT ?",
        (owner, since, MAX_FILLED),
    ).fetchall()
    if not rows:
        return
    with transaction(connection):
        for row in rows:
            vector = vector_bytes(pooled(unpack_emissions(row["emission"])))
            connection.execute("INSERT INTO vectors VALUES (?, ?)", (row["number"], vector))
