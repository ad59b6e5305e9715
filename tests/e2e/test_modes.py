"""The modes "History" and "Batch" in a browser, in both themes, on wide and narrow screens."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.e2e.conftest import TIMEOUT_MS, Open
from tests.e2e.fake_server import BROKEN, fake_server
from tests.e2e.test_accessibility import findings, settle
from tests.e2e.test_page import DONE, choose
from tests.examples import Clip, clips
from wav2vec2_app.server.service.speaker_extra import SPEAKER_PACKAGES
from wav2vec2_app.server.ui import texts

pytestmark = pytest.mark.e2e

ITEM = "#w-history .w-item"
ROWS = ".w-batch-table tbody tr[data-state]"
SCRIPT = '<img src=x onerror="window.hacked = 1">'
HISTORY, BATCH = texts.FOR_SCRIPTS["history"], texts.FOR_SCRIPTS["batch"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """A server over a fake model, which transcribes a file as its name: the modes need no real one."""
    with fake_server(tmp_path_factory.mktemp("modes")) as url:
        yield SimpleNamespace(url=url)


@pytest.fixture(autouse=True)
def new_visitor(visits: BrowserContext) -> None:
    """Each test is another browser: it has no key of a history."""
    visits.clear_cookies()
    expect.set_options(timeout=TIMEOUT_MS)


def open_mode(page: Page, name: str) -> None:
    page.get_by_role("link", name=name, exact=True).click()
    page.wait_for_selector(f"#w-{name.lower()} h2")


def shoot(page: Page, name: str) -> None:
    """A screenshot for review, where ``SCREENSHOTS`` names a folder."""
    if folder := os.environ.get("SCREENSHOTS"):
        page.mouse.move(0, 0)
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def transcribe(page: Page, clip: Clip) -> None:
    choose(page, clip)
    page.wait_for_selector(DONE)


# --- history ------------------------------------------------------------------------------------


def test_stored_transcript_is_found_opened_renamed_and_deleted(page: Page, clip: Clip) -> None:
    transcribe(page, clip)
    open_mode(page, texts.HISTORY)
    expect(page.locator(ITEM)).to_have_count(1)
    assert "24 hours" in page.locator("#w-history .w-hint").first.inner_text()
    word = clip.path.stem

    page.get_by_label(HISTORY["search"]).fill(word[:4])
    expect(page.locator(f"{ITEM} mark").first).to_have_text(word[:4], ignore_case=True)
    page.locator(ITEM).click()
    expect(page.locator(".w-stored-text .w-word").first).to_be_visible()
    page.get_by_label(HISTORY["name"], exact=True).fill(SCRIPT)
    page.get_by_label(HISTORY["tags"]).fill(f"work, {SCRIPT[:30]}")
    page.get_by_role("button", name=HISTORY["save"], exact=True).click()
    page.get_by_label(HISTORY["search"]).fill("")
    expect(page.locator(f"{ITEM} b")).to_have_text(SCRIPT)
    expect(page.locator(f"{ITEM} .w-chip").first).to_have_text(SCRIPT[:30])
    assert page.evaluate("window.hacked") is None

    with page.expect_download() as saved:
        page.get_by_role("link", name="TXT", exact=True).click()
    assert word.lower() in saved.value.path().read_text("utf-8").lower()
    page.get_by_role("button", name=HISTORY["delete"], exact=True).click()
    expect(page.locator(ITEM)).to_have_count(0)
    expect(page.get_by_text(HISTORY["empty"])).to_be_visible()


@pytest.mark.slow
def test_another_browser_has_another_history(
    open_page: Open, browser: Browser, server: SimpleNamespace, clip: Clip
) -> None:
    mine, theirs = open_page(), browser.new_context().new_page()
    theirs.goto(server.url)
    transcribe(mine, clip)
    open_mode(mine, texts.HISTORY)
    expect(mine.locator(ITEM)).to_have_count(1)
    item = mine.locator(ITEM).get_attribute("data-id")

    open_mode(theirs, texts.HISTORY)

    expect(theirs.get_by_text(HISTORY["empty"])).to_be_visible()
    status = "async (id) => (await fetch(`v1/history/${id}`)).status"
    assert (mine.evaluate(status, item), theirs.evaluate(status, item)) == (200, 404)
    theirs.context.close()


@pytest.mark.slow
def test_history_stays_after_a_reload_and_is_deleted_at_once(page: Page, clip: Clip) -> None:
    transcribe(page, clip)
    open_mode(page, texts.HISTORY)
    page.reload()
    expect(page.locator(ITEM)).to_have_count(1)

    page.get_by_role("button", name=HISTORY["deleteAll"]).click()
    expect(page.locator(ITEM)).to_have_count(1)
    page.get_by_role("button", name=HISTORY["deleteAllNow"].format(count=1)).click()

    expect(page.locator(ITEM)).to_have_count(0)


@pytest.mark.slow
def test_recording_is_stored_and_played_only_on_request(page: Page, clip: Clip) -> None:
    transcribe(page, clip)
    open_mode(page, texts.HISTORY)
    page.get_by_label(HISTORY["storeRecordings"]).check()
    expect(page.get_by_text(HISTORY["recordings"])).to_be_visible()
    page.get_by_role("link", name=texts.TRANSCRIBE_MODE, exact=True).click()
    transcribe(page, clips()[1])
    open_mode(page, texts.HISTORY)
    expect(page.locator(ITEM)).to_have_count(2)

    page.locator(ITEM).nth(1).click()
    expect(page.locator("#w-history h3")).to_be_visible()
    assert page.locator("#w-history audio").count() == 0
    page.locator(ITEM).nth(0).click()
    page.wait_for_function("() => document.querySelector('#w-history audio')?.duration > 1")


def test_first_load_has_nothing_of_the_modes(page: Page) -> None:
    names = page.evaluate("performance.getEntriesByType('resource').map((one) => one.name)")

    assert [one for one in names if one.endswith(("main.js", "modes.js"))]
    ours = [one for one in names if "/ui-" in one]
    assert [one for one in ours if "history" in one or "batch" in one] == []


# --- batch --------------------------------------------------------------------------------------


def test_batch_goes_on_while_the_page_is_reloaded(page: Page, tmp_path: Path) -> None:
    names = []
    for number, clip in enumerate([*clips()[:5], *clips()[:3]]):
        folder = tmp_path / f"{number // 5}"
        folder.mkdir(exist_ok=True)
        names.append(folder / clip.path.name)
        names[-1].write_bytes(clip.path.read_bytes())
    broken = tmp_path / f"{BROKEN} {SCRIPT[:4]}.wav"
    broken.write_text("a shopping list")
    open_mode(page, texts.BATCH)

    page.locator("#w-batch input[type=file]").first.set_input_files([*names, broken])
    page.wait_for_selector(f'{ROWS}[data-state="done"]')
    expect(page.locator(f'{ROWS}[data-state="missing"]')).to_have_count(0)  # all are sent
    page.reload()

    expect(page.locator(f'{ROWS}[data-state="done"]')).to_have_count(8, timeout=60_000)
    failed = page.locator(f'{ROWS}[data-state="failed"]')
    expect(failed.locator("th")).to_have_text("broken img.wav")
    assert "not audio" in failed.locator(".w-cell-text").inner_text()
    with page.expect_download() as saved:
        page.get_by_role("link", name=BATCH["download"]).click()
    archive = zipfile.ZipFile(saved.value.path())
    assert len([name for name in archive.namelist() if name.endswith(".txt")]) == 8
    assert "summary.csv" in archive.namelist()
    page.get_by_role("button", name=BATCH["delete"]).click()
    expect(page.locator("#w-batch .w-item")).to_have_count(0)


@pytest.mark.skipif(
    any(find_spec(package) is None for package in SPEAKER_PACKAGES),
    reason="the extra `speakers` is not installed",
)
def test_batch_labels_speakers_by_choice(page: Page, clip: Clip) -> None:
    open_mode(page, texts.BATCH)
    choice = page.get_by_label(BATCH["diarize"])
    choice.focus()
    page.keyboard.press("Space")
    expect(choice).to_be_checked()

    page.locator("#w-batch input[type=file]").first.set_input_files(clip.path)
    page.wait_for_selector(f'{ROWS}[data-state="done"]')
    with page.expect_download() as saved:
        page.get_by_role("link", name=BATCH["download"]).click()

    archive = zipfile.ZipFile(saved.value.path())
    assert archive.read(f"{clip.path.stem}.txt").startswith(b"Speaker 1: ")
    assert b",speakers" in archive.read("summary.csv")


def test_mode_opens_without_a_reload_of_a_page_with_settings(open_page: Open) -> None:
    page = open_page("?lang=de")
    page.evaluate("window.before = true")

    for name in ("history", "batch", "transcribe"):
        page.locator(f".w-modes a[data-mode={name}]").click()
        expect(page.locator("body")).to_have_attribute("data-mode", name)

    assert page.evaluate("window.before")
    assert "lang=de" in page.url


# --- how they look ------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.matrix
@pytest.mark.parametrize(
    ("theme", "width"), [("light", 1440), ("dark", 390), ("light", 390), ("dark", 1440)]
)
def test_axe_finds_nothing_in_the_modes(
    open_page: Open, clip: Clip, theme: str, width: int
) -> None:
    page = open_page(f"?__theme={theme}", width=width)
    settle(page)
    transcribe(page, clip)
    page.evaluate("wav2vec2Page.transcript.corrections.replace(0, 1, ['corrected'])")
    expect(page.locator("#w-stored-note")).to_contain_text(texts.FOR_SCRIPTS["editor"]["stored"])
    found = {"corrected": findings(page)}
    shoot(page, f"corrected-{theme}-{width}")
    open_mode(page, texts.HISTORY)
    page.locator(ITEM).click()
    page.wait_for_selector(".w-versions")
    found["history"] = findings(page)
    shoot(page, f"history-{theme}-{width}")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    open_mode(page, texts.BATCH)
    page.locator("#w-batch input[type=file]").first.set_input_files(
        [clips()[0].path, clips()[1].path]
    )
    expect(page.locator(f'{ROWS}[data-state="done"]')).to_have_count(2)
    found["batch"] = findings(page)
    shoot(page, f"batch-{theme}-{width}")
    assert page.evaluate("document.documentElement.scrollWidth") <= width

    assert {state: one for state, one in found.items() if one} == {}
