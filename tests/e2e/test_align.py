"""Align: the marks of a text that differs from the recording, its two views, and karaoke playback."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.e2e.conftest import Open
from tests.e2e.test_accessibility import findings, settle
from tests.e2e.test_page import DONE, choose, open_accordion
from tests.e2e.test_player import set_clock
from tests.examples import Clip, clips
from wav2vec2_app.server.ui import texts

pytestmark = pytest.mark.e2e

COFFEE = next(one for one in clips() if one.path.stem == "coffee")
TEXT = "Good morning!\nI was never about to make some elephant,\nwould you like\na cup?"
"""The text of the recording with a word more (never), another (elephant) and its lines."""
LINE = ".w-aligned-lines li"


def align(page: Page, clip: Clip, text: str) -> None:
    choose(page, clip)
    page.wait_for_selector(DONE)
    open_accordion(page, texts.ALIGNMENT)
    page.get_by_label(texts.ALIGN_LABEL).fill(text)
    page.get_by_role("button", name="Align", exact=True).click()
    page.wait_for_selector(f"{LINE} .w-word")


def marked(page: Page, place: str) -> dict[str, str]:
    words = page.locator(f"#aligned {place} .w-word")
    return {
        word.locator(".w-tile-text").inner_text().strip(","): mark
        for word in words.all()
        if (mark := word.get_attribute("data-mark") or "") not in ("said", "")
    }


@pytest.mark.matrix
@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 390)])
def test_lines_and_words_are_marked_and_follow_the_player(
    open_page: Open, theme: str, width: int
) -> None:
    page = open_page(f"?__theme={theme}", width=width)
    align(page, COFFEE, TEXT)

    assert page.locator(LINE).count() == 4
    assert not page.locator("#aligned .w-tiles").is_visible()
    assert marked(page, LINE) == {"never": "skipped", "elephant": "mispronounced"}
    legend = page.locator("#aligned .w-marks").inner_text()
    assert texts.MARKS["skipped"] in legend
    assert "coffee" in page.locator(f"{LINE} [data-mark=mispronounced]").first.inner_text()

    settle(page)
    assert findings(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width

    third = page.locator(LINE).nth(2)
    start, end = (float(third.get_attribute(f"data-{edge}") or 0) for edge in ("start", "end"))
    set_clock(page, (start + end) / 2)
    page.wait_for_selector(f"{LINE}:nth-child(3).w-now .w-word.w-now")
    assert page.locator(f"{LINE}.w-now").count() == 1
    third.get_by_role("button").focus()
    page.keyboard.press("Enter")
    page.wait_for_function(
        "start => window.wav2vec2Page.player.media.currentTime >= start", arg=start
    )
    assert page.evaluate("window.wav2vec2Page.player.until") == pytest.approx(end)

    page.get_by_role("button", name=texts.ALIGNED_WORDS).click()
    assert page.locator("#aligned .w-tiles").is_visible()
    assert not page.locator(LINE).first.is_visible()
    assert marked(page, ".w-tiles") == {"never": "skipped", "elephant": "mispronounced"}
    assert findings(page) == []
