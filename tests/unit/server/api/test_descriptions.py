"""``POST /v1/descriptions``."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from tests.doubles import FakeAdapter
from tests.unit.conftest import Start
from wav2vec2_app.errors import InputError, ModelError, ResourceError
from wav2vec2_app.server.api import add_routes
from wav2vec2_app.server.operations import Operation
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator
from wav2vec2_app.settings import Settings
from wav2vec2_app.speech.description import DEFAULT_QUESTION

URL = "/v1/descriptions"
FILE = {"file": ("hello world.wav", b"RIFF" * 10)}


def client_of(orchestrator: ModelOrchestrator) -> httpx.AsyncClient:
    app = FastAPI()
    add_routes(
        app, orchestrator, Settings(), render_metrics=bytes, metrics_content_type="text/plain"
    )
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://server")


@pytest.fixture
async def client(orchestrator: ModelOrchestrator) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(orchestrator) as client:
        yield client


async def test_answer_has_the_transcript_and_the_description(client: httpx.AsyncClient) -> None:
    answer = (await client.post(URL, files=FILE, data={"question": " Is it  loud?"})).json()

    assert answer["text"] == "hello world"
    assert answer["description"] == {
        "question": "Is it loud?",
        "answer": "A dog barks.",
        "audio_info": "1.0 s",
        "described_s": 1.0,
        "truncated": False,
    }
    assert answer["problems"] == []


@pytest.mark.parametrize("data", [{}, {"question": ""}, {"question": "null"}])
async def test_question_may_be_omitted(client: httpx.AsyncClient, data: dict[str, str]) -> None:
    answer = (await client.post(URL, files=FILE, data=data)).json()

    assert answer["description"]["question"] == DEFAULT_QUESTION


async def test_transcript_comes_if_the_description_fails(
    client: httpx.AsyncClient, adapter: FakeAdapter
) -> None:
    error = ResourceError("down", code="describe.unreachable", metadata={"retry_after_s": 2.0})
    adapter.fail(Operation.DESCRIBE, error)

    answer = await client.post(URL, files=FILE)

    assert answer.status_code == 200
    body = answer.json()
    assert (body["text"], body["description"]) == ("hello world", None)
    [problem] = body["problems"]
    assert (problem["operation"], problem["error"]["code"]) == ("describe", "describe.unreachable")


@pytest.mark.parametrize("question", ["x" * 1001, "a\x00b"])
async def test_unusable_question_is_rejected(
    client: httpx.AsyncClient, adapter: FakeAdapter, question: str
) -> None:
    answer = await client.post(URL, files=FILE, data={"question": question})

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "describe.bad_question"
    assert adapter.calls == []


async def test_unusable_audio_is_rejected(client: httpx.AsyncClient, adapter: FakeAdapter) -> None:
    adapter.fail(Operation.PROBE, InputError("no", code="audio.broken"))

    answer = await client.post(URL, files=FILE)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "audio.broken")


async def test_without_a_description_server_the_answer_says_so(start: Start) -> None:
    adapter = FakeAdapter(operations=set(Operation) - {Operation.DESCRIBE})
    async with client_of(await start(adapter)) as client:
        answer = await client.post(URL, files=FILE)

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "model.no_adapter")


async def test_closed_space_does_not_fail_the_request(
    client: httpx.AsyncClient, adapter: FakeAdapter
) -> None:
    adapter.fail(Operation.DESCRIBE, ModelError("closed", code="describe.closed"))

    assert (await client.post(URL, files=FILE)).status_code == 200


async def test_route_describes_itself(client: httpx.AsyncClient) -> None:
    paths = (await client.get("/openapi.json")).json()["paths"]

    form = paths[URL]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert form["required"] == ["file"]
    assert form["properties"]["question"]["default"] == DEFAULT_QUESTION
