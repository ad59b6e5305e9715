"""Spellings of fields and files that OpenAI's clients and other programs send."""

from __future__ import annotations

import gc
import itertools
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.doubles import FakeAdapter, make_model_info, make_recognition
from tests.unit.conftest import Start
from tests.unit.server.api.test_routes import ALIGNMENTS, FILE, MAX_BYTES, URL, make_app
from wav2vec2_app.server.api import uploads
from wav2vec2_app.server.operations import Operation
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator


@pytest.fixture
async def client(orchestrator: ModelOrchestrator) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(make_app(orchestrator))
    async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
        yield client


def multipart(*parts: tuple[str, bytes], boundary: str = "x") -> dict:
    """A request with parts given by their Content-Disposition and content."""
    body = b"".join(
        b"--%b\r\nContent-Disposition: form-data; %b\r\n\r\n%b\r\n"
        % (boundary.encode(), disposition.encode(), content)
        for disposition, content in parts
    )
    headers = {"content-type": f"multipart/form-data; boundary={boundary}"}
    return {"content": body + f"--{boundary}--\r\n".encode(), "headers": headers}


# --- granularities ------------------------------------------------------------------------------

BOTH = [
    {"timestamp_granularities[]": ["word", "segment"]},
    {"timestamp_granularities": ["word", "segment"]},
    {"timestamp_granularities": "word,segment"},
    {"timestamp_granularities": "word, segment"},
    {"timestamp_granularities": "Word Segment"},
    {"timestamp_granularities[]": "word,segment"},
    {"timestamp_granularities": '["word", "segment"]'},
    {"timestamp_granularities": "['word', 'segment']"},
    {"timestamp_granularities": "[word,segment]"},
    {"timestamp_granularities[0]": "word", "timestamp_granularities[1]": "segment"},
    {"timestamp_granularities%5B%5D": ["word", "segment"]},
    {"timestampGranularities": ["word", "segment"]},
    {"Timestamp_Granularities": '"word,segment"'},
]
WORDS_ONLY = [
    {name: value}
    for name, value in itertools.product(
        ["timestamp_granularities", "timestamp_granularities[]", "timestamp_granularities[0]"],
        ["word", " word ", "WORD", '"word"', '["word"]', "['word']", "[word]", "word,"],
    )
]


@pytest.mark.parametrize("data", BOTH, ids=str)
async def test_every_spelling_of_two_granularities_gives_both(
    client: httpx.AsyncClient, data: dict
) -> None:
    answer = await client.post(URL, files=FILE, data={"response_format": "verbose_json", **data})

    assert {"words", "segments"} <= answer.json().keys()


@pytest.mark.parametrize("data", WORDS_ONLY, ids=str)
async def test_every_spelling_of_one_granularity_gives_it_alone(
    client: httpx.AsyncClient, data: dict
) -> None:
    answer = await client.post(URL, files=FILE, data={"response_format": "verbose_json", **data})

    assert "words" in answer.json()
    assert "segments" not in answer.json()


@pytest.mark.parametrize("value", ["letter", "word,letter", '["letter"]', "[0]"])
async def test_unknown_granularity_is_rejected_in_every_spelling(
    client: httpx.AsyncClient, value: str
) -> None:
    answer = await client.post(URL, files=FILE, data={"timestamp_granularities": value})

    assert answer.json()["error"]["code"] == "request.bad_value"


# --- single values ------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["JSON", "Json", " json ", '"json"', "null", "", "undefined"])
async def test_every_spelling_of_json_is_json(client: httpx.AsyncClient, value: str) -> None:
    answer = await client.post(URL, files=FILE, data={"response_format": value})

    assert answer.json()["text"] == "hello world"


@pytest.mark.parametrize("value", ["VERBOSE_JSON", "verbose-json", "'verbose_json'"])
async def test_every_spelling_of_verbose_json_is_it(client: httpx.AsyncClient, value: str) -> None:
    answer = await client.post(URL, files=FILE, data={"responseFormat": value})

    assert answer.json()["task"] == "transcribe"


