"""Explore: the plots agree with the sound, follow the player, and explain frames and words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from playwright.sync_api import Page

from tests.e2e.conftest import Open
from tests.e2e.test_accessibility import findings, settle
from tests.e2e.test_page import DONE, upload
from tests.e2e.test_player import set_clock

pytestmark = pytest.mark.e2e

TONE_HZ, CLICK_S, LENGTH_S = 440, 1.0, 20
FIELD = ".w-explore-field"
SHOWN = """([from, to]) => { const { dataset } = document.querySelector('.w-explore-view');
  return Math.abs(dataset.from - from) < 0.05 && Math.abs(dataset.to - to) < 0.05; }"""

DARKEST_Y = """(seconds) => { const { plots } = window.wav2vec2Page.explore;
  const { ctx, bbox } = plots.plots.spectrogram;
  const x = Math.round(plots.plots.spectrogram.valToPos(seconds, 'x', true));
  const column = ctx.getImageData(x, bbox.top, 1, bbox.height).data;
  const light = Array.from({ length: bbox.height },
    (_, y) => column[4 * y] + column[4 * y + 1] + column[4 * y + 2]);
  const least = Math.min(...light);
  const ys = light.flatMap((one, y) => one === least ? [y] : []);
  return (ys[0] + ys.at(-1)) / 2 / devicePixelRatio; }"""
"""The middle of the loudest rows that the canvas shows at a time, CSS pixels from the top of the plot."""

CLICK_AT = """() => { const { plots } = window.wav2vec2Page.explore; const plot = plots.plots.waveform;
  const [times, , high] = plot.data; const at = high.indexOf(Math.max(...high));
  const { ctx, bbox } = plot; const top = ctx.getImageData(bbox.left, bbox.top + 3, bbox.width, 1).data;
  const drawn = [];
  for (let x = 0; x < bbox.width; x++) if (top[4 * x + 3] && top[4 * x] + top[4 * x + 1] < 300) drawn.push(x);
  return [times[at], plot.posToVal((drawn[0] + drawn.at(-1)) / 2 / devicePixelRatio, 'x')]; }"""
"""Where the highest sample is by the data of the plot, and by its pixels near the top, seconds."""

SIMILARITY = """() => { const canvas = document.querySelector('.w-explore-similarity canvas');
  const { width: side } = canvas; const { data } = canvas.getContext('2d').getImageData(0, 0, side, side);
  const at = (one, other) => data[4 * ((side - 1 - one) * side + other)];
  const all = [...Array(side).keys()];
  return [all.every((one) => all.every((other) => at(one, other) === at(other, one))),
    Math.max(...all.map((one) => at(one, one))) - Math.min(...all.map((one) => at(one, one)))]; }"""
"""Whether the picture is symmetric, and the contrast along its diagonal, of the red channel."""

LOADED = """() => performance.getEntriesByType('resource')
  .filter((one) => /explore|uplot/.test(one.name)).length"""


def open_explore(page: Page, path: Path) -> None:
    upload(page, path)
    page.wait_for_selector(DONE)
    page.locator("#w-explore > summary").click()
    page.wait_for_selector(".w-explore-view[data-from]")


def wait_for(page: Page, start_s: float, end_s: float) -> None:
    page.wait_for_function(SHOWN, arg=[start_s, end_s])


def frame(page: Page) -> int:
    return int(page.locator(FIELD).get_attribute("aria-valuenow") or -1)


@pytest.fixture(scope="session")
def tone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tone, and a click at 1.000 s."""
    path = tmp_path_factory.mktemp("tone") / "tone.wav"
    samples = 0.2 * np.sin(2 * np.pi * TONE_HZ * np.arange(LENGTH_S * 16_000) / 16_000)
    samples[round(CLICK_S * 16_000)] = 0.95
    soundfile.write(path, samples, 16_000, "PCM_16")
    return path


def test_plots_agree_with_the_sound_and_follow_the_player(open_page: Open, tone: Path) -> None:
    page = open_page("?__theme=light")
    assert page.evaluate(LOADED) == 0, "nothing is loaded before it is opened"
    open_explore(page, tone)
    wait_for(page, 0, 8)

    tone_y = page.evaluate(f"window.wav2vec2Page.explore.plots.rowOf({TONE_HZ})")
    for seconds in (0.31, 3.17, 6.63):
        assert page.evaluate(DARKEST_Y, seconds) == pytest.approx(tone_y, abs=3)
    assert page.evaluate(CLICK_AT) == pytest.approx([CLICK_S, CLICK_S], abs=0.02)

    page.locator(FIELD).focus()
    start = frame(page)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    assert frame(page) == start + 11
    assert "%" in (page.locator(FIELD).get_attribute("aria-valuetext") or "")
    assert page.locator(".w-explore-frame li").count() >= 1
    page.keyboard.press("+")
    page.wait_for_function("document.querySelector('.w-explore-view').dataset.to < 4.5")
    page.keyboard.press("-")
    wait_for(page, 0, 8)

    set_clock(page, 12.0)
    wait_for(page, 11.6, 19.6)
    head = page.locator('[data-plot="spectrogram"] .w-playhead')
    assert head.is_visible()
    page.locator('[data-explore="earlier"]').click()
    wait_for(page, 5.2, 13.2)
    page.locator('[data-explore="all"]').click()
    wait_for(page, 0, LENGTH_S)
    assert page.evaluate(CLICK_AT)[0] == pytest.approx(CLICK_S, abs=0.02)


@pytest.mark.slow
def test_a_word_is_explained_on_a_phone_without_a_finding_of_axe(
    open_page: Open, talk: Path
) -> None:
    page = open_page("?__theme=dark", width=390)
    settle(page)
    open_explore(page, talk)
    word = page.locator(".w-explore-words button").nth(1)
    text = word.inner_text()
    word.click()
    page.wait_for_selector(".w-explore-why table")

    assert page.locator(".w-explore-why h3").inner_text() == f"Why “{text}”"
    letters = page.locator(".w-explore-letters b").all_inner_texts()
    assert "".join(letters).lower() == text.lower().strip(".,?!")
    assert page.locator(".w-explore-why tbody tr").first.inner_text().startswith(text)
    page.wait_for_function("document.querySelector('.w-explore-view').dataset.to < 8")

    rows = page.locator(".w-explore-why tbody tr").count()
    page.get_by_label("Compare with another word").fill("<b>zebra</b>")
    page.keyboard.press("Enter")
    page.wait_for_function(
        "(rows) => document.querySelectorAll('.w-explore-why tbody tr').length === rows + 1",
        arg=rows,
    )
    assert "<b>zebra</b>" in page.locator(".w-explore-why tbody").inner_text()

    page.get_by_text("Self-similarity", exact=True).click()
    page.wait_for_selector(".w-explore-similarity canvas")
    symmetric, contrast = page.evaluate(SIMILARITY)
    assert symmetric
    assert contrast > 100, "a moment with a character is like itself"
    assert findings(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
