"""The tables of the history, as numbered migrations. A migration that was released never changes."""

from __future__ import annotations

from typing import Final

from wav2vec2_app.server.storage.database import Migration

HISTORY: Final[tuple[Migration, ...]] = (
    (
        # An item's number is its place in the full-text index, too; numbers grow with time.
        """
        CREATE TABLE items (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE,
            owner TEXT NOT NULL,
            name TEXT NOT NULL,
            created REAL NOT NULL,
            duration_s REAL NOT NULL,
            words INTEGER NOT NULL,
            confidence REAL NOT NULL,
            model TEXT NOT NULL,
            has_emission INTEGER NOT NULL,
            audio TEXT NOT NULL,
            audio_bytes INTEGER NOT NULL,
            content_bytes INTEGER NOT NULL,
            text TEXT NOT NULL
        )
        """,
        "CREATE INDEX items_of_owner ON items (owner, number, created, content_bytes, audio_bytes)",
        "CREATE INDEX items_by_age ON items (created)",
        # Apart, so that a list of items reads none of it.
        """
        CREATE TABLE contents (
            number INTEGER PRIMARY KEY REFERENCES items (number),
            response BLOB NOT NULL,
            emission BLOB
        )
        """,
        """
        CREATE TABLE tags (
            number INTEGER NOT NULL REFERENCES items (number),
            tag TEXT NOT NULL,
            PRIMARY KEY (number, tag)
        ) WITHOUT ROWID
        """,
        # Requests whose result an item has: the first one, and those that decoded it again.
        """
        CREATE TABLE requests (
            id TEXT PRIMARY KEY,
            number INTEGER NOT NULL REFERENCES items (number)
        ) WITHOUT ROWID
        """,
        "CREATE INDEX requests_of_item ON requests (number)",
        # Owners whose recordings are stored, too.
        "CREATE TABLE owners_with_audio (owner TEXT PRIMARY KEY) WITHOUT ROWID",
        """
        CREATE VIRTUAL TABLE search USING fts5 (
            owner, name, tags, text, tokenize = 'unicode61 remove_diacritics 2', prefix = '3'
        )
        """,
    ),
    (
        # By which recordings are compared: 2,048 numbers of two bytes, or nothing where nothing is spoken.
        """
        CREATE TABLE vectors (
            number INTEGER PRIMARY KEY REFERENCES items (number),
            vector BLOB NOT NULL
        )
        """,
    ),
    (
        # Which transcript an item and a request have; empty for those of earlier versions.
        "ALTER TABLE items ADD COLUMN transcript TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE requests ADD COLUMN transcript TEXT NOT NULL DEFAULT ''",
        # Corrected words and the names of speakers; `contents` keeps the originals.
        """
        CREATE TABLE corrections (
            place INTEGER PRIMARY KEY AUTOINCREMENT,
            number INTEGER NOT NULL REFERENCES items (number),
            transcript TEXT NOT NULL,
            words BLOB,
            names TEXT NOT NULL,
            text TEXT NOT NULL,
            word_count INTEGER NOT NULL,
            confidence REAL NOT NULL,
            size INTEGER NOT NULL,
            UNIQUE (number, transcript)
        )
        """,
    ),
)
