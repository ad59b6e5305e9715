"""Files of the page in every format, corrected words, and what changed export options show."""

import json
import re
from base64 import b64decode
from dataclasses import asdict
from html import unescape
from io import BytesIO

import pytest
from docx import Document

from tests.doubles import FakeAdapter, make_recognition
from tests.unit.conftest import Start
from tests.unit.server.ui.test_decode_again import Browser
from wav2vec2_app.server.operations import Operation
from wav2vec2_app.server.ui.export_handlers import change_export, fetch_file
from wav2vec2_app.speech.export_options import DEFAULT_EXPORT
from wav2vec2_app.speech.exports import EXPORT_FORMATS

SPOKEN = "UM I PAID TWENTY ONE DOLLARS"


@pytest.fixture
async def browser(start: Start, adapter: FakeAdapter) -> Browser:
    return Browser(await start(adapter, cache_bytes=10_000_000))


async def fetched(browser: Browser, request: str) -> bytes | None:
    """The file that the page's script gets."""
    html = str((await fetch_file(browser.tabs, "tab", request))["file"])
    found = re.fullmatch(r"<div ([^<>]*)>([^<>]*)</div>", html)
    assert found is not None
    if "data-missing" in found[1]:
        return None
    return b64decode(found[2]) if "data-base64" in found[1] else unescape(found[2]).encode()


async def change(browser: Browser, **values: object) -> dict:
    options = {**asdict(DEFAULT_EXPORT), "replacements": "", **values}
    return dict(await change_export(browser.tabs, "tab", *options.values()))


def shown_words(html: str) -> list[str]:
    found = re.search(r'<div class="w-data"[^>]*>([^<]*)</div>', html)
    return [row[0] for row in json.loads(unescape(found[1]))] if found else []


# --- files --------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["transcript", "alignment"])
@pytest.mark.parametrize("row", EXPORT_FORMATS, ids=lambda row: row.name)
async def test_every_button_of_the_page_fetches_its_file(
    browser: Browser, clip: str, what: str, row
) -> None:
    await browser.transcribe(clip)
    await browser.align("hello world")
    part = browser.page.parts["actions" if what == "transcript" else "aligned"]
    assert f'data-name="{what}.{row.ending}"' in part

    file = await fetched(browser, f"{what}.{row.ending} 1")

    assert file is not None
    text = Document(BytesIO(file)).paragraphs[-1].text if row.name == "docx" else file.decode()
    assert "hello" in text


async def test_table_keeps_its_line_ends(browser: Browser, clip: str) -> None:
    await browser.transcribe(clip)

    assert b"\r\n" in (await fetched(browser, "transcript.csv 1") or b"")


async def test_ctm_names_the_upload(browser: Browser, clip: str) -> None:
    await browser.transcribe(clip)

    file = await fetched(browser, "transcript.ctm 1")

    assert file is not None
    assert file.split()[0] == b"hello_world"


# --- corrected words ----------------------------------------------------------------------------

CORRECTED = [
    ["Goodbye", 0.02, 0.3, 0.9, 0],
    ["<cruel>", 0.3, 0.5, 0.5, 0],
    ["world", 0.5, 0.9, 0.4, 0],
]


@pytest.mark.parametrize("row", EXPORT_FORMATS, ids=lambda row: row.name)
async def test_corrected_words_are_in_files_of_every_format(
    browser: Browser, clip: str, row
) -> None:
    await browser.transcribe(clip)

    file = await fetched(browser, f"transcript.{row.ending} 2 {json.dumps(CORRECTED)}")

    assert file is not None
    text = Document(BytesIO(file)).paragraphs[-1].text if row.name == "docx" else file.decode()
    assert "Goodbye" in text
    assert "hello" not in text.replace("hello world\n", "").replace("hello_world", "")
    assert ("&lt;cruel&gt;" if row.name == "vtt" else "<cruel>") in text


async def test_corrected_words_are_not_rewritten(browser: Browser, clip: str) -> None:
    await browser.transcribe(clip)
    await change(browser, numbers="digits", fillers="remove", replacements="goodbye = hi")
    words = [["um", 0.0, 0.1, 1, 0], ["Goodbye", 0.2, 0.3, 1, 0], ["TWENTY", 0.4, 0.5, 1, 0]]

    file = await fetched(browser, f"transcript.txt 1 {json.dumps(words)}")

    assert file == b"um Goodbye TWENTY\n"


async def test_corrected_channels_stay_apart(browser: Browser, clip: str) -> None:
    await browser.transcribe(clip)
    words = [["hi", 0.0, 0.1, 1, 1], ["hello", 1.0, 1.1, 1, 2]]

    file = await fetched(browser, f"transcript.srt 1 {json.dumps(words)}")

    assert file is not None
    assert b"Channel 2: hello" in file


