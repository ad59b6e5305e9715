"""The routes of the history, and the key in cookie, header and form."""

from __future__ import annotations

import io
import json
import re
import sqlite3
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.responses import HTMLResponse

from tests.doubles import FakeAdapter
from tests.unit.conftest import Start
from wav2vec2_app.server.api import add_routes
from wav2vec2_app.server.api.access import Access
from wav2vec2_app.server.api.history_key import HISTORY_COOKIE, HistoryKeys
from wav2vec2_app.server.storage.history import HISTORY_FILE, HistoryPolicy, HistoryStore
from wav2vec2_app.server.storage.recorder import HistoryRecorder
from wav2vec2_app.settings import Settings

PAGE = "http://127.0.0.1:7860"
ANNA, BERT = {"X-History-Key": "anna" * 8}, {"X-History-Key": "bert" * 8}
SCRIPT = '<script>alert("hi")</script>'


class Server:
    """A server of which the recorder is known, to wait until everything is stored."""

    def __init__(self, app: FastAPI, recorder: HistoryRecorder | None) -> None:
        self.recorder = recorder
        transport = httpx.ASGITransport(app)
        self.client = httpx.AsyncClient(transport=transport, base_url=PAGE)

    async def transcribe(self, name: str = "hello world.wav", **request: Any) -> httpx.Response:
        files = {"file": (name, b"RIFF" * 10)}
        answer = await self.client.post("/v1/audio/transcriptions", files=files, **request)
        assert answer.status_code == 200, answer.text
        return answer

    async def list(self, headers: dict[str, str] = ANNA, **query: Any) -> Any:
        answer = await self.client.get("/v1/history", headers=headers, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def only(self, headers: dict[str, str] = ANNA) -> Any:
        [item] = (await self.list(headers))["items"]
        return item


Serve = Callable[..., Awaitable[Server]]


@pytest.fixture
async def serve(start: Start, adapter: FakeAdapter, tmp_path: Path) -> AsyncIterator[Serve]:
    """``await serve(on=False)`` gives a server without a history."""
    servers: list[Server] = []

    async def serve(*, on: bool = True, **values: Any) -> Server:
        app, settings = FastAPI(), Settings(**values)
        orchestrator = await start(adapter, cache_bytes=1 << 20)
        recorder = HistoryRecorder(HistoryStore(tmp_path, HistoryPolicy())) if on else None
        if recorder is not None:
            orchestrator.events.subscribe(recorder)
            await recorder.start()
        add_routes(
            app, orchestrator, settings, render_metrics=bytes, metrics_content_type="text/plain",
            history=recorder,
        )  # fmt: skip

        @app.get("/")
        async def page() -> HTMLResponse:
            return HTMLResponse("the page")

        app.add_middleware(HistoryKeys)
        app.add_middleware(Access, settings=settings)
        servers.append(Server(app, recorder))
        return servers[-1]

    yield serve
    for server in servers:
        await server.client.aclose()
        if server.recorder is not None:
            await server.recorder.stop()


@pytest.fixture
async def server(serve: Serve) -> Server:
    return await serve()


def code(answer: httpx.Response) -> str:
    return str(answer.json()["error"]["code"])


# --- keys ---------------------------------------------------------------------------------------


async def test_result_is_stored_under_the_key_of_the_header(server: Server) -> None:
    await server.transcribe(headers=ANNA)

    assert (await server.only())["name"] == "hello world.wav"
    assert (await server.list(BERT))["items"] == []


async def test_result_is_stored_under_the_key_in_the_form(server: Server) -> None:
    await server.transcribe(data={"history_key": "anna" * 8})

    assert (await server.only())["excerpt"] == "hello world"


async def test_request_without_a_key_stores_nothing(server: Server, tmp_path: Path) -> None:
    await server.transcribe()
    answer = await server.client.get("/v1/history")

    assert (answer.status_code, code(answer)) == (400, "history.no_key")
    with closing(sqlite3.connect(tmp_path / HISTORY_FILE)) as database:
        assert database.execute("SELECT count(*) FROM items").fetchone() == (0,)


@pytest.mark.parametrize("key", ["short", "a" * 201, "with a blank in it, long enough", "é" * 30])
async def test_bad_key_is_rejected_before_anything_is_done(
    server: Server, adapter: FakeAdapter, key: str
) -> None:
    headers = {"X-History-Key": key.encode()}
    files = {"file": ("a.wav", b"RIFF")}

    answer = await server.client.post("/v1/audio/transcriptions", files=files, headers=headers)

    assert (answer.status_code, code(answer)) == (400, "history.bad_key")
    assert adapter.calls == []


async def test_browser_gets_a_key_with_the_page_and_keeps_it(server: Server) -> None:
    first = await server.client.get("/")
    key = server.client.cookies[HISTORY_COOKIE]
    second = await server.client.get("/")

    for one in (first, second):
        cookie = one.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie
        assert one.headers["cache-control"] == "no-store"
    assert len(key) > 40
    assert server.client.cookies[HISTORY_COOKIE] == key
    await server.transcribe()
    assert (await server.list({}))["total"] == 1


async def test_each_browser_gets_another_key(server: Server) -> None:
    keys = set()
    for _ in range(20):
        server.client.cookies.clear()
        await server.client.get("/")
        keys.add(server.client.cookies[HISTORY_COOKIE])

    assert len(keys) == 20


async def test_cookie_of_a_secure_page_works_in_a_frame(server: Server) -> None:
    answer = await server.client.get("https://127.0.0.1:7860/")

    assert re.search("SameSite=None; Secure; Partitioned", answer.headers["set-cookie"])


@pytest.mark.parametrize("value", ["short", "bad value", '"', "a" * 300])
async def test_unusable_cookie_is_replaced(server: Server, value: str) -> None:
    answer = await server.client.get("/", headers={"Cookie": f"{HISTORY_COOKIE}={value}"})

    assert answer.status_code == 200
    assert f"{HISTORY_COOKIE}={value};" not in answer.headers["set-cookie"]


# --- another browser ----------------------------------------------------------------------------

REQUESTS = [
    ("GET", "/v1/history/{id}", None),
    ("GET", "/v1/history/{id}?response_format=srt", None),
    ("GET", "/v1/history/{id}/audio", None),
    ("PATCH", "/v1/history/{id}", {"name": "mine"}),
    ("DELETE", "/v1/history/{id}", None),
    ("POST", "/v1/history/{id}/decode", {}),
    ("POST", "/v1/history/{id}/align", {"text": "hello"}),
]


@pytest.mark.parametrize(("method", "path", "body"), REQUESTS)
@pytest.mark.parametrize("known", [True, False])
async def test_item_of_another_browser_is_not_found(
    server: Server, method: str, path: str, body: Any, known: bool
) -> None:
    await server.transcribe(headers=ANNA)
    item = (await server.only())["id"] if known else "0" * 32

    answer = await server.client.request(
        method, path.format(id=item), json=body, headers=BERT if known else ANNA
    )

    assert (answer.status_code, code(answer)) == (404, "history.not_found")
    assert (await server.only())["name"] == "hello world.wav"


# --- items --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("response_format", "content"),
    [
        ("text", "Hello world"),
        ("srt", "00:00:00,020 --> "),
        ("vtt", "WEBVTT"),
        ("json", '"words"'),
    ],
)
async def test_item_is_saved_as_a_file(
    server: Server, adapter: FakeAdapter, response_format: str, content: str
) -> None:
    await server.transcribe("HELLO WORLD.wav", headers=ANNA)
    item = (await server.only())["id"]

    answer = await server.client.get(
        f"/v1/history/{item}",
        params={"response_format": response_format, "save": "1"},
        headers=ANNA,
    )

    assert content in answer.text
    assert "attachment" in answer.headers["content-disposition"]


