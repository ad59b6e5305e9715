"""Labelled speakers over HTTP: form fields, ``diarized_json``, and every export format."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pysubs2
import pytest
from docx import Document
from openai.types.audio import TranscriptionDiarized
from praatio import textgrid

from tests.doubles import FakeAdapter, make_recognition
from tests.unit.server.api.test_routes import FILE, URL, make_app
from wav2vec2_app.errors import ModelError
from wav2vec2_app.server.operations import Operation
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator
from wav2vec2_app.speech.channels import merged

EVIL = '<i>Ann & "Lee", Esq.</i>'


@pytest.fixture
async def client(
    orchestrator: ModelOrchestrator, adapter: FakeAdapter
) -> AsyncIterator[httpx.AsyncClient]:
    adapter.speakers = 2
    transport = httpx.ASGITransport(make_app(orchestrator))
    async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
        yield client


async def post(client: httpx.AsyncClient, **data: Any) -> httpx.Response:
    return await client.post(URL, files=FILE, data=data)


async def test_diarized_json_is_openais(client: httpx.AsyncClient) -> None:
    answer = await post(client, response_format="diarized_json", speaker_names="Ann")

    assert answer.status_code == 200
    found = TranscriptionDiarized.model_validate(answer.json())
    assert [(one.speaker, one.text.lower()) for one in found.segments] == [
        ("Ann", "hello"), ("Speaker 2", "world"),
    ]  # fmt: skip
    assert found.text.lower() == "ann: hello\nspeaker 2: world"
    assert found.segments[0].end <= found.segments[1].end
    assert answer.json()["problems"] == []


async def test_speakers_are_labelled_on_request_only(
    client: httpx.AsyncClient, adapter: FakeAdapter
) -> None:
    answer = await post(client, response_format="full_json")

    assert {word["speaker"] for word in answer.json()["words"]} == {None}
    assert adapter.count(Operation.LABEL_SPEAKERS) == 0


async def test_separate_channels_are_the_speakers(
    client: httpx.AsyncClient, adapter: FakeAdapter
) -> None:
    both = merged([make_recognition("a b"), make_recognition("c")])
    adapter.answer(Operation.TRANSCRIBE, both)
    adapter.answer(Operation.LABEL_SPEAKERS, ModelError("not of a model", code="x"))

    answer = await post(client, response_format="diarized_json", channels="separate")

    assert {one["speaker"] for one in answer.json()["segments"]} == {"Channel 1", "Channel 2"}


async def test_silence_has_no_segments(client: httpx.AsyncClient, adapter: FakeAdapter) -> None:
    adapter.answer(Operation.TRANSCRIBE, make_recognition(""))

    answer = await post(client, response_format="diarized_json")

    assert (answer.json()["segments"], answer.json()["text"]) == ([], "")


async def test_missing_extra_is_a_problem_of_the_response(
    client: httpx.AsyncClient, adapter: FakeAdapter
) -> None:
    missing = ModelError("Not installed.", code="speakers.extra_missing", hint="Install it.")
    adapter.fail(Operation.LABEL_SPEAKERS, missing)

    answer = await post(client, response_format="diarized_json")

    assert answer.status_code == 200
    [problem] = answer.json()["problems"]
    assert problem["error"]["code"] == "speakers.extra_missing"
    adapter.fail(Operation.LABEL_SPEAKERS, missing)
    assert (await post(client, diarize="true")).json()["problems"] == [problem]
    assert "problems" not in (await post(client)).json()
    assert [one["speaker"] for one in answer.json()["segments"]] == [""]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"diarize": "perhaps"}, "request.bad_value"),
        ({"diarize": "true", "speaker_names": "x" * 100}, "speakers.bad_names"),
        ({"diarize": "true", "speaker_names": "Ann,Ann"}, "speakers.bad_names"),
        ({"speaker_names": ",".join(map(str, range(99)))}, "speakers.bad_names"),
    ],
)
async def test_bad_fields_are_rejected_before_any_work(
    client: httpx.AsyncClient, adapter: FakeAdapter, fields: dict[str, str], code: str
) -> None:
    answer = await post(client, **fields)

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == code
    assert adapter.calls == []


async def test_every_format_names_the_speakers(client: httpx.AsyncClient, tmp_path: Path) -> None:
    async def file(name: str) -> httpx.Response:
        return await post(
            client, diarize="true", response_format=name, speaker_names=["Ann", "Ben"]
        )

    grid = tmp_path / "a.TextGrid"
    grid.write_bytes((await file("textgrid")).content)
    rows = list(csv.DictReader(io.StringIO((await file("csv")).text)))
    document = Document(io.BytesIO((await file("docx")).content))

    assert (await file("text")).text.lower() == "ann: hello\nben: world\n"
    assert "Ann: hello" in (await file("srt")).text
    assert "<v Ben>" in (await file("vtt")).text
    events = pysubs2.SSAFile.from_string((await file("ass")).text)
    assert [event.name for event in events] == ["Ann", "Ben"]
    assert [row["speaker"] for row in rows] == ["Ann", "Ben"]
    names = textgrid.openTextgrid(str(grid), includeEmptyIntervals=False).tierNames
    assert names == ("Ann words", "Ben words")
    assert [one.text.split()[0] for one in document.paragraphs[-2:]] == ["Ann", "Ben"]
    verbose = (await file("verbose_json")).json()
    assert [one["speaker"] for one in verbose["segments"]] == ["Ann", "Ben"]


async def test_names_cannot_break_a_format(client: httpx.AsyncClient, tmp_path: Path) -> None:
    async def file(name: str) -> httpx.Response:
        return await post(client, diarize="true", response_format=name, speaker_names=[EVIL, "Ben"])

    grid = tmp_path / "a.TextGrid"
    grid.write_bytes((await file("textgrid")).content)
    events = pysubs2.SSAFile.from_string((await file("ass")).text)

    assert [event.text.lower() for event in events] == ["hello", "world"]
    assert "<v &lt;i&gt;Ann &amp;" in (await file("vtt")).text
    assert len(textgrid.openTextgrid(str(grid), includeEmptyIntervals=False).tierNames) == 2
    assert (await file("docx")).status_code == 200
