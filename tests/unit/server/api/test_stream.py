"""``stream=true``: server-sent events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.doubles import FakeAdapter, make_recognition
from tests.unit.server.api.test_routes import FILE, URL, make_app
from wav2vec2_app.errors import BusyError, InputError, WorkerDiedError
from wav2vec2_app.server.api.stream import GrowingText
from wav2vec2_app.server.operations import Operation
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator
from wav2vec2_app.server.results import Progress, Report, TaskResult, ignore_progress
from wav2vec2_app.server.tasks import ModelTask
from wav2vec2_app.speech.export_options import ExportOptions
from wav2vec2_app.speech.transcript import Word


@pytest.fixture
async def client(orchestrator: ModelOrchestrator) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(make_app(orchestrator))
    async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
        yield client


def events(answer: httpx.Response) -> list[dict]:
    assert answer.headers["content-type"].startswith("text/event-stream")
    return [
        json.loads(line.removeprefix("data: "))
        for line in answer.text.splitlines()
        if line.startswith("data: ")
    ]


@pytest.mark.parametrize("stream", ["true", "True", "1", "yes", " true ", '"true"'])
async def test_stream_has_deltas_and_one_last_event(client: httpx.AsyncClient, stream: str) -> None:
    answer = await client.post(URL, files=FILE, data={"stream": stream})

    *deltas, done = events(answer)
    assert {event["type"] for event in deltas} == {"transcript.text.delta"}
    assert done["type"] == "transcript.text.done"
    assert "".join(event["delta"] for event in deltas) == done["text"] == "hello world"
    assert done["model"]["name"] == "fake/wav2vec2"
    assert answer.headers["x-request-id"]


@pytest.mark.parametrize("stream", ["false", "False", "0", "null", "", "no"])
async def test_response_is_in_one_piece_without_stream(
    client: httpx.AsyncClient, stream: str
) -> None:
    answer = await client.post(URL, files=FILE, data={"stream": stream})

    assert answer.json()["text"] == "hello world"


async def test_long_text_is_sent_phrase_by_phrase(
    client: httpx.AsyncClient, adapter: FakeAdapter
) -> None:
    text = " ".join(f"word{number}" for number in range(50))
    adapter.answer(Operation.TRANSCRIBE, make_recognition(text))

    *deltas, done = events(await client.post(URL, files=FILE, data={"stream": "true"}))

    assert len(deltas) > 2
    assert "".join(event["delta"] for event in deltas) == done["text"] == text


async def test_text_that_grows_is_sent_once_and_completely(
    client: httpx.AsyncClient, adapter: FakeAdapter
) -> None:
    words = [f"word{number}" for number in range(40)]

    async def handle_task(task: ModelTask, report: Report = ignore_progress) -> TaskResult:
        if task.operation is Operation.TRANSCRIBE:
            for count in (1, 1, 7, 30):
                report(Progress(count / 40, make_recognition(" ".join(words[:count]))))
                await asyncio.sleep(0)
        return await whole(task, report)

    whole, adapter.handle_task = adapter.handle_task, handle_task  # type: ignore[method-assign]
    adapter.answer(Operation.TRANSCRIBE, make_recognition(" ".join(words)))

    *deltas, done = events(await client.post(URL, files=FILE, data={"stream": "true"}))

    assert deltas[0]["delta"] == "word0"
    assert "".join(event["delta"] for event in deltas) == done["text"] == " ".join(words)


@given(
    st.lists(st.integers(0, 30), max_size=5).map(sorted),
    st.lists(st.floats(0, 0.5), min_size=30, max_size=30),
)
def test_deltas_of_any_growth_are_the_text(counts: list[int], gaps_s: list[float]) -> None:
    starts_s = [sum(gaps_s[: at + 1]) for at in range(30)]
    words = tuple(Word(f"W{at}", start_s, start_s, 1.0) for at, start_s in enumerate(starts_s))
    growing, sent = GrowingText(ExportOptions("raw")), ""
    for count in (*counts, 30):
        text = " ".join(word.text for word in words[:count])
        whole = make_recognition().transcript
        sent += "".join(growing.grow(replace(whole, text=text, words=words[:count])))
        assert sent == text


async def test_silence_has_the_last_event_only(
    client: httpx.AsyncClient, adapter: FakeAdapter
) -> None:
    adapter.answer(Operation.TRANSCRIBE, make_recognition(""))

    (done,) = events(await client.post(URL, files=FILE, data={"stream": "true"}))

    assert done["text"] == ""


async def test_last_event_has_the_words_if_they_are_requested(client: httpx.AsyncClient) -> None:
    data = {"stream": "true", "response_format": "verbose_json", "timestamp_granularities": "word"}

    done = events(await client.post(URL, files=FILE, data=data))[-1]

    assert [word["word"] for word in done["words"]] == ["hello", "world"]


@pytest.mark.parametrize(
    ("operation", "error", "status"),
    [
        (Operation.PROBE, InputError("Not audio.", code="audio.not_audio"), 400),
        (Operation.PROBE, BusyError("Full."), 429),
        (Operation.DECODE_AUDIO, InputError("Broken.", code="audio.broken"), 400),
    ],
)
async def test_failure_before_the_stream_has_its_status(
    client: httpx.AsyncClient,
    adapter: FakeAdapter,
    operation: Operation,
    error: InputError,
    status: int,
) -> None:
    adapter.fail(operation, error)

    answer = await client.post(URL, files=FILE, data={"stream": "true"})

    assert answer.status_code == status
    assert answer.json()["error"]["message"] == error.message


async def test_failure_in_the_stream_is_an_event(
    client: httpx.AsyncClient, adapter: FakeAdapter
) -> None:
    adapter.fail(Operation.TRANSCRIBE, WorkerDiedError("The worker died."))

    (event,) = events(await client.post(URL, files=FILE, data={"stream": "true"}))

    assert event["type"] == "error"
    assert event["error"]["message"] == "The worker died."


async def test_upload_lives_as_long_as_the_stream(
    client: httpx.AsyncClient, adapter: FakeAdapter
) -> None:
    paths = []

    def transcribed(task):
        paths.append(task.task.source.path)
        assert paths[0].exists()
        return make_recognition("hello")

    adapter.answer(Operation.TRANSCRIBE, transcribed)

    await client.post(URL, files=FILE, data={"stream": "true"})

    assert not paths[0].exists()


@pytest.mark.parametrize("operation", [Operation.PROBE, Operation.TRANSCRIBE])
async def test_client_that_leaves_cancels_its_stream(
    orchestrator: ModelOrchestrator, adapter: FakeAdapter, operation: Operation
) -> None:
    adapter.block(operation)
    request = httpx.Request("POST", f"http://server{URL}", files=FILE, data={"stream": "true"})
    messages: asyncio.Queue[dict] = asyncio.Queue()
    messages.put_nowait({"type": "http.request", "body": request.read(), "more_body": False})

    async def send(_: dict) -> None:
        pass

    scope = {
        "type": "http",
        "method": "POST",
        "path": URL,
        "query_string": b"",
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "app": None,
    }
    serving = asyncio.create_task(make_app(orchestrator)(scope, messages.get, send))
    await adapter.reached(operation)

    messages.put_nowait({"type": "http.disconnect"})
    await serving

    assert [task.operation for task in adapter.cancelled] == [operation]