async def test_item_has_its_transcription(server: Server) -> None:
    sent = await server.transcribe("HELLO WORLD.wav", headers=ANNA)
    item = (await server.only())["id"]

    found = (await server.client.get(f"/v1/history/{item}", headers=ANNA)).json()
    raw = (await server.client.get(f"/v1/history/{item}?letter_case=raw", headers=ANNA)).json()

    assert found["transcription"]["request_id"] == sent.headers["X-Request-Id"]
    assert found["transcription"]["text"] == "Hello world"
    assert raw["transcription"]["text"] == "HELLO WORLD"
    assert found["item"]["has_emission"] is True


async def test_bad_format_is_rejected(server: Server) -> None:
    await server.transcribe(headers=ANNA)
    item = (await server.only())["id"]

    answer = await server.client.get(f"/v1/history/{item}?response_format=exe", headers=ANNA)

    assert (answer.status_code, code(answer)) == (400, "request.bad_value")


async def test_item_is_renamed_tagged_and_deleted(server: Server) -> None:
    await server.transcribe(headers=ANNA)
    path = f"/v1/history/{(await server.only())['id']}"

    changed = await server.client.patch(
        path, json={"name": SCRIPT, "tags": [SCRIPT[:30]]}, headers=ANNA
    )
    deleted = await server.client.delete(path, headers=ANNA)

    assert changed.json()["name"] == SCRIPT  # as data; the page shows it as text
    assert changed.headers["content-type"] == "application/json"
    assert deleted.json() == {"deleted": 1}
    assert (await server.list())["items"] == []