@pytest.mark.parametrize(
    "field",
    [
        "temperature", "response_format", "language", "prompt", "model", "stream", "decoder",
        "beam_width", "hotwords", "timestamp_granularities[]", "chunking_strategy", "include[]",
    ],
)  # fmt: skip
@pytest.mark.parametrize("nothing", ["null", "None", "undefined", "", " ", '""'])
async def test_field_that_clients_leave_empty_has_its_default(
    client: httpx.AsyncClient, adapter: FakeAdapter, field: str, nothing: str
) -> None:
    answer = await client.post(URL, files=FILE, data={field: nothing})

    assert answer.status_code == 200
    assert adapter.calls[-1].task.decoding.hotwords == ()
    assert adapter.calls[-1].task.model == "auto"


@pytest.mark.parametrize("value", ["0", "0.0", "1", "1.0", "0,2", "[0.0, 0.2]", "null"])
async def test_temperature_is_accepted(client: httpx.AsyncClient, value: str) -> None:
    assert (await client.post(URL, files=FILE, data={"temperature": value})).status_code == 200


@pytest.mark.parametrize(
    "data",
    [
        {"hotwords[]": ["Anna", "Bert"]},
        {"hotwords": '["Anna", "Bert"]'},
        {"hotwords[0]": "Anna", "hotwords[1]": "Bert"},
        {"keywords[]": ["Anna", "Bert"]},
        {"keywords": "Anna, Bert"},
    ],
    ids=str,
)
async def test_hotwords_are_read_in_every_spelling(
    client: httpx.AsyncClient, adapter: FakeAdapter, data: dict
) -> None:
    await client.post(URL, files=FILE, data=data)

    assert adapter.calls[-1].task.decoding.hotwords == ("Anna", "Bert")


@pytest.mark.parametrize("count", [33, 500])
async def test_form_with_many_fields_is_read(client: httpx.AsyncClient, count: int) -> None:
    data = {f"extra_{number}": "1" for number in range(count)} | {"response_format": "text"}

    answer = await client.post(URL, files=FILE, data=data)

    assert answer.text == "hello world\n"


async def test_form_with_far_too_many_fields_is_rejected(client: httpx.AsyncClient) -> None:
    data = {f"extra_{number}": "1" for number in range(uploads.MAX_FIELDS + 1)}

    answer = await client.post(URL, files=FILE, data=data)

    assert answer.json()["error"]["code"] == "request.malformed"


async def test_text_to_align_is_used_unchanged(client: httpx.AsyncClient) -> None:
    text = ' "None", said  [he]. '

    answer = await client.post(ALIGNMENTS, files=FILE, data={"text": text})

    assert answer.json()["text"] == text


# --- files --------------------------------------------------------------------------------------

CONTENT = b"RIFF" + bytes(range(256)) * 8


@pytest.mark.parametrize(
    "disposition",
    [
        'name="file"',
        "name=file",
        'name="file"; filename=""',
        "name=\"file\"; filename*=utf-8''a%20b.wav",
        'name="File"',
        'name="file[]"; filename="a.wav"',
    ],
)
async def test_file_without_a_plain_name_is_read(
    client: httpx.AsyncClient, adapter: FakeAdapter, disposition: str
) -> None:
    seen: list[bytes] = []

    def decoded(task):  # the file is deleted with the request
        seen.append(task.task.source.path.read_bytes())
        return make_recognition("found")

    adapter.answer(Operation.TRANSCRIBE, decoded)
    request = multipart((disposition, CONTENT), ('name="response_format"', b"text"))

    answer = await client.post(URL, **request)

    assert answer.text == "found\n"
    assert seen == [CONTENT]


async def test_large_file_without_a_name_is_limited_as_any_file(client: httpx.AsyncClient) -> None:
    answer = await client.post(URL, **multipart(('name="file"', bytes(MAX_BYTES + 1))))

    assert answer.json()["error"]["code"] == "audio.too_large"


