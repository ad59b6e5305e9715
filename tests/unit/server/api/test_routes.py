import asyncio
from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from tests.doubles import FakeAdapter, make_recognition
from tests.unit.conftest import Start
from wav2vec2_app.errors import (
    BusyError,
    CancelledError,
    CircuitOpenError,
    InputError,
    InternalError,
    ModelError,
    ResourceError,
    TimedOutError,
    Wav2Vec2Error,
    WorkerDiedError,
)
from wav2vec2_app.server import schema
from wav2vec2_app.server.api import add_routes, prompt
from wav2vec2_app.server.api.errors import status_of
from wav2vec2_app.server.api.uploads import FORM_OVERHEAD_BYTES
from wav2vec2_app.server.operations import Operation
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator
from wav2vec2_app.server.status import FeatureScore
from wav2vec2_app.settings import Settings
from wav2vec2_app.speech import options
from wav2vec2_app.speech.alignment import AlignedWord, Alignment
from wav2vec2_app.speech.options import DecodingOptions

MAX_BYTES = 10_000
URL = "/v1/audio/transcriptions"
ALIGNMENTS = "/v1/audio/alignments"
FILE = {"file": ("hello world.wav", b"RIFF" * 10)}


def make_app(orchestrator: ModelOrchestrator, **settings: Any) -> FastAPI:
    app = FastAPI()
    add_routes(
        app,
        orchestrator,
        Settings(max_bytes=MAX_BYTES, **settings),
        render_metrics=lambda: b"up 1\n",
        metrics_content_type="text/plain; version=1.0.0",
    )
    return app


@pytest.fixture
async def client(orchestrator: ModelOrchestrator) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(make_app(orchestrator))
    async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
        yield client


# --- health -------------------------------------------------------------------------------------


async def test_server_is_alive_and_ready(client: httpx.AsyncClient) -> None:
    assert (await client.get("/healthz")).json() == {"status": "ok"}
    answer = await client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ready",
        "adapters": {"fake": True},
        "workers": [
            {"role": "audio", "state": "ready", "restarts": 0},
            {"role": "inference", "state": "ready", "restarts": 0},
        ],
    }


async def test_server_without_its_adapters_is_not_ready(
    client: httpx.AsyncClient, orchestrator: ModelOrchestrator
) -> None:
    await orchestrator.stop()

    assert (await client.get("/readyz")).status_code == 503
    assert (await client.get("/healthz")).status_code == 200


async def test_metrics_are_served_as_rendered(client: httpx.AsyncClient) -> None:
    answer = await client.get("/metrics")

    assert answer.text == "up 1\n"
    assert answer.headers["content-type"].startswith("text/plain; version=1.0.0")


# --- transcriptions -----------------------------------------------------------------------------


async def test_json_is_the_default(client: httpx.AsyncClient) -> None:
    answer = await client.post(URL, files=FILE, data={"model": "whisper-1"})

    assert answer.status_code == 200
    assert answer.json()["text"] == "hello world"
    assert answer.headers["x-request-id"]


@pytest.mark.parametrize(
    ("response_format", "text"),
    [
        ("text", "hello world\n"),
        ("srt", "1\n00:00:00,020 --> 00:00:01,020\nhello world\n"),
        ("vtt", "WEBVTT\n\n00:00:00.020 --> 00:00:01.020\nhello world\n"),
    ],
)
async def test_text_formats(client: httpx.AsyncClient, response_format: str, text: str) -> None:
    answer = await client.post(URL, files=FILE, data={"response_format": response_format})

    assert answer.text == text
    assert answer.headers["content-type"].startswith("text/plain")


