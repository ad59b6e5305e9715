"""``POST /v1/comparisons``."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.doubles import FakeAdapter, make_recognition
from tests.unit.server.api.test_routes import FILE, make_app
from wav2vec2_app.errors import InputError, ModelError
from wav2vec2_app.server.operations import Operation
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator
from wav2vec2_app.server.tasks import ModelTask
from wav2vec2_app.speech.transcript import Recognition

URL = "/v1/comparisons"


@pytest.fixture
async def client(orchestrator: ModelOrchestrator) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(make_app(orchestrator))
    async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
        yield client


def answer_by_decoder(adapter: FakeAdapter, **texts: str) -> None:
    def answer(task: ModelTask) -> Recognition:
        return make_recognition(texts[task.decoding.decoder])

    adapter.answer(Operation.TRANSCRIBE, *[answer] * len(texts))


async def test_texts_cost_and_synthesis_are_answered(
    client: httpx.AsyncClient, adapter: FakeAdapter
) -> None:
    answer_by_decoder(adapter, greedy="THE CAT SAD", beam="THE CAT SAT")

    answer = await client.post(
        URL, files=FILE, data={"reference": "The cat sat.", "weights": "beam=2"}
    )

    assert answer.status_code == 200, answer.text
    body = answer.json()
    greedy, beam = body["variants"]
    assert (greedy["name"], greedy["text"]) == ("greedy", "The cat sad")
    assert greedy["differences"] == [
        {"kind": "same", "text": "The cat"},
        {"kind": "changed", "text": "sad"},
    ]
    assert greedy["word_errors"] == {
        "rate": 0.3333, "substitutions": 1, "deletions": 0, "insertions": 0, "words": 3,
    }  # fmt: skip
    assert beam["word_errors"]["rate"] == 0
    assert beam["elapsed_s"] >= beam["work_s"] >= 0
    assert beam["decoding"]["decoder"] == "beam"
    assert beam["model"]["name"] == "fake/wav2vec2"
    synthesis = body["synthesis"]
    assert synthesis["text"] == "The cat sat"
    assert synthesis["word_errors"]["rate"] == 0
    assert synthesis["words"][2]["origins"] == ["beam"]
    assert synthesis["words"][2]["alternatives"][0]["origins"] == ["greedy"]
    assert answer.headers["x-request-id"] == body["request_id"]


async def test_without_a_reference_texts_are_compared_with_the_synthesis(
    client: httpx.AsyncClient, adapter: FakeAdapter
) -> None:
    answer_by_decoder(adapter, greedy="a cat", beam="the cat")

    body = (await client.post(URL, files=FILE, data={"weights": '{"beam": 3}'})).json()

    assert [one["word_errors"] for one in body["variants"]] == [None, None]
    assert body["variants"][0]["differences"][0] == {"kind": "changed", "text": "a"}
    assert body["variants"][1]["differences"] == [{"kind": "same", "text": "the cat"}]


@pytest.mark.parametrize(
    ("data", "names"),
    [
        ({}, ["greedy", "beam"]),
        ({"model": ["a", "b"]}, ["a", "b"]),
        ({"model[]": ["a", "b"], "decoder[]": ["greedy", "beam"]},
         ["a greedy", "a beam", "b greedy", "b beam"]),
        ({"variants": json.dumps([{"name": "x", "model": "a"}, {"model": "b"}])}, ["x", "b"]),
        ({"variants": "greedy, auto"}, ["greedy", "auto"]),
    ],
)  # fmt: skip
async def test_variants_are_chosen(
    client: httpx.AsyncClient, data: dict[str, Any], names: list[str]
) -> None:
    body = (await client.post(URL, files=FILE, data=data)).json()

    assert [one["name"] for one in body["variants"]] == names


async def test_options_apply_to_all_variants(
    client: httpx.AsyncClient, adapter: FakeAdapter
) -> None:
    await client.post(URL, files=FILE, data={"beam_width": "7", "hotwords": "Okonkwo"})

    used = [call.decoding for call in adapter.calls if call.operation is Operation.TRANSCRIBE]
    assert {(one.decoder, one.beam_width, one.hotwords) for one in used} == {
        ("greedy", 7, ("Okonkwo",)),
        ("beam", 7, ("Okonkwo",)),
    }


async def test_failed_variant_has_its_error_and_the_others_their_text(
    client: httpx.AsyncClient, adapter: FakeAdapter
) -> None:
    adapter.fail(Operation.TRANSCRIBE, InputError("no", code="decoder.not_available"))

    answer = await client.post(URL, files=FILE)

    assert answer.status_code == 200
    errors = [one["error"] for one in answer.json()["variants"]]
    assert [error and error["code"] for error in errors] == ["decoder.not_available", None]
    assert answer.json()["synthesis"]["text"] == "hello world"


async def test_error_of_all_variants_is_that_of_the_request(
    client: httpx.AsyncClient, adapter: FakeAdapter
) -> None:
    adapter.fail(Operation.TRANSCRIBE, ModelError("no weights"), times=2)

    answer = await client.post(URL, files=FILE)

    assert answer.status_code == 404
    assert set(answer.json()["error"]["metadata"]["variants"]) == {"greedy", "beam"}


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ({"variants": "["}, "compare.bad_variants"),
        ({"variants": "greedy"}, "compare.too_few"),
        ({"decoder": "greedy"}, "compare.too_few"),
        ({"decoder": ["greedy", "best"]}, "decoder.unknown"),
        ({"weights": "nobody=1"}, "synthesis.unknown_model"),
        ({"weights": "beam=-1"}, "synthesis.bad_weight"),
        ({"weights": "beam=0,greedy=0"}, "synthesis.zero_weights"),
        ({"weights": "beam=NaN"}, "synthesis.bad_weight"),
        ({"quality_threshold": "2"}, "synthesis.bad_value"),
        ({"conflict_resolution": "newest"}, "synthesis.unknown_resolution"),
        ({"reference": "a " * 60_000}, "compare.reference_too_long"),
        ({"letter_case": "loud"}, "export.bad_value"),
        ({"track": "first"}, "request.bad_value"),
    ],
)
async def test_bad_fields_are_rejected_before_anything_runs(
    client: httpx.AsyncClient, adapter: FakeAdapter, data: dict[str, Any], code: str
) -> None:
    answer = await client.post(URL, files=FILE, data=data)

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == code
    assert answer.json()["error"]["hint"]
    assert adapter.calls == []


async def test_threshold_that_nothing_meets_is_a_problem_beside_the_texts(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.post(URL, files=FILE, data={"quality_threshold": "1"})

    assert answer.status_code == 200
    assert answer.json()["problem"]["code"] == "synthesis.below_threshold"
    assert answer.json()["synthesis"] is None
    assert all(one["text"] for one in answer.json()["variants"])


async def test_missing_file_is_an_error(client: httpx.AsyncClient) -> None:
    answer = await client.post(URL, data={"variants": "greedy, beam"})

    assert answer.json()["error"]["code"] == "audio.missing"


async def test_comparison_is_cancelled_with_its_connection(
    orchestrator: ModelOrchestrator, adapter: FakeAdapter
) -> None:
    adapter.block(Operation.TRANSCRIBE)
    body = httpx.Request("POST", "http://server", files=FILE)
    messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    messages.put_nowait({"type": "http.request", "body": body.read(), "more_body": False})
    scope = {
        "type": "http",
        "method": "POST",
        "path": URL,
        "query_string": b"",
        "headers": [(b"content-type", body.headers["content-type"].encode())],
    }

    async def send(_: Any) -> None:
        pass

    serving = asyncio.ensure_future(make_app(orchestrator)(scope, messages.get, send))
    await adapter.reached(Operation.TRANSCRIBE, 2)
    messages.put_nowait({"type": "http.disconnect"})
    await serving

    assert len(adapter.cancelled) == 2


async def test_comparison_is_in_the_description_of_the_api(client: httpx.AsyncClient) -> None:
    described = (await client.get("/openapi.json")).json()["paths"][URL]["post"]

    [form] = [one["schema"] for one in described["requestBody"]["content"].values()]
    assert {"file", "variants", "model", "decoder", "reference", "weights"} <= set(
        form["properties"]
    )
    assert "ComparisonResponse" in json.dumps(described["responses"]["200"])
