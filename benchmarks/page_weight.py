"""``python -m benchmarks.page_weight [FOLDER]``: what a browser loads for the page, when it first paints, and
when the page is complete.

With the folder of another checkout its page is measured too, alternately with this one, and the ratios are
compared with their bars.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, sync_playwright

from benchmarks.long_transcript import CHROMIUM_ARGUMENTS, chromium
from benchmarks.report import Figure, show
from benchmarks.server import ROOT, running_server

LOADS: Final = 7
AT_MOST: Final = 1.1

LOADED: Final = """() => {
  const entries = ['navigation', 'resource'].flatMap((kind) => performance.getEntriesByType(kind));
  const [paint] = performance.getEntriesByName('first-contentful-paint');
  return [entries.reduce((sum, one) => sum + one.encodedBodySize, 0), paint.startTime, performance.now()];
}"""


def measure(other: Path | None = None) -> Sequence[Figure]:
    """The figures of this page, and of another checkout's if its folder is given."""
    folders = [ROOT, *([other] if other else [])]
    loads: list[list[tuple[float, float, float]]] = [[] for _ in folders]
    with ExitStack() as stack:
        servers = [
            stack.enter_context(running_server({"WAV2VEC2_MODEL": "embedded"}, folder))
            for folder in folders
        ]
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGUMENTS)
        for number in range(LOADS + 1):
            for server, found in zip(servers, loads, strict=True):
                one = _load(browser, server.url)
                found.extend([one] if number else [])  # the first one fills the servers' caches
        browser.close()
    return _figures(loads)


def _load(browser: Browser, url: str) -> tuple[float, float, float]:
    """Bytes, first paint and completion, ms, of one load without a cache."""
    page = browser.new_page()
    page.set_default_timeout(120_000)
    page.goto(url)
    page.wait_for_selector("#run")
    loaded, paint_ms, complete_ms = page.evaluate(LOADED)
    page.close()
    return float(loaded), float(paint_ms), float(complete_ms)


def _figures(loads: Sequence[Sequence[tuple[float, float, float]]]) -> Sequence[Figure]:
    sizes, paints, complete = (
        [statistics.median(load[number] for load in one) for one in loads] for number in range(3)
    )
    figures = [
        Figure("page: loaded", sizes[0] / 2**20, "MiB"),
        Figure("page: first paint", paints[0], "ms"),
        Figure("page: complete", complete[0], "ms"),
    ]
    if len(loads) > 1:
        figures += [
            Figure(
                "page: loaded, compared with the other checkout", sizes[0] / sizes[1], "×", AT_MOST
            ),
            Figure("page: first paint, compared", paints[0] / paints[1], "×", AT_MOST),
            Figure("page: complete, compared", complete[0] / complete[1], "×"),
        ]
    return figures


if __name__ == "__main__":
    show("page_weight", measure(Path(sys.argv[1]) if len(sys.argv) > 1 else None))