async def test_verbose_json_has_segments_unless_words_are_requested(
    client: httpx.AsyncClient,
) -> None:
    data = {"response_format": "verbose_json"}

    segments = (await client.post(URL, files=FILE, data=data)).json()
    data["timestamp_granularities[]"] = "word"
    words = (await client.post(URL, files=FILE, data=data)).json()

    assert segments["segments"][0]["text"] == "hello world"
    assert "words" not in segments
    assert words["words"][0] == {"word": "hello", "start": 0.02, "end": 0.3, "confidence": 0.9}
    assert "segments" not in words
    assert words["duration"] > 0
    assert words["model"]["name"] == "fake/wav2vec2"
    assert words["timings"]


async def test_silence_has_no_segments(client: httpx.AsyncClient, adapter: FakeAdapter) -> None:
    adapter.answer(Operation.TRANSCRIBE, make_recognition(""))

    answer = await client.post(URL, files=FILE, data={"response_format": "verbose_json"})

    assert answer.json()["segments"] == []
    assert answer.json()["reason"] == "silence"


@pytest.mark.parametrize(
    "data", [{"response_format": "xml"}, {"timestamp_granularities[]": "letter"}]
)
async def test_unknown_option_is_rejected_before_any_work(
    client: httpx.AsyncClient, adapter: FakeAdapter, data: dict[str, str]
) -> None:
    answer = await client.post(URL, files=FILE, data=data)

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "request.bad_value"
    assert adapter.calls == []


async def test_model_is_passed_on(client: httpx.AsyncClient, adapter: FakeAdapter) -> None:
    await client.post(URL, files=FILE, data={"model": "my/model"})

    assert adapter.calls[0].task.model == "my/model"
    assert adapter.calls[0].task.source.name == "hello world.wav"


@pytest.mark.parametrize("files", [None, {"sound": ("a.wav", b"RIFF")}])
async def test_missing_file_is_rejected(client: httpx.AsyncClient, files: dict | None) -> None:
    answer = await client.post(URL, files=files, data={"model": "auto"})

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "audio.missing"


async def test_malformed_form_is_rejected(client: httpx.AsyncClient) -> None:
    headers = {"content-type": "multipart/form-data; boundary=x"}

    answer = await client.post(URL, content=b"--y\r\nnonsense", headers=headers)

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] in {"request.malformed", "audio.missing"}


async def test_file_over_the_limit_is_rejected(
    client: httpx.AsyncClient, adapter: FakeAdapter
) -> None:
    answer = await client.post(URL, files={"file": ("a.wav", bytes(MAX_BYTES + 1))})

    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "audio.too_large"
    assert adapter.calls == []


async def test_announced_size_over_the_limit_is_rejected_unread(client: httpx.AsyncClient) -> None:
    size = MAX_BYTES + FORM_OVERHEAD_BYTES + 1

    answer = await client.post(URL, files={"file": ("a.wav", bytes(size))})

    assert answer.status_code == 413


async def test_endless_body_without_a_size_is_cut_off(client: httpx.AsyncClient) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
        while True:
            sent += 10_000
            yield bytes(10_000)

    headers = {"content-type": "multipart/form-data; boundary=x"}
    answer = await client.post(URL, content=endless(), headers=headers)

    assert answer.status_code == 413
    assert sent <= MAX_BYTES + FORM_OVERHEAD_BYTES + 20_000


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InputError("x"), 400),
        (InputError("x", code="audio.too_long"), 413),
        (ModelError("x"), 404),
        (BusyError("x"), 429),
        (CircuitOpenError("x"), 503),
        (ResourceError("x"), 503),
        (WorkerDiedError("x"), 503),
        (CancelledError("x"), 503),
        (TimedOutError("x"), 504),
        (InternalError("x"), 500),
    ],
)
def test_every_error_has_its_status(error: Wav2Vec2Error, status: int) -> None:
    assert status_of(error) == status


async def test_error_of_the_model_is_json_with_its_request(
    client: httpx.AsyncClient, adapter: FakeAdapter
) -> None:
    adapter.fail(Operation.PROBE, InputError("Not audio.", code="audio.not_audio", hint="Use WAV."))

    answer = await client.post(URL, files=FILE)

    assert answer.status_code == 400
    body = answer.json()
    assert body["error"]["hint"] == "Use WAV."
    assert body["request_id"] == adapter.calls[0].task.id


