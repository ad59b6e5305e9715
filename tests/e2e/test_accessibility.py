"""Accessibility: axe-core finds nothing in our markup in any state, and the keyboard reaches everything."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from playwright.sync_api import Page, expect

from benchmarks.server import RunningServer
from tests.e2e.conftest import MICROPHONE, MICROPHONE_RATE_HZ, TIMEOUT_MS, Launch, Open
from tests.e2e.test_page import (
    DONE,
    ERROR,
    RECORDED,
    WORDS,
    choose,
    open_accordion,
    upload,
)
from tests.examples import Clip
from wav2vec2_app.server.ui import texts

axe = pytest.importorskip("axe_playwright_python.sync_playwright")

pytestmark = pytest.mark.e2e

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
GRADIOS = {
    # the list of a gr.Dropdown names its input only
    "aria-allowed-attr": "#model",
    "aria-input-field-name": "#model",
    # Gradio puts everything that an application lays out into one <main>, the header included
    "landmark-banner-is-top-level": ".w-brand",
}
"""Findings that are due to Gradio's own markup: rule -> a part of the place."""


def findings(page: Page) -> list[str]:
    options = {"runOnly": {"type": "tag", "values": RULES}, "resultTypes": ["violations"]}
    found = axe.Axe().run(page, options=options).response["violations"]
    return [
        f"{rule['id']}: {node['html'][:160]} {node.get('failureSummary', '')[:200]}"
        for rule in found
        for node in rule["nodes"]
        if not any(str(node["target"]).find(place) >= 0 for place in GRADIOS.get(rule["id"], []))
    ]


def settle(page: Page) -> None:
    """End transitions, and scroll to the top: colours in between do not count, and the player, which stays
    on the screen, covers nothing there."""
    page.add_style_tag(
        content="*, *::before, *::after { transition: none !important; animation: none !important; }"
    )
    page.mouse.move(0, 0)
    page.evaluate("window.scrollTo(0, 0)")


def replace_recording(page: Page, path: Path) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name=texts.CHOOSE_ANOTHER).click()
    chooser.value.set_files(path)


@pytest.mark.slow
@pytest.mark.matrix
@pytest.mark.parametrize("width", [390, 320, 1440])
@pytest.mark.parametrize("theme", ["light", "dark", "forced"])
def test_axe_finds_nothing_in_any_state(
    open_page: Open, clip: Clip, talk: Path, tmp_path: Path, theme: str, width: int
) -> None:
    page = open_page(f"?__theme={'dark' if theme == 'dark' else 'light'}", width=width)
    if theme == "forced":
        page.emulate_media(forced_colors="active")
    settle(page)
    found: dict[str, list[str]] = {}

    def check(state: str) -> None:
        found[state] = findings(page)
        if page.evaluate("document.documentElement.scrollWidth") > width:
            found[state].append("wider than the window")

    check("idle")
    choose(page, clip)
    page.wait_for_selector(DONE)
    check("result")
    page.click('[data-do="edit"]')
    expect(page.locator("#w-editor .w-review li").first).to_be_visible()
    check("editor")
    page.click('[data-do="edit"]')
    page.locator("body").press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    check("list of keys")
    page.keyboard.press("Escape")
    page.get_by_role("button", name=texts.VIEW_WORDS, exact=True).click()
    open_accordion(page, texts.DECODING_OPTIONS)
    check("table and options")
    page.get_by_role("button", name=texts.VIEW_JSON, exact=True).click()
    open_accordion(page, texts.ALIGNMENT)
    page.get_by_label(texts.ALIGN_LABEL).fill(clip.text)
    page.get_by_role("button", name="Align", exact=True).click()
    page.wait_for_selector("#aligned .w-tile")
    page.get_by_role("button", name=texts.SHOW_LETTERS).click()
    check("JSON and alignment")
    page.get_by_role("button", name=texts.VIEW_TEXT, exact=True).click()
    replace_recording(page, talk)
    page.wait_for_function("() => window.wav2vec2Page.transcript.words.length > 60")
    page.wait_for_selector(DONE)
    check("long result")
    page.get_by_role("button", name="Live", exact=True).click()
    check("live")
    path = tmp_path / "notes.wav"
    path.write_text("This is a shopping list.\n" * 20)
    upload(page, path)
    page.wait_for_selector(ERROR)
    check("error")

    assert {state: one for state, one in found.items() if one} == {}


def test_axe_finds_nothing_on_the_idle_page_and_in_a_result(open_page: Open, clip: Clip) -> None:
    page = open_page(width=390)
    settle(page)
    idle = findings(page)
    choose(page, clip)
    page.wait_for_selector(DONE)

    assert (idle, findings(page)) == ([], [])


