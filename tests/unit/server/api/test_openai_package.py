"""The official ``openai`` package as the client: formats, word times, streaming, models, errors."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2
import openai
import pytest

from tests.doubles import FakeAdapter, make_recognition
from tests.unit.server.api.test_routes import make_app
from wav2vec2_app.errors import BusyError, InputError, InternalError, WorkerDiedError
from wav2vec2_app.server.operations import Operation
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator

FILE = ("hello world.wav", b"RIFF" * 10)


@pytest.fixture
async def client(orchestrator: ModelOrchestrator) -> AsyncIterator[openai.AsyncOpenAI]:
    transport = httpx2.ASGITransport(make_app(orchestrator))
    async with openai.AsyncOpenAI(
        base_url="http://server/v1",
        api_key="none",
        max_retries=0,
        http_client=httpx2.AsyncClient(transport=transport),
    ) as client:
        yield client


@pytest.mark.parametrize("model", ["whisper-1", "gpt-4o-transcribe", "auto"])
async def test_json_is_an_object_with_the_text(client: openai.AsyncOpenAI, model: str) -> None:
    answer = await client.audio.transcriptions.create(file=FILE, model=model)

    assert answer.text == "hello world"
    assert answer.usage.seconds > 0


@pytest.mark.parametrize(
    ("response_format", "beginning"),
    [("text", "hello world"), ("srt", "1\n00:00:00,020"), ("vtt", "WEBVTT\n")],
)
async def test_text_formats_are_strings(
    client: openai.AsyncOpenAI, response_format: str, beginning: str
) -> None:
    answer = await client.audio.transcriptions.create(
        file=FILE, model="whisper-1", response_format=response_format
    )

    assert isinstance(answer, str)
    assert answer.startswith(beginning)


async def test_verbose_json_has_words_and_segments(client: openai.AsyncOpenAI) -> None:
    answer = await client.audio.transcriptions.create(
        file=FILE,
        model="whisper-1",
        response_format="verbose_json",
        timestamp_granularities=["word", "segment"],
        temperature=0,
        prompt="Anna, Bert",
    )

    assert [word.word for word in answer.words] == ["hello", "world"]
    assert 0 <= answer.words[0].start < answer.words[0].end <= answer.words[1].start
    assert answer.segments[0].text == "hello world"
    assert set(type(answer.segments[0]).model_fields) <= answer.segments[0].model_fields_set
    assert answer.duration > 0
    assert answer.model["name"] == "fake/wav2vec2"


@pytest.mark.parametrize("include", [{}, {"include": ["logprobs"], "chunking_strategy": "auto"}])
async def test_stream_yields_deltas_and_the_text(
    client: openai.AsyncOpenAI, adapter: FakeAdapter, include: dict
) -> None:
    text = " ".join(f"word{number}" for number in range(40))
    adapter.answer(Operation.TRANSCRIBE, make_recognition(text))

    stream = await client.audio.transcriptions.create(
        file=FILE, model="gpt-4o-mini-transcribe", stream=True, **include
    )
    events = [event async for event in stream]

    *deltas, done = events
    assert len(deltas) > 1
    assert {event.type for event in deltas} == {"transcript.text.delta"}
    assert done.type == "transcript.text.done"
    assert "".join(event.delta for event in deltas) == done.text == text


async def test_failure_in_a_stream_is_raised(
    client: openai.AsyncOpenAI, adapter: FakeAdapter
) -> None:
    adapter.fail(Operation.TRANSCRIBE, WorkerDiedError("The worker died."))
    stream = await client.audio.transcriptions.create(file=FILE, model="auto", stream=True)

    with pytest.raises(openai.APIError, match="The worker died"):
        async for _ in stream:
            pass


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (InputError("Not audio.", code="audio.not_audio"), openai.BadRequestError),
        (BusyError("The queue is full."), openai.RateLimitError),
        (InternalError("A defect."), openai.InternalServerError),
    ],
)
async def test_error_is_raised_with_its_code(
    client: openai.AsyncOpenAI,
    adapter: FakeAdapter,
    error: InputError,
    raised: type[openai.APIStatusError],
    stream: bool,
) -> None:
    adapter.fail(Operation.PROBE, error)

    with pytest.raises(raised) as caught:
        await client.audio.transcriptions.create(file=FILE, model="auto", stream=stream)

    assert caught.value.code == error.code
    assert caught.value.body["message"] == error.message
    assert error.message in caught.value.message


async def test_full_queue_is_tried_again_by_the_client(
    client: openai.AsyncOpenAI, adapter: FakeAdapter
) -> None:
    adapter.fail(Operation.PROBE, BusyError("Full.", metadata={"retry_after_s": 0.0}))

    answer = await client.with_options(max_retries=1).audio.transcriptions.create(
        file=FILE, model="auto"
    )

    assert answer.text == "hello world"


async def test_models_are_listed_and_found(client: openai.AsyncOpenAI) -> None:
    listed = [model.id async for model in client.models.list()]

    assert listed[0] == "auto"
    assert (await client.models.retrieve("whisper-1")).id == "whisper-1"
    with pytest.raises(openai.NotFoundError) as caught:
        await client.models.retrieve("no-such-model")
    assert caught.value.code == "model.unknown"


@pytest.mark.parametrize("file", [b"RIFF" * 10, ("hello.wav", b"RIFF", "audio/wav")])
async def test_file_is_sent_in_every_form(client: openai.AsyncOpenAI, file: object) -> None:
    answer = await client.audio.transcriptions.create(file=file, model="auto")

    assert answer.text
