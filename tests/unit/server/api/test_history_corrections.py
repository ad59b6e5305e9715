"""``/v1/history/{id}/words``: in every file, by their owner only, and faults are reported."""

# ruff: noqa: F811 - fixtures

from __future__ import annotations

import io
import json
import sqlite3
import zipfile
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.doubles import FakeAdapter
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
from wav2vec2_app.server.api import history_corrections
from wav2vec2_app.server.storage.history import HISTORY_FILE


def words(text: str, *speakers: str) -> list[dict[str, Any]]:
    rows = text.split()
    who = [*speakers, *[None] * len(rows)]
    return [
        {"text": word, "start": at / 2, "end": at / 2 + 0.4, "confidence": 1, "speaker": who[at]}
        for at, word in enumerate(rows)
    ]


async def put(
    server: Server,
    item: str,
    headers: dict[str, str] = ANNA,
    **body: Any,
) -> httpx.Response:
    return await server.client.put(f"/v1/history/{item}/words", json=body, headers=headers)


async def content(server: Server, item: str, **query: str) -> str:
    answer = await server.client.get(f"/v1/history/{item}", headers=ANNA, params=query)
    assert answer.status_code == 200, answer.text
    return answer.text


async def test_correction_is_in_the_list_in_files_and_in_the_archive(server: Server) -> None:
    sent = await server.transcribe("helo wrld.wav", headers=ANNA)
    body = words("HELLO, WORLD!", "Speaker 1", "Speaker 2")

    answer = await put(
        server, sent.headers["X-Request-Id"], words=body, names={"Speaker 2": "Ann Berg"}
    )

    item = await server.only()
    assert answer.json() == item
    assert (item["corrected"], item["renamed"], item["words"]) == (True, True, 2)
    found = json.loads(await content(server, item["id"], letter_case="sentence"))["transcription"]
    assert [word["text"] for word in found["words"]] == ["HELLO,", "WORLD!"]  # as they were written
    assert found["words"][1] == {**body[1], "speaker": "Ann Berg", "channel": None}
    labelled = "Speaker 1: HELLO,\nAnn Berg: WORLD!\n"
    assert await content(server, item["id"], response_format="text") == labelled
    assert "Ann Berg: WORLD!" in await content(server, item["id"], response_format="srt")
    assert "<v Ann Berg>WORLD!" in await content(server, item["id"], response_format="vtt")
    exported = await server.client.get("/v1/history/export", headers=ANNA)
    archive = zipfile.ZipFile(io.BytesIO(exported.content))
    assert archive.read("helo wrld.txt").decode() == labelled
    assert json.loads(archive.read("helo wrld.json"))["words"][0]["text"] == "HELLO,"
    assert [one["id"] for one in (await server.list(q="hello"))["items"]] == [item["id"]]


async def test_original_is_shown_and_restored(server: Server) -> None:
    await server.transcribe("HELO.wav", headers=ANNA)
    item = (await server.only())["id"]
    await put(server, item, words=words("hello there"))

    original = await content(server, item, response_format="text", original="true")
    restored = await server.client.delete(f"/v1/history/{item}/words", headers=ANNA)

    assert original == "Helo\n"
    assert (restored.json()["corrected"], restored.json()["words"]) == (False, 1)
    assert await content(server, item, response_format="text") == "Helo\n"


async def test_names_alone_are_stored_and_kept_when_decoded_again(
    server: Server,
    adapter: FakeAdapter,
) -> None:
    adapter.speakers = 2
    await server.transcribe(headers=ANNA, data={"diarize": "true"})
    item = (await server.only())["id"]

    await put(server, item, names={"Speaker 1": "Ann", "Speaker 2": "Ben"})
    text = await content(server, item, response_format="text")
    answer = await server.client.post(
        f"/v1/history/{item}/decode", json={"hotwords": ["Ada", "Lovelace"]}, headers=ANNA
    )

    assert text == "Ann: hello\nBen: world\n"
    assert [word["speaker"] for word in answer.json()["words"]] == ["Ann", "Ben"]


async def test_correction_of_another_browser_is_not_found(server: Server) -> None:
    sent = await server.transcribe(headers=ANNA)
    item = await server.only()

    for name in (item["id"], sent.headers["X-Request-Id"]):
        stolen = await put(server, name, BERT, words=words("stolen"))
        gone = await server.client.delete(f"/v1/history/{name}/words", headers=BERT)
        assert (stolen.status_code, code(stolen)) == (404, "history.not_found")
        assert (gone.status_code, code(gone)) == (404, "history.not_found")
    assert (await put(server, item["id"], {}, words=words("x"))).status_code == 400  # no key
    assert await server.only() == item


BAD: list[Any] = [
    {},
    {"words": None},
    {"words": "hello"},
    {"words": [{"text": "hello"}]},
    {"words": [{**words("a")[0], "start": "NaN"}]},
    {"words": [{**words("a")[0], "end": -1}]},
    {"words": words("a"), "other": 1},
    {"names": ["Anna"]},
    [1, 2],
]


@pytest.mark.parametrize("body", BAD)
async def test_body_that_cannot_be_used_is_rejected(server: Server, body: Any) -> None:
    await server.transcribe(headers=ANNA)
    item = await server.only()

    answer = await server.client.put(f"/v1/history/{item['id']}/words", json=body, headers=ANNA)
    broken = await server.client.put(
        f"/v1/history/{item['id']}/words", content=b'{"w', headers=ANNA
    )

    assert (answer.status_code, code(answer)) == (400, "history.bad_words")
    assert (broken.status_code, code(broken)) == (400, "history.bad_words")
    assert answer.json()["error"]["hint"]
    assert await server.only() == item


async def test_body_that_is_too_large_is_rejected(
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(history_corrections, "MAX_CORRECTION_BYTES", 1000)
    await server.transcribe(headers=ANNA)

    answer = await put(server, (await server.only())["id"], words=words("word " * 100))

    assert (answer.status_code, code(answer)) == (400, "history.bad_words")


async def test_markup_in_a_correction_stays_text(server: Server) -> None:
    await server.transcribe(headers=ANNA)
    item = (await server.only())["id"]
    body = [{**words("x")[0], "text": SCRIPT.replace(" ", "")}]

    answer = await put(server, item, words=body)

    assert answer.json()["excerpt"] == body[0]["text"]
    assert answer.headers["content-type"] == "application/json"


async def test_server_without_history_says_so(serve: Serve) -> None:
    server = await serve(on=False)

    answer = await put(server, "any", words=words("hello"))

    assert (answer.status_code, code(answer)) == (404, "history.off")


async def test_correction_of_a_result_that_was_not_stored_says_why(
    server: Server,
    tmp_path: Path,
) -> None:
    other = sqlite3.connect(tmp_path / HISTORY_FILE, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    sent = await server.transcribe(headers=ANNA)
    answer = await put(server, sent.headers["X-Request-Id"], words=words("hello"))
    other.execute("ROLLBACK")
    other.close()

    assert (answer.status_code, code(answer)) == (503, "storage.locked")


async def test_body_is_described(server: Server) -> None:
    described = (await server.client.get("/openapi.json")).json()

    operation = described["paths"]["/v1/history/{item_id}/words"]["put"]
    body = operation["requestBody"]["content"]["application/json"]["schema"]
    assert set(body["properties"]) == {"words", "names"}
    assert "WordJson" in described["components"]["schemas"]
