"""Words that are read again with other settings, and texts that are aligned with what is shown."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.doubles import FakeAdapter
from tests.unit.conftest import Start
from tests.unit.server.ui.test_handlers import Page
from wav2vec2_app.errors import InputError, InternalError
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator
from wav2vec2_app.server.tasks import Operation
from wav2vec2_app.server.ui import handlers
from wav2vec2_app.server.ui.decoding import defaults
from wav2vec2_app.server.ui.tabs import Tabs
from wav2vec2_app.speech.options import DecodingOptions

USUAL = defaults()
NAMES = (*USUAL[:4], "Okonkwo, Szczecin", 6.0)


class Browser:
    """One tab: its page and what it asks."""

    def __init__(self, orchestrator: ModelOrchestrator) -> None:
        self.orchestrator = orchestrator
        self.tabs = Tabs()
        self.page = Page()

    async def hear(self, clip: str | None, settings: tuple = USUAL) -> None:
        await self.page.follow(
            handlers.transcribe(self.orchestrator, self.tabs, clip, "auto", "tab", *settings)
        )

    async def read(self, settings: tuple) -> None:
        self.page.history.clear()
        await self.page.follow(handlers.read_again(self.orchestrator, self.tabs, "tab", *settings))

    async def align(self, text: str, clip: str | None = None) -> None:
        await self.page.follow(
            handlers.align(self.orchestrator, self.tabs, clip, "auto", text, "tab")
        )


@pytest.fixture
async def browser(start: Start, adapter: FakeAdapter) -> Browser:
    return Browser(await start(adapter, cache_bytes=10_000_000))


async def test_new_recording_is_read_as_the_panel_says(
    browser: Browser, adapter: FakeAdapter, clip: str
) -> None:
    await browser.hear(clip, NAMES)

    assert adapter.calls[0].task.decoding == DecodingOptions(hotwords=("Okonkwo", "Szczecin"))


async def test_changed_setting_reads_again_without_the_model(
    browser: Browser, adapter: FakeAdapter, clip: str
) -> None:
    await browser.hear(clip)
    await browser.read(NAMES)

    assert "Okonkwo</span>" in browser.page.parts["transcript"]
    assert "Szczecin</th>" in browser.page.parts["words"]
    assert "Okonkwo" in browser.page.parts["actions"]
    assert "without running the model" in browser.page.parts["status"]
    assert browser.page.parts["running"] is False
    assert adapter.count(Operation.TRANSCRIBE) == 1
    assert adapter.count(Operation.DECODE_AUDIO) == 1
    assert adapter.count(Operation.DRAW) == 2, "the pictures have marks at the words"


async def test_words_and_pictures_stay_until_there_are_new_ones(
    browser: Browser, clip: str
) -> None:
    await browser.hear(clip)
    await browser.read(NAMES)

    begin = browser.page.history[0]
    assert set(begin) == {"status", "problem", "running"}
    for update in browser.page.history:
        assert all("pending" not in str(value) for value in update.values())


async def test_same_settings_need_no_work(
    browser: Browser, adapter: FakeAdapter, clip: str
) -> None:
    await browser.hear(clip)
    await browser.read(USUAL)

    assert browser.page.history == []
    assert adapter.count(Operation.DECODE_TEXT) == 0


async def test_setting_changed_before_there_is_a_result_only_waits_for_one(
    browser: Browser, adapter: FakeAdapter
) -> None:
    await browser.read(NAMES)

    assert browser.page.history == []
    assert adapter.calls == []


async def test_setting_changed_while_listening_is_followed_afterwards(
    browser: Browser, adapter: FakeAdapter, clip: str
) -> None:
    gate = adapter.block(Operation.TRANSCRIBE)
    hearing = asyncio.create_task(browser.hear(clip))
    await adapter.reached(Operation.TRANSCRIBE)

    await browser.read(NAMES)
    gate.set()
    await hearing

    assert "Okonkwo</span>" in browser.page.parts["transcript"]
    assert adapter.count(Operation.TRANSCRIBE) == 1
    assert adapter.cancelled == []


async def test_newer_setting_replaces_the_older_one(
    browser: Browser, adapter: FakeAdapter, clip: str
) -> None:
    await browser.hear(clip)
    gate = adapter.block(Operation.DECODE_TEXT)
    first = asyncio.create_task(browser.read((*USUAL[:4], "older", 6.0)))
    await adapter.reached(Operation.DECODE_TEXT)

    second = asyncio.create_task(browser.read((*USUAL[:4], "newer", 6.0)))
    await first
    gate.set()
    await second

    assert "newer</span>" in browser.page.parts["transcript"]
    assert [task.operation for task in adapter.cancelled] == [Operation.DECODE_TEXT]
    assert "Stopped" not in browser.page.parts["status"]


async def test_result_that_is_kept_no_longer_is_heard_again(
    start: Start, adapter: FakeAdapter, clip: str
) -> None:
    browser = Browser(await start(adapter, cache_bytes=0))
    await browser.hear(clip)

    await browser.read(NAMES)

    assert adapter.count(Operation.TRANSCRIBE) == 2
    assert adapter.calls[-1].task.decoding.hotwords == ("Okonkwo", "Szczecin")
    assert 'data-state="done"' in browser.page.parts["status"]
    assert browser.page.parts["problem"] == ""
    assert browser.page.parts["running"] is False


async def test_failed_reading_leaves_the_words_and_says_why(
    browser: Browser, adapter: FakeAdapter, clip: str
) -> None:
    await browser.hear(clip)
    adapter.fail(
        Operation.DECODE_TEXT, InputError("No beam.", code="decoder.not_available"), times=9
    )

    await browser.read(NAMES)

    assert "hello</span>" in browser.page.parts["transcript"]
    assert "decoder.not_available" in browser.page.parts["problem"]
    assert "words from before" in browser.page.parts["status"]
    assert browser.page.parts["running"] is False


@pytest.mark.parametrize(
    "settings",
    [("auto", 9999), ("auto", 30, 1.5, 0, " ".join(f"w{number}" for number in range(1001)))],
    ids=["beam", "hotwords"],
)
async def test_settings_out_of_range_become_a_card(
    browser: Browser, clip: str, settings: tuple
) -> None:
    await browser.hear(clip)
    await browser.read(settings)

    assert "hello</span>" in browser.page.parts["transcript"]
    assert "w-error" in browser.page.parts["problem"]

    await browser.hear(clip, settings)
    assert "w-error" in browser.page.parts["problem"]


async def test_pictures_that_fail_the_second_time_do_not_stay(
    browser: Browser, adapter: FakeAdapter, clip: str
) -> None:
    await browser.hear(clip)
    adapter.fail(Operation.DRAW, InternalError("No ink.", code="picture.failed"), times=9)

    await browser.read(NAMES)

    assert "Okonkwo" in browser.page.parts["transcript"]
    assert 'data-state="empty"' in browser.page.parts["picture:log_mel"]
    assert "picture.failed" in browser.page.parts["problem"]


async def test_same_recording_again_is_answered_from_what_is_kept(
    browser: Browser, adapter: FakeAdapter, clip: str
) -> None:
    await browser.hear(clip)
    await browser.hear(clip)

    assert "Answered from what was kept" in browser.page.parts["status"]
    assert adapter.count(Operation.TRANSCRIBE) == 1


async def test_left_tab_can_read_nothing_again(
    browser: Browser, adapter: FakeAdapter, clip: str
) -> None:
    await browser.hear(clip)
    handlers.leave(browser.orchestrator, browser.tabs, "tab")

    await browser.read(NAMES)

    assert adapter.count(Operation.DECODE_TEXT) == 0


# --- aligning -----------------------------------------------------------------------------------


async def test_text_is_aligned_with_the_words_that_are_shown(
    browser: Browser, adapter: FakeAdapter, clip: str
) -> None:
    await browser.hear(clip, NAMES)
    await browser.align("Good <morning>, you!")

    html = browser.page.parts["aligned"]
    assert "&lt;morning&gt;," in html
    assert 'data-start="0.200" data-end="0.400"' in html
    assert 'data-letter="Y"' in html
    assert "3 words" in browser.page.parts["align-status"]
    assert "without running the model" in browser.page.parts["align-status"]
    assert "hello" in browser.page.parts["transcript"]
    assert adapter.count(Operation.TRANSCRIBE) == 1
    assert adapter.count(Operation.DECODE_TEXT) == 0


async def test_text_is_aligned_with_a_recording_that_was_not_heard_yet(
    browser: Browser, adapter: FakeAdapter, clip: str
) -> None:
    await browser.align("hello", clip)

    assert "hello" in browser.page.parts["aligned"]
    assert "without running" not in browser.page.parts["align-status"]


async def test_alignment_waits_until_the_recording_has_been_heard(
    browser: Browser, adapter: FakeAdapter, clip: str
) -> None:
    gate = adapter.block(Operation.TRANSCRIBE)
    hearing = asyncio.create_task(browser.hear(clip))
    await adapter.reached(Operation.TRANSCRIBE)
    updates = handlers.align(browser.orchestrator, browser.tabs, clip, "auto", "hello", "tab")

    waiting = await anext(updates)
    gate.set()
    await asyncio.gather(hearing, browser.page.follow(updates))

    assert "Waiting until" in waiting["align-status"]
    assert "hello" in browser.page.parts["aligned"]
    assert adapter.count(Operation.TRANSCRIBE) == 1


async def test_alignment_falls_back_on_the_recording(
    start: Start, adapter: FakeAdapter, clip: str
) -> None:
    browser = Browser(await start(adapter, cache_bytes=0))
    await browser.hear(clip)

    await browser.align("hello")

    assert "w-tile" in browser.page.parts["aligned"]
    assert adapter.count(Operation.TRANSCRIBE) == 2


@pytest.mark.parametrize(
    ("text", "with_clip", "code"),
    [("", True, "align.empty_text"), ("hello", False, "audio.missing")],
)
async def test_nothing_to_align_becomes_a_card(
    browser: Browser, adapter: FakeAdapter, clip: str, text: str, with_clip: bool, code: str
) -> None:
    await browser.align(text, clip if with_clip else None)

    assert code in browser.page.parts["aligned"]
    assert adapter.calls == []


async def test_text_that_does_not_fit_becomes_a_card(
    browser: Browser, adapter: FakeAdapter, clip: str
) -> None:
    await browser.hear(clip)
    error = InputError("Too long.", code="align.text_too_long", hint="Shorten it.")
    adapter.fail(Operation.ALIGN, error, times=9)

    await browser.align("hello")

    assert "align.text_too_long" in browser.page.parts["aligned"]
    assert "Shorten it." in browser.page.parts["aligned"]
    assert "This text cannot be aligned" in browser.page.parts["aligned"]
    assert browser.page.parts["align-status"] == ""


async def test_new_recording_clears_the_alignment_and_stops_an_open_one(
    browser: Browser, adapter: FakeAdapter, clip: str, tmp_path: Path
) -> None:
    await browser.hear(clip)
    adapter.block(Operation.ALIGN)
    aligning = asyncio.create_task(browser.align("hello"))
    await adapter.reached(Operation.ALIGN)
    other = tmp_path / "something else.wav"
    other.write_bytes(b"RIFFRIFF")

    await browser.hear(str(other))
    await aligning

    assert "w-tile" not in browser.page.parts["aligned"]
    assert browser.page.parts["align-status"] == ""
    assert "something" in browser.page.parts["transcript"]


async def test_defect_while_aligning_becomes_a_card(
    browser: Browser, clip: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_: object) -> AsyncIterator[object]:
        raise KeyError("secret")
        yield

    monkeypatch.setattr(browser.orchestrator, "submit", broken)

    await browser.align("hello", clip)

    assert "internal" in browser.page.parts["aligned"]
    assert "secret" not in browser.page.parts["aligned"]
