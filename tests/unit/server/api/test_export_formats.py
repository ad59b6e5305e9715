import csv
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
import jsonschema
import pysubs2
import pytest
from docx import Document
from praatio import textgrid

from tests.doubles import FakeAdapter, make_recognition
from tests.unit.server.api.test_routes import ALIGNMENTS, FILE, URL, make_app
from wav2vec2_app.server.operations import Operation
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator
from wav2vec2_app.speech.exports import EXPORT_FORMATS

SPOKEN = "UM I PAID TWENTY ONE DOLLARS TO ACME CORP"
REWRITTEN = {"replacements": "acme corp = ACME Corp.", "fillers": "remove", "numbers": "digits"}


@pytest.fixture
async def client(orchestrator: ModelOrchestrator) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(make_app(orchestrator))
    async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
        yield client


async def post(client: httpx.AsyncClient, url: str, **data: Any) -> httpx.Response:
    if url == ALIGNMENTS:
        data.setdefault("text", "Hello, world!")
    return await client.post(url, files=FILE, data=data)


@pytest.mark.parametrize("url", [URL, ALIGNMENTS])
@pytest.mark.parametrize("row", EXPORT_FORMATS, ids=lambda row: row.name)
async def test_every_format_is_a_file_named_after_the_upload(
    client: httpx.AsyncClient, url: str, row: Any
) -> None:
    name = "full_json" if row.name == "json" and url == URL else row.name

    answer = await post(client, url, response_format=name)

    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].partition(";")[0] == row.media_type
    disposition = unquote(answer.headers["content-disposition"])
    assert disposition == f"attachment; filename*=UTF-8''hello world.{row.ending}"
    assert answer.headers["x-request-id"]
    assert answer.headers["x-model"] == "fake/wav2vec2"
    assert answer.content


@pytest.mark.parametrize("url", [URL, ALIGNMENTS])
async def test_name_of_an_upload_never_has_a_path(client: httpx.AsyncClient, url: str) -> None:
    files = {"file": ('../../etc/pass"wd.wav', b"RIFF" * 10)}
    answer = await client.post(url, files=files, data={"response_format": "csv", "text": "hi"})

    name = unquote(answer.headers["content-disposition"])
    assert "/" not in name
    assert ".." not in name


@pytest.mark.parametrize("url", [URL, ALIGNMENTS])
@pytest.mark.parametrize("response_format", ["pdf", "txt.exe", "subrip", "json2"])
async def test_unknown_format_is_rejected_before_any_work(
    client: httpx.AsyncClient, adapter: FakeAdapter, url: str, response_format: str
) -> None:
    answer = await post(client, url, response_format=response_format)

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "request.bad_value"
    assert "docx" in answer.json()["error"]["hint"]
    assert adapter.calls == []


async def test_files_of_an_alignment_have_the_text_as_written(
    client: httpx.AsyncClient, tmp_path: Path
) -> None:
    ass = (await post(client, ALIGNMENTS, response_format="ass")).text
    table = (await post(client, ALIGNMENTS, response_format="csv")).text
    docx = (await post(client, ALIGNMENTS, response_format="docx")).content
    grid = tmp_path / "a.TextGrid"
    grid.write_bytes((await post(client, ALIGNMENTS, response_format="textgrid")).content)

    assert [event.text for event in pysubs2.SSAFile.from_string(ass)] == ["Hello, world!"]
    assert [row["text"] for row in csv.DictReader(io.StringIO(table))] == ["Hello,", "world!"]
    assert Document(io.BytesIO(docx)).paragraphs[-1].text.endswith("Hello, world!")
    read = textgrid.openTextgrid(str(grid), includeEmptyIntervals=False)
    assert read.tierNames == ("words", "characters")


# --- what is written ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "response_format", ["json", "verbose_json", "full_json", "text", "srt", "vtt", "ass"]
)
async def test_words_are_rewritten_as_requested(
    client: httpx.AsyncClient, adapter: FakeAdapter, response_format: str
) -> None:
    adapter.answer(Operation.TRANSCRIBE, make_recognition(SPOKEN))

    answer = await post(client, URL, response_format=response_format, **REWRITTEN)

    text = answer.text.replace("\\N", " ").replace("\n", " ")
    assert "I paid $21 to ACME Corp." in text
    assert "um" not in text.lower().replace('"num', "").split()


async def test_segments_and_words_have_the_times_of_what_was_said(
    client: httpx.AsyncClient, adapter: FakeAdapter
) -> None:
    adapter.answer(Operation.TRANSCRIBE, make_recognition(SPOKEN))
    spoken = make_recognition(SPOKEN).transcript.words
    data = {"response_format": "verbose_json", "timestamp_granularities[]": "word", **REWRITTEN}

    words = (await client.post(URL, files=FILE, data=data)).json()["words"]

    assert [one["word"] for one in words] == ["I", "paid", "$21", "to", "ACME", "Corp."]
    assert (words[2]["start"], words[2]["end"]) == (spoken[3].start_s, spoken[5].end_s)


async def test_bad_rule_is_rejected_before_any_work(
    client: httpx.AsyncClient, adapter: FakeAdapter
) -> None:
    answer = await post(client, URL, replacements="no separator")

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "export.bad_value"
    assert answer.json()["error"]["metadata"]["field"] == "replacements"
    assert adapter.calls == []


async def test_rules_may_be_several_fields(client: httpx.AsyncClient, adapter: FakeAdapter) -> None:
    adapter.answer(Operation.TRANSCRIBE, make_recognition("CAT DOG"))
    files = [
        ("file", FILE["file"]),
        ("replacements", (None, "cat = cow")),
        ("replacements", (None, "dog = pig")),
    ]

    answer = await client.post(URL, files=files)

    assert answer.json()["text"] == "Cow pig"


async def test_streamed_text_is_that_of_the_end(
    client: httpx.AsyncClient, adapter: FakeAdapter
) -> None:
    adapter.answer(Operation.TRANSCRIBE, make_recognition(SPOKEN))

    answer = await post(client, URL, stream="true", **REWRITTEN)

    deltas = "".join(
        part.partition("data: ")[2] for part in answer.text.split("\n\n") if "text.delta" in part
    )
    assert "$21" in deltas
    assert "twenty" not in answer.text.lower()


# --- JSON schemas -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "name", "response_format"),
    [(URL, "transcription", "full_json"), (ALIGNMENTS, "alignment", "json")],
)
async def test_exported_json_follows_its_published_schema(
    client: httpx.AsyncClient, url: str, name: str, response_format: str
) -> None:
    addresses = (await client.get("/v1/schemas")).json()
    schema = (await client.get(addresses[name])).json()
    exported = (await post(client, url, response_format=response_format)).json()

    validator = jsonschema.Draft202012Validator(schema)
    validator.check_schema(schema)
    validator.validate(exported)
    for broken in ({**exported, "extra": 1}, {**exported, "words": [{"text": 1}]}, {}):
        assert not validator.is_valid(broken)


@pytest.mark.parametrize("name", ["nothing", "..", "transcription.json"])
async def test_unknown_schema_is_not_found(client: httpx.AsyncClient, name: str) -> None:
    answer = await client.get(f"/v1/schemas/{name}.json")

    assert answer.status_code == 404
