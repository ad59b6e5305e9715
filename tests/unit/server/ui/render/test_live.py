from __future__ import annotations

import gradio as gr
import pytest

from wav2vec2_app.server.assets import assets_path
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator
from wav2vec2_app.server.ui.page import build_page
from wav2vec2_app.server.ui.render import live
from wav2vec2_app.server.ui.render.confidence import LEVELS
from wav2vec2_app.settings import Settings


def ids_of(page: gr.Blocks) -> set[str | None]:
    return {block.elem_id for block in page.blocks.values()}


@pytest.mark.parametrize("sessions", [0, 4])
async def test_live_mode_is_on_the_page_if_sessions_are_allowed(
    orchestrator: ModelOrchestrator, sessions: int
) -> None:
    settings = Settings(live_sessions=sessions)

    page = build_page(orchestrator, settings, examples=[], assets=assets_path())

    assert ({"live", "live-answer"} <= ids_of(page)) == bool(sessions)


def test_script_finds_every_element_it_refers_to() -> None:
    markup = live.controls() + live.captions()
    script = (assets_path() / "ui" / "live.js").read_text(encoding="utf-8")
    wanted = {part.split('"')[0] for part in script.split('byId("')[1:]} - {"audio", "ask"}

    assert [one for one in sorted(wanted) if f'id="{one}"' not in markup] == []


def test_script_gets_the_levels_of_confidence() -> None:
    assert all(f"{level.name}:{level.at_least:g}" in live.captions() for level in LEVELS)


def test_screen_readers_announce_committed_words_only() -> None:
    markup = live.captions()

    assert markup.count("aria-live") == 1
    assert 'id="live-committed" role="log" aria-live="polite"' in markup
