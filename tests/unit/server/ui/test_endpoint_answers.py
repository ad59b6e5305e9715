import asyncio
import json

import gradio as gr
import pytest
from fastapi import Request

from tests.doubles import PICTURE_NAMES, FakeAdapter
from tests.unit.conftest import Start
from wav2vec2_app.errors import InputError
from wav2vec2_app.server import schema
from wav2vec2_app.server.clients import CLIENT_IN_SCOPE
from wav2vec2_app.server.operations import Operation
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator
from wav2vec2_app.server.ui import endpoints

CACHE = {"cache_bytes": 10_000_000}


async def test_client_gets_a_transcription(orchestrator: ModelOrchestrator, clip: str) -> None:
    answer = await endpoints.transcribe(orchestrator, clip, "auto", "tab")

    assert answer["text"] == "hello world"
    assert answer["cached"] is False
    assert "pictures" not in answer
    json.dumps(answer, allow_nan=False)


async def test_client_gets_an_analysis(orchestrator: ModelOrchestrator, clip: str) -> None:
    answer = await endpoints.analyze(orchestrator, clip, "", "tab")

    assert answer["text"] == "hello world"
    assert len(answer["pictures"]) == len(PICTURE_NAMES)
    assert answer["features"]["contours"]["f0_hz"][-1] is None
    json.dumps(answer, allow_nan=False)


async def test_options_reach_the_model_and_are_in_the_answer(
    orchestrator: ModelOrchestrator, adapter: FakeAdapter, clip: str
) -> None:
    options = ("beam", 50, 2, -0.5, "Anna, Zoë\nSzczecin", 8)

    answer = await endpoints.transcribe(orchestrator, clip, "auto", "tab", *options)

    assert answer["decoding"] == {
        "decoder": "beam",
        "beam_width": 50,
        "lm_weight": 2.0,
        "word_score": -0.5,
        "hotwords": ["Anna", "Zoë", "Szczecin"],
        "hotword_boost": 8.0,
        "blank_penalty": 0.0,
    }
    assert adapter.calls[0].task.decoding.hotwords == ("Anna", "Zoë", "Szczecin")


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("best",), "decoder.unknown"),
        (("beam", float("nan")), "decoder.bad_value"),
        (("beam", 0), "decoder.bad_value"),
        (("beam", 30, "much"), "decoder.bad_value"),
        (("beam", 30, 1, 0, "\n".join(f"w{n}" for n in range(10_000))), "hotwords.too_many"),
        (("beam", 30, 1, 0, {"a": 1}), "decoder.bad_value"),
    ],
)
async def test_invalid_options_are_rejected_before_any_work(
    orchestrator: ModelOrchestrator, adapter: FakeAdapter, clip: str, options: tuple, code: str
) -> None:
    answer = await endpoints.transcribe(orchestrator, clip, "auto", "tab", *options)

    schema.ErrorResponse.model_validate(answer)
    assert answer["error"]["code"] == code
    assert answer["error"]["hint"]
    assert adapter.calls == []


async def test_earlier_request_is_decoded_again_without_the_model(start: Start, clip: str) -> None:
    adapter = FakeAdapter()
    orchestrator = await start(adapter, **CACHE)
    first = await endpoints.transcribe(orchestrator, clip, "auto", "tab")

    again = await endpoints.decode(orchestrator, first["request_id"], "tab", "beam")

    assert again["text"] == "decoded again"
    assert again["cached"] is True
    assert again["decoding"]["decoder"] == "beam"
    assert again["request_id"] != first["request_id"]
    assert adapter.count(Operation.TRANSCRIBE) == 1


@pytest.mark.parametrize(
    ("request_id", "code"),
    [("gone", "task.not_cached"), ("", "request.bad_value"), (None, "request.bad_value")],
)
async def test_unknown_request_cannot_be_decoded_again(
    orchestrator: ModelOrchestrator, request_id: object, code: str
) -> None:
    answer = await endpoints.decode(orchestrator, request_id, "tab")

    assert answer["error"]["code"] == code


async def test_text_is_aligned_with_a_file(orchestrator: ModelOrchestrator, clip: str) -> None:
    answer = await endpoints.align(orchestrator, clip, "Hello, world!", "", "auto", "tab")

    response = schema.AlignmentResponse.model_validate(answer)
    assert [word.text for word in response.words] == ["Hello,", "world!"]
    assert response.words[0].characters[0].text == "H"
    assert not response.cached
    json.dumps(answer, allow_nan=False)


async def test_text_is_aligned_with_an_earlier_answer(start: Start, clip: str) -> None:
    adapter = FakeAdapter()
    orchestrator = await start(adapter, **CACHE)
    first = await endpoints.transcribe(orchestrator, clip, "auto", "tab")

    answer = await endpoints.align(orchestrator, None, "hi", first["request_id"], "auto", "tab")

    assert answer["cached"] is True
    assert adapter.count(Operation.TRANSCRIBE) == 1


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "align.empty_text"),
        (" \n", "align.empty_text"),
        (None, "align.empty_text"),
        ("a " * 60_000, "align.text_too_long"),
    ],
)
async def test_text_that_cannot_be_aligned_is_rejected_before_any_work(
    orchestrator: ModelOrchestrator, adapter: FakeAdapter, clip: str, text: object, code: str
) -> None:
    answer = await endpoints.align(orchestrator, clip, text, "", "auto", "tab")

    assert answer["error"]["code"] == code
    assert adapter.calls == []