async def test_full_queue_says_when_to_try_again(start: Start) -> None:
    adapter = FakeAdapter()
    orchestrator = await start(adapter, queue_size=1, concurrency=1)
    gate = adapter.block(Operation.TRANSCRIBE)
    transport = httpx.ASGITransport(make_app(orchestrator))
    async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
        others = [asyncio.create_task(client.post(URL, files=FILE)) for _ in range(2)]
        await adapter.reached(Operation.PROBE, 2)

        rejected = await client.post(URL, files=FILE)

        assert rejected.status_code == 429
        assert int(rejected.headers["retry-after"]) >= 1
        gate.set()
        assert [answer.status_code for answer in await asyncio.gather(*others)] == [200, 200]


async def test_disconnecting_client_cancels_the_task(
    orchestrator: ModelOrchestrator, adapter: FakeAdapter
) -> None:
    adapter.block(Operation.TRANSCRIBE)
    request = httpx.Request("POST", f"http://server{URL}", files=FILE)
    messages: asyncio.Queue[dict] = asyncio.Queue()
    messages.put_nowait({"type": "http.request", "body": request.read(), "more_body": False})
    sent: list[dict] = []

    async def send(message: dict) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": URL,
        "query_string": b"",
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "app": None,
    }
    serving = asyncio.create_task(make_app(orchestrator)(scope, messages.get, send))
    await adapter.reached(Operation.TRANSCRIBE)

    messages.put_nowait({"type": "http.disconnect"})
    await serving

    assert [task.operation for task in adapter.cancelled] == [Operation.TRANSCRIBE]
    assert sent[0]["status"] == 503


# --- decoding options ----------------------------------------------------------------------------


async def test_decoding_options_are_passed_on(
    client: httpx.AsyncClient, adapter: FakeAdapter
) -> None:
    data = {
        "decoder": "beam",
        "beam_width": "12",
        "lm_weight": "0.5",
        "word_score": "-1",
        "hotwords": "Anna, Szczecin",
        "hotword_boost": "9",
        "blank_penalty": "1.5",
        "response_format": "verbose_json",
        "temperature": "0.2",
        "language": "en",
        "stream": "false",
    }

    answer = await client.post(URL, files=FILE, data=data)

    decoding = DecodingOptions("beam", 12, 0.5, -1.0, ("Anna", "Szczecin"), 9.0, 1.5)
    assert options.OPTION.keys() <= data.keys()
    assert adapter.calls[0].task.decoding == decoding
    assert answer.json()["decoding"]["hotwords"] == ["Anna", "Szczecin"]


async def test_names_in_a_prompt_become_hotwords_unless_there_are_hotwords(
    client: httpx.AsyncClient, adapter: FakeAdapter
) -> None:
    data = {"prompt": "Anna Meier, Szczecin"}

    await client.post(URL, files=FILE, data=data)
    await client.post(URL, files=FILE, data={**data, "hotwords": "Zoë"})

    hotwords = [call.task.decoding.hotwords for call in adapter.calls]
    assert ("Anna Meier", "Szczecin") in hotwords
    assert ("Zoë",) in hotwords


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", []),
        ("OpenVINO, wav2vec2, Gradio", ["OpenVINO", "wav2vec2", "Gradio"]),
        ("Ms. Okonkwo\nSzczecin", ["Ms. Okonkwo", "Szczecin"]),
        (
            "The meeting began late. We met Ms. Okonkwo in Szczecin, and I said that NASA's "
            "iPhone was “Old”. Everyone laughed.",
            ["Ms", "Okonkwo", "Szczecin", "NASA's", "iPhone", "Old"],
        ),
        ("this text has no names in it at all", []),
    ],
)
def test_names_are_found_in_a_prompt(text: str, names: list[str]) -> None:
    assert [*prompt.prompt_hotwords(text)] == names


