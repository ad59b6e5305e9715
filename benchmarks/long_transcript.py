"""``python -m benchmarks.long_transcript``: hours of words in a browser; words that follow the player.

Chromium shows the transcript of :mod:`benchmarks.long_page` while its long tasks are observed, and plays an
example clip while each change of the marked word is compared with the player's clock.
"""

from __future__ import annotations

import os
import shutil
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from playwright.sync_api import Page, sync_playwright

from benchmarks.clips import clip_of
from benchmarks.report import Figure, show
from benchmarks.server import free_port, running, running_server

MAX_FIRST_S: Final = 3.0
"""The model takes no time here: the first window ends right after the upload."""
MAX_TASK_MS: Final = 200.0
MAX_NODES: Final = 5000
MAX_LAG_MS: Final = 60.0
WORD: Final = "#transcript .w-word"

OBSERVE: Final = """() => {
  window.longest = 0;
  new PerformanceObserver((list) => {
    for (const one of list.getEntries()) window.longest = Math.max(window.longest, one.duration);
  }).observe({ type: "longtask" });
}"""
SCROLL: Final = """async () => {
  const wait = () => new Promise((resolve) => setTimeout(resolve, 50));
  const height = document.documentElement.scrollHeight;
  for (let step = 1; step <= 20; step++) { scrollTo(0, (height * step) / 20); await wait(); }
}"""
FOLLOW: Final = """() => {
  const { player, transcript } = window.wav2vec2Page;
  window.lags = [];
  transcript.addEventListener("current", () => requestAnimationFrame(() => {
    const word = transcript.words[transcript.now];
    if (player.playing && word) window.lags.push(1000 * Math.max(0, player.time - word.start));
  }));
  player.playFrom(0);
}"""


CHROMIUM_ARGUMENTS: Final = (
    "--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required",
)  # fmt: skip


def chromium() -> str | None:
    """The browser's path; ``None`` for the one that Playwright has."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")


@contextmanager
def browser_page(url: str) -> Iterator[Page]:
    """A loaded page in a new Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGUMENTS)
        page = browser.new_page()
        page.goto(url)
        page.wait_for_selector("#run")
        page.get_by_label("Upload file").click()
        yield page
        browser.close()


def measure() -> Sequence[Figure]:
    return (*_long(), *_following())


def _long() -> Sequence[Figure]:
    port = free_port()
    arguments = ["-m", "benchmarks.long_page", str(port)]
    with running(arguments, {}, port, ready="/healthz") as server, browser_page(server.url) as page:
        page.evaluate(OBSERVE)
        begin_s = time.perf_counter()
        page.locator("#audio input[type=file]").set_input_files(clip_of(1.0))
        page.wait_for_selector(WORD, timeout=60_000)
        first_s = time.perf_counter() - begin_s
        page.wait_for_selector('#status [data-state="done"]', timeout=120_000)
        page.evaluate(SCROLL)
        longest = float(page.evaluate("window.longest"))
        nodes = int(page.evaluate("document.querySelectorAll('*').length"))
    return (
        Figure("three hours on the page: first line after the upload", first_s, "s", MAX_FIRST_S),
        Figure("three hours on the page: longest task", longest, "ms", MAX_TASK_MS),
        Figure("three hours on the page: elements", nodes, "", MAX_NODES),
    )


def _following() -> Sequence[Figure]:
    with (
        running_server({"WAV2VEC2_MODEL": "embedded"}) as server,
        browser_page(server.url) as page,
    ):
        page.locator("#audio input[type=file]").set_input_files(clip_of(20.0))
        page.wait_for_selector('#status [data-state="done"]', timeout=60_000)
        page.evaluate(FOLLOW)
        page.wait_for_function("() => !window.wav2vec2Page.player.playing", timeout=60_000)
        lags = page.evaluate("window.lags")
    p95 = statistics.quantiles(lags, n=20)[-1]
    return (Figure("marked word behind the player, 95th percentile", p95, "ms", MAX_LAG_MS),)


if __name__ == "__main__":
    show("long_transcript", measure())
