"""The real server with a real browser in front of it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Page,
    Playwright,
    expect,
    sync_playwright,
)

from benchmarks.server import RunningServer, running_server
from tests.examples import Clip, clips

MICROPHONE_RATE_HZ = 48_000
TIMEOUT_MS = int(os.environ.get("E2E_TIMEOUT_MS") or 30_000)
"""For a step in the browser; a busy machine needs more."""
expect.set_options(timeout=TIMEOUT_MS)  # else 5 s
LECTURE_S = 580
TALK_S = 40
MAX_BYTES = 100 * 2**20

_CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--autoplay-policy=no-user-gesture-required",
)
MICROPHONE = ("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream")

Launch = Callable[..., Browser]
Open = Callable[..., Page]


@pytest.fixture(scope="package")
def server() -> Iterator[RunningServer]:
    limits = {
        "WAV2VEC2_MAX_BYTES": str(MAX_BYTES),
        "WAV2VEC2_TRUSTED_HOSTS": '["speech.example"]',  # a name that is not this machine's
    }
    with running_server({"WAV2VEC2_MODEL": "embedded", **limits}) as running:
        yield running


@pytest.fixture(scope="session")
def clip() -> Clip:
    """A clip of one phrase, with uncertain words, which are others if it is decoded greedily."""
    return next(one for one in clips() if one.path.stem == "garden")


@pytest.fixture(scope="session")
def lecture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nearly ten minutes of speech: transcribing it takes longer than a click on any machine."""
    path = tmp_path_factory.mktemp("lecture") / "lecture.flac"
    spoken = np.concatenate([clip.samples() for clip in clips()])
    soundfile.write(path, np.resize(spoken, LECTURE_S * 16_000), 16_000)
    return path


@pytest.fixture(scope="session")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording whose pictures show a part of it, and whose transcript has many lines."""
    path = tmp_path_factory.mktemp("talk") / "talk.flac"
    spoken = np.concatenate([clip.samples() for clip in clips()])
    soundfile.write(path, np.resize(spoken, TALK_S * 16_000), 16_000)
    return path


@pytest.fixture(scope="session")
def chromium_path() -> str:
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _CHROMIUM)), None)
    if not found:
        pytest.skip("no Chromium on this machine")
    return found


@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    """Closed with this package: its loop in the main thread would prevent asynchronous tests."""
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="session")
def microphone_wav(clip: Clip, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Input of the fake microphone, which repeats it: the clip, with a second of silence around it."""
    path = tmp_path_factory.mktemp("microphone") / "microphone.wav"
    spoken = soxr.resample(clip.samples(), 16_000, MICROPHONE_RATE_HZ)
    quiet = np.zeros(MICROPHONE_RATE_HZ // 2, dtype=np.float32)
    soundfile.write(path, np.concatenate([quiet, spoken, quiet]), MICROPHONE_RATE_HZ, "PCM_16")
    return path


@pytest.fixture(scope="package")
def launch(playwright: Playwright, chromium_path: str) -> Launch:
    def launch(*arguments: str) -> Browser:
        return playwright.chromium.launch(
            executable_path=chromium_path, args=[*_ARGUMENTS, *arguments]
        )

    return launch


@pytest.fixture(scope="package")
def browser(launch: Launch, microphone_wav: Path) -> Iterator[Browser]:
    """A browser with a microphone that is allowed."""
    browser = launch(*MICROPHONE, f"--use-file-for-fake-audio-capture={microphone_wav}")
    yield browser
    browser.close()


@pytest.fixture(scope="package")
def visits(
    playwright: Playwright,
    chromium_path: str,
    microphone_wav: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[BrowserContext]:
    """A browser that keeps scripts compiled from one page to the next: half the work of loading them."""
    source = f"--use-file-for-fake-audio-capture={microphone_wav}"
    context = playwright.chromium.launch_persistent_context(
        tmp_path_factory.mktemp("visits"),
        executable_path=chromium_path,
        args=[*_ARGUMENTS, *MICROPHONE, source],
    )
    yield context
    context.close()


@pytest.fixture
def open_page(server: RunningServer, visits: BrowserContext) -> Iterator[Open]:
    """``open_page(query="?__theme=dark", width=390)`` gives a new loaded page; storage is empty at first."""
    pages: list[Page] = []

    def open_page(query: str = "", width: int = 1280, height: int = 900) -> Page:
        page = visits.new_page()
        pages.append(page)
        page.set_viewport_size({"width": width, "height": height})
        page.set_default_timeout(TIMEOUT_MS)
        page.goto(f"{server.url}/{query}")
        page.wait_for_selector("#run")
        return page

    yield open_page
    for page in pages:
        page.close()
    forget(visits, server.url)


def forget(context: BrowserContext, origin: str) -> None:
    """Delete what pages of ``origin`` have stored, but not the cache of their scripts."""
    page = context.new_page()
    page.context.new_cdp_session(page).send(
        "Storage.clearDataForOrigin",
        {"origin": origin, "storageTypes": "cookies,indexeddb,local_storage"},
    )
    page.close()


@pytest.fixture
def page(open_page: Open) -> Page:
    return open_page()
