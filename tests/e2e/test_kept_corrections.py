"""Corrections in a browser: they are in the history a moment later, or the page says why not."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.test_modes import ITEM, SCRIPT, new_visitor, open_mode, server, shoot, transcribe
from tests.examples import Clip
from wav2vec2_app.server.ui import texts

__all__ = ["new_visitor", "server"]  # fixtures
pytestmark = pytest.mark.e2e

HISTORY, EDITOR = texts.FOR_SCRIPTS["history"], texts.FOR_SCRIPTS["editor"]
NOTE = "#w-stored-note"


def correct_first_word(page: Page, text: str) -> None:
    page.locator("#transcript .w-words").focus()
    page.keyboard.press("Home")
    page.keyboard.press("e")
    page.locator("#w-edit-text").fill(text)
    page.keyboard.press("Enter")
    expect(page.locator("#transcript .w-word").first).to_have_text(text.split()[0])


def test_correction_is_in_the_history_compared_and_discarded(page: Page, clip: Clip) -> None:
    transcribe(page, clip)
    word = page.locator("#transcript .w-word").first.inner_text()
    correct_first_word(page, SCRIPT.replace(" ", "."))
    expect(page.locator(NOTE)).to_contain_text(EDITOR["stored"])
    shoot(page, "corrections-stored")

    open_mode(page, texts.HISTORY)
    expect(page.locator(f"{ITEM} .w-chip")).to_have_text(HISTORY["isCorrected"])
    page.locator(ITEM).click()
    shown = page.locator(".w-stored-text .w-word").first
    expect(shown).to_have_text(SCRIPT.replace(" ", "."))
    assert page.evaluate("window.hacked") is None
    shoot(page, "corrections-history")
    page.get_by_role("button", name=HISTORY["original"]).click()
    expect(shown).to_have_text(word)
    expect(page.get_by_role("button", name=HISTORY["original"])).to_be_focused()
    page.get_by_role("button", name=HISTORY["original"]).click()
    expect(shown).to_have_text(SCRIPT.replace(" ", "."))
    page.get_by_role("button", name=HISTORY["restore"]).click()
    expect(shown).to_have_text(word)
    expect(page.locator(f"{ITEM} .w-chip")).to_have_count(0)
    expect(page.get_by_role("button", name=HISTORY["restore"])).to_have_count(0)


def test_correction_that_cannot_be_stored_stays_on_the_page(page: Page, clip: Clip) -> None:
    error = {"code": "storage.full", "message": "The disk is full.", "hint": "Free some space."}

    def fail(route: Route) -> None:
        route.fulfill(
            status=503, content_type="application/json", body=json.dumps({"error": error})
        )

    transcribe(page, clip)
    page.route("**/v1/history/*/words", fail)
    correct_first_word(page, "corrected")
    note = page.locator(NOTE)
    expect(note).to_contain_text("The disk is full. Free some space.")
    expect(note).to_contain_text(EDITOR["notStored"])
    expect(page.locator("#transcript .w-word").first).to_have_text("corrected")
    shoot(page, "corrections-not-stored")

    page.keyboard.press("Control+z")
    expect(note).to_be_hidden()  # there is nothing to store
    page.keyboard.press("Control+Shift+z")
    expect(note).to_be_visible()
    page.unroute("**/v1/history/*/words")
    page.get_by_role("button", name=EDITOR["storeAgain"]).click()
    expect(note).to_contain_text(EDITOR["stored"])
    page.keyboard.press("Control+z")
    expect(note).to_contain_text(EDITOR["originalStored"])
    open_mode(page, texts.HISTORY)
    expect(page.locator(ITEM)).to_have_count(1)
    expect(page.locator(f"{ITEM} .w-chip")).to_have_count(0)
