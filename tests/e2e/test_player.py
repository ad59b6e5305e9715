"""One player for the page: transport, words, table, pictures and alignment follow it and drive it."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from playwright.sync_api import Browser, Page, expect

from benchmarks.server import RunningServer
from tests.e2e.conftest import TIMEOUT_MS, Open
from tests.e2e.test_page import DONE, ERROR, WORDS, choose, open_accordion, upload, words
from tests.examples import Clip, clips
from wav2vec2_app.server.ui import texts

pytestmark = [pytest.mark.e2e, pytest.mark.matrix]

LONGEST = clips()[-1]
LONGEST_S = int(len(LONGEST.samples()) / 16_000)
PLAYER = "window.wav2vec2Page.player"
TRANSCRIPT = "window.wav2vec2Page.transcript"
NOW = f"{WORDS} .w-now"


@pytest.fixture(scope="module", params=[1280, 390])
def loaded(
    request: pytest.FixtureRequest, server: RunningServer, browser: Browser
) -> Iterator[Page]:
    """A page with the longest clip, which the tests of this module share."""
    context = browser.new_context(viewport={"width": request.param, "height": 900})
    page = context.new_page()
    page.set_default_timeout(TIMEOUT_MS)
    page.goto(server.url)
    page.wait_for_selector("#run")
    choose(page, LONGEST)
    page.wait_for_selector(DONE)
    yield page
    context.close()


@pytest.fixture
def result(loaded: Page) -> Page:
    """The shared page with the player at the beginning."""
    loaded.evaluate(
        f"() => {{ {PLAYER}.pause(); {PLAYER}.speed = 1; {PLAYER}.seek(0); {TRANSCRIPT}.forget();"
        " document.activeElement?.blur(); }"
    )
    return loaded


def rows(page: Page) -> list[dict[str, object]]:
    found: list[dict[str, object]] = page.evaluate(f"{TRANSCRIPT}.words")
    return found


def set_clock(page: Page, seconds: float) -> None:
    """Put the player's clock where it is wanted, as playback does."""
    page.evaluate(f"seconds => {PLAYER}.seek(seconds)", seconds)


# --- the transport ------------------------------------------------------------------------------


PLAYHEAD = """line => {
  const { from, to } = line.closest('.w-figure').dataset;
  return [parseFloat(line.style.left) / 100, Number(from), Number(to)];
}"""