@pytest.mark.parametrize(
    "words",
    [
        "nonsense", "{}", "5", "null", "[1]", "[[]]", '[["a"]]', '[["a",0,1,1]]', '[["a",0,1,1,0,0]]',
        '[[1,0,1,1,0]]', '[["",0,1,1,0]]', '[["a","0",1,1,0]]', '[["a",-1,1,1,0]]', '[["a",2,1,1,0]]',
        '[["a",0,1,2,0]]', '[["a",0,1,1,0.5]]', '[["a",0,NaN,1,0]]', '[["a",0,Infinity,1,0]]',
        '[["a",true,1,1,0]]', json.dumps([["x" * 2000, 0, 1, 1, 0]]),
    ],
)  # fmt: skip
async def test_words_that_cannot_be_used_give_no_file(
    browser: Browser, clip: str, words: str
) -> None:
    await browser.transcribe(clip)

    assert await fetched(browser, f"transcript.txt 1 {words}") is None


# --- options ------------------------------------------------------------------------------------


async def test_words_on_the_page_change_with_the_options(
    browser: Browser, adapter: FakeAdapter, clip: str
) -> None:
    adapter.answer(Operation.TRANSCRIBE, make_recognition(SPOKEN))
    await browser.transcribe(clip)
    calls = len(adapter.calls)

    update = await change(browser, numbers="digits", fillers="remove", replacements="paid = spent")

    assert shown_words(browser.page.parts["transcript"])[:2] == ["Um", "I"]
    assert shown_words(update["transcript"]) == ["I", "spent", "$21"]
    assert (await fetched(browser, "transcript.txt 1")) == b"I spent $21\n"
    assert len(adapter.calls) == calls


async def test_next_transcript_is_written_with_the_options(
    browser: Browser, adapter: FakeAdapter, clip: str
) -> None:
    adapter.answer(Operation.TRANSCRIBE, make_recognition(SPOKEN))
    await change(browser, numbers="digits", fillers="remove")
    await browser.transcribe(clip)

    assert shown_words(browser.page.parts["transcript"]) == ["I", "paid", "$21"]
    assert "I paid $21" in browser.page.parts["subtitle-preview"]


async def test_options_of_subtitles_leave_the_words_alone(browser: Browser, clip: str) -> None:
    await browser.transcribe(clip)

    update = await change(browser, max_lines=1, line_characters=10)

    assert "transcript" not in update
    assert "hello</p>" in update["subtitle-preview"]


async def test_what_a_confidence_means_is_still_said_after_a_change(
    browser: Browser, adapter: FakeAdapter, clip: str
) -> None:
    from dataclasses import replace

    known = make_recognition(SPOKEN)
    assert known.emission is not None
    emission = replace(known.emission, calibration={"version": 1})
    adapter.answer(Operation.TRANSCRIBE, replace(known, emission=emission))
    await browser.transcribe(clip)

    update = await change(browser, numbers="digits")

    assert "8 in 10 are correct" in update["transcript"]


async def test_tab_holds_no_frames_of_the_emission(browser: Browser, clip: str) -> None:
    await browser.transcribe(clip)

    finished = browser.tabs.of("tab").finished
    assert finished is not None
    assert finished.result is not None
    assert finished.result.recognition is not None
    emission = finished.result.recognition.emission
    assert emission is not None
    assert len(emission.log_probs) == 0
    assert emission.log_probs.base is None


@pytest.mark.parametrize("rules", ["no separator", "= nothing", "a = b\nbad <img>"])
async def test_rule_that_is_being_typed_is_explained_and_changes_nothing(
    browser: Browser, clip: str, rules: str
) -> None:
    await browser.transcribe(clip)

    update = await change(browser, replacements=rules)

    assert "is not a replacement rule" in update["export-problem"]
    assert "<img" not in update["export-problem"]
    assert "transcript" not in update
    assert (await change(browser))["export-problem"] == ""


# --- the preview --------------------------------------------------------------------------------


async def test_preview_shows_a_sample_before_there_is_a_transcript(browser: Browser) -> None:
    update = await change(browser, line_characters=20, max_lines=1)

    assert "How subtitles look" in update["subtitle-preview"]
    assert update["subtitle-preview"].count("<li>") == 3


async def test_preview_shows_the_first_subtitles_of_the_transcript(
    browser: Browser, adapter: FakeAdapter, clip: str
) -> None:
    adapter.answer(Operation.TRANSCRIBE, make_recognition(" ".join(["word"] * 100)))
    await browser.transcribe(clip)

    narrow = (await change(browser, line_characters=10, max_lines=2))["subtitle-preview"]
    karaoke = (await change(browser, highlight="karaoke"))["subtitle-preview"]

    assert "word word<br>word word" in narrow
    assert "<b>word</b> " in karaoke


async def test_markup_in_a_transcript_is_text_in_the_preview(
    browser: Browser, adapter: FakeAdapter, clip: str
) -> None:
    adapter.answer(Operation.TRANSCRIBE, make_recognition("<img/src=x> &amp;"))
    await browser.transcribe(clip)

    assert "<img" not in browser.page.parts["subtitle-preview"]
    assert "&lt;img/src=x&gt;" in browser.page.parts["subtitle-preview"]
