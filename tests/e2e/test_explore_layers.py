"""Explore's layers: loaded when opened, on the axis of the plots, with alike moments that can be read."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
from playwright.sync_api import Page

from tests.e2e.conftest import Open
from tests.e2e.test_accessibility import findings, settle
from tests.e2e.test_explore import open_explore
from tests.examples import Clip

pytestmark = pytest.mark.e2e

LAG_S = 3.6
READY = ".w-explore-layers .w-layer-content:not([hidden]) tbody tr"
LOADED = """() => performance.getEntriesByType('resource')
  .filter((one) => /explore_layers/.test(one.name)).length"""
INK_AT = """(name) => { const canvas = document.querySelector(`canvas[data-strip="${name}"]`);
  const { width, height } = canvas; const box = canvas.getBoundingClientRect();
  const plot = document.querySelector('[data-plot="waveform"] .u-over').getBoundingClientRect();
  const { data } = canvas.getContext('2d').getImageData(0, 0, width, height);
  const seen = new Set(); for (let at = 3; at < data.length; at += 4) if (data[at]) seen.add(data[at - 3]);
  return [seen.size, Math.abs(box.width - document.querySelector('.w-explore-field').clientWidth),
    box.left - plot.left]; }"""
"""How many shades a strip has, and whether it is as wide as the plots and begins where they do."""

PICTURE = "() => document.querySelector('canvas[data-strip=similarity]').toDataURL()"


def shoot(page: Page, name: str) -> None:
    """A screenshot for review, where ``SCREENSHOTS`` names a folder."""
    folder = os.environ.get("SCREENSHOTS")
    if folder:
        page.locator(".w-explore-layers").screenshot(path=Path(folder) / f"{name}.png")


def open_layers(page: Page, path: Path) -> None:
    open_explore(page, path)
    page.locator(".w-explore-layers > summary").click()
    page.wait_for_selector(READY)


@pytest.fixture(scope="session")
def echoed(clip: Clip, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same speech twice, the second time after :data:`LAG_S`."""
    path = tmp_path_factory.mktemp("echoed") / "echoed.wav"
    samples = np.zeros(round(2 * LAG_S * 16_000), np.float32)
    spoken = clip.samples()[: round(3.2 * 16_000)]
    for start_s in (0.0, LAG_S):
        begin = round(start_s * 16_000)
        samples[begin : begin + len(spoken)] = spoken
    soundfile.write(path, samples, 16_000, "PCM_16")
    return path


def test_layers_show_where_characters_arise_and_which_moments_are_alike(
    open_page: Open, echoed: Path
) -> None:
    page = open_page("?__theme=light", width=1440, height=1000)
    open_explore(page, echoed)
    assert page.evaluate(LOADED) == 0, "nothing is loaded or computed before it is opened"
    page.locator(".w-explore-layers > summary").click()
    page.wait_for_selector(READY)

    rows = page.locator(".w-layer-table tbody tr").all_inner_texts()
    assert len(rows) == 7
    number, text, agreement, _ = rows[0].split("\t")
    assert (number, agreement) == ("6", "100\N{NO-BREAK SPACE}%")
    assert len(text.split()) >= 6
    for name in ("lens", "moved"):
        shades, width_off, left_off = page.evaluate(INK_AT, name)
        assert shades > 20
        assert (width_off, left_off) == pytest.approx((0, -52), abs=1.5)

    strip = page.locator('canvas[data-strip="lens"]')
    strip.hover(position={"x": 300, "y": 10})
    cells = page.locator(".w-layer-cells").inner_text()
    assert "%" in cells
    assert "Input" in cells
    assert page.locator(".w-explore-frame li").count() >= 1, "the plots show the same frame"

    first, second = page.locator(".w-layer-moment input").all()
    column_s = 0.02 * -(-50 * 2 * LAG_S // 240)  # frames are merged to at most 240 columns
    first.fill("20")
    second.fill(str(20 + round(LAG_S / column_s)))
    said = page.locator(".w-layer-pair").inner_text()
    assert float(said.rpartition(" ")[2]) > 0.6, said
    first.press("ArrowRight")
    assert page.locator(".w-layer-pair").inner_text() != said
    shoot(page, "layers-light-1440")

    before = page.evaluate(PICTURE)
    page.locator(".w-layer-alike select").select_option("6")
    page.wait_for_function(f"(before) => ({PICTURE})() !== before", arg=before)
    assert page.locator(".w-layer-alike select").input_value() == "6"


@pytest.mark.slow
def test_layers_of_a_long_part_are_refused_and_a_phone_shows_them_without_a_finding(
    open_page: Open, talk: Path
) -> None:
    page = open_page("?__theme=dark", width=390)
    settle(page)
    open_layers(page, talk)

    assert findings(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    shoot(page, "layers-dark-390")
    page.locator('[data-explore="all"]').click()
    problem = page.locator(".w-explore-layers [role=status]")
    problem.get_by_text("at most 30 s").wait_for()
    assert "zoom in" in problem.inner_text()
    assert not page.locator(".w-layer-content").is_visible()
