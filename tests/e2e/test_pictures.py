"""Pictures show a part of a longer recording; zoom and scroll have the server draw another one."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page

from tests.e2e.conftest import TALK_S, Open
from tests.e2e.test_page import DONE, upload
from tests.e2e.test_player import set_clock

pytestmark = pytest.mark.e2e

WIDTHS = (320, 360, 390, 440, 480, 640, 768, 1024, 1280)
SPECTROGRAM = '.w-figure[data-name="log_mel"]'


def wait_for_part(page: Page, start_s: float, end_s: float) -> None:
    page.wait_for_function(
        """([from, to]) => [...document.querySelectorAll('#pictures .w-figure')].every(one =>
          Math.abs(one.dataset.from - from) < 0.1 && Math.abs(one.dataset.to - to) < 0.1)""",
        arg=[start_s, end_s],
    )


def press(page: Page, tool: str) -> None:
    page.locator(f'[data-pictures="{tool}"]').click()


def labels(page: Page) -> int:
    """How many words are written in the waveform."""
    words = page.locator('.w-figure[data-name="waveform"] text.word')
    return sum(words.nth(number).is_visible() for number in range(words.count()))


def smallest_text_px(page: Page) -> float:
    return float(
        page.evaluate(
            """() => Math.min(...[...document.querySelectorAll('#pictures svg text')]
              .filter(one => getComputedStyle(one).display !== 'none')
              .map(one => parseFloat(getComputedStyle(one).fontSize) * one.getScreenCTM().a))"""
        )
    )


def columns_of(picture: Locator) -> int:
    """The width of the picture's image, pixels."""
    return int(
        picture.locator("image").last.evaluate(
            """async one => { const image = new Image(); image.src = one.getAttribute('href');
              await image.decode(); return image.naturalWidth; }"""
        )
    )


@pytest.mark.slow
def test_part_is_drawn_again_by_zoom_scroll_keys_and_player(open_page: Open, talk: Path) -> None:
    page = open_page("?__theme=light")
    upload(page, talk)
    page.wait_for_selector(DONE)
    wait_for_part(page, 0, 8)
    near = labels(page)
    assert near >= 5

    press(page, "all")
    wait_for_part(page, 0, TALK_S)
    assert labels(page) < near
    far = columns_of(page.locator(SPECTROGRAM)) / TALK_S
    press(page, "in")
    wait_for_part(page, 0, TALK_S / 2)
    page.locator(f"{SPECTROGRAM} .w-drawing").focus()
    page.keyboard.press("+")
    wait_for_part(page, 0, TALK_S / 4)
    assert columns_of(page.locator(SPECTROGRAM)) / (TALK_S / 4) > 1.5 * far, "zoom adds detail"

    page.locator("#picture-scroll").focus()
    page.keyboard.press("End")
    wait_for_part(page, 0.75 * TALK_S, TALK_S)
    press(page, "earlier")
    wait_for_part(page, 0.55 * TALK_S, 0.8 * TALK_S)

    page.locator(SPECTROGRAM).scroll_into_view_if_needed()
    set_clock(page, 2.0)
    page.wait_for_selector(f"{SPECTROGRAM} .w-playhead", state="attached")
    assert float(page.locator(SPECTROGRAM).get_attribute("data-to") or 0) < 0.5 * TALK_S


@pytest.mark.slow
def test_text_is_legible_and_loud_is_ink_on_paper(open_page: Open, talk: Path) -> None:
    page = open_page("?__theme=light")
    upload(page, talk)
    page.wait_for_selector(DONE)
    wait_for_part(page, 0, 8)

    sizes = {}
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        sizes[width] = smallest_text_px(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert min(sizes.values()) >= 10, sizes

    image = page.locator(f"{SPECTROGRAM} image").last
    assert "invert" in image.evaluate("e => getComputedStyle(e).filter")
    page.evaluate("() => document.body.classList.add('dark')")
    assert image.evaluate("e => getComputedStyle(e).filter") == "none"