def test_word_row_and_pictures_follow_the_clock(result: Page) -> None:
    spoken = rows(result)
    for index in (1, len(spoken) // 2, len(spoken) - 1):
        word = spoken[index]
        middle = (word["start"] + word["end"]) / 2

        result.locator("#pictures .w-figure").first.scroll_into_view_if_needed()
        set_clock(result, middle)

        assert result.locator(NOW).get_attribute("data-index") == str(index)
        assert result.locator("#words .w-now").get_attribute("data-index") == str(index)
        left, start, end = result.locator("#pictures .w-playhead").first.evaluate(PLAYHEAD)
        axis = (left * 800 - 62) / (788 - 62)
        assert axis == pytest.approx((middle - start) / (end - start), abs=0.01)
    assert result.locator(".w-time").inner_text().startswith(f"0:{int(middle):02}")


def test_pressed_word_plays_in_the_player_with_its_speed(result: Page) -> None:
    result.locator(".w-speed").select_option("1.5")

    result.locator(f"{WORDS} .w-word").nth(3).click()
    result.wait_for_function(f"() => {PLAYER}.playing && {PLAYER}.time > 0")

    assert result.evaluate(f"{PLAYER}.media.playbackRate") == 1.5
    assert result.evaluate("document.querySelectorAll('audio[autoplay]').length") == 0
    result.get_by_role("button", name=texts.PAUSE, exact=True).click()
    assert not result.evaluate(f"{PLAYER}.playing")


def test_space_and_arrows_drive_the_player(result: Page) -> None:
    result.locator("body").press("Space")
    result.wait_for_function(f"() => {PLAYER}.playing")
    result.locator("body").press("Space")
    result.wait_for_function(f"() => !{PLAYER}.playing")
    set_clock(result, 3)

    result.locator("body").press("ArrowRight")

    assert result.evaluate(f"{PLAYER}.time") == pytest.approx(8, abs=0.2)
    slider = result.get_by_role("slider", name=texts.POSITION_LABEL)
    slider.focus()
    slider.press("ArrowLeft")
    assert result.evaluate(f"{PLAYER}.time") == pytest.approx(7, abs=0.2)
    assert slider.get_attribute("aria-valuetext") == f"0:07 of 0:{LONGEST_S:02}"


def test_keys_n_and_p_go_from_one_uncertain_word_to_the_next(result: Page) -> None:
    for index in (10, 40):  # the model is certain of nearly all words of the clip
        result.evaluate(f"index => {{ {TRANSCRIPT}.words[index].level = 'low'; }}", index)
    uncertain = [word["index"] for word in rows(result) if word["level"] != "high"]

    visited = []
    for key in ("n", "n", "p"):
        result.locator("body").press(key)
        visited.append(int(result.locator(f"{WORDS} .w-at").get_attribute("data-index")))

    assert visited == [uncertain[0], uncertain[1], uncertain[0]]
    start = rows(result)[uncertain[0]]["start"]
    assert result.evaluate(f"{PLAYER}.time") == pytest.approx(start, abs=0.05)


def test_waveform_zooms_and_a_part_can_be_selected(result: Page) -> None:
    view = "window.wav2vec2Page.transport.waveform.view"
    result.wait_for_function("() => window.wav2vec2Page.transport.waveform.peaks")
    whole = result.evaluate(view)
    zoom = result.locator("#w-transport").get_by_role("group", name=texts.ZOOM)

    zoom.get_by_role("button", name=texts.ZOOM_IN).click()
    near = result.evaluate(view)
    assert near[1] - near[0] == pytest.approx((whole[1] - whole[0]) / 2, rel=0.01)
    zoom.get_by_role("button", name=texts.SHOW_ALL).click()

    result.locator(".w-wave canvas").scroll_into_view_if_needed()
    box = result.locator(".w-wave canvas").bounding_box()
    result.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + 20)
    result.mouse.down()
    result.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 20)
    result.mouse.up()
    assert result.locator(".w-part").is_visible()
    selected = result.evaluate("window.wav2vec2Page.transport.waveform.selection")
    assert selected[0] == pytest.approx(0.25 * whole[1], rel=0.05)
    result.get_by_role("button", name=texts.CLEAR_PART).click()
    assert not result.locator(".w-part").is_visible()


# --- the transcript -----------------------------------------------------------------------------


def test_lines_begin_at_pauses_and_their_times_play(result: Page) -> None:
    spoken = rows(result)
    breaks = {0} | {
        later["index"]
        for earlier, later in itertools.pairwise(spoken)
        if later["start"] - earlier["end"] > 0.7
    }

    firsts = result.evaluate(
        "() => [...document.querySelectorAll('.w-text-line')]"
        ".map((line) => Number(line.querySelector('.w-word').dataset.index))"
    )
    assert breaks <= set(firsts)
    list_box = result.locator(WORDS)
    assert list_box.evaluate("e => e.scrollHeight <= e.clientHeight + 1"), "natural height"

    result.locator(".w-line-time").nth(1).click()
    result.wait_for_function(f"() => {PLAYER}.playing")
    assert result.evaluate(f"{PLAYER}.time") >= spoken[firsts[1]]["start"] - 0.1


def test_words_are_options_that_say_everything(result: Page) -> None:
    list_box = result.get_by_role("listbox", name=texts.TRANSCRIPT_HELP)
    list_box.focus()
    result.keyboard.press("Home")
    result.keyboard.press("ArrowRight")

    active = list_box.get_attribute("aria-activedescendant")
    option = result.locator(f"#{active}")
    assert option.get_attribute("aria-selected") == "true"
    word = rows(result)[1]
    label = (
        f"{word['text']}, {round(word['confidence'] * 100)} percent, at {word['start']:.2f} seconds"
    )
    assert option.get_attribute("aria-label") == label
    assert result.locator(".w-tip").is_visible()


