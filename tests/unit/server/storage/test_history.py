"""The history: finding, changing and deleting items; owners; age and size; recordings."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.doubles import FakeClock, make_recognition
from tests.unit.server.storage.conftest import ANNA, BERT, DAY_S, MakeStore, new_item
from wav2vec2_app.errors import InputError, ResourceError
from wav2vec2_app.server.schema import HistoryItemJson, HistoryResponse
from wav2vec2_app.server.storage.content import (
    pack_emissions,
    recognition_of,
    unpack_emissions,
)
from wav2vec2_app.server.storage.history import AUDIO_FOLDER, HistoryPolicy, HistoryStore
from wav2vec2_app.server.storage.records import ListQuery, checked_tags, owner_of_key
from wav2vec2_app.speech.channels import merged


async def listed(store: HistoryStore, owner: str = ANNA, **query: object) -> HistoryResponse:
    return await store.find(owner, ListQuery(**query))  # type: ignore[arg-type]


async def texts(store: HistoryStore, owner: str = ANNA, **query: object) -> list[str]:
    found = await listed(store, owner, **query)
    return [item.excerpt for item in found.items]


async def only(store: HistoryStore, owner: str = ANNA) -> HistoryItemJson:
    [item] = (await listed(store, owner)).items
    return item


# --- storing and finding ------------------------------------------------------------------------


async def test_stored_result_is_opened_as_it_was(store: HistoryStore) -> None:
    new = new_item("HELLO WORLD")
    await store.add(new)

    found = await store.get(ANNA, (await only(store)).id)
    response, emissions = await store.content(ANNA, found.item.id)

    assert found.item.excerpt == "Hello world"
    assert found.transcription.text == "HELLO WORLD"
    assert found.transcription == response
    recognition = recognition_of(response, emissions)
    original = new.result.recognition
    assert original is not None
    assert original.emission is not None
    assert recognition.transcript == original.transcript
    assert recognition.emission is not None
    np.testing.assert_allclose(
        recognition.emission.log_probs, original.emission.log_probs, atol=0.02
    )
    assert recognition.emission.vocabulary == original.emission.vocabulary


async def test_channels_keep_an_emission_each(store: HistoryStore) -> None:
    both = merged([make_recognition("good morning"), make_recognition("hello")])
    packed = pack_emissions(both)

    assert packed is not None
    first, second = unpack_emissions(packed)

    assert len(first.log_probs) > len(second.log_probs)


async def test_newest_items_come_first_page_by_page(store: HistoryStore) -> None:
    for number in range(7):
        await store.add(new_item(f"text {number}"))

    first = await listed(store, limit=3)
    second = await listed(store, limit=3, before=int(first.next or 0))
    third = await listed(store, limit=3, before=int(second.next or 0))

    found = [item.excerpt for page in (first, second, third) for item in page.items]
    assert found == [f"text {number}" for number in reversed(range(7))]
    assert (first.total, third.next) == (7, None)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("harbour", ["the harbour at night"]),
        ("HARB", ["the harbour at night"]),
        ("night harbour", ["the harbour at night"]),
        ('"at night"', ["the harbour at night"]),
        ('"night at"', []),
        ("cafe", ["un café noir"]),
        ("東京", ["私は東京に住む"]),
        ("minutes", ["quarterly numbers"]),  # a tag
        ("interview", ["quarterly numbers"]),  # a name
        ("sunset", []),
        ("", ["私は東京に住む", "un café noir", "quarterly numbers", "the harbour at night"]),
        ("!!", ["私は東京に住む", "un café noir", "quarterly numbers", "the harbour at night"]),
    ],
)
async def test_search_finds_texts_names_and_tags(
    store: HistoryStore, query: str, found: list[str]
) -> None:
    await store.add(new_item("the harbour at night"))
    await store.add(new_item("quarterly numbers", name="interview.wav"))
    await store.change(ANNA, (await listed(store)).items[0].id, tags=["minutes"])
    await store.add(new_item("un café noir"))
    await store.add(new_item("私は東京に住む"))

    assert await texts(store, text=query) == found


SYNTAX = [
    '"', '""', "'", "*", "AND", "OR NOT", "NEAR(a b)", "text:a", "a -b", "(", ")", "^a", "{a b}: c",
    "a\x00b", "\ud800", "%", "_", "; DROP TABLE items", "a" * 500, "x " * 100, "owner : bert", "<b>",
]  # fmt: skip


@pytest.mark.parametrize("query", SYNTAX)
async def test_nothing_in_a_query_is_syntax(store: HistoryStore, query: str) -> None:
    await store.add(new_item("hello world"))

    assert await texts(store, text=query) in ([], ["hello world"])
    assert await texts(store, owner=BERT, text=query) == []
    assert len(await texts(store)) == 1


async def test_excerpt_is_around_the_match(store: HistoryStore) -> None:
    await store.add(new_item(" ".join(["before"] * 100 + ["needle"] + ["after"] * 100)))

    [text] = await texts(store, text="need")

    assert "needle" in text
    assert text.startswith("… ")
    assert text.endswith(" …")
    assert len(text) < 260


async def test_decoding_again_replaces_the_transcript_only(
    store: HistoryStore, clock: FakeClock
) -> None:
    await store.add(new_item("hello word", request="one"))
    item = await only(store)
    await store.change(ANNA, item.id, name="My talk", tags=["a"])
    clock.advance(10)

    await store.add(new_item("hello world", request="two", replaces="one", name=""))
    await store.add(new_item("hello worlds", request="three", replaces="one", name=""))

    again = await only(store)
    assert (again.id, again.name, again.tags, again.created) == (
        item.id,
        "My talk",
        ("a",),
        item.created,
    )
    assert again.excerpt == "hello worlds"
    assert await texts(store, text="worlds") == ["hello worlds"]
    assert await texts(store, text='"hello word"') == []


# --- owners -------------------------------------------------------------------------------------


async def test_items_of_others_are_not_found_in_any_request(store: HistoryStore) -> None:
    await store.add(new_item("hello world", request="one"))
    item = (await only(store)).id

    for request in (
        store.get(BERT, item),
        store.content(BERT, item),
        store.audio(BERT, item),
        store.change(BERT, item, name="mine"),
        store.change(BERT, item, tags=["mine"]),
        store.delete(BERT, item),
    ):
        with pytest.raises(InputError) as caught:
            await request
        assert caught.value.code == "history.not_found"
    assert await texts(store, owner=BERT) == []
    assert await texts(store, owner=BERT, text="hello") == []
    assert await store.delete_all(BERT) == 0
    await store.add(new_item("theirs", owner=BERT, request="two", replaces="one"))
    assert await texts(store) == ["hello world"]


@pytest.mark.parametrize(
    "key", ["", "short", "a" * 19, "a" * 201, "a" * 30 + "\n", "ä" * 30, "a b" * 20]
)
def test_key_that_could_be_guessed_or_not_be_sent_is_rejected(key: str) -> None:
    with pytest.raises(InputError) as caught:
        owner_of_key(key)
    assert caught.value.code == "history.bad_key"


async def test_key_is_not_in_the_file(store: HistoryStore, tmp_path: Path) -> None:
    key = "super-secret-key-of-anna"
    await store.add(new_item(owner=owner_of_key(key)))
    await store.close()

    stored = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())

    assert b"hello world" in stored
    assert key.encode() not in stored


# --- changing and deleting ----------------------------------------------------------------------


async def test_item_is_renamed_and_tagged(store: HistoryStore) -> None:
    await store.add(new_item())
    item = (await only(store)).id

    changed = await store.change(ANNA, item, name="  Board\nmeeting ", tags=["b", "A ", "a", ""])

    assert (changed.name, changed.tags) == ("Board meeting", ("A", "b"))
    assert (await listed(store)).tags == ("A", "b")
    assert await texts(store, tag="b") == ["hello world"]
    assert await texts(store, tag="c") == []
    assert await texts(store, text="board") == ["hello world"]


@pytest.mark.parametrize("name", ["", "  ", "\n\t", "\x00"])
async def test_empty_name_is_rejected(store: HistoryStore, name: str) -> None:
    await store.add(new_item())
    item = (await only(store)).id

    with pytest.raises(InputError) as caught:
        await store.change(ANNA, item, name=name)

    assert caught.value.code == "history.bad_name"
    assert (await only(store)).name == "talk.wav"


@pytest.mark.parametrize("tags", [["a" * 41], [str(number) for number in range(21)]])
def test_too_many_or_too_long_tags_are_rejected(tags: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        checked_tags(tags)
    assert caught.value.code == "history.bad_tags"


@pytest.mark.parametrize(
    "name", ["<img src=x onerror=alert(1)>", "a\ud800b.wav", "x" * 500, "../../etc/passwd", "'; --"]
)
async def test_any_file_name_is_stored(store: HistoryStore, name: str) -> None:
    await store.add(new_item(name=name))

    found = (await only(store)).name

    assert found
    assert len(found) <= 200
    found.encode()


async def test_deleted_items_leave_nothing_behind(store: HistoryStore, tmp_path: Path) -> None:
    secret = "zyzzyva" * 40
    for number in range(30):
        await store.add(new_item(f"{secret} {number}", request=str(number)))
    first = (await listed(store)).items[0].id

    assert await store.delete(ANNA, first) == 1
    assert await store.delete_all(ANNA) == 29
    assert (await listed(store)).total == 0
    assert await texts(store, text="zyzzyva") == []
    await store.close()
    stored = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert secret.encode() not in stored


# --- age and size -------------------------------------------------------------------------------


async def test_items_are_gone_after_a_day(
    store: HistoryStore, make_store: MakeStore, clock: FakeClock
) -> None:
    await store.add(new_item("old"))
    old = await only(store)
    assert old.expires - old.created == DAY_S
    clock.advance(DAY_S / 2)
    await store.add(new_item("new"))
    clock.advance(DAY_S / 2 + 1)

    assert await texts(store) == ["new"]  # also before it is deleted
    with pytest.raises(InputError):
        await store.get(ANNA, old.id)
    assert await store.purge() == 1
    assert await store.purge() == 0
    clock.advance(DAY_S)
    again = make_store()
    await again.start()
    assert await again.purge() == 0  # a start deletes what is too old


def test_size_of_an_emission_is_half_of_what_it_is_in_memory() -> None:
    recognition = make_recognition("hello world " * 50)
    packed = pack_emissions(recognition)

    assert packed is not None
    assert recognition.emission is not None
    assert len(packed) < recognition.emission.log_probs.nbytes / 2


async def test_oldest_items_make_room(make_store: MakeStore) -> None:
    store = make_store(HistoryPolicy(limit_bytes=20_000))
    for number in range(30):
        await store.add(new_item(f"text {number}"))

    found = await listed(store)

    assert 0 < found.size_bytes <= 20_000
    assert found.items[0].excerpt == "text 29"
    assert 2 < found.total < 30


async def test_who_stores_much_does_not_push_out_others(make_store: MakeStore) -> None:
    store = make_store(HistoryPolicy(limit_bytes=20_000))
    await store.add(new_item("of bert", owner=BERT))
    for number in range(30):
        await store.add(new_item(f"text {number}"))

    assert await texts(store, owner=BERT) == ["of bert"]


async def test_result_larger_than_the_history_is_rejected(make_store: MakeStore) -> None:
    store = make_store(HistoryPolicy(limit_bytes=2000))

    with pytest.raises(ResourceError) as caught:
        await store.add(new_item("hello " * 1000))

    assert caught.value.code == "history.too_large"
    assert (await listed(store)).total == 0


# --- recordings ---------------------------------------------------------------------------------


def with_audio(text: str = "hello world", owner: str = ANNA) -> object:
    return replace(new_item(text, owner), audio=io.BytesIO(b"RIFF" * 100))


async def test_recordings_are_stored_only_on_request(store: HistoryStore, tmp_path: Path) -> None:
    await store.add(with_audio("first"))  # type: ignore[arg-type]
    await store.store_audio(ANNA, on=True)
    await store.add(with_audio("second"))  # type: ignore[arg-type]
    await store.add(with_audio("theirs", BERT))  # type: ignore[arg-type]

    newest, oldest = (await listed(store)).items

    assert (newest.has_audio, oldest.has_audio) == (True, False)
    path, _ = await store.audio(ANNA, newest.id)
    assert path.read_bytes() == b"RIFF" * 100
    assert newest.size_bytes > oldest.size_bytes
    with pytest.raises(InputError) as caught:
        await store.audio(ANNA, oldest.id)
    assert caught.value.code == "history.no_audio"
    assert len(list((tmp_path / AUDIO_FOLDER).iterdir())) == 1


async def test_recordings_go_with_their_items(store: HistoryStore, tmp_path: Path) -> None:
    folder = tmp_path / AUDIO_FOLDER
    await store.store_audio(ANNA, on=True)
    for text in ("a", "b", "c"):
        await store.add(with_audio(text))  # type: ignore[arg-type]
    await store.delete(ANNA, (await listed(store)).items[0].id)
    assert len(list(folder.iterdir())) == 2

    await store.store_audio(ANNA, on=False)

    assert list(folder.iterdir()) == []
    assert not any(item.has_audio for item in (await listed(store)).items)


async def test_recording_without_an_item_is_deleted_at_the_start(
    store: HistoryStore, make_store: MakeStore, tmp_path: Path
) -> None:
    await store.store_audio(ANNA, on=True)
    await store.add(with_audio())  # type: ignore[arg-type]
    await store.close()
    orphan = tmp_path / AUDIO_FOLDER / "77.wav"
    orphan.write_bytes(b"RIFF")

    await make_store().start()

    assert [path.name for path in (tmp_path / AUDIO_FOLDER).iterdir()] == ["1.wav"]


async def test_export_has_every_item_once(store: HistoryStore) -> None:
    for number in range(5):
        await store.add(new_item(f"text {number}"))
    await store.add(new_item("theirs", owner=BERT))
    found: list[str] = []

    await store.everything(ANNA, lambda one, _: found.append(one.transcription.text))

    assert found == [f"text {number}" for number in range(5)]
