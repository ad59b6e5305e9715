"""The routes of the batches: forms, JSON and uploads one by one, limits, other owners."""

from __future__ import annotations

import io
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from tests.doubles import FakeAdapter
from tests.unit.conftest import Start
from wav2vec2_app.errors import InputError
from wav2vec2_app.server.api import add_routes
from wav2vec2_app.server.api.access import Access
from wav2vec2_app.server.api.history_key import HistoryKeys
from wav2vec2_app.server.batches.records import BatchBounds
from wav2vec2_app.server.batches.runner import BatchRunner
from wav2vec2_app.server.batches.store import BatchStore
from wav2vec2_app.server.operations import Operation
from wav2vec2_app.server.service import speaker_extra
from wav2vec2_app.settings import Settings

ROUTE = "/v1/transcription-batches"
ANNA, BERT = {"X-History-Key": "anna" * 8}, {"X-History-Key": "bert" * 8}


@pytest.fixture
async def client(
    start: Start, adapter: FakeAdapter, tmp_path: Path
) -> AsyncIterator[httpx.AsyncClient]:
    settings, app = Settings(max_bytes=1000, batch_bytes=2 << 20), FastAPI()
    orchestrator = await start(adapter)
    policy = BatchBounds(limit_bytes=settings.batch_bytes)
    runner = BatchRunner(BatchStore(tmp_path, policy), orchestrator)
    await runner.start()
    add_routes(
        app, orchestrator, settings, render_metrics=bytes, metrics_content_type="text/plain",
        batches=runner,
    )  # fmt: skip
    app.add_middleware(HistoryKeys)
    app.add_middleware(Access, settings=settings)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:7860") as client:
        yield client
    await runner.stop()


def code(answer: httpx.Response) -> str:
    return str(answer.json()["error"]["code"])


def form(*names: str, content: bytes = b"RIFF") -> list[tuple[str, tuple[str, bytes]]]:
    return [("file", (name, content)) for name in names]


async def finished(client: httpx.AsyncClient, batch: str, key: dict[str, str] = ANNA) -> Any:
    while True:
        found = (await client.get(f"{ROUTE}/{batch}", headers=key)).json()
        if found["finished"]:
            return found


async def test_form_with_files_becomes_a_zip(
    client: httpx.AsyncClient, adapter: FakeAdapter
) -> None:
    adapter.fail(Operation.PROBE, InputError("Not audio.", code="audio.broken"))
    sent = await client.post(
        ROUTE, files=form("bad.wav", "good day.wav"), data={"name": "Two"}, headers=ANNA
    )
    batch = sent.json()
    assert (sent.status_code, batch["counts"]["total"], batch["key"]) == (202, 2, "")

    found = await finished(client, batch["id"])
    results = await client.get(f"{ROUTE}/{batch['id']}/results", headers=ANNA)

    assert [file["state"] for file in found["files"]] == ["failed", "done"]
    assert found["files"][0]["error"]["code"] == "audio.broken"
    assert "Two.zip" in results.headers["content-disposition"]
    names = zipfile.ZipFile(io.BytesIO(results.content)).namelist()
    assert names == [*(f"good day.{one}" for one in ("txt", "srt", "vtt", "json")), "summary.csv"]


async def test_announced_files_are_sent_one_by_one(client: httpx.AsyncClient) -> None:
    files = [{"name": "sub/a.wav", "size": 4}, {"name": "sub/a.wav"}]
    made = await client.post(ROUTE, json={"name": "sub", "files": files}, headers=ANNA)
    batch = made.json()
    assert [file["state"] for file in batch["files"]] == ["missing", "missing"]

    for number in (2, 1):
        path = f"{ROUTE}/{batch['id']}/files/{number}"
        sent = await client.post(path, files=form("upload"), headers=ANNA)
        assert sent.status_code == 202, sent.text
    found = await finished(client, batch["id"])

    assert [file["name"] for file in found["files"]] == ["sub/a.wav", "sub/a.wav"]
    again = await client.post(f"{ROUTE}/{batch['id']}/files/1", files=form("x"), headers=ANNA)
    assert (again.status_code, code(again)) == (409, "batch.file_sent")


