"""A history in a folder of its own, on a clock that stands still."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.doubles import FakeClock, make_audio, make_recognition
from wav2vec2_app.server.results import AudioResult
from wav2vec2_app.server.storage.history import HistoryPolicy, HistoryStore
from wav2vec2_app.server.storage.records import NewItem, owner_of_key
from wav2vec2_app.speech.options import DEFAULT_OPTIONS

DAY_S = 24 * 3600.0
ANNA, BERT = owner_of_key("anna" * 8), owner_of_key("bert" * 8)
POLICY = HistoryPolicy()

MakeStore = Callable[..., HistoryStore]


def new_item(
    text: str = "hello world",
    owner: str = ANNA,
    name: str = "talk.wav",
    request: str = "",
    replaces: str = "",
) -> NewItem:
    result = AudioResult("id", make_audio(), (), make_recognition(text))
    return NewItem(owner, request or f"request {text}", replaces, name, result, DEFAULT_OPTIONS)


def downgrade(path: Path, version: int) -> None:
    """Bring the tables of a history back to an earlier version."""
    undo = {
        3: (
            "DROP TABLE corrections",
            "ALTER TABLE items DROP COLUMN transcript",
            "ALTER TABLE requests DROP COLUMN transcript",
        ),
        2: ("DROP TABLE vectors",),
    }
    with closing(sqlite3.connect(path)) as database:
        for number, statements in undo.items():
            for statement in statements if number > version else ():
                database.execute(statement)
        database.execute(f"PRAGMA user_version = {version}")
        database.commit()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(1_700_000_000.0)


@pytest.fixture
async def make_store(tmp_path: Path, clock: FakeClock) -> AsyncIterator[MakeStore]:
    """``make_store(policy)`` gives the history of the test's folder."""
    made: list[HistoryStore] = []

    def make(policy: HistoryPolicy = POLICY, folder: Path = tmp_path) -> HistoryStore:
        made.append(HistoryStore(folder, policy, now=clock))
        return made[-1]

    yield make
    for store in made:
        await store.close()


@pytest.fixture
def store(make_store: MakeStore) -> HistoryStore:
    return make_store()
