"""Live captions in a browser: Chromium's fake microphone repeats an example clip."""

from __future__ import annotations

import itertools
from pathlib import Path

import jiwer
import pytest
from playwright.sync_api import Page, expect

from benchmarks.server import RunningServer
from tests.e2e.conftest import Launch, Open
from tests.e2e.test_page import DONE as TRANSCRIBED
from tests.e2e.test_page import choose
from tests.examples import Clip

pytestmark = pytest.mark.e2e

LINES = "#live-lines"
FINAL = f"{LINES} .w-word"
DONE = '#live-status[data-state="done"]'


def start(page: Page) -> None:
    page.get_by_role("button", name="Live", exact=True).click()
    page.get_by_role("button", name="Start listening").click()


def stop(page: Page) -> None:
    page.get_by_role("button", name="Stop listening").click()
    page.wait_for_selector(DONE)


def watch(page: Page) -> None:
    """Record every committed or tentative word as it is shown."""
    page.evaluate(
        """() => {
          window.seen = {tentative: 0, committed: []};
          const look = () => {
            seen.tentative += document.querySelectorAll('#live-lines .w-tentative').length;
            seen.committed.push([...document.querySelectorAll('#live-lines .w-committed')]
              .map(one => one.textContent).join(' '));
          };
          new MutationObserver(look).observe(document.getElementById('live-lines'),
            {childList: true, subtree: true});
        }"""
    )


def test_words_appear_while_they_are_spoken_and_stay(page: Page, clip: Clip) -> None:
    watch(page)
    start(page)
    page.wait_for_selector(f"{LINES} .w-tentative")
    page.wait_for_selector(FINAL)
    assert float(page.locator("#live-delay").inner_text().split()[0]) < 5
    stop(page)

    seen = page.evaluate("window.seen")
    assert seen["tentative"] > 0
    lines = [one for one in seen["committed"] if one]
    for earlier, later in itertools.pairwise(lines):
        if later.split()[:1] == earlier.split()[:1]:
            assert later.startswith(earlier) or earlier.startswith(later)
    words = page.locator(FINAL).all_inner_texts()
    hits = jiwer.process_words(clip.text, " ".join(words).lower()).hits
    assert hits >= len(clip.text.split()) / 4, words
    assert page.locator("#live-committed").inner_text().split()[:2] == words[:2]
    assert page.locator("#live-committed").get_attribute("aria-live") == "polite"


@pytest.mark.slow
def test_captions_can_be_exported_and_continue_after_a_stop(page: Page, tmp_path: Path) -> None:
    start(page)
    page.wait_for_selector(FINAL)
    stop(page)
    before = page.locator(f"{LINES} .w-line").count()
    page.get_by_role("button", name="Start listening").press("Enter")
    page.wait_for_function(
        f"n => document.querySelectorAll('{LINES} .w-line').length > n", arg=before
    )
    page.wait_for_timeout(500)
    page.keyboard.press("Escape")
    page.wait_for_selector(DONE)

    with page.expect_download() as download:
        page.get_by_role("button", name="Download captions.srt").click()
    path = tmp_path / "live.srt"
    download.value.save_as(path)

    text = path.read_text(encoding="utf-8")
    assert text.startswith("1\n00:00:0")
    starts = [line.split(" --> ")[0] for line in text.splitlines() if " --> " in line]
    assert starts == sorted(starts)
    page.get_by_role("button", name="Clear").click()
    assert page.locator(f"{LINES} .w-line").count() == 0


def test_leaving_the_mode_ends_the_session_and_restores_the_page(page: Page) -> None:
    start(page)
    page.wait_for_selector('#live-status[data-state="running"]')

    page.get_by_label("Upload file").click()

    assert not page.locator("#live-controls").is_visible()
    assert page.locator("#run").is_visible()
    page.wait_for_selector(DONE, state="attached")


def test_page_shows_nothing_of_a_recording_while_it_is_live(page: Page, clip: Clip) -> None:
    choose(page, clip)
    page.wait_for_selector(TRANSCRIBED)
    of_recording = page.locator("#w-source, #explore, #alignment, #acoustics-panel")
    expect(of_recording.first).to_be_visible()

    page.get_by_role("button", name="Live", exact=True).click()

    for number in range(of_recording.count()):
        expect(of_recording.nth(number)).not_to_be_visible()