async def test_request_without_a_key_receives_one(client: httpx.AsyncClient) -> None:
    made = (await client.post(ROUTE, files=form("a.wav"))).json()

    found = await finished(client, made["id"], {"X-History-Key": made["key"]})

    assert found["counts"]["done"] == 1
    assert len(made["key"]) > 40


async def test_key_in_the_form_is_used(client: httpx.AsyncClient) -> None:
    made = await client.post(ROUTE, files=form("a.wav"), data={"history_key": "anna" * 8})

    assert (await finished(client, made.json()["id"]))["counts"]["done"] == 1


REQUESTS = [
    ("GET", ""), ("GET", "/results"), ("DELETE", ""), ("POST", "/files/1"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), REQUESTS)
async def test_batch_of_another_key_is_not_found(
    client: httpx.AsyncClient, method: str, path: str
) -> None:
    made = (await client.post(ROUTE, json={"files": [{"name": "a.wav"}]}, headers=ANNA)).json()
    files = {"files": form("a.wav")} if method == "POST" else {}

    answer = await client.request(method, f"{ROUTE}/{made['id']}{path}", headers=BERT, **files)

    assert (answer.status_code, code(answer)) == (404, "batch.not_found")
    listed = (await client.get(ROUTE, headers=BERT)).json()
    assert listed["batches"] == []
    assert len((await client.get(ROUTE, headers=ANNA)).json()["batches"]) == 1


async def test_deleted_batch_is_gone(client: httpx.AsyncClient) -> None:
    made = (await client.post(ROUTE, files=form("a.wav"), headers=ANNA)).json()

    answer = await client.delete(f"{ROUTE}/{made['id']}", headers=ANNA)

    assert answer.json() == {"deleted": 1}
    assert (await client.get(f"{ROUTE}/{made['id']}", headers=ANNA)).status_code == 404


REJECTED: dict[str, tuple[dict[str, Any], int, str]] = {
    "no files": ({"data": {"name": "x"}, "files": [("other", ("a", b"b"))]}, 400, "batch.empty"),
    "an option": (
        {"files": form("a.wav"), "data": {"beam_width": "many"}},
        400,
        "decoder.bad_value",
    ),
    "a large file": ({"files": form("a.wav", content=b"x" * 1001)}, 413, "audio.too_large"),
    "no json": (
        {"content": b"{", "headers": {"Content-Type": "application/json"}},
        400,
        "batch.bad_request",
    ),
    "json without files": ({"json": {}}, 400, "batch.bad_request"),
    "an empty name": ({"json": {"files": [{"name": ""}]}}, 400, "batch.bad_request"),
    "no files in json": ({"json": {"files": []}}, 400, "batch.empty"),
    "1,001 files": ({"json": {"files": [{"name": "a"}] * 1001}}, 400, "batch.too_many_files"),
    "an option of none": (
        {"json": {"files": [{"name": "a"}], "options": {"x": 1}}},
        400,
        "request.bad_value",
    ),
    "too many bytes": ({"json": {"files": [{"name": "a", "size": 3 << 20}]}}, 429, "batch.full"),
    "neither": ({"content": b"x", "headers": {"Content-Type": "text/plain"}}, 400, "audio.missing"),
}


@pytest.mark.parametrize("name", REJECTED)
async def test_bad_batch_is_rejected_and_leaves_nothing(
    client: httpx.AsyncClient, name: str, tmp_path: Path
) -> None:
    request, status, error = REJECTED[name]
    headers = {**ANNA, **request.pop("headers", {})} if "headers" in request else ANNA

    answer = await client.post(ROUTE, **{**request, "headers": headers})

    assert (answer.status_code, code(answer)) == (status, error), answer.text
    assert (await client.get(ROUTE, headers=ANNA)).json()["batches"] == []
    assert list(tmp_path.glob("batch-uploads/*/*")) == []


