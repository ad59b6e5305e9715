"""``POST /v1/history/searches`` and ``GET /v1/history/{id}/similar``."""

from __future__ import annotations

from typing import Any

import pytest

from tests.doubles import FakeAdapter, make_emission
from tests.unit.server.api.test_history import (  # noqa: F401
    ANNA,
    BERT,
    SCRIPT,
    Serve,
    Server,
    code,
    serve,
    server,
)
from wav2vec2_app.errors import InputError, InternalError
from wav2vec2_app.server.api import history_searches
from wav2vec2_app.server.operations import Operation
from wav2vec2_app.server.tasks import ModelTask
from wav2vec2_app.speech.search import Hit, Hits, other_alphabet

URL = "/v1/history/searches"


async def stored(server: Server, *names: str) -> None:  # noqa: F811
    for name in names:
        await server.transcribe(f"{name}.wav", headers=ANNA)
    await server.list()


def hits(*scores: float) -> Hits:
    return Hits(tuple(Hit(float(at), at + 0.5, score) for at, score in enumerate(scores)))


async def search(server: Server, headers: Any = ANNA, **body: Any) -> Any:  # noqa: F811
    answer = await server.client.post(URL, json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return answer.json()


async def test_results_are_ranked_by_their_best_hit_and_others_histories_are_not_searched(
    server: Server,  # noqa: F811
    adapter: FakeAdapter,
) -> None:
    await stored(server, "one", "two", "three")
    await server.transcribe("four.wav", headers=BERT)
    adapter.answer(Operation.SEARCH, hits(0.3, 0.2), hits(), hits(0.9, 0.1))

    found = await search(server, word="hello", limit=3)

    assert [item["name"] for item in found["items"]] == ["one.wav", "three.wav"]
    assert [[hit["score"] for hit in item["hits"]] for item in found["items"]] == [
        [0.9], [0.3, 0.2],
    ]  # fmt: skip
    assert (found["searched"], found["skipped"], found["next"]) == (3, 0, None)
    ids = {item["id"] for item in (await server.list())["items"]}
    assert {item["id"] for item in found["items"]} < ids
    assert (await server.list())["total"] == 3, "a search stores nothing"
    assert (await search(server, {"X-History-Key": "carl" * 8}, word="hello"))["searched"] == 0


async def test_spoken_query_and_stretch_of_a_stored_recording_are_searched_for_by_their_sound(
    server: Server,  # noqa: F811
    adapter: FakeAdapter,
) -> None:
    await stored(server, "hello world")
    [item] = (await server.list())["items"]
    sent: list[Any] = []

    def answer(task: ModelTask) -> Hits:
        sent.append(task.task.search)
        return hits(0.8)

    adapter.answer(Operation.SEARCH, answer, answer)
    spoken = await server.client.post(URL, files={"query": ("hi.webm", b"RIFF")}, headers=ANNA)
    found = await search(server, item=item["id"], start=0.02, end=0.2)

    assert spoken.json()["items"][0]["id"] == found["items"][0]["id"] == item["id"]
    assert len(sent[0].query.log_probs) == len(make_emission("hi").log_probs)
    assert len(sent[1].query.log_probs) == 9
    assert (await server.list())["total"] == 1, "the query is not stored"


async def test_words_that_mean_nothing_in_other_fields_are_words_here(
    server: Server,  # noqa: F811
    adapter: FakeAdapter,
) -> None:
    await stored(server, "one")
    sent: list[str] = []

    def answer(task: ModelTask) -> Hits:
        assert task.task.search is not None
        sent.append(task.task.search.keyword)
        return hits()

    adapter.answer(Operation.SEARCH, answer, answer)
    for word in ("none", "null"):
        await search(server, word=word)

    assert sent == ["none", "null"]


async def test_long_history_is_searched_part_by_part(
    server: Server,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(history_searches, "MAX_STORED", 2)
    await stored(server, "one", "two", "three")

    first = await search(server, word="hello")
    second = await search(server, word="hello", before=first["next"])

    names = [[item["name"] for item in part["items"]] for part in (first, second)]
    assert [sorted(one) for one in names] == [["three.wav", "two.wav"], ["one.wav"]]
    assert second["next"] is None


async def test_result_that_cannot_be_searched_is_left_out_and_others_are_found(
    server: Server,  # noqa: F811
    adapter: FakeAdapter,
) -> None:
    await stored(server, "one", "two")
    adapter.answer(Operation.SEARCH, other_alphabet(), hits(0.5))

    found = await search(server, word="hello")

    assert [item["name"] for item in found["items"]] == ["one.wav"]
    assert (found["searched"], found["skipped"]) == (1, 1)


@pytest.mark.parametrize(
    ("failure", "status", "expected"),
    [
        (InputError("Silent.", code="find.silent_query", hint="Speak."), 400, "find.silent_query"),
        (InputError("No.", code="find.no_letters", hint="Others."), 400, "find.no_letters"),
        (InternalError("Broken.", code="internal"), 500, "internal"),
    ],
)
async def test_search_that_fails_for_all_says_why(
    server: Server,  # noqa: F811
    adapter: FakeAdapter,
    failure: Exception,
    status: int,
    expected: str,
) -> None:
    await stored(server, "one", "two")
    adapter.answer(Operation.SEARCH, *[failure] * 8)

    answer = await server.client.post(URL, json={"word": "hello"}, headers=ANNA)

    assert (answer.status_code, code(answer)) == (status, expected)


@pytest.mark.parametrize(
    ("request_body", "expected"),
    [
        ({"json": {}}, "find.no_query"),
        ({"json": {"word": "   "}}, "find.no_query"),
        ({"json": {"word": SCRIPT * 10}}, "find.too_long"),
        ({"json": {"item": "x", "start": 1, "end": 1}}, "find.bad_stretch"),
        ({"json": {"item": "x", "start": 1, "end": 2}}, "history.not_found"),
        ({"json": {"start": 1, "end": 2}}, "history.not_found"),
        ({"json": {"word": "a", "before": "x"}}, "request.bad_value"),
        ({"json": {"word": "a", "limit": 0}}, "request.bad_value"),
        ({"json": {"word": "a", "whole_words": "perhaps"}}, "request.bad_value"),
        ({"json": ["word"]}, "request.malformed"),
        ({"json": {"word": "a" * 200_000}}, "request.malformed"),
        ({"content": b"{", "headers": {"Content-Type": "application/json"}}, "request.malformed"),
        ({"data": {"word": "a"}}, "request.malformed"),
        ({}, "request.malformed"),
    ],
)
async def test_unusable_search_is_rejected_with_a_hint(
    server: Server,  # noqa: F811
    request_body: dict[str, Any],
    expected: str,
) -> None:
    headers = {**ANNA, **request_body.pop("headers", {})}

    answer = await server.client.post(URL, headers=headers, **request_body)

    assert code(answer) == expected
    assert answer.status_code == (404 if expected == "history.not_found" else 400)
    assert answer.json()["error"]["hint"]


async def test_search_needs_a_history_and_its_key(serve: Serve) -> None:  # noqa: F811
    with_history, without = await serve(), await serve(on=False)

    no_key = await with_history.client.post(URL, json={"word": "a"})
    off = await without.client.post(URL, json={"word": "a"}, headers=ANNA)

    assert (code(no_key), code(off)) == ("history.no_key", "history.off")


# --- recordings like one ------------------------------------------------------------------------


async def test_recordings_that_share_words_come_first_and_other_owners_are_left_out(
    server: Server,  # noqa: F811
) -> None:
    await stored(server, "see the cat sleeping", "good morning", "then the cat slept", "-")
    await server.transcribe("see the cat sleeping.wav", headers=BERT)
    by_name = {item["name"]: item["id"] for item in (await server.list())["items"]}
    url = f"/v1/history/{by_name['see the cat sleeping.wav']}/similar"

    answer = await server.client.get(url, headers=ANNA)
    best = await server.client.get(url, headers=ANNA, params={"limit": 1})
    others = await server.client.get(url, headers=BERT)

    found = answer.json()["items"]
    names = [one["item"]["name"] for one in found]
    assert names == ["then the cat slept.wav", "good morning.wav"]
    assert 1 > found[0]["similarity"] > found[1]["similarity"] >= 0
    assert best.json()["items"] == found[:1]
    assert (others.status_code, code(others)) == (404, "history.not_found")


async def test_recording_without_speech_is_like_no_other(server: Server) -> None:  # noqa: F811
    await stored(server, "see the cat sleeping", "-")
    by_name = {item["name"]: item["id"] for item in (await server.list())["items"]}

    answer = await server.client.get(f"/v1/history/{by_name['-.wav']}/similar", headers=ANNA)

    assert answer.json() == {"items": []}