@pytest.mark.slow
def test_client_over_the_limit_of_sessions_gets_an_error(launch: Launch) -> None:
    from benchmarks.server import running_server

    with running_server({"WAV2VEC2_MODEL": "embedded", "WAV2VEC2_LIVE_SESSIONS": "1"}) as small:
        browser = launch("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream")
        pages = [browser.new_page() for _ in range(2)]
        for page in pages:
            page.goto(small.url)
            page.wait_for_selector("#live-pill")
            start(page)
            if page is pages[0]:
                page.wait_for_selector('#live-status[data-state="running"]')
        pages[1].wait_for_selector("#live-problem .w-error")

        problem = pages[1].locator("#live-problem").inner_text()
        assert "live.busy" in problem
        assert pages[1].get_by_role("button", name="Start listening").is_visible()
        browser.close()


@pytest.mark.slow
def test_blocked_microphone_and_page_without_https_are_explained(
    server: RunningServer, launch: Launch
) -> None:
    for url, arguments, words in (
        (
            server.url,
            ["--deny-permission-prompts", "--use-fake-device-for-media-stream"],
            "blocked",
        ),
        (
            server.url.replace("127.0.0.1", "speech.example"),
            ["--host-resolver-rules=MAP speech.example 127.0.0.1"],
            "https",
        ),
    ):
        browser = launch(*arguments)
        page = browser.new_page()
        page.goto(url)
        page.wait_for_selector("#live-pill")
        start(page)
        page.wait_for_selector("#live-problem .w-error")
        assert words in page.locator("#live-problem").inner_text()
        browser.close()


@pytest.mark.slow
def test_narrow_page_does_not_scroll_sideways(open_page: Open) -> None:
    page = open_page(width=360)
    start(page)
    page.wait_for_selector(FINAL)

    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    stop(page)


SOCKETS = """(() => {
  const Real = window.WebSocket;
  window.sockets = [];
  window.WebSocket = class extends Real {
    constructor(...given) { super(...given); this.sent = []; window.sockets.push(this); }
    send(data) { this.sent.push(typeof data === "string" ? data : data.byteLength); super.send(data); }
  };
})()"""


@pytest.mark.slow
def test_stop_records_a_little_more_and_sends_the_last_block(page: Page) -> None:
    page.evaluate(SOCKETS)
    start(page)
    page.wait_for_function("sockets.at(-1)?.sent.filter(one => one > 0).length > 5")
    before = page.evaluate("sockets.at(-1).sent.length")
    stop(page)

    sent = page.evaluate("sockets.at(-1).sent")
    assert '"stop"' in sent[-1]
    blocks = sent[before:-1]
    assert sum(blocks) >= 0.25 * 32_000
    assert all(blocks)


@pytest.mark.slow
def test_lost_connection_is_made_again_and_unfinished_audio_is_sent_again(page: Page) -> None:
    page.evaluate(SOCKETS)
    start(page)
    page.wait_for_function("sockets.at(-1)?.sent.filter(one => one > 0).length > 8")
    page.evaluate("sockets.at(-1).close()")
    page.wait_for_function("sockets.length > 1 && sockets[1].sent.length > 8")
    page.wait_for_selector(FINAL)
    stop(page)

    first, second = page.evaluate("sockets.slice(0, 2).map(one => one.sent)")
    assert '"start"' in second[0]
    assert len(second) - 1 >= len(first) - 1
    assert page.locator("#live-problem .w-error").count() == 0
    starts = page.locator(f"{LINES} time").all_inner_texts()
    assert starts == sorted(starts)


@pytest.mark.slow
def test_words_play_and_captions_open_as_a_recording(page: Page) -> None:
    player = "window.wav2vec2Page.player"
    start(page)
    page.wait_for_selector(FINAL)
    toggle = page.locator("#live-toggle")
    toggle.focus()
    toggle.press("Enter")
    assert page.evaluate("document.activeElement.id") == "live-toggle", "the focus stays"
    page.wait_for_selector(DONE)
    assert page.evaluate("document.activeElement.id") == "live-toggle"

    word = page.locator(FINAL).nth(1)
    word.click()
    page.wait_for_function(f"() => {player}.playing")
    begin = float(word.get_attribute("data-start") or "nan")
    assert page.evaluate(f"{player}.time") >= begin - 0.1
    assert page.evaluate(f"{player}.duration") > begin
    page.evaluate(f"() => {player}.pause()")

    page.get_by_role("button", name="Open as recording").click()
    page.wait_for_selector('#status [data-state="done"]')
    assert page.locator("#transcript .w-word").count() > 0
    assert "live recording" in page.locator(".w-source-name").inner_text()


@pytest.mark.slow
def test_page_warns_before_captions_are_lost(page: Page) -> None:
    warns = "() => !window.dispatchEvent(new Event('beforeunload', { cancelable: true }))"
    assert not page.evaluate(warns)
    start(page)
    page.wait_for_selector(FINAL)
    stop(page)
    assert page.evaluate(warns)

    with page.expect_download():
        page.get_by_role("button", name="Download captions.txt").click()

    assert not page.evaluate(warns)