@pytest.mark.slow
def test_forced_colours_keep_selection_and_status(
    open_page: Open, clip: Clip, chromium_path: str
) -> None:
    page = open_page()
    page.emulate_media(forced_colors="active")
    choose(page, clip)
    page.wait_for_selector(DONE)

    page.locator(WORDS).focus()
    page.keyboard.press("ArrowRight")

    outline = page.locator(f"{WORDS} .w-at").evaluate("e => getComputedStyle(e).outlineStyle")
    assert outline == "solid"
    pressed = page.locator('.w-view[aria-pressed="true"]')
    assert pressed.evaluate("e => getComputedStyle(e).outlineStyle") == "solid"


def test_input_is_chosen_before_it_is_used(page: Page) -> None:
    page.locator("body").press("Tab")
    order = []
    for _ in range(18):
        page.keyboard.press("Tab")
        order.append(
            page.evaluate(
                "() => document.activeElement.closest('.source-selection') ? 'choice'"
                " : document.activeElement.matches('.record-button') ? 'record' : ''"
            )
        )

    assert "choice" in order
    assert "record" in order
    assert order.index("choice") < order.index("record")


@pytest.mark.slow
def test_landmarks_and_headings(page: Page, clip: Clip) -> None:
    choose(page, clip)
    page.wait_for_selector(DONE)

    assert page.get_by_role("banner").count() == 1
    for heading in (texts.TRANSCRIPT, texts.PICTURES, texts.LATENCY):
        assert page.get_by_role("heading", name=heading, exact=True).count() == 1
    assert page.get_by_role("button", name="Microphone").get_attribute("aria-pressed") == "true"


@pytest.mark.slow
def test_api_drawer_takes_and_returns_the_focus(page: Page) -> None:
    button = page.get_by_role("button", name=texts.USE_FROM_PROGRAM)
    button.click()
    page.get_by_text("/transcribe").first.wait_for()
    page.wait_for_function("() => document.activeElement.closest('.api-docs, .api-docs-wrap')")
    assert page.get_by_text("MCP", exact=True).locator("visible=true").count() == 0

    page.keyboard.press("Escape")
    if page.locator(".api-docs").count():
        page.locator(".api-docs .backdrop").click(position={"x": 5, "y": 5})

    page.wait_for_function(
        "name => document.activeElement.textContent.trim() === name", arg=texts.USE_FROM_PROGRAM
    )


def tab_to(page: Page, selector: str, most: int = 80) -> None:
    """Press Tab until an element has the focus."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"Tab does not reach {selector}")


@pytest.fixture
def speaking_page(
    server: RunningServer, launch: Launch, clip: Clip, tmp_path: Path
) -> Iterator[Page]:
    """A page whose microphone says a sentence in so much noise that words are uncertain."""
    path = tmp_path / "microphone.wav"
    spoken = clip.samples()
    noise = np.random.default_rng(1).standard_normal(len(spoken)) * np.abs(spoken).mean()
    spoken = soxr.resample(0.5 * (spoken + noise), 16_000, MICROPHONE_RATE_HZ)
    soundfile.write(path, spoken, MICROPHONE_RATE_HZ, "PCM_16")
    browser = launch(*MICROPHONE, f"--use-file-for-fake-audio-capture={path}")
    page = browser.new_page()
    page.set_default_timeout(TIMEOUT_MS)
    page.goto(server.url)
    page.wait_for_selector("#run")
    yield page
    browser.close()


def test_keyboard_alone_records_reviews_chooses_and_exports(
    speaking_page: Page, clip: Clip, tmp_path: Path
) -> None:
    page = speaking_page
    seconds = len(clip.samples()) / 16_000
    tab_to(page, "#audio .record-button")
    page.keyboard.press("Enter")
    page.locator("#audio .stop-button").wait_for(state="visible")
    page.wait_for_function(RECORDED, arg=seconds)
    if not page.evaluate("() => document.activeElement.matches('#audio .stop-button')"):
        tab_to(page, "#audio .stop-button")
    page.keyboard.press("Enter")
    page.wait_for_selector(DONE)

    chosen = ""
    for _ in range(20):
        page.keyboard.press("Escape")
        page.locator("body").press("n")
        if page.locator(".w-choices:visible").count():
            chosen = page.locator('.w-choices [data-choice="0"]').inner_text().split()[-1]
            page.keyboard.press("1")
            break
    assert chosen, "an uncertain word has alternatives"
    assert page.locator(f"{WORDS} [data-chosen]").inner_text() == chosen

    tab_to(page, '#actions [data-name="transcript.txt"]')
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    path = tmp_path / "saved.txt"
    download.value.save_as(path)
    assert chosen in path.read_text(encoding="utf-8")