@pytest.mark.parametrize(
    "parts",
    [
        [("file", ("a.wav", CONTENT)), ("file", ("b.wav", CONTENT))],
        [("file[]", ("a.wav", CONTENT)), ("file[]", ("b.wav", CONTENT))],
        [("file", ("a.wav", CONTENT)), ("other", ("b.wav", CONTENT))],
        [("file", (f"{number}.wav", CONTENT)) for number in range(5)],
    ],
)
@pytest.mark.parametrize("url", [URL, ALIGNMENTS])
async def test_several_files_are_rejected_by_their_number(
    client: httpx.AsyncClient, adapter: FakeAdapter, parts: list, url: str
) -> None:
    answer = await client.post(url, files=parts, data={"text": "hello"})

    error = answer.json()["error"]
    assert answer.status_code == 400
    assert error["code"] == "request.several_files"
    assert error["metadata"] == {"files": len(parts)}
    assert "one file" in error["hint"]
    assert adapter.calls == []


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("missing", [6, 200, len(CONTENT)])
async def test_form_that_is_cut_off_says_so_and_leaves_nothing_open(
    client: httpx.AsyncClient, adapter: FakeAdapter, missing: int
) -> None:
    request = multipart(('name="file"; filename="a.wav"', CONTENT))
    request["content"] = request["content"][:-missing]

    answer = await client.post(URL, **request)
    gc.collect()

    assert answer.json()["error"]["code"] == "request.malformed"
    assert "middle of a file" in answer.json()["error"]["message"]
    assert adapter.calls == []


# --- models -------------------------------------------------------------------------------------

OPENAI_NAMES = [
    "whisper-1", "gpt-4o-transcribe", "gpt-4o-mini-transcribe", "gpt-transcribe",
    "gpt-4o-mini-transcribe-2025-12-15", "gpt-4o-transcribe-diarize", "whisper-large-v3",
    "whisper-large-v3-turbo", "openai/whisper-small.en", "WHISPER-1", "large-v3", "tiny.en",
]  # fmt: skip


@pytest.mark.parametrize("url", [URL, ALIGNMENTS])
@pytest.mark.parametrize("name", OPENAI_NAMES)
async def test_name_of_openai_means_the_automatic_model(start: Start, name: str, url: str) -> None:
    adapter = FakeAdapter(models=("auto", "embedded"))
    transport = httpx.ASGITransport(make_app(await start(adapter)))
    async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
        answer = await client.post(url, files=FILE, data={"model": name, "text": "hello"})

    assert answer.status_code == 200
    assert adapter.calls[-1].task.model == "auto"
    assert answer.json()["model"]["name"] == "fake/wav2vec2"
    assert answer.headers["x-model"] == "fake/wav2vec2"


@pytest.mark.parametrize("name", ["whisper-1", "gpt-4o-transcribe", "large-v3"])
async def test_installed_model_of_that_name_is_used(start: Start, name: str) -> None:
    adapter = FakeAdapter(models=("auto", name))
    adapter.answer(Operation.TRANSCRIBE, make_recognition("own", model=make_model_info(name)))
    transport = httpx.ASGITransport(make_app(await start(adapter)))
    async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
        answer = await client.post(URL, files=FILE, data={"model": name, "response_format": "srt"})

    assert adapter.calls[-1].task.model == name
    assert answer.headers["x-model"] == name


@pytest.mark.parametrize("name", ["wisper-1", "facebook/whisper", "my/gpt-4o-transcribe", "bert"])
async def test_other_name_is_unknown(start: Start, name: str) -> None:
    transport = httpx.ASGITransport(make_app(await start(FakeAdapter(models=("auto",)))))
    async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
        answer = await client.post(URL, files=FILE, data={"model": name})

    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "model.unknown"


@pytest.mark.parametrize("name", ["auto", "embedded", "far/away", "far%2Faway", "whisper-1"])
async def test_one_model_is_found(start: Start, name: str) -> None:
    orchestrator = await start(FakeAdapter(models=("embedded", "far/away")))
    transport = httpx.ASGITransport(make_app(orchestrator))
    async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
        answer = await client.get(f"/v1/models/{name}")

    assert answer.status_code == 200
    assert answer.json()["id"] == name.replace("%2F", "/")
    assert answer.json()["object"] == "model"


async def test_unknown_model_is_not_found(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/models/no/such")

    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "model.unknown"
