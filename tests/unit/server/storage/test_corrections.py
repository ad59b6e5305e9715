"""Corrections of stored transcripts: shown, searched, restored, and never lost with the original."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.doubles import FakeClock
from tests.unit.server.storage.conftest import ANNA, BERT, DAY_S, MakeStore, downgrade, new_item
from tests.unit.server.storage.test_history import only, texts
from wav2vec2_app.errors import ResourceError, Wav2Vec2Error
from wav2vec2_app.server.schema import WordJson
from wav2vec2_app.server.storage import corrections
from wav2vec2_app.server.storage.content import pack_response
from wav2vec2_app.server.storage.corrections import StoredCorrection, restore_original
from wav2vec2_app.server.storage.database import Database
from wav2vec2_app.server.storage.history import HISTORY_FILE, HistoryPolicy, HistoryStore
from wav2vec2_app.server.storage.migrations import HISTORY
from wav2vec2_app.server.storage.records import ListQuery
from wav2vec2_app.server.storage.restoring import restored


def written(
    text: str, speakers: Sequence[str | None] = (), channels: Sequence[int | None] = ()
) -> tuple[WordJson, ...]:
    """Words of half a second each."""
    rows = text.split()
    who, where = [*speakers, *[None] * len(rows)], [*channels, *[None] * len(rows)]
    return tuple(
        WordJson(
            text=word, start=at / 2, end=at / 2 + 0.5, confidence=0.5,
            speaker=who[at], channel=where[at],
        )
        for at, word in enumerate(rows)
    )  # fmt: skip


async def correct(store: HistoryStore, item: str, text: str | None, **names: str) -> None:
    words = None if text is None else written(text)
    await corrections.store_correction(store, ANNA, item, StoredCorrection(words, names))


async def code_of(work: object) -> str:
    with pytest.raises(Wav2Vec2Error) as caught:
        await work  # type: ignore[misc]
    assert caught.value.hint
    return caught.value.code


async def test_corrected_words_are_opened_listed_and_found(store: HistoryStore) -> None:
    await store.add(new_item("the harbor at nite"))
    item = await only(store)

    await correct(store, item.id, "The harbour at night, finally")

    found = await store.get(ANNA, item.id)
    assert found.transcription.text == "The harbour at night, finally"
    assert [word.end for word in found.transcription.words] == [0.5, 1.0, 1.5, 2.0, 2.5]
    assert (found.item.words, found.item.confidence, found.item.corrected) == (5, 0.5, True)
    assert await texts(store, text="harbour") == ["The harbour at night, finally"]
    assert await texts(store, text="nite") == []
    assert (await only(store)).size_bytes > item.size_bytes


async def test_original_is_kept_and_can_be_restored(store: HistoryStore) -> None:
    await store.add(new_item("the harbor at nite"))
    item = await only(store)
    before = await store.get(ANNA, item.id)
    await correct(store, item.id, "The harbour")

    assert (await store.get(ANNA, item.id, original=True)).transcription == before.transcription
    assert await restore_original(store, ANNA, item.id) == item
    assert await store.get(ANNA, item.id) == before
    assert await texts(store, text="nite") == ["the harbor at nite"]
    assert await texts(store, text="harbour") == []
    assert await restore_original(store, ANNA, item.id) == item  # nothing is corrected any more


async def test_all_words_may_be_deleted(store: HistoryStore) -> None:
    await store.add(new_item("hm"))

    await correct(store, (await only(store)).id, "")

    assert (await store.get(ANNA, (await only(store)).id)).transcription.text == ""


async def test_later_correction_replaces_the_earlier_one(store: HistoryStore) -> None:
    await store.add(new_item())
    item = await only(store)
    for text in ("one", "two", "three"):
        await correct(store, item.id, text)
    size = (await only(store)).size_bytes
    await correct(store, item.id, "threw")

    assert await texts(store) == ["threw"]
    assert (await only(store)).size_bytes == size
    assert await texts(store, text="two") == []


async def test_correction_is_stored_by_the_request_of_a_transcript(store: HistoryStore) -> None:
    await store.add(new_item("hello world", request="request 1"))

    await correct(store, "request 1", "Hello, world")

    assert await texts(store) == ["Hello, world"]


async def test_correction_belongs_to_the_transcript_that_it_was_made_for(
    store: HistoryStore,
) -> None:
    """Decoded again, an item has another transcript; decoded as before, it has its correction again."""
    await store.add(new_item("helo world", request="first"))
    await correct(store, "first", "Hello, world")

    await store.add(new_item("yellow word", request="second", replaces="first"))
    assert await texts(store) == ["yellow word"]
    assert (await only(store)).corrected is False

    await correct(store, "first", "Hello world!")  # sent late
    assert await texts(store) == ["yellow word"]
    await correct(store, "second", "Yellow world")
    assert await texts(store) == ["Yellow world"]

    await store.add(new_item("helo world", request="third", replaces="second"))
    assert await texts(store) == ["Hello world!"]
    assert await texts(store, text="hello") == ["Hello world!"]
    assert (await only(store)).words == 2


async def test_only_the_latest_corrections_of_an_item_are_kept(store: HistoryStore) -> None:
    await store.add(new_item("text 0", request="r0"))
    await correct(store, "r0", "corrected")
    size = (await only(store)).size_bytes
    for number in range(1, 20):
        await store.add(new_item(f"text {number}", request=f"r{number}", replaces="r0"))
        await correct(store, f"r{number}", "corrected")

    assert (await only(store)).size_bytes < 3 * size


async def test_names_of_speakers_are_stored_without_words(store: HistoryStore) -> None:
    await store.add(new_item("hello world"))
    item = await only(store)
    words = written("Hello world", ["Speaker 1", "Speaker 2"])
    named = StoredCorrection(words, {"Speaker 1": " Anna  Berg "})

    await corrections.store_correction(store, ANNA, item.id, named)

    found = await store.get(ANNA, item.id)
    assert found.item.renamed
    assert found.transcription.labelled_text == "Anna Berg: Hello\nSpeaker 2: world"


async def test_names_alone_leave_the_words_to_the_export_options(store: HistoryStore) -> None:
    await store.add(new_item("HELLO WORLD"))
    item = await only(store)

    await correct(store, item.id, None, **{"1": "Anna"})

    found = await store.get(ANNA, item.id)
    assert (found.item.corrected, found.item.renamed) == (False, True)
    assert found.transcription.text == "HELLO WORLD"
    assert found.item.excerpt == "Hello world"


async def test_names_in_place_of_words_show_the_original_words_again(store: HistoryStore) -> None:
    await store.add(new_item("hello world"))
    item = await only(store)
    await correct(store, item.id, "Goodbye")

    await correct(store, item.id, None, **{"Speaker 1": "Anna"})

    assert await texts(store) == ["hello world"]
    assert (await only(store)).words == 2
    assert await texts(store, text="goodbye") == []


async def test_names_of_channels_are_by_their_numbers(store: HistoryStore) -> None:
    await store.add(new_item("hello world"))
    item = await only(store)
    words = written("Hello world", channels=[1, 2])

    both = StoredCorrection(words, {"1": "Anna", "2": "Bert"})
    await corrections.store_correction(store, ANNA, item.id, both)

    found = await store.get(ANNA, item.id)
    assert [word.speaker for word in found.transcription.words] == ["Anna", "Bert"]


async def test_names_are_kept_when_an_item_is_decoded_again(store: HistoryStore) -> None:
    new = new_item("hello")
    await store.add(new)
    item = await only(store)
    response, _ = await store.content(ANNA, item.id)
    labelled = tuple(word.model_copy(update={"speaker": "Speaker 1"}) for word in response.words)

    def label(connection: sqlite3.Connection) -> None:
        packed = pack_response(response.model_copy(update={"words": labelled}))
        connection.execute("UPDATE contents SET response = ?", (packed,))

    await store.database.write(label)
    await correct(store, item.id, None, **{"Speaker 1": "Anna"})

    cached = await restored(store, ANNA, item.id)

    [recognition] = cached.answers.values()
    assert [word.speaker for word in recognition.transcript.words] == ["Anna"]
    assert cached.speakers is not None
    assert recognition.transcript.text == "hello"  # what decoding starts from is never corrected


@pytest.mark.parametrize("item", ["", "nothing", "request hello world' OR 1=1"])
async def test_item_that_is_not_there_is_not_found(store: HistoryStore, item: str) -> None:
    await store.add(new_item())

    assert await code_of(correct(store, item, "text")) == "history.not_found"
    assert await code_of(restore_original(store, ANNA, item)) == "history.not_found"


async def test_items_of_others_are_not_found_by_id_or_request(store: HistoryStore) -> None:
    await store.add(new_item(request="hers"))
    item = await only(store)
    change = StoredCorrection(written("stolen"))

    for name in (item.id, "hers"):
        work = corrections.store_correction(store, BERT, name, change)
        assert await code_of(work) == "history.not_found"
        assert await code_of(restore_original(store, BERT, name)) == "history.not_found"
    assert await only(store) == item


async def test_item_that_is_too_old_is_not_found(make_store: MakeStore, clock: FakeClock) -> None:
    store = make_store(HistoryPolicy(retention_s=DAY_S))
    await store.add(new_item())
    item = await only(store)
    clock.advance(DAY_S + 1)

    assert await code_of(correct(store, item.id, "text")) == "history.not_found"


BAD = [
    {"text": ""}, {"text": " a"}, {"text": "a\nb"}, {"text": "a\x00b"}, {"text": "a" * 1001}, {"start": -1.0},
    {"end": 0.0, "start": 1.0}, {"confidence": 1.1}, {"channel": 0}, {"speaker": " Anna"},
]  # fmt: skip


@pytest.mark.parametrize("change", BAD)
async def test_words_that_cannot_be_used_change_nothing(
    store: HistoryStore, change: dict[str, object]
) -> None:
    await store.add(new_item())
    item = await only(store)
    [word] = written("fine")
    words = (word, word.model_copy(update=change))

    work = corrections.store_correction(store, ANNA, item.id, StoredCorrection(words))

    assert await code_of(work) == "history.bad_words"
    assert await only(store) == item


@pytest.mark.parametrize(
    "names",
    [
        {"Speaker 1": "Speaker 2"},
        {"Speaker 1": "Anna", "Speaker 2": "Anna"},
        {"Speaker 1": "a" * 61},
        {"a" * 61: "Anna"},
        {str(number): f"name {number}" for number in range(51)},
    ],
)
async def test_names_that_cannot_be_used_change_nothing(
    store: HistoryStore, names: dict[str, str]
) -> None:
    await store.add(new_item())
    item = await only(store)
    words = written("hello world", ["Speaker 1", "Speaker 2"])

    work = corrections.store_correction(store, ANNA, item.id, StoredCorrection(words, names))

    assert await code_of(work) == "speakers.bad_names"
    assert await only(store) == item


async def test_locked_database_is_an_error_and_the_next_correction_is_stored(
    store: HistoryStore, tmp_path: Path
) -> None:
    await store.add(new_item())
    item = await only(store)
    await store.database.write(lambda one: one.execute("PRAGMA busy_timeout = 20"))
    other = sqlite3.connect(tmp_path / HISTORY_FILE, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    assert await code_of(correct(store, item.id, "text")) == "storage.locked"
    other.execute("ROLLBACK")
    other.close()

    assert await only(store) == item
    await correct(store, item.id, "text")
    assert await texts(store) == ["text"]


async def test_full_disk_changes_nothing(store: HistoryStore) -> None:
    await store.add(new_item())
    item = await only(store)
    pages = "PRAGMA max_page_count = {}"
    await store.database.write(lambda one: one.execute(pages.format(1)))
    text = " ".join(f"word{number * 7919}" for number in range(20_000))

    assert await code_of(correct(store, item.id, text)) == "storage.full"

    assert await only(store) == item
    await store.database.write(lambda one: one.execute(pages.format(1 << 30)))
    await correct(store, item.id, text)
    assert (await only(store)).words == 20_000


async def test_correction_counts_for_the_size_of_the_history(make_store: MakeStore) -> None:
    probe = make_store()
    await probe.add(new_item("one"))
    await probe.add(new_item("two"))
    one, two = (await probe.find(ANNA, ListQuery())).items
    limit = one.size_bytes + two.size_bytes + 100
    store = make_store(HistoryPolicy(limit_bytes=limit))

    await correct(store, one.id, " ".join(f"word{number}" for number in range(60)))
    assert [item.id for item in (await store.find(ANNA, ListQuery())).items] == [one.id]

    work = correct(store, one.id, "x " * 100_000)
    assert await code_of(work) == "history.too_large"


async def test_deleting_an_item_deletes_its_corrections(store: HistoryStore) -> None:
    await store.add(new_item())
    item = await only(store)
    await correct(store, item.id, "text")

    await store.delete(ANNA, item.id)

    [(left,)] = await store.database.read(
        lambda one: one.execute("SELECT count(*) FROM corrections").fetchall()
    )
    assert left == 0


async def test_history_of_an_earlier_version_can_be_corrected(
    make_store: MakeStore, tmp_path: Path
) -> None:
    """Items from before corrections existed: version 2 of the tables."""
    new = make_store()
    await new.add(new_item("helo"))
    await new.close()
    downgrade(tmp_path / HISTORY_FILE, 2)
    store = make_store()
    assert await texts(store) == ["helo"]

    await correct(store, (await only(store)).id, "Hello")

    assert await texts(store, text="hello") == ["Hello"]
    assert (await restore_original(store, ANNA, (await only(store)).id)).excerpt == "helo"


async def test_earlier_version_does_not_open_the_new_tables(store: HistoryStore) -> None:
    await store.add(new_item())
    await store.close()
    earlier = Database(store.database.path, HISTORY[:2])

    with pytest.raises(ResourceError, match="newer version"):
        await earlier.read(lambda one: one.execute("SELECT 1").fetchall())
    await earlier.close()