def test_search_marks_and_visits_the_hits(result: Page) -> None:
    spoken = [word["text"].lower().rstrip(",.?") for word in rows(result)]
    common = max(set(spoken), key=spoken.count)
    hits = [index for index, word in enumerate(spoken) if common in word]

    result.get_by_label(texts.SEARCH).fill(common)
    result.wait_for_selector(f"#w-search-count:has-text('1 of {len(hits)}')")
    assert result.locator(f"{WORDS} .w-found").count() == len(hits)
    result.get_by_label(texts.SEARCH).press("Enter")
    assert result.locator(f"{WORDS} .w-at").get_attribute("data-index") == str(hits[1])
    result.get_by_label(texts.SEARCH).fill("xyzzy")
    result.wait_for_selector("#w-search-count:has-text('Not found')")
    result.get_by_label(texts.SEARCH).fill("")
    result.wait_for_function("() => !document.querySelector('.w-found')")


def test_text_and_table_are_two_views(result: Page) -> None:
    assert not result.locator("#words").is_visible()
    result.get_by_role("button", name=texts.VIEW_WORDS, exact=True).click()
    first = result.locator("#words .w-row").first
    assert first.is_visible()
    assert not result.locator(WORDS).is_visible()

    first.focus()
    first.press("ArrowDown")
    assert result.evaluate("document.activeElement.dataset.index") == "1"
    result.keyboard.press("Enter")
    result.wait_for_function(f"() => {PLAYER}.playing")
    result.evaluate(f"() => {PLAYER}.pause()")
    result.get_by_role("button", name=texts.VIEW_TEXT, exact=True).click()
    assert result.locator(WORDS).is_visible()


def test_result_is_announced_once_and_briefly(result: Page) -> None:
    assert result.evaluate("document.querySelector('#transcript [aria-live]')") is None
    choose(result, LONGEST)
    result.wait_for_function(
        "document.getElementById('w-announcer').textContent.startsWith('Transcript ready')"
    )
    result.wait_for_selector(DONE)

    uncertain = sum(word["level"] != "high" for word in rows(result))
    expected = f"Transcript ready, words: {len(rows(result))}, uncertain: {uncertain}"
    assert result.locator("#w-announcer").text_content() == expected


def test_expected_text_of_a_clip_is_compared(result: Page) -> None:
    assert result.get_by_label(texts.REFERENCE).is_visible()
    assert result.get_by_label(texts.REFERENCE).input_value() == LONGEST.text
    result.wait_for_selector("#w-comparison:has-text('Word error rate')")
    result.get_by_label(texts.REFERENCE).fill(words(result))
    result.wait_for_selector("#w-comparison:has-text('Word error rate 0 %')")
    assert result.locator("#w-comparison :is(del, ins)").count() == 0
    result.get_by_label(texts.REFERENCE).fill("")


def test_transcript_is_shown_as_json_with_the_alternatives_that_were_chosen(result: Page) -> None:
    result.get_by_role("button", name=texts.VIEW_JSON, exact=True).click()
    view = result.get_by_role("region", name=texts.JSON_HELP)
    result.wait_for_function("document.getElementById('w-json').textContent.startsWith('{')")
    before = json.loads(view.text_content())
    assert [word["text"] for word in before["words"]] == [word["text"] for word in rows(result)]
    assert not result.locator(WORDS).is_visible()

    result.evaluate("() => window.wav2vec2Page.transcript.corrections.replace(0, 1, ['Xylophone'])")

    result.wait_for_function("document.getElementById('w-json').textContent.includes('Xylophone')")
    result.evaluate(
        "word => window.wav2vec2Page.transcript.corrections.replace(0, 1, [word])",
        before["words"][0]["text"],
    )
    result.get_by_role("button", name=texts.VIEW_TEXT, exact=True).click()
    assert not view.is_visible()


def test_words_are_readable_while_they_play(result: Page) -> None:
    """Text and background change together: neither fades."""
    durations = result.locator(f"{WORDS} .w-word").first.evaluate(
        "word => getComputedStyle(word).transitionDuration"
    )

    assert durations == "0s"