def test_number_of_names_from_a_prompt_is_limited() -> None:
    text = ", ".join(f"Name{number}" for number in range(500))

    assert len(prompt.prompt_hotwords(text)) == prompt.MAX_PROMPT_HOTWORDS


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ({"beam_width": "nan"}, "decoder.bad_value"),
        ({"beam_width": "0"}, "decoder.bad_value"),
        ({"lm_weight": "much"}, "decoder.bad_value"),
        ({"decoder": "viterbi"}, "decoder.unknown"),
        ({"hotwords": "\n".join(f"w{n}" for n in range(10_000))}, "hotwords.too_many"),
        ({"stream": "perhaps"}, "request.bad_value"),
        ({"temperature": "hot"}, "request.bad_value"),
        ({"temperature": "nan"}, "request.bad_value"),
        ({"temperature": "2"}, "request.bad_value"),
    ],
)
async def test_invalid_option_is_rejected_before_any_work(
    client: httpx.AsyncClient, adapter: FakeAdapter, data: dict[str, str], code: str
) -> None:
    answer = await client.post(URL, files=FILE, data=data)

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == code
    assert answer.json()["error"]["hint"]
    assert adapter.calls == []


# --- letter case and subtitles ------------------------------------------------------------------

CAPITALS = "IN THE MORNING I SAW WHAT I'D LOST"
SENTENCE = "In the morning I saw what I'd lost"


@pytest.mark.parametrize("response_format", ["json", "text", "srt", "vtt", "verbose_json"])
@pytest.mark.parametrize(
    ("letter_case", "expected"), [("", SENTENCE), ("sentence", SENTENCE), ("raw", CAPITALS)]
)
async def test_capital_letters_are_written_in_the_wanted_case(
    client: httpx.AsyncClient,
    adapter: FakeAdapter,
    response_format: str,
    letter_case: str,
    expected: str,
) -> None:
    adapter.answer(Operation.TRANSCRIBE, make_recognition(CAPITALS))
    data = {"response_format": response_format, "letter_case": letter_case}

    answer = await client.post(URL, files=FILE, data=data)

    assert expected in answer.text.replace("\n", " ")


@pytest.mark.parametrize("route", [URL, ALIGNMENTS])
async def test_lines_of_subtitles_are_as_long_as_requested(
    client: httpx.AsyncClient, adapter: FakeAdapter, route: str
) -> None:
    text = " ".join(["word"] * 20)
    adapter.answer(Operation.TRANSCRIBE, make_recognition(text))
    data = {"response_format": "srt", "text": text, "line_characters": "12", "max_lines": "1"}

    answer = await client.post(route, files=FILE, data=data)

    lines = [line for line in answer.text.splitlines() if line.startswith("word")]
    assert len(lines) >= 10
    assert all(len(line) <= 12 for line in lines)


@pytest.mark.parametrize("route", [URL, ALIGNMENTS])
@pytest.mark.parametrize("data", [{"line_characters": "9"}, {"letter_case": "upper"}])
async def test_impossible_export_option_is_rejected_before_any_work(
    client: httpx.AsyncClient, adapter: FakeAdapter, route: str, data: dict[str, str]
) -> None:
    answer = await client.post(route, files=FILE, data={"text": "hello", **data})

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "export.bad_value"
    assert adapter.calls == []


async def test_line_breaks_of_the_text_end_cues(client: httpx.AsyncClient) -> None:
    data = {"text": "Hello,\nworld!", "response_format": "srt"}

    answer = await client.post(ALIGNMENTS, files=FILE, data=data)

    assert [block.splitlines()[2:] for block in answer.text.split("\n\n")] == [
        ["Hello,"],
        ["world!"],
    ]


# --- alignments ---------------------------------------------------------------------------------


