"""Exports, what export options change, and the acoustic analysis, in a real browser."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from docx import Document
from playwright.sync_api import Page

from tests.e2e.conftest import Open
from tests.e2e.test_page import DONE, choose, words
from tests.examples import Clip

pytestmark = pytest.mark.e2e


@pytest.fixture
def finished(page: Page, clip: Clip) -> Page:
    choose(page, clip)
    page.wait_for_selector(DONE)
    page.wait_for_selector('#actions [data-name="transcript.txt"]:not([disabled])')
    return page


def saved(page: Page, selector: str) -> bytes:
    with page.expect_download() as download:
        page.locator(selector).click()
    return Path(download.value.path()).read_bytes()


@pytest.mark.slow
def test_folded_formats_are_saved_with_corrected_words(finished: Page) -> None:
    finished.evaluate("() => wav2vec2Page.transcript.corrections.replace(0, 1, ['Corrected'])")
    finished.locator("#actions .w-more-formats summary").click()

    document = saved(finished, '#actions [data-name="transcript.docx"]')
    table = saved(finished, '#actions [data-name="transcript.csv"]')

    assert "Corrected" in Document(io.BytesIO(document)).paragraphs[-1].text
    rows = list(csv.DictReader(io.StringIO(table.decode(), newline="")))
    assert rows[0]["text"] == "Corrected"
    assert len(rows) == len(words(finished).split())


def test_replacement_rule_changes_the_words_on_the_page(finished: Page) -> None:
    first = words(finished).split()[0]
    finished.locator("#export-options > button").click()

    finished.locator("#replacements textarea").fill(f"{first} = Xylophone")

    finished.wait_for_function(
        "() => document.querySelector('#answer .w-word')?.textContent === 'Xylophone'"
    )
    finished.wait_for_function(
        "() => document.querySelector('#subtitle-preview').textContent.includes('Xylophone')"
    )
    assert b"Xylophone" in saved(finished, '#actions [data-name="transcript.txt"]')


@pytest.mark.slow
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.matrix
def test_acoustic_analysis_is_shown_when_its_panel_is_opened(
    open_page: Open, clip: Clip, width: int
) -> None:
    page = open_page(width=width)
    choose(page, clip)
    page.wait_for_selector(DONE)
    assert page.locator("#acoustics tr[data-measure]").count() == 0

    page.locator("#acoustics-panel > button").click()

    page.wait_for_selector('#acoustics tr[data-measure="loudness_lufs"]')
    assert page.locator('#acoustics tr[data-measure="words_per_minute"]').count() == 1
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    table = saved(page, '#acoustics [data-name="acoustics.csv"]').decode()
    assert "f0_median_hz" in table
