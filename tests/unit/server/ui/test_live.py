from __future__ import annotations

import gradio as gr
import pytest

from wav2vec2_app.server.build import assets_path
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator
from wav2vec2_app.server.ui import live
from wav2vec2_app.server.ui.page import build_page
from wav2vec2_app.server.ui.present import LEVELS
from wav2vec2_app.settings import Settings


def ids_of(page: gr.Blocks) -> set[str | None]:
    return {block.elem_id for block in page.blocks.values()}


@pytest.mark.parametrize("places", [0, 4])
async def test_live_mode_is_there_if_anybody_may_use_it(
    orchestrator: ModelOrchestrator, places: int
) -> None:
    settings = Settings(live_sessions=places)

    page = build_page(orchestrator, settings, examples=[], assets=assets_path())

    assert ({"live", "live-answer"} <= ids_of(page)) == bool(places)


def test_script_finds_every_part_it_looks_for() -> None:
    markup = live.controls() + live.answer()
    script = (assets_path() / "ui" / "live.js").read_text(encoding="utf-8")
    wanted = {part.split('"')[0] for part in script.split('at("')[1:]} - {"audio", "ask"}

    assert [one for one in sorted(wanted) if f'id="{one}"' not in markup] == []


def test_script_knows_the_bands_of_confidence() -> None:
    assert all(f"{level.name}:{level.at_least:g}" in live.answer() for level in LEVELS)


def test_only_words_that_stand_are_read_out() -> None:
    markup = live.answer()

    assert markup.count("aria-live") == 1
    assert 'id="live-heard" role="log" aria-live="polite"' in markup
