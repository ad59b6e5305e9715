"""The fold "Find a sound" in a browser, on a real server."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import TIMEOUT_MS
from tests.e2e.test_accessibility import findings, settle
from tests.e2e.test_page import DONE, choose
from tests.examples import Clip
from wav2vec2_app.server.ui import texts

pytestmark = pytest.mark.e2e

FIND = texts.FOR_SCRIPTS["find"]
HISTORY = texts.FOR_SCRIPTS["history"]
HITS = "#w-find .w-hits li"
FETCHED = "() => performance.getEntriesByType('resource').some((one) => /\\/find\\.(js|css)/.test(one.name))"
SELECT = """([from, to]) => window.wav2vec2Page.transport.waveform.select([from, to])"""
SPOKEN = """() => window.wav2vec2Page.transcript.words
    .filter((word) => word.text.length > 4).map(({ text, start, end }) => ({ text, start, end }))"""


@pytest.fixture
def opened(page: Page, clip: Clip) -> Page:
    """The page with a transcript and the fold open."""
    expect.set_options(timeout=TIMEOUT_MS)
    choose(page, clip)
    page.wait_for_selector(DONE)
    assert not page.evaluate(FETCHED)
    page.locator("#w-find summary").click()
    page.wait_for_selector("#w-find form")
    return page


def shoot(page: Page, name: str, place: str = "#w-find") -> None:
    if folder := os.environ.get("SCREENSHOTS"):
        page.locator(place).scroll_into_view_if_needed()
        page.screenshot(path=Path(folder) / f"{name}.png")


def test_typed_word_and_selected_stretch_are_found_and_played(opened: Page) -> None:
    page = opened
    word = page.evaluate(SPOKEN)[0]
    stretch = page.get_by_role("button", name=FIND["useStretch"])
    expect(stretch).to_be_disabled()

    page.get_by_label(FIND["word"]).fill(word["text"])
    page.keyboard.press("Enter")
    expect(page.locator(HITS).first).to_contain_text(word["text"])
    page.locator(HITS).first.get_by_role("button").click()
    page.wait_for_function(f"window.wav2vec2Page.player.time > {word['start'] - 0.3}")
    assert page.evaluate("window.wav2vec2Page.player.until") < word["end"] + 0.3

    page.evaluate(SELECT, [word["start"], word["end"]])
    stretch.click()
    expect(page.locator(HITS).first).to_contain_text("100 %")
    expect(page.locator(HITS).first).to_contain_text(word["text"])


@pytest.mark.slow
def test_word_is_found_in_the_history_and_opened_there(opened: Page) -> None:
    page = opened
    word = page.evaluate(SPOKEN)[0]
    page.get_by_label(FIND["inHistory"]).check()
    page.get_by_label(FIND["word"]).fill(word["text"])
    page.keyboard.press("Enter")
    expect(page.locator(HITS).first).to_contain_text("garden")
    shoot(page, "find-history")

    page.locator(HITS).first.get_by_role("button").click()
    expect(page.locator("#mode-history .w-detail .w-found")).to_be_visible()
    expect(page.locator("#mode-history .w-detail h3")).to_contain_text("garden")
    page.get_by_role("button", name=HISTORY["similar"]).click()
    expect(page.locator("#mode-history .w-similar h4")).to_be_focused()
    shoot(page, "history-similar", "#mode-history")


@pytest.mark.slow
def test_word_said_into_the_microphone_is_found(opened: Page) -> None:
    page = opened
    say = page.locator("#w-find").get_by_role("button", name=FIND["say"])
    say.click()
    expect(page.get_by_role("button", name=FIND["stopSaying"])).to_be_visible()
    expect(say).to_be_visible()  # after three seconds
    expect(page.locator(HITS).first).to_be_visible()


@pytest.mark.slow
def test_search_that_cannot_be_made_is_explained(opened: Page) -> None:
    page = opened
    alert, find = (
        page.locator("#w-find [role=alert]"),
        page.get_by_role("button", name=FIND["find"]),
    )

    find.click()
    expect(alert).to_have_text(FIND["noWord"])
    page.get_by_label(FIND["word"]).fill("<b>漢字</b> 漢字")
    find.click()
    expect(alert).to_contain_text("漢字")
    assert alert.locator("b").count() == 0
    page.evaluate(SELECT, [0.5, 0.52])
    page.get_by_role("button", name=FIND["useStretch"]).click()
    expect(alert).to_contain_text("0.02 s")
    expect(page.locator(HITS)).to_have_count(0)


@pytest.mark.slow
@pytest.mark.matrix
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_hits_fit_and_are_accessible(opened: Page, theme: str, width: int) -> None:
    page = opened
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
    page.get_by_label(FIND["word"]).fill(page.evaluate(SPOKEN)[0]["text"])
    page.keyboard.press("Enter")
    expect(page.locator(HITS).first).to_be_visible()
    settle(page)
    shoot(page, f"find-{theme}-{width}")

    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert findings(page) == []