def test_aligned_text_follows_the_clock_and_shows_letters_on_demand(result: Page) -> None:
    if not result.locator("#aligned .w-tile").count():
        open_accordion(result, texts.ALIGNMENT)
        result.get_by_label(texts.ALIGN_LABEL).fill(LONGEST.text)
        result.get_by_role("button", name="Align", exact=True).click()
    tile = result.locator("#aligned .w-tile").nth(2)
    tile.wait_for()
    assert not tile.locator(".w-letters").is_visible()
    start, end = (float(tile.get_attribute(f"data-{edge}")) for edge in ("start", "end"))

    set_clock(result, (start + end) / 2)

    result.wait_for_selector("#aligned .w-tile.w-now")
    assert "w-now" in tile.get_attribute("class")
    result.get_by_role("button", name=texts.SHOW_LETTERS).click()
    assert tile.locator(".w-letters").is_visible()
    result.locator("#aligned [role=listbox]").focus()
    result.keyboard.press("ArrowRight")
    assert result.locator("#aligned .w-at").get_attribute("data-letter")
    result.get_by_role("button", name=texts.SHOW_LETTERS).click()


def test_typed_text_returns_after_inserting_the_transcript(result: Page) -> None:
    if result.locator("#alignment > button.open").count() == 0:
        open_accordion(result, texts.ALIGNMENT)
    area = result.get_by_label(texts.ALIGN_LABEL)
    area.fill("")
    area.press_sequentially("mine")

    result.get_by_role("button", name=texts.FILL_FROM_TRANSCRIPT).click()
    assert area.input_value().lower() == words(result)
    area.press("Control+z")

    assert area.input_value() == "mine"


# --- one state ----------------------------------------------------------------------------------


@pytest.mark.slow
def test_failed_file_dims_the_earlier_result(open_page: Open, clip: Clip, tmp_path: Path) -> None:
    page = open_page()
    choose(page, clip)
    page.wait_for_selector(DONE)
    before = words(page)
    expect(page.locator(".w-source-facts")).to_have_text(re.compile(r"\d:\d\d"))  # its length
    path = tmp_path / "broken.wav"
    path.write_bytes(b"This is not a recording." * 50)

    with page.expect_file_chooser() as chooser:
        page.locator('[data-source="again"]').click()
    chooser.value.set_files(path)
    page.wait_for_selector(ERROR)

    page.wait_for_selector("body[data-page=failed] .w-earlier")
    assert words(page) == before
    assert clip.path.name in page.locator(".w-earlier").inner_text()
    expect(page.locator(".w-source-facts")).to_have_text("")


@pytest.mark.slow
def test_other_model_or_track_transcribes_again(page: Page, clip: Clip) -> None:
    choose(page, clip)
    page.wait_for_selector(DONE)

    page.locator("#model input").click()
    page.get_by_role("option", name="Embedded").click()

    page.wait_for_selector(
        '#status:has-text("Same recording as before"), #status [data-state="running"]'
    )
    page.wait_for_selector(DONE)
    assert words(page)


@pytest.mark.slow
def test_exported_files_are_named_after_the_upload(page: Page, clip: Clip, tmp_path: Path) -> None:
    path = tmp_path / "Interview 3.flac"
    path.write_bytes(clip.path.read_bytes())
    upload(page, path)
    page.wait_for_selector('#actions [data-name="transcript.srt"]:not([disabled])')

    with page.expect_download() as download:
        page.locator('#actions [data-name="transcript.srt"]').click()

    assert re.fullmatch(r"Interview.3\.srt", download.value.suggested_filename)


@pytest.mark.slow
def test_selected_part_becomes_the_recording(page: Page) -> None:
    choose(page, LONGEST)
    page.wait_for_selector(DONE)
    spoken = rows(page)
    page.evaluate("window.wav2vec2Page.transport.waveform.select([5, 12])")

    page.get_by_role("button", name=texts.TRANSCRIBE_PART).click()
    page.wait_for_function(
        f"n => {TRANSCRIPT}.words.length && {TRANSCRIPT}.words.length < n", arg=len(spoken)
    )

    assert page.evaluate(f"{PLAYER}.duration") == pytest.approx(7, abs=0.2)
    page.wait_for_selector(DONE)


# --- the first ten seconds ----------------------------------------------------------------------


def test_idle_page_has_no_empty_panels(page: Page) -> None:
    for hidden in ("#evidence", "#alignment", "#transcript-tools", "#words", "#panel-memory"):
        assert not page.locator(hidden).is_visible(), hidden

    page.locator("#system [data-do=memory]").click()
    assert page.locator("#memory tbody tr").first.is_visible()


