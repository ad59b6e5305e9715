"""The panel with questions about the sound, its handler, and the endpoint ``/describe``."""

from __future__ import annotations

import gradio as gr
import pytest

from tests.doubles import FakeAdapter
from tests.unit.conftest import Start
from wav2vec2_app.errors import ResourceError
from wav2vec2_app.server.assets import assets_path
from wav2vec2_app.server.operations import Operation
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator
from wav2vec2_app.server.ui import handlers
from wav2vec2_app.server.ui.description_handlers import describe, describe_file
from wav2vec2_app.server.ui.page import build_page
from wav2vec2_app.server.ui.tabs import Tabs
from wav2vec2_app.server.ui.views import Update
from wav2vec2_app.settings import Settings
from wav2vec2_app.speech.description import DEFAULT_QUESTION

PANEL = {"description", "question", "describe", "describe-status", "described"}
DOWN = ResourceError("down", code="describe.unreachable", metadata={"retry_after_s": 2.0})


def page_with(orchestrator: ModelOrchestrator, **settings: str) -> gr.Blocks:
    return build_page(orchestrator, Settings(**settings), examples=[], assets=assets_path())  # type: ignore[arg-type]


def names_of(page: gr.Blocks) -> set[str]:
    return {str(one.api_name) for one in page.fns.values()}


async def test_panel_and_endpoint_exist_only_where_a_server_is_configured(
    orchestrator: ModelOrchestrator,
) -> None:
    without, page = (
        page_with(orchestrator),
        page_with(orchestrator, gama_url="https://gama.example"),
    )

    ids = [{block.elem_id for block in one.blocks.values()} for one in (without, page)]
    assert not PANEL & ids[0]
    assert ids[1] >= PANEL
    assert "describe" not in names_of(without)
    assert "describe" in names_of(page)


async def test_question_field_has_the_default_question(orchestrator: ModelOrchestrator) -> None:
    page = page_with(orchestrator, gama_url="user/space")

    [question] = [one for one in page.blocks.values() if one.elem_id == "question"]
    assert question.value == DEFAULT_QUESTION


async def shown(
    orchestrator: ModelOrchestrator, tabs: Tabs, audio: str | None, question: str | None
) -> Update:
    parts: Update = {}
    async for update in describe(orchestrator, tabs, audio, question, "tab"):
        parts |= update
    return parts


async def test_answer_is_shown_and_the_transcript_is_not_touched(
    orchestrator: ModelOrchestrator, clip: str
) -> None:
    parts = await shown(orchestrator, Tabs(), clip, "Who <b>barks</b>?")

    assert parts.keys() == {"describe-status", "described"}
    assert "A dog barks." in str(parts["described"])
    assert "Who &lt;b&gt;barks&lt;/b&gt;?" in str(parts["described"])
    assert 'data-state="done"' in str(parts["describe-status"])


async def test_failure_is_a_card_in_the_panel(
    orchestrator: ModelOrchestrator, adapter: FakeAdapter, clip: str
) -> None:
    adapter.fail(Operation.DESCRIBE, DOWN)

    parts = await shown(orchestrator, Tabs(), clip, "")

    assert "describe.unreachable" in str(parts["described"])
    assert parts["describe-status"] == ""


@pytest.mark.parametrize(
    ("audio", "question", "code"),
    [(None, "", "audio.missing"), ("a.wav", "x" * 1001, "describe.bad_question")],
)
async def test_unusable_question_is_reported_in_the_panel(
    orchestrator: ModelOrchestrator, audio: str | None, question: str, code: str
) -> None:
    assert code in str((await shown(orchestrator, Tabs(), audio, question))["described"])


async def test_finished_recording_is_described_from_the_cache(start: Start, clip: str) -> None:
    adapter = FakeAdapter()
    orchestrator = await start(adapter, cache_bytes=10_000_000)
    tabs = Tabs()
    async for _ in handlers.transcribe(orchestrator, tabs, clip, "auto", "tab"):
        pass
    calls = len(adapter.calls)

    await shown(orchestrator, tabs, None, None)

    assert [call.operation for call in adapter.calls[calls:]] == [Operation.DESCRIBE]


async def test_recording_that_is_no_longer_cached_is_decoded_again(start: Start, clip: str) -> None:
    adapter = FakeAdapter()
    orchestrator = await start(adapter, cache_bytes=0)
    tabs = Tabs()
    async for _ in handlers.transcribe(orchestrator, tabs, clip, "auto", "tab"):
        pass
    calls = len(adapter.calls)

    parts = await shown(orchestrator, tabs, None, None)

    operations = [call.operation for call in adapter.calls[calls:]]
    assert operations == [Operation.PROBE, Operation.DECODE_AUDIO, Operation.DESCRIBE]
    assert "A dog barks." in str(parts["described"])


async def test_newer_question_replaces_the_older_one(
    orchestrator: ModelOrchestrator, adapter: FakeAdapter, clip: str
) -> None:
    tabs = Tabs()
    updates = describe(orchestrator, tabs, clip, "old", "tab")
    await anext(updates)
    await shown(orchestrator, tabs, clip, "new")

    assert [update async for update in updates] == []


async def test_new_transcription_clears_the_panel(
    orchestrator: ModelOrchestrator, clip: str
) -> None:
    updates = handlers.transcribe(orchestrator, Tabs(), clip, "auto", "tab")
    begin = await anext(updates)
    await updates.aclose()

    assert "The answer appears here" in str(begin["described"])


async def test_endpoint_answers_with_transcript_and_description(
    orchestrator: ModelOrchestrator, clip: str
) -> None:
    answer = await describe_file(orchestrator, clip, "Why?", "auto", "tab")

    assert answer["text"] == "hello world"
    assert answer["description"]["question"] == "Why?"  # type: ignore[index, call-overload]


@pytest.mark.parametrize(
    ("audio", "question", "code"),
    [(None, "", "audio.missing"), ("a.wav", 3, "describe.bad_question")],
)
async def test_endpoint_answers_unusable_arguments_with_an_error(
    orchestrator: ModelOrchestrator, audio: str | None, question: object, code: str
) -> None:
    answer = await describe_file(orchestrator, audio, question, "auto", "tab")

    assert answer["error"]["code"] == code  # type: ignore[index, call-overload]
