"""Screenshots of the page in every state, for review and for the README.

Made only if the environment variable ``SCREENSHOTS`` names a folder:
``SCREENSHOTS=docs/images pytest tests/e2e/test_screenshots.py -k readme`` renews the pair of the README.
"""

from __future__ import annotations

import os
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page

from tests.e2e.conftest import Open
from tests.e2e.test_accessibility import replace_recording
from tests.e2e.test_page import DONE, ERROR, choose, open_accordion, upload
from tests.examples import Clip
from wav2vec2_app.server.ui import texts

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not os.environ.get("SCREENSHOTS"), reason="SCREENSHOTS names no folder"),
]

README_VIEWPORT = (1440, 1260)
README_SIZE = (1200, 1050)
README_COLOURS = 256
README_MAX_BYTES = 150_000
"""Of one picture; the repository keeps both in its history."""


@pytest.fixture
def folder() -> Path:
    path = Path(os.environ["SCREENSHOTS"])
    path.mkdir(parents=True, exist_ok=True)
    return path


def finished_page(open_page: Open, clip: Clip, theme: str, width: int, height: int) -> Page:
    page = open_page(f"?__theme={theme}", width=width, height=height)
    choose(page, clip)
    page.wait_for_selector(DONE)
    page.mouse.move(0, 0)
    page.evaluate("() => { document.activeElement?.blur(); scrollTo(0, 0); }")
    return page


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_state(
    open_page: Open, clip: Clip, talk: Path, folder: Path, tmp_path: Path, theme: str, width: int
) -> None:
    page = open_page(f"?__theme={theme}", width=width)

    def shoot(state: str) -> None:
        page.mouse.move(0, 0)
        page.evaluate("() => { document.activeElement?.blur(); scrollTo(0, 0); }")
        page.screenshot(
            path=folder / f"{state}-{theme}-{width}.png", full_page=True, animations="disabled"
        )
        assert page.evaluate("document.documentElement.scrollWidth") <= width

    shoot("idle")
    choose(page, clip)
    page.wait_for_selector(DONE)
    page.wait_for_selector("#picture-emission svg[role=img]")
    shoot("result")
    open_accordion(page, texts.DECODING_OPTIONS)
    page.get_by_role("button", name=texts.VIEW_JSON, exact=True).click()
    open_accordion(page, texts.ALIGNMENT)
    page.get_by_label(texts.ALIGN_LABEL).fill(clip.text)
    page.get_by_role("button", name="Align", exact=True).click()
    page.wait_for_selector("#aligned .w-tile")
    shoot("alignment")
    page.get_by_role("button", name=texts.VIEW_TEXT, exact=True).click()
    replace_recording(page, talk)
    page.wait_for_function("() => window.wav2vec2Page.transcript.words.length > 60")
    page.wait_for_selector(DONE)
    page.wait_for_selector("#picture-emission svg[role=img]")
    shoot("long-result")
    page.get_by_role("button", name="Live", exact=True).click()
    shoot("live")
    path = tmp_path / "notes.wav"
    path.write_text("This is a shopping list.\n" * 20)
    upload(page, path)
    page.wait_for_selector(ERROR)
    shoot("error")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_readme_pair(open_page: Open, clip: Clip, folder: Path, theme: str) -> None:
    page = finished_page(open_page, clip, theme, *README_VIEWPORT)
    shot = Image.open(BytesIO(page.screenshot())).convert("RGB")
    path = folder / f"page-{theme}.png"

    small = shot.resize(README_SIZE, Image.Resampling.LANCZOS)
    few_colours = small.quantize(
        README_COLOURS, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE
    )
    few_colours.save(path, optimize=True)

    assert path.stat().st_size < README_MAX_BYTES
