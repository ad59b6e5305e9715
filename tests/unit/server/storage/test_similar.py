"""Vectors of stored results: deleted with them, and made for those of an earlier version."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.unit.server.storage.conftest import ANNA, MakeStore, downgrade, new_item
from wav2vec2_app.errors import InputError
from wav2vec2_app.server.storage.history import HISTORY_FILE, HistoryStore
from wav2vec2_app.server.storage.records import ListQuery
from wav2vec2_app.server.storage.similar import similar_to


async def ids(store: HistoryStore) -> list[str]:
    return [item.id for item in (await store.find(ANNA, ListQuery())).items]


async def test_results_of_an_earlier_version_get_their_vector_later(
    make_store: MakeStore, tmp_path: Path
) -> None:
    store = make_store()
    for text in ("see the cat sleeping", "then the cat slept"):
        await store.add(new_item(text))
    await store.close()
    downgrade(tmp_path / HISTORY_FILE, 1)

    store = make_store()
    newest, oldest = await ids(store)
    [found] = (await similar_to(store, ANNA, newest, 10)).items

    assert found.item.id == oldest
    assert found.similarity > 0.1


async def test_deleted_result_leaves_no_vector(store: HistoryStore, tmp_path: Path) -> None:
    await store.add(new_item("see the cat sleeping"))
    [only] = await ids(store)
    await store.delete(ANNA, only)

    with closing(sqlite3.connect(tmp_path / HISTORY_FILE)) as read:
        assert read.execute("SELECT count(*) FROM vectors").fetchone() == (0,)
    with pytest.raises(InputError) as caught:
        await similar_to(store, ANNA, only, 10)
    assert caught.value.code == "history.not_found"
