"""Screenshots of the page with a finished result, for review and for the README.

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
from tests.e2e.test_page import DONE, choose, open_accordion
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
def test_whole_page(open_page: Open, clip: Clip, folder: Path, theme: str, width: int) -> None:
    page = finished_page(open_page, clip, theme, width, 900)
    open_accordion(page, texts.DECODING_OPTIONS)

    page.screenshot(path=folder / f"full-{theme}-{width}.png", full_page=True)

    assert page.evaluate("document.documentElement.scrollWidth") <= width


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
