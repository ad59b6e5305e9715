"""The editor of the transcript in a real browser: by keyboard alone, timed again, undone, exported."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.test_page import choose
from tests.examples import Clip


def words(page: Page) -> list[dict[str, object]]:
    found: list[dict[str, object]] = page.evaluate(
        "wav2vec2Page.transcript.words.map(({ text, start, end, typed }) => ({ text, start, end, typed }))"
    )
    return found


def texts(page: Page) -> list[object]:
    return [word["text"] for word in words(page)]


def timed(page: Page) -> None:
    """Wait until the latest correction has its times."""
    page.wait_for_function("wav2vec2Page.timed")
    page.evaluate("wav2vec2Page.timed")


def test_words_are_corrected_by_keyboard_timed_again_undone_and_exported(
    page: Page, clip: Clip
) -> None:
    choose(page, clip)
    expect(page.locator("#status [data-state=done]")).to_be_visible()
    before = words(page)
    page.locator("#transcript .w-words").focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")

    page.keyboard.press("e")
    field = page.locator("#w-edit-text")
    expect(field).to_have_value(str(before[1]["text"]))
    field.fill("quite another")
    page.keyboard.press("Enter")
    timed(page)

    after = words(page)
    assert [word["text"] for word in after[:4]] == [
        before[0]["text"], "quite", "another", before[2]["text"],
    ]  # fmt: skip
    times = [time for word in after for time in (word["start"], word["end"])]
    assert times == sorted(times), "words do not overlap"
    assert float(str(after[1]["end"])) - float(str(after[1]["start"])) > 0
    assert after[6:]
    assert after[6:] == [{**word, "typed": None} for word in before[5:]]

    exported = page.evaluate("wav2vec2Page.fileText('transcript.txt')")
    assert "quite another" in exported
    table = page.evaluate("wav2vec2Page.fileText('transcript.csv')")
    assert re.search(r"^quite,|,quite,|\"quite\"", table, re.MULTILINE), table[:300]

    page.locator("#transcript .w-words").focus()
    page.keyboard.press("Control+z")
    assert texts(page) == [word["text"] for word in before]
    assert "quite" not in page.evaluate("wav2vec2Page.fileText('transcript.txt')")
    page.keyboard.press("Control+Shift+z")
    assert texts(page) == [word["text"] for word in after]


@pytest.mark.slow
def test_editor_lists_uncertain_words_and_gives_the_original_back(page: Page, clip: Clip) -> None:
    choose(page, clip)
    expect(page.locator("#status [data-state=done]")).to_be_visible()
    before = texts(page)
    page.click('[data-do="edit"]')
    rows = page.locator("#w-editor .w-review li")
    expect(rows.first).to_be_visible()
    count = rows.count()

    rows.first.get_by_role("textbox").fill("corrected")
    page.keyboard.press("Enter")
    timed(page)
    expect(rows).to_have_count(count - 1)
    assert "corrected" in texts(page)
    page.click("#w-editor >> text='Show what the model wrote'")
    expect(page.locator("#transcript .w-words [data-was]")).to_have_count(1)
    page.click("#w-editor >> text='Back to the original'")
    assert texts(page) == before
    page.click("#w-editor >> text='Undo'")
    assert "corrected" in texts(page)


@pytest.mark.slow
def test_corrections_survive_another_draw_of_the_same_words(page: Page, clip: Clip) -> None:
    choose(page, clip)
    expect(page.locator("#status [data-state=done]")).to_be_visible()
    page.evaluate("wav2vec2Page.transcript.corrections.replace(0, 1, ['Corrected'])")
    timed(page)

    page.evaluate(
        """async () => {
          const place = document.querySelector("#transcript .w-transcript").parentElement;
          const before = place.innerHTML;
          const drawn = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
          for (const html of ["", "<p></p>", before]) { place.innerHTML = html; await drawn(); }
        }"""
    )

    assert texts(page)[0] == "Corrected"
    expect(page.locator("#transcript .w-word").first).to_have_text("Corrected")
    page.evaluate("wav2vec2Page.undo()")
    assert texts(page)[0] != "Corrected"
