"""Ways to use the page: another language, the list of keys, a first visit, links, and the sound of a tab."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Open
from tests.e2e.test_page import choose
from tests.examples import Clip

SHARE = """(sounds) => {
  navigator.mediaDevices.getDisplayMedia = async () => {
    const context = new AudioContext();
    const sound = context.createMediaStreamDestination();
    const tone = context.createOscillator();
    tone.connect(sound);
    tone.start();
    return sounds ? sound.stream : document.createElement('canvas').captureStream();
  };
}"""


def test_page_is_in_the_chosen_language_before_and_after_a_transcription(
    open_page: Open, clip: Clip
) -> None:
    page = open_page("?lang=de")
    expect(page.locator("html")).to_have_attribute("lang", "de")
    expect(page.locator("#run")).to_have_text("Transkribieren")
    expect(page.locator("#foot .w-language")).to_have_value("de")
    choose(page, clip)
    expect(page.locator("#status")).to_contain_text("Fertig.")
    expect(page.locator("#transcript .w-legend")).to_contain_text("sicher")

    page.locator("#foot .w-language").select_option("fr")
    expect(page.locator("#run")).to_have_text("Transcrire")
    page.goto(page.url.partition("?")[0])
    expect(page.locator("#run")).to_have_text("Transcrire")  # the browser remembers it


@pytest.mark.slow
def test_keys_and_the_first_visit_are_explained_once(open_page: Open) -> None:
    page = open_page()
    expect(page.locator(".w-welcome li")).to_have_count(3)
    page.get_by_role("button", name="Understood").click()
    page.reload()
    page.wait_for_selector("#run")

    page.locator("body").press("?")
    dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.locator(".w-welcome")).to_have_count(0)


@pytest.mark.slow
def test_link_has_the_settings_and_no_text(open_page: Open) -> None:
    page = open_page(
        "#settings?decoder=greedy&letter_case=x&lm_weight=1.5&hotwords=secret&nothing=1"
    )

    page.wait_for_function("window.wav2vec2Options?.[1] === 'greedy'")
    page.wait_for_function("!location.hash")
    assert "secret" not in page.evaluate("JSON.stringify(window.wav2vec2Options)")
    page.evaluate("navigator.clipboard.writeText = async (text) => { window.copied = text; }")
    page.click('[data-do="link"]')
    page.wait_for_function("window.copied")
    link = page.evaluate("window.copied")
    assert "#settings?model=auto&decoder=greedy" in link
    assert "lm_weight=1.5" in link
    assert "hotwords" not in link


@pytest.mark.slow
def test_captions_of_the_sound_of_a_tab(page: Page) -> None:
    page.click("#live-pill")
    page.locator("#live-source").select_option("tab")
    page.evaluate(SHARE, False)
    page.click("#live-toggle")
    expect(page.get_by_text("No sound was shared.")).to_be_visible()

    page.evaluate(SHARE, True)
    page.click("#live-toggle")
    expect(page.locator("#live-status")).to_contain_text("Listening")
    page.click("#live-toggle")
    expect(page.locator("#live-toggle")).to_have_attribute("aria-pressed", "false")
