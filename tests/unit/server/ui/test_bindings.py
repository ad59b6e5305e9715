from __future__ import annotations

import gradio as gr
import pytest

from tests.doubles import FakeAdapter
from wav2vec2_app.server.assets import assets_path
from wav2vec2_app.server.operations import Operation
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator
from wav2vec2_app.server.ui import options_panel
from wav2vec2_app.server.ui.bindings import PageEvents
from wav2vec2_app.server.ui.layout import PageParts, lay_out
from wav2vec2_app.settings import Settings

REQUEST = gr.Request(session_hash="tab")


@pytest.fixture
async def parts(orchestrator: ModelOrchestrator) -> PageParts:
    with gr.Blocks():
        return lay_out(orchestrator.status(), Settings(), [], assets_path())


async def test_updates_become_values_of_components(
    orchestrator: ModelOrchestrator, parts: PageParts, clip: str
) -> None:
    page: dict = {}
    events = PageEvents(orchestrator, parts)

    async for change in events.on_transcribe(REQUEST, clip, "auto", *options_panel.defaults()):
        page |= change

    assert '"hello",' in page[parts.html["transcript"]]
    assert page[parts.cancel].interactive is False


async def test_event_without_updates_changes_nothing_on_the_page(
    orchestrator: ModelOrchestrator, parts: PageParts
) -> None:
    """Gradio empties all outputs of a generator that yields nothing."""
    events = PageEvents(orchestrator, parts)

    changes = [one async for one in events.on_options_changed(REQUEST, *options_panel.defaults())]

    assert changes == [gr.skip()]


async def test_closed_event_cancels_its_task_before_it_returns(
    orchestrator: ModelOrchestrator, adapter: FakeAdapter, parts: PageParts, clip: str
) -> None:
    adapter.block(Operation.TRANSCRIBE)
    changes = PageEvents(orchestrator, parts).on_transcribe(REQUEST, clip, "auto")
    async for _ in changes:
        if adapter.count(Operation.TRANSCRIBE):
            break

    await changes.aclose()

    assert len(adapter.cancelled) == 1
    assert orchestrator.status().running == 0


async def test_closed_alignment_cancels_its_task_before_it_returns(
    orchestrator: ModelOrchestrator, adapter: FakeAdapter, parts: PageParts, clip: str
) -> None:
    adapter.block(Operation.TRANSCRIBE)
    changes = PageEvents(orchestrator, parts).on_align(REQUEST, clip, "auto", "hello")
    for _ in range(2):  # before the task is submitted, and once it is
        await anext(changes)
    await adapter.reached(Operation.TRANSCRIBE)

    await changes.aclose()

    assert len(adapter.cancelled) == 1
    assert orchestrator.status().running == 0
