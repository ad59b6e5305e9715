"""The acoustic analysis on the page, in the endpoint, and as files."""

import csv
import io
import json

import gradio as gr
import pytest

from tests.doubles import FakeAdapter, make_acoustics
from tests.unit.conftest import Start
from tests.unit.server.ui.test_decode_again import NAMES, Browser
from tests.unit.server.ui.test_export_handlers import fetched
from wav2vec2_app.errors import InputError, InternalError
from wav2vec2_app.server import schema
from wav2vec2_app.server.assets import assets_path
from wav2vec2_app.server.operations import Operation
from wav2vec2_app.server.ui import acoustics_panel, endpoints
from wav2vec2_app.server.ui.page import build_page
from wav2vec2_app.settings import Settings


@pytest.fixture
async def browser(start: Start, adapter: FakeAdapter) -> Browser:
    return Browser(await start(adapter, cache_bytes=10_000_000))


async def open_panel(browser: Browser, audio: str | None = None) -> None:
    updates = acoustics_panel.measure(browser.orchestrator, browser.tabs, audio, "tab")
    await browser.page.follow(updates)


async def test_analysis_is_computed_when_the_panel_is_opened_and_not_before(
    browser: Browser, adapter: FakeAdapter, clip: str
) -> None:
    await browser.transcribe(clip)
    assert adapter.count(Operation.MEASURE) == 0

    await open_panel(browser, clip)

    assert adapter.count(Operation.MEASURE) == 1
    assert adapter.count(Operation.DECODE_AUDIO) == 1, "the decoded audio is cached"
    assert adapter.count(Operation.ANALYZE) == 1, "and so are the features"
    shown = browser.page.parts["acoustics"]
    assert "-23.5 LUFS" in shown
    assert "Words a minute" in shown
    assert "1 silence of " in shown
    assert browser.page.parts["acoustics-status"] == ""


async def test_opening_the_panel_again_needs_no_work(
    browser: Browser, adapter: FakeAdapter, clip: str
) -> None:
    await browser.transcribe(clip)
    await open_panel(browser, clip)
    browser.page.history.clear()

    await open_panel(browser, clip)

    assert adapter.count(Operation.MEASURE) == 1
    assert browser.page.history == []


async def test_transcript_that_was_decoded_again_is_analyzed_again(
    browser: Browser, adapter: FakeAdapter, clip: str
) -> None:
    await browser.transcribe(clip)
    await open_panel(browser, clip)
    await browser.decode(NAMES)

    await open_panel(browser, clip)

    assert adapter.count(Operation.MEASURE) == 2


async def test_clipped_recording_is_warned_of(
    browser: Browser, adapter: FakeAdapter, clip: str
) -> None:
    adapter.answer(Operation.MEASURE, make_acoustics(clipped=0.02))
    await browser.transcribe(clip)

    await open_panel(browser, clip)

    assert "This recording is clipped" in browser.page.parts["acoustics"]
    assert "expect errors" in browser.page.parts["acoustics"]
    assert 'data-kind="clipped"' in browser.page.parts["acoustics"]


async def test_recording_without_a_transcript_is_analyzed_from_its_file(
    browser: Browser, adapter: FakeAdapter, clip: str
) -> None:
    await open_panel(browser, clip)

    assert adapter.count(Operation.TRANSCRIBE) == 0
    assert "-23.5 LUFS" in browser.page.parts["acoustics"]
    assert "Words a minute" not in browser.page.parts["acoustics"]


async def test_recording_that_is_no_longer_cached_is_decoded_again(
    start: Start, adapter: FakeAdapter, clip: str
) -> None:
    browser = Browser(await start(adapter, cache_bytes=0))
    await browser.transcribe(clip)

    await open_panel(browser, clip)

    assert adapter.count(Operation.DECODE_AUDIO) == 2
    assert "-23.5 LUFS" in browser.page.parts["acoustics"]


async def test_nothing_to_analyze_is_said(browser: Browser) -> None:
    await open_panel(browser)

    assert "audio.missing" in browser.page.parts["acoustics"]


async def test_failure_is_explained_in_the_panel_alone(
    browser: Browser, adapter: FakeAdapter, clip: str
) -> None:
    await browser.transcribe(clip)
    transcript = browser.page.parts["transcript"]
    error = InputError("Too long.", code="features.too_long", hint="Cut it.")
    adapter.fail(Operation.MEASURE, error)

    await open_panel(browser, clip)

    assert "features.too_long" in browser.page.parts["acoustics"]
    assert browser.page.parts["transcript"] == transcript


async def test_new_recording_clears_the_analysis(browser: Browser, clip: str) -> None:
    await browser.transcribe(clip)
    await open_panel(browser, clip)

    await browser.transcribe(clip)

    assert "LUFS" not in browser.page.parts["acoustics"]
    assert await fetched(browser, "acoustics.csv 1") is None


async def test_analysis_is_saved_as_tables(browser: Browser, clip: str) -> None:
    await browser.transcribe(clip)
    await open_panel(browser, clip)

    measures = await fetched(browser, "acoustics.csv 1")
    frames = await fetched(browser, "acoustics.frames.csv 2")

    assert measures is not None
    assert frames is not None
    names = [row["measure"] for row in csv.DictReader(io.StringIO(measures.decode()))]
    assert names[0] == "loudness_lufs"
    assert "words_per_minute" in names
    assert frames.startswith(b"time_s,f0_hz,level_dbfs,chroma_c,")


@pytest.mark.parametrize("request_", ["acoustics.csv 1", "acoustics.exe 1", "acoustics 1"])
async def test_analysis_that_there_is_not_is_no_file(browser: Browser, request_: str) -> None:
    assert await fetched(browser, request_) is None


# --- the endpoint -------------------------------------------------------------------------------


async def test_analysis_of_the_endpoint_has_the_measures(
    browser: Browser, adapter: FakeAdapter, clip: str
) -> None:
    adapter.answer(Operation.MEASURE, make_acoustics(clipped=0.5))

    answer = await endpoints.analyze(browser.orchestrator, clip, "", "tab")

    response = schema.AnalysisResponse.model_validate(answer)
    assert response.acoustics is not None
    assert response.acoustics.summary["loudness_lufs"] == -23.5
    assert response.acoustics.summary["words_per_minute"] is not None
    assert "clipped" in response.acoustics.warnings[0]
    assert response.acoustics.silences[0].end == 1.0
    json.dumps(answer, allow_nan=False)


async def test_transcript_comes_without_measures_that_failed(
    browser: Browser, adapter: FakeAdapter, clip: str
) -> None:
    adapter.fail(Operation.MEASURE, InternalError("broken"), times=9)

    answer = await endpoints.analyze(browser.orchestrator, clip, "", "tab")

    assert answer["text"] == "hello world"
    assert answer["acoustics"] is None
    assert answer["problems"][0]["operation"] == "measure"


async def test_plain_transcription_measures_nothing(
    browser: Browser, adapter: FakeAdapter, clip: str
) -> None:
    await endpoints.transcribe(browser.orchestrator, clip, "", "tab")

    assert adapter.count(Operation.MEASURE) == 0


async def test_panel_is_closed_on_the_page(browser: Browser) -> None:
    page = build_page(browser.orchestrator, Settings(), examples=[], assets=assets_path())

    panels = [one for one in page.blocks.values() if isinstance(one, gr.Accordion)]
    (panel,) = [one for one in panels if one.elem_id == "acoustics-panel"]
    assert panel.open is False
