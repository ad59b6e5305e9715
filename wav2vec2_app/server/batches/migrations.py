"""The tables of the batches, as numbered migrations. A migration that was released never changes."""

from __future__ import annotations

from typing import Final

from wav2vec2_app.server.storage.database import Migration

BATCHES: Final[tuple[Migration, ...]] = (
    (
        # `version` counts the changes of a batch, so that clients get only what is new to them.
        """
        CREATE TABLE batches (
            id TEXT PRIMARY KEY,
            owner TEXT NOT NULL,
            name TEXT NOT NULL,
            created REAL NOT NULL,
            touched REAL NOT NULL,
            version INTEGER NOT NULL,
            options TEXT NOT NULL
        )
        """,
        "CREATE INDEX batches_of_owner ON batches (owner, created)",
        """
        CREATE TABLE files (
            batch TEXT NOT NULL REFERENCES batches (id),
            number INTEGER NOT NULL,
            name TEXT NOT NULL,
            size INTEGER NOT NULL,
            state TEXT NOT NULL,
            version INTEGER NOT NULL,
            attempts INTEGER NOT NULL DEFAULT 0,
            took_s REAL NOT NULL DEFAULT 0,
            duration_s REAL,
            confidence REAL,
            text TEXT NOT NULL DEFAULT '',
            response BLOB,
            error TEXT,
            PRIMARY KEY (batch, number)
        ) WITHOUT ROWID
        """,
        "CREATE INDEX files_by_state ON files (state, batch, number)",
    ),
)