async def test_client_gets_an_error_as_json(
    orchestrator: ModelOrchestrator, adapter: FakeAdapter, clip: str
) -> None:
    adapter.fail(Operation.PROBE, InputError("Not audio.", code="audio.not_audio", hint="Use WAV."))

    answer = await endpoints.transcribe(orchestrator, clip, "auto", "tab")

    assert answer["error"]["code"] == "audio.not_audio"
    assert answer["error"]["hint"] == "Use WAV."
    assert answer["request_id"]


async def test_client_without_audio_gets_an_error_as_json(
    orchestrator: ModelOrchestrator,
) -> None:
    for answer in (
        await endpoints.analyze(orchestrator, None, "auto", "tab"),
        await endpoints.align(orchestrator, None, "hello", "", "auto", "tab"),
    ):
        assert answer["error"]["code"] == "audio.missing"


async def test_client_gets_capabilities_and_status(
    orchestrator: ModelOrchestrator,
) -> None:
    assert endpoints.capabilities(orchestrator)["adapters"][0]["name"] == "fake"
    assert endpoints.status(orchestrator)["ready"] is True


async def test_better_model_that_arrives_changes_the_answer_of_a_cached_recording(
    start: Start, adapter: FakeAdapter, clip: str
) -> None:
    orchestrator = await start(adapter, **CACHE)

    async def answer() -> tuple[str, bool]:
        found = await endpoints.transcribe(orchestrator, clip, "auto", "tab")
        return found["model"]["name"], found["cached"]

    before = [await answer(), await answer()]
    adapter.default_model = "fake/better"
    after = [await answer(), await answer()]

    assert before == [("fake/wav2vec2", False), ("fake/wav2vec2", True)]
    assert after == [("fake/better", False), ("fake/better", True)]


async def test_cached_result_is_decoded_again_with_the_emission_of_the_model_it_is_of(
    start: Start, adapter: FakeAdapter, clip: str
) -> None:
    orchestrator = await start(adapter, **CACHE)
    first = await endpoints.transcribe(orchestrator, clip, "auto", "tab")
    adapter.default_model = "fake/better"
    adapter.calls.clear()

    again = await endpoints.decode(orchestrator, first["request_id"], "tab", "greedy")

    assert "error" not in again
    assert {call.operation for call in adapter.calls} == {Operation.DECODE_TEXT}


@pytest.mark.parametrize(
    ("mine", "yours", "same"),
    [
        ("key:one", "key:two", False),
        ("key:one", "address:10.0.0.1", False),
        ("key:one", "key:one", True),
        ("address:10.0.0.1", "address:10.0.0.2", True),  # a client whose network changes
    ],
)
def test_session_of_one_key_is_not_that_of_another(
    orchestrator: ModelOrchestrator, mine: str, yours: str, same: bool
) -> None:
    def session(client: str) -> str:
        scope = {"type": "http", "headers": [], CLIENT_IN_SCOPE: client}
        request = gr.Request(Request(scope), session_hash="tab")
        return endpoints.session_of(request, orchestrator)

    assert (session(mine) == session(yours)) is same
    assert orchestrator.session_clients.of(session(mine)) == mine


@pytest.mark.parametrize("route", ["decode", "align"])
@pytest.mark.parametrize("session", ["other", "", "key:one/tab", "live-1"])
async def test_id_of_a_result_opens_nothing_in_another_session(
    start: Start, adapter: FakeAdapter, clip: str, route: str, session: str
) -> None:
    orchestrator = await start(adapter, **CACHE)
    mine = await endpoints.transcribe(orchestrator, clip, "auto", "tab")
    adapter.calls.clear()

    if route == "decode":
        answer = await endpoints.decode(orchestrator, mine["request_id"], session, "greedy")
    else:
        answer = await endpoints.align(
            orchestrator, None, "hello", mine["request_id"], "auto", session
        )

    assert answer["error"]["code"] == "task.not_cached"
    assert adapter.calls == []


@pytest.mark.parametrize(("theirs", "cancelled"), [("key:two", 0), ("key:one", 1)])
async def test_session_name_of_another_key_cancels_nothing(
    start: Start, adapter: FakeAdapter, clip: str, theirs: str, cancelled: int
) -> None:
    orchestrator = await start(adapter, **CACHE)
    adapter.block(Operation.TRANSCRIBE)
    sessions = [orchestrator.session_clients.introduce("tab", one) for one in ("key:one", theirs)]
    running = asyncio.create_task(endpoints.transcribe(orchestrator, clip, "auto", sessions[0]))
    await adapter.reached(Operation.TRANSCRIBE)

    assert orchestrator.cancel_session(sessions[1]) == cancelled

    running.cancel()
    await asyncio.wait({running})