@pytest.mark.parametrize("width", [390, 1440])
def test_input_card_has_one_height(open_page: Open, width: int) -> None:
    page = open_page(width=width)
    height = "() => Math.round(document.getElementById('ask').getBoundingClientRect().height)"

    heights = []
    for mode in ("Microphone", "Upload file", "Live"):
        page.locator("#audio .source-selection").get_by_role("button", name=mode).click()
        page.wait_for_timeout(50)
        heights.append(page.evaluate(height))

    assert max(heights) - min(heights) <= 4, heights


# --- hours of speech ----------------------------------------------------------------------------

HOURS = """async (count) => {
  const holder = document.querySelector("#transcript .w-transcript");
  const rows = Array.from({ length: count },
    (_, at) => [`word${at}`, at * 0.4, at * 0.4 + 0.38, 0.5 + (at % 50) / 100]);
  for (let at = 29; at < count; at += 30) rows[at][2] = rows[at][1] + 0.05;
  for (let at = 30; at < count; at += 30) rows[at][1] += 0.35;
  const data = holder.querySelector(".w-data");
  data.textContent = JSON.stringify(rows);
  data.dataset.key = "hours";
  const wait = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
  for (let step = 0; step < 8; step++) await wait();
  const first = document.querySelector("#transcript .w-word").textContent;
  scrollTo(0, document.documentElement.scrollHeight / 2);
  for (let step = 0; step < 8; step++) await wait();
  return { first, nodes: document.querySelectorAll("*").length,
    words: window.wav2vec2Page.transcript.words.length };
}"""


def test_three_hours_of_words_stay_light(page: Page, clip: Clip) -> None:
    choose(page, clip)
    page.wait_for_selector(DONE)

    seen = page.evaluate(HOURS, 27_000)

    assert seen["words"] == 27_000
    assert seen["first"] == "word0"
    assert seen["nodes"] < 5_000
    last = page.evaluate(
        f"() => {{ {TRANSCRIPT}.goTo(26_999); return document.querySelector('.w-at').textContent; }}"
    )
    assert last == "word26999"


def test_words_of_a_long_recording_appear_while_it_is_transcribed(
    page: Page, lecture: Path
) -> None:
    upload(page, lecture)
    page.wait_for_selector(f"{WORDS} .w-word")

    assert page.locator('#status [data-state="running"]').count() == 1
    status = page.locator("#status").inner_text()
    assert "%" in status or "Transcribing" in status
    early = page.evaluate(f"{TRANSCRIPT}.words.length")
    page.wait_for_function(f"n => {TRANSCRIPT}.words.length > n", arg=early)
    page.get_by_role("button", name="Cancel").click()
    page.wait_for_selector('#status [data-state="idle"]')
    assert page.locator(f"{WORDS} .w-word").count() > 0


@pytest.mark.slow
def test_reader_who_scrolls_is_left_alone(page: Page) -> None:
    choose(page, LONGEST)
    page.wait_for_selector(DONE)
    page.evaluate(f"() => {PLAYER}.play()")
    page.wait_for_function(f"() => {PLAYER}.playing")
    page.wait_for_timeout(200)

    page.mouse.move(640, 450)
    page.mouse.wheel(0, 400)

    page.wait_for_selector('[data-do="follow"]:visible')
    assert not page.evaluate(f"{TRANSCRIPT}.following")
    page.locator('[data-do="follow"]').click()
    assert page.evaluate(f"{TRANSCRIPT}.following")


@pytest.mark.slow
def test_silence_leaves_no_ghost_of_the_earlier_words(
    page: Page, clip: Clip, tmp_path: Path
) -> None:
    choose(page, clip)
    page.wait_for_selector(DONE)
    path = tmp_path / "silence.wav"
    soundfile.write(path, np.zeros(16_000), 16_000)
    with page.expect_file_chooser() as chooser:
        page.locator('[data-source="again"]').click()
    chooser.value.set_files(path)

    page.wait_for_selector("#transcript:has-text('No speech found')")

    assert page.evaluate(f"{TRANSCRIPT}.words.length") == 0
    assert not page.locator("#words").is_visible()