async def test_everything_is_deleted(server: Server) -> None:
    for number in range(3):
        await server.transcribe(f"{number}.wav", headers=ANNA)
    await server.transcribe(headers=BERT)

    answer = await server.client.delete("/v1/history", headers=ANNA)

    assert answer.json() == {"deleted": 3}
    assert (await server.list(BERT))["total"] == 1


async def test_export_has_files_that_stay_in_their_folder(server: Server) -> None:
    for name in ("talk.wav", "talk.wav", "TALK.mp3", "../../etc/passwd", "C:\\a\\b.wav", "con.wav"):
        await server.transcribe(name, headers=ANNA)
    await server.transcribe("theirs.wav", headers=BERT)

    answer = await server.client.get("/v1/history/export", headers=ANNA)

    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    texts = [name for name in archive.namelist() if name.endswith(".txt")]
    assert texts == [
        "talk.txt", "talk (2).txt", "TALK (3).txt", "etc/passwd.txt", "b.txt", "_con.txt",
    ]  # fmt: skip
    assert len(json.loads(archive.read("history.json"))) == 6
    assert archive.read("talk.txt") == b"talk\n"
    assert archive.testzip() is None


async def test_recordings_are_stored_after_that_was_chosen(server: Server) -> None:
    await server.transcribe("first.wav", headers=ANNA)
    chosen = await server.client.put(
        "/v1/history/settings", json={"store_audio": True}, headers=ANNA
    )
    await server.transcribe("second.wav", headers=ANNA)

    assert chosen.status_code == 200
    found = await server.list()
    assert found["stores_audio"] is True
    second, first = found["items"]
    audio = await server.client.get(f"/v1/history/{second['id']}/audio", headers=ANNA)
    missing = await server.client.get(f"/v1/history/{first['id']}/audio", headers=ANNA)
    assert audio.content == b"RIFF" * 10
    assert audio.headers["x-content-type-options"] == "nosniff"
    assert (missing.status_code, code(missing)) == (404, "history.no_audio")


async def test_stored_page_is_never_shown_as_a_page(server: Server) -> None:
    await server.client.put("/v1/history/settings", json={"store_audio": True}, headers=ANNA)
    await server.transcribe("evil.html", headers=ANNA)
    item = (await server.only())["id"]

    audio = await server.client.get(f"/v1/history/{item}/audio", headers=ANNA)

    assert audio.headers["content-type"] == "application/octet-stream"
    assert "attachment" in audio.headers["content-disposition"]


# --- decoding and aligning again ----------------------------------------------------------------