async def test_thousand_files_two_of_one_name_and_one_with_a_path(
    client: httpx.AsyncClient,
) -> None:
    names = [f"{number}.wav" for number in range(997)] + ["same.wav", "same.wav", "../../up.wav"]

    made = await client.post(ROUTE, json={"files": [{"name": one} for one in names]}, headers=ANNA)

    shown = [file["name"] for file in made.json()["files"]]
    assert (made.status_code, len(shown)) == (202, 1000)
    assert shown[-3:] == ["same.wav", "same.wav", "up.wav"]


async def test_server_without_batches_says_so(start: Start, adapter: FakeAdapter) -> None:
    app = FastAPI()
    add_routes(
        app, await start(adapter), Settings(), render_metrics=bytes, metrics_content_type="t"
    )
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        answer = await client.get(ROUTE)

    assert (answer.status_code, code(answer)) == (404, "batch.off")


# --- speakers -----------------------------------------------------------------------------------


def extra(monkeypatch: pytest.MonkeyPatch, *, installed: bool) -> None:
    found = object() if installed else None
    monkeypatch.setattr(speaker_extra, "find_spec", lambda _: found)


@pytest.mark.parametrize("value", ["true", "1"])
async def test_form_can_request_speakers(
    client: httpx.AsyncClient, adapter: FakeAdapter, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    extra(monkeypatch, installed=True)
    adapter.speakers = 2

    sent = await client.post(
        ROUTE, files=form("good day.wav"), data={"diarize": value}, headers=ANNA
    )
    await finished(client, sent.json()["id"])
    results = await client.get(f"{ROUTE}/{sent.json()['id']}/results", headers=ANNA)

    archive = zipfile.ZipFile(io.BytesIO(results.content))
    assert archive.read("good day.txt").decode() == "Speaker 1: good\nSpeaker 2: day\n"


@pytest.mark.parametrize(("value", "labelled"), [(True, 1), (False, 0), (None, 0)])
async def test_json_can_request_speakers(
    client: httpx.AsyncClient,
    adapter: FakeAdapter,
    monkeypatch: pytest.MonkeyPatch,
    value: object,
    labelled: int,
) -> None:
    extra(monkeypatch, installed=True)
    body = {"files": [{"name": "a b.wav"}], "options": {"diarize": value}}
    batch = (await client.post(ROUTE, json=body, headers=ANNA)).json()["id"]

    await client.post(f"{ROUTE}/{batch}/files/1", files=form("a b.wav"), headers=ANNA)
    await finished(client, batch)

    assert adapter.count(Operation.LABEL_SPEAKERS) == labelled


async def test_speakers_that_cannot_be_labelled_are_rejected_before_any_work(
    client: httpx.AsyncClient, adapter: FakeAdapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    extra(monkeypatch, installed=False)
    body = {"files": [{"name": "a.wav"}], "options": {"diarize": True}}

    answers = [
        await client.post(ROUTE, files=form("a.wav"), data={"diarize": "true"}, headers=ANNA),
        await client.post(ROUTE, json=body, headers=ANNA),
    ]

    assert [(one.status_code, code(one)) for one in answers] == [
        (404, "speakers.extra_missing")
    ] * 2
    assert "pip install" in answers[0].json()["error"]["hint"]
    assert (await client.get(ROUTE, headers=ANNA)).json()["batches"] == []
    assert adapter.calls == []
    plain = await client.post(ROUTE, files=form("a.wav"), headers=ANNA)
    assert plain.status_code == 202


@pytest.mark.parametrize("value", ["maybe", "2", "[]"])
async def test_bad_choice_of_speakers_is_rejected(client: httpx.AsyncClient, value: str) -> None:
    body = {"files": [{"name": "a.wav"}], "options": {"diarize": value}}

    by_form = await client.post(ROUTE, files=form("a.wav"), data={"diarize": value}, headers=ANNA)
    by_json = await client.post(ROUTE, json=body, headers=ANNA)

    assert (by_form.status_code, code(by_form)) == (400, "request.bad_value")
    assert (by_json.status_code, code(by_json)) == (400, "request.bad_value")
