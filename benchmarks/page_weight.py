"""``python -m benchmarks.page_weight [FOLDER]``: what a browser loads for the page, and how long it takes.

Without a cache: the first paint, the complete page, and the transcript of a clip that is uploaded as soon as
the page is complete. With the folder of another checkout its page is measured too, alternately with this one,
and the ratios are compared with their bars.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final, NamedTuple

from playwright.sync_api import Browser, sync_playwright

from benchmarks.clips import clip_of
from benchmarks.long_transcript import CHROMIUM_ARGUMENTS, chromium
from benchmarks.report import Figure, show
from benchmarks.server import ROOT, running_server

LOADS: Final = 7
AT_MOST: Final = 1.1
CLIP_S: Final = 5.0

LOADED: Final = """() => {
  const entries = ['navigation', 'resource'].flatMap((kind) => performance.getEntriesByType(kind));
  const [paint] = performance.getEntriesByName('first-contentful-paint');
  return [entries.reduce((sum, one) => sum + one.encodedBodySize, 0), paint.startTime, performance.now()];
}"""


class Load(NamedTuple):
    """One load of the page: bytes, and milliseconds since its address was opened."""

    loaded: float
    first_paint: float
    complete: float
    transcript: float


def measure(other: Path | None = None) -> Sequence[Figure]:
    """The figures of this page, and of another checkout's if its folder is given."""
    folders = [ROOT, *([other] if other else [])]
    loads: list[list[Load]] = [[] for _ in folders]
    with ExitStack() as stack:
        servers = [
            stack.enter_context(running_server({"WAV2VEC2_MODEL": "embedded"}, folder))
            for folder in folders
        ]
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGUMENTS)
        for number in range(LOADS + 1):
            clip = clip_of(CLIP_S, seed=number)
            for server, found in zip(servers, loads, strict=True):
                one = _load(browser, server.url, clip)
                found.extend([one] if number else [])  # the first one fills the servers' caches
        browser.close()
    return _figures(loads)


def _load(browser: Browser, url: str, clip: Path) -> Load:
    """Open the page without a cache, and upload a clip."""
    page = browser.new_page()
    page.set_default_timeout(120_000)
    page.goto(url)
    page.wait_for_selector("#run")
    loaded, paint_ms, complete_ms = page.evaluate(LOADED)
    page.get_by_label("Upload file").click()
    page.locator("#audio input[type=file]").set_input_files(clip)
    page.wait_for_selector("#answer .w-words")
    transcript_ms = page.evaluate("performance.now()")
    page.close()
    return Load(loaded, paint_ms, complete_ms, transcript_ms)


def _figures(loads: Sequence[Sequence[Load]]) -> Sequence[Figure]:
    """Medians, and their ratios to those of the other checkout."""
    medians = [Load(*map(statistics.median, zip(*one, strict=True))) for one in loads]
    ours = medians[0]
    figures = [
        Figure("page: loaded", ours.loaded / 2**20, "MiB"),
        Figure("page: first paint", ours.first_paint, "ms"),
        Figure("page: complete", ours.complete, "ms"),
        Figure("page: transcript of an upload", ours.transcript, "ms"),
    ]
    for other in medians[1:]:
        ratios = Load(*(mine / theirs for mine, theirs in zip(ours, other, strict=True)))
        figures += [
            Figure("page: loaded, compared", ratios.loaded, "×", AT_MOST),
            Figure("page: first paint, compared", ratios.first_paint, "×", AT_MOST),
            Figure("page: complete, compared", ratios.complete, "×"),
            Figure("page: transcript of an upload, compared", ratios.transcript, "×", AT_MOST),
        ]
    return figures


if __name__ == "__main__":
    show("page_weight", measure(Path(sys.argv[1]) if len(sys.argv) > 1 else None))
