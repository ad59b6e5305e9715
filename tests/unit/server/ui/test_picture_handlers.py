"""Pictures of a part of the recording: zoom, scroll, and what is drawn first."""

from __future__ import annotations

import pytest

from tests.doubles import FakeAdapter, make_picture
from tests.unit.conftest import Start
from tests.unit.server.ui.test_decode_again import NAMES, Browser
from wav2vec2_app.errors import InternalError
from wav2vec2_app.server.operations import Operation
from wav2vec2_app.server.ui import texts
from wav2vec2_app.server.ui.picture_handlers import redraw
from wav2vec2_app.speech.picture_window import FIRST_WINDOW, PictureWindow


@pytest.fixture
async def browser(start: Start, adapter: FakeAdapter) -> Browser:
    return Browser(await start(adapter, cache_bytes=10_000_000))


async def draw(browser: Browser, part: str) -> None:
    browser.page.history.clear()
    await browser.page.follow(redraw(browser.orchestrator, browser.tabs, "tab", part))


def windows(adapter: FakeAdapter) -> list[PictureWindow | None]:
    return [call.task.picture_window for call in adapter.calls if call.operation is Operation.DRAW]


async def test_page_draws_the_first_part_and_then_the_one_that_is_shown(
    browser: Browser, adapter: FakeAdapter, clip: str
) -> None:
    await browser.transcribe(clip)
    adapter.answer(Operation.DRAW, (make_picture("waveform"), make_picture("mfcc")))
    await draw(browser, "3.5 7")

    assert windows(adapter) == [FIRST_WINDOW, PictureWindow(3.5, 7.0)]
    assert adapter.count(Operation.TRANSCRIBE) == adapter.count(Operation.ANALYZE) == 1
    changed = {part for update in browser.page.history for part in update}
    assert changed == {"pictures-note", "picture:waveform", "picture:mfcc"}


@pytest.mark.parametrize(
    "part", ["", "3", "x y", "7 3", "3 3", "nan 4", "1 inf", "1 2 3", "<b> </b>", "[1, 2]"]
)
async def test_unusable_part_changes_nothing(
    browser: Browser, adapter: FakeAdapter, clip: str, part: str
) -> None:
    await browser.transcribe(clip)
    await draw(browser, part)

    assert windows(adapter) == [FIRST_WINDOW]
    assert browser.page.history == []


async def test_nothing_is_drawn_without_a_result(browser: Browser, adapter: FakeAdapter) -> None:
    await draw(browser, "1 2")

    assert adapter.calls == []


async def test_transcript_that_is_decoded_again_is_drawn_in_the_part_that_is_shown(
    browser: Browser, adapter: FakeAdapter, clip: str
) -> None:
    await browser.transcribe(clip)
    await draw(browser, "2 4")
    await browser.decode(NAMES)
    await draw(browser, "1 2")

    assert windows(adapter)[1:] == [PictureWindow(2, 4), PictureWindow(2, 4), PictureWindow(1, 2)]
    assert adapter.calls[-1].task.decoding.hotwords == ("Okonkwo", "Szczecin")


async def test_new_recording_is_drawn_from_its_beginning(
    browser: Browser, adapter: FakeAdapter, clip: str
) -> None:
    await browser.transcribe(clip)
    await draw(browser, "2 4")
    await browser.transcribe(clip, NAMES)

    assert windows(adapter)[-1] == FIRST_WINDOW


async def test_part_that_cannot_be_drawn_leaves_the_pictures_and_says_why(
    browser: Browser, adapter: FakeAdapter, clip: str
) -> None:
    await browser.transcribe(clip)
    adapter.fail(Operation.DRAW, InternalError("No <ink>."), times=9)
    await draw(browser, "2 4")

    note = browser.page.parts["pictures-note"]
    assert texts.NOT_DRAWN in note
    assert "No &lt;ink&gt;." in note
    assert all(set(update) == {"pictures-note"} for update in browser.page.history)

    await draw(browser, "4 6")


async def test_same_recording_again_has_its_first_pictures_without_drawing(
    browser: Browser, adapter: FakeAdapter, clip: str
) -> None:
    adapter.answer(Operation.DRAW, (make_picture("waveform"),))
    await browser.transcribe(clip)
    await draw(browser, "2 4")
    before = len(windows(adapter))
    await browser.transcribe(clip)

    assert len(windows(adapter)) == before, "parts are not cached in place of the first pictures"
    assert 'data-name="waveform"' in browser.page.parts["picture:waveform"]