async def test_stored_emission_is_decoded_again(server: Server, adapter: FakeAdapter) -> None:
    await server.transcribe(headers=ANNA)
    item = (await server.only())["id"]
    ran = len(adapter.calls)

    for word in ("Okonkwo", "Szczecin"):
        answer = await server.client.post(
            f"/v1/history/{item}/decode", json={"hotwords": [word]}, headers=ANNA
        )
        assert answer.status_code == 200, answer.text
        assert answer.json()["text"] == word
        assert answer.json()["duration_s"] > 0
    assert server.recorder is not None
    await server.recorder.drain()

    operations = [call.operation.value for call in adapter.calls[ran:]]
    assert operations == ["decode_text", "decode_text"]
    assert (await server.only())["excerpt"] == "Szczecin"


async def test_decoding_a_stored_emission_again_keeps_the_speakers(
    server: Server, adapter: FakeAdapter
) -> None:
    adapter.speakers = 2
    await server.transcribe(headers=ANNA, data={"diarize": "true", "speaker_names": "Ann,Ben"})
    item = (await server.only())["id"]

    answer = await server.client.post(
        f"/v1/history/{item}/decode", json={"hotwords": ["Ada", "Lovelace"]}, headers=ANNA
    )

    assert [word["speaker"] for word in answer.json()["words"]] == ["Ann", "Ben"]


async def test_text_is_aligned_with_a_stored_emission(server: Server, adapter: FakeAdapter) -> None:
    await server.transcribe(headers=ANNA)
    item = (await server.only())["id"]

    answer = await server.client.post(
        f"/v1/history/{item}/align", json={"text": "hello there"}, headers=ANNA
    )

    assert [word["text"] for word in answer.json()["words"]] == ["hello", "there"]
    assert (await server.list())["total"] == 1


@pytest.mark.parametrize(
    ("path", "body"),
    [("decode", {"beams": 3}), ("decode", {"beam_width": "many"}), ("align", {"text": ""})],
)
async def test_bad_options_are_rejected(server: Server, path: str, body: Any) -> None:
    await server.transcribe(headers=ANNA)
    item = (await server.only())["id"]

    answer = await server.client.post(f"/v1/history/{item}/{path}", json=body, headers=ANNA)

    assert answer.status_code == 400, answer.text


# --- faults -------------------------------------------------------------------------------------


async def test_transcript_comes_and_the_history_says_that_it_was_not_stored(
    server: Server, tmp_path: Path
) -> None:
    other = sqlite3.connect(tmp_path / HISTORY_FILE, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    answer = await server.transcribe(headers=ANNA)
    found = await server.list()
    other.execute("ROLLBACK")
    other.close()
    await server.transcribe("next.wav", headers=ANNA)

    assert answer.json()["text"] == "hello world"
    assert found["problem"]["code"] == "storage.locked"
    after = await server.list()
    assert after["problem"] is None
    assert [item["name"] for item in after["items"]] == ["next.wav"]


async def test_server_with_a_newer_database_transcribes_and_says_why(
    serve: Serve, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(tmp_path / HISTORY_FILE)) as newer:
        newer.execute("PRAGMA user_version = 99")
    server = await serve()

    await server.transcribe(headers=ANNA)
    answer = await server.client.get("/v1/history", headers=ANNA)

    assert (answer.status_code, code(answer)) == (503, "storage.newer")
    assert str(tmp_path) not in answer.text


async def test_server_without_history_says_so(serve: Serve) -> None:
    server = await serve(on=False)

    await server.transcribe(headers=ANNA)
    answer = await server.client.get("/v1/history", headers=ANNA)

    assert (answer.status_code, code(answer)) == (404, "history.off")


@pytest.mark.parametrize(
    "query", ["before=x", "before=-1", "limit=0", "limit=100000", "before=" + "9" * 30]
)
async def test_bad_page_is_rejected(server: Server, query: str) -> None:
    answer = await server.client.get(f"/v1/history?{query}", headers=ANNA)

    assert answer.status_code in (400, 422)