async def test_text_is_aligned(client: httpx.AsyncClient, adapter: FakeAdapter) -> None:
    answer = await client.post(ALIGNMENTS, files=FILE, data={"text": "Hello, world!"})

    response = schema.AlignmentResponse.model_validate(answer.json())
    assert [word.text for word in response.words] == ["Hello,", "world!"]
    assert [word.mark for word in response.words] == ["said", "said"]
    assert [(line.text, line.last) for line in response.lines] == [("Hello, world!", 2)]
    assert response.words[1].start == 0.2
    assert response.text == "Hello, world!"
    assert answer.headers["x-request-id"] == response.request_id
    assert adapter.count(Operation.ALIGN) == 1


@pytest.mark.parametrize(
    ("response_format", "text"),
    [
        ("srt", "1\n00:00:00,000 --> 00:00:01,000\nHello, <world>!\n"),
        ("vtt", "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nHello, &lt;world&gt;!\n"),
    ],
)
async def test_subtitles_of_a_given_text_keep_its_spelling(
    client: httpx.AsyncClient, response_format: str, text: str
) -> None:
    data = {"text": "Hello, <world>!", "response_format": response_format}

    answer = await client.post(ALIGNMENTS, files=FILE, data=data)

    assert answer.text == text


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ({}, "align.empty_text"),
        ({"text": " "}, "align.empty_text"),
        ({"text": "a " * 60_000}, "align.text_too_long"),
        ({"text": "hello", "response_format": "verbose_json"}, "request.bad_value"),
    ],
)
async def test_text_that_cannot_be_aligned_is_rejected_before_any_work(
    client: httpx.AsyncClient, adapter: FakeAdapter, data: dict[str, str], code: str
) -> None:
    answer = await client.post(ALIGNMENTS, files=FILE, data=data)

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == code
    assert adapter.calls == []


async def test_text_in_another_script_is_explained(
    client: httpx.AsyncClient, adapter: FakeAdapter
) -> None:
    unspelled = AlignedWord("日本", 0.0, 0.5, 0.0, wildcard=True)
    adapter.answer(Operation.ALIGN, Alignment((unspelled,), 0.0))

    answer = await client.post(ALIGNMENTS, files=FILE, data={"text": "日本"})

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "align.other_script"


async def test_alignment_without_a_file_is_rejected(client: httpx.AsyncClient) -> None:
    answer = await client.post(ALIGNMENTS, data={"text": "hello"})

    assert answer.json()["error"]["code"] == "audio.missing"


async def test_forms_are_described_in_openapi(client: httpx.AsyncClient) -> None:
    described = (await client.get("/openapi.json")).json()["paths"]

    form = described[URL]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert {"file", "prompt", *options.OPTION} <= set(form["properties"])
    for name, option in options.OPTION.items():
        assert form["properties"][name] == option.json_schema()
    assert ALIGNMENTS in described


# --- models -------------------------------------------------------------------------------------


async def test_models_are_listed_the_automatic_one_first(start: Start) -> None:
    orchestrator = await start(FakeAdapter(models=("embedded", "far/away")))
    transport = httpx.ASGITransport(make_app(orchestrator))
    async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
        listing = (await client.get("/v1/models")).json()

    assert listing["object"] == "list"
    assert [one["id"] for one in listing["data"]] == ["auto", "embedded", "far/away"]


async def test_models_are_listed_with_their_measured_scores(start: Start) -> None:
    adapter = FakeAdapter(models=("embedded", "far/away"))
    adapter.default_model = "embedded"
    score = FeatureScore(0.93, "1 - word error rate", "test-clean-60", "2026-11-28")
    adapter.scores = {"embedded": {"transcription": score}}
    transport = httpx.ASGITransport(make_app(await start(adapter)))
    async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
        listing = (await client.get("/v1/models")).json()

    scores = {one["id"]: one["scores"] for one in listing["data"]}
    assert scores == {
        "auto": {"transcription": asdict(score)},
        "embedded": {"transcription": asdict(score)},
        "far/away": {},
    }
