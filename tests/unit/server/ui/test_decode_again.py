"""Transcripts that are decoded again with other options, and texts that are aligned with the result."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import asdict
from html import unescape
from pathlib import Path

import pytest

from tests.doubles import FakeAdapter, make_recognition
from tests.unit.conftest import Start
from tests.unit.server.ui.test_handlers import Page
from wav2vec2_app.errors import InputError, InternalError
from wav2vec2_app.server.operations import Operation
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator
from wav2vec2_app.server.ui import handlers
from wav2vec2_app.server.ui.alignment_handlers import align
from wav2vec2_app.server.ui.export_handlers import fetch_file, set_export
from wav2vec2_app.server.ui.options_panel import defaults
from wav2vec2_app.server.ui.tabs import Tabs
from wav2vec2_app.speech.alignment import AlignedWord, Alignment
from wav2vec2_app.speech.audio import DecodeAudioOptions
from wav2vec2_app.speech.export_options import DEFAULT_EXPORT
from wav2vec2_app.speech.options import OPTIONS, DecodingOptions

DEFAULTS = defaults()


def with_hotwords(hotwords: str) -> tuple[object, ...]:
    """The inputs of the panel with the default options and these hotwords."""
    changed = {option.name: value for option, value in zip(OPTIONS, DEFAULTS, strict=True)}
    return tuple((changed | {"hotwords": hotwords}).values())


NAMES = with_hotwords("Okonkwo, Szczecin")


class Browser:
    """One tab: its page and its requests."""

    def __init__(self, orchestrator: ModelOrchestrator) -> None:
        self.orchestrator = orchestrator
        self.tabs = Tabs()
        self.page = Page()

    async def transcribe(self, clip: str | None, options: tuple = DEFAULTS) -> None:
        await self.page.follow(
            handlers.transcribe(self.orchestrator, self.tabs, clip, "auto", "tab", *options)
        )

    async def decode(self, options: tuple) -> None:
        self.page.history.clear()
        await self.page.follow(handlers.decode_again(self.orchestrator, self.tabs, "tab", *options))

    async def align(self, text: str, clip: str | None = None) -> None:
        await self.page.follow(align(self.orchestrator, self.tabs, clip, "auto", text, "tab"))


@pytest.fixture
async def browser(start: Start, adapter: FakeAdapter) -> Browser:
    return Browser(await start(adapter, cache_bytes=10_000_000))


async def test_new_recording_is_decoded_with_the_panels_options(
    browser: Browser, adapter: FakeAdapter, clip: str
) -> None:
    await browser.transcribe(clip, NAMES)

    assert adapter.calls[0].task.decoding == DecodingOptions(hotwords=("Okonkwo", "Szczecin"))


async def test_changed_option_decodes_again_without_the_model(
    browser: Browser, adapter: FakeAdapter, clip: str
) -> None:
    await browser.transcribe(clip)
    await browser.decode(NAMES)

    assert '"Okonkwo",' in browser.page.parts["transcript"]
    assert '"Szczecin",' in browser.page.parts["transcript"]
    file = (await fetch_file(browser.tabs, "tab", "transcript.txt 1"))["file"]
    assert "Okonkwo" in file
    assert "without running the model" in browser.page.parts["status"]
    assert browser.page.parts["running"] is False
    assert adapter.count(Operation.TRANSCRIBE) == 1
    assert adapter.count(Operation.DECODE_AUDIO) == 1
    assert adapter.count(Operation.DRAW) == 2, "the pictures have marks at the words"


async def test_words_and_pictures_stay_until_there_are_new_ones(
    browser: Browser, clip: str
) -> None:
    await browser.transcribe(clip)
    await browser.decode(NAMES)

    begin = browser.page.history[0]
    assert set(begin) == {"status", "problem", "running"}
    for update in browser.page.history:
        assert all("pending" not in str(value) for value in update.values())


async def test_unchanged_options_need_no_work(
    browser: Browser, adapter: FakeAdapter, clip: str
) -> None:
    await browser.transcribe(clip)
    await browser.decode(DEFAULTS)

    assert browser.page.history == []
    assert adapter.count(Operation.DECODE_TEXT) == 0


async def test_option_changed_before_there_is_a_result_has_no_effect_yet(
    browser: Browser, adapter: FakeAdapter
) -> None:
    await browser.decode(NAMES)

    assert browser.page.history == []
    assert adapter.calls == []


async def test_option_changed_during_the_transcription_is_applied_afterwards(
    browser: Browser, adapter: FakeAdapter, clip: str
) -> None:
    gate = adapter.block(Operation.TRANSCRIBE)
    transcribing = asyncio.create_task(browser.transcribe(clip))
    await adapter.reached(Operation.TRANSCRIBE)

    await browser.decode(NAMES)
    gate.set()
    await transcribing

    assert '"Okonkwo",' in browser.page.parts["transcript"]
    assert adapter.count(Operation.TRANSCRIBE) == 1
    assert adapter.cancelled == []


async def test_newer_option_replaces_the_older_one(
    browser: Browser, adapter: FakeAdapter, clip: str
) -> None:
    await browser.transcribe(clip)
    gate = adapter.block(Operation.DECODE_TEXT)
    first = asyncio.create_task(browser.decode(with_hotwords("older")))
    await adapter.reached(Operation.DECODE_TEXT)

    second = asyncio.create_task(browser.decode(with_hotwords("newer")))
    await first
    gate.set()
    await second

    assert '"newer",' in browser.page.parts["transcript"]
    assert [task.operation for task in adapter.cancelled] == [Operation.DECODE_TEXT]
    assert "Stopped" not in browser.page.parts["status"]


async def test_result_that_is_no_longer_cached_is_transcribed_again(
    start: Start, adapter: FakeAdapter, clip: str
) -> None:
    browser = Browser(await start(adapter, cache_bytes=0))
    await browser.transcribe(clip)

    await browser.decode(NAMES)

    assert adapter.count(Operation.TRANSCRIBE) == 2
    assert adapter.calls[-1].task.decoding.hotwords == ("Okonkwo", "Szczecin")
    assert 'data-state="done"' in browser.page.parts["status"]
    assert browser.page.parts["problem"] == ""
    assert browser.page.parts["running"] is False


async def test_failed_decoding_leaves_the_words_and_explains(
    browser: Browser, adapter: FakeAdapter, clip: str
) -> None:
    await browser.transcribe(clip)
    adapter.fail(
        Operation.DECODE_TEXT, InputError("No beam.", code="decoder.not_available"), times=9
    )

    await browser.decode(NAMES)

    assert '"hello",' in browser.page.parts["transcript"]
    assert "decoder.not_available" in browser.page.parts["problem"]
    assert "previous transcript" in browser.page.parts["status"]
    assert browser.page.parts["running"] is False


@pytest.mark.parametrize(
    "options",
    [("auto", 9999), ("auto", 30, 1.5, 0, " ".join(f"w{number}" for number in range(1001)))],
    ids=["beam", "hotwords"],
)
async def test_options_out_of_range_become_a_card(
    browser: Browser, clip: str, options: tuple
) -> None:
    await browser.transcribe(clip)
    await browser.decode(options)

    assert '"hello",' in browser.page.parts["transcript"]
    assert "w-error" in browser.page.parts["problem"]

    await browser.transcribe(clip, options)
    assert "w-error" in browser.page.parts["problem"]


async def test_pictures_that_fail_the_second_time_do_not_stay(
    browser: Browser, adapter: FakeAdapter, clip: str
) -> None:
    await browser.transcribe(clip)
    adapter.fail(Operation.DRAW, InternalError("No ink.", code="picture.failed"), times=9)

    await browser.decode(NAMES)

    assert "Okonkwo" in browser.page.parts["transcript"]
    assert 'data-state="empty"' in browser.page.parts["picture:log_mel"]
    assert "picture.failed" in browser.page.parts["problem"]


async def test_same_recording_again_is_answered_from_the_cache(
    browser: Browser, adapter: FakeAdapter, clip: str
) -> None:
    await browser.transcribe(clip)
    await browser.transcribe(clip)

    assert "Same recording as before: shown from cache" in browser.page.parts["status"]
    assert adapter.count(Operation.TRANSCRIBE) == 1


async def test_closed_tab_decodes_nothing_again(
    browser: Browser, adapter: FakeAdapter, clip: str
) -> None:
    await browser.transcribe(clip)
    handlers.leave(browser.orchestrator, browser.tabs, "tab")

    await browser.decode(NAMES)

    assert adapter.count(Operation.DECODE_TEXT) == 0


# --- aligning -----------------------------------------------------------------------------------


async def test_text_is_aligned_with_the_words_that_are_shown(
    browser: Browser, adapter: FakeAdapter, clip: str
) -> None:
    await browser.transcribe(clip, NAMES)
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


async def test_text_in_another_script_is_explained(
    browser: Browser, adapter: FakeAdapter, clip: str
) -> None:
    await browser.transcribe(clip)
    unspelled = AlignedWord("日本", 0.0, 0.5, 0.0, wildcard=True)
    adapter.answer(Operation.ALIGN, Alignment((unspelled,), 0.0))

    await browser.align("日本")

    assert "align.other_script" in browser.page.parts["aligned"]


async def test_text_is_aligned_with_a_recording_that_is_not_transcribed_yet(
    browser: Browser, adapter: FakeAdapter, clip: str
) -> None:
    await browser.align("hello", clip)

    assert "hello" in browser.page.parts["aligned"]
    assert "without running" not in browser.page.parts["align-status"]


async def test_alignment_waits_until_the_recording_is_transcribed(
    browser: Browser, adapter: FakeAdapter, clip: str
) -> None:
    gate = adapter.block(Operation.TRANSCRIBE)
    transcribing = asyncio.create_task(browser.transcribe(clip))
    await adapter.reached(Operation.TRANSCRIBE)
    updates = align(browser.orchestrator, browser.tabs, clip, "auto", "hello", "tab")

    waiting = await anext(updates)
    gate.set()
    await asyncio.gather(transcribing, browser.page.follow(updates))

    assert "Waiting until" in waiting["align-status"]
    assert "hello" in browser.page.parts["aligned"]
    assert adapter.count(Operation.TRANSCRIBE) == 1


async def test_alignment_falls_back_on_the_recording(
    start: Start, adapter: FakeAdapter, clip: str
) -> None:
    browser = Browser(await start(adapter, cache_bytes=0))
    await browser.transcribe(clip)

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
    await browser.transcribe(clip)
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
    await browser.transcribe(clip)
    adapter.block(Operation.ALIGN)
    aligning = asyncio.create_task(browser.align("hello"))
    await adapter.reached(Operation.ALIGN)
    other = tmp_path / "something else.wav"
    other.write_bytes(b"RIFFRIFF")

    await browser.transcribe(str(other))
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


SEPARATE = DecodeAudioOptions(track=2, channels="separate")


async def test_track_and_channels_of_the_page_reach_the_task(
    browser: Browser, adapter: FakeAdapter, clip: str
) -> None:
    await browser.transcribe(clip, (*DEFAULTS, "2", True))

    assert adapter.calls[0].task.audio_options == SEPARATE
    assert 'data-state="done"' in browser.page.parts["status"]


async def test_other_track_or_channels_are_decoded_and_not_taken_from_the_cache(
    browser: Browser, adapter: FakeAdapter, clip: str
) -> None:
    for inputs in (("", False), ("2", False), ("2", True), ("", True), ("2", True)):
        await browser.transcribe(clip, (*DEFAULTS, *inputs))

    assert adapter.count(Operation.DECODE_AUDIO) == 4


async def test_text_is_aligned_with_the_mix_of_separate_channels(
    browser: Browser, adapter: FakeAdapter, clip: str
) -> None:
    await browser.transcribe(clip, (*DEFAULTS, "2", True))

    await browser.align("hello")

    aligned = [call for call in adapter.calls if call.operation is Operation.ALIGN]
    assert [call.task.audio_options for call in aligned] == [DecodeAudioOptions(track=2)]


async def test_track_that_is_not_a_number_is_explained(browser: Browser, clip: str) -> None:
    await browser.transcribe(clip, (*DEFAULTS, "second", False))

    assert "request.bad_value" in browser.page.parts["problem"]


# --- export options -----------------------------------------------------------------------------


def changed(**values: object) -> tuple[object, ...]:
    """The inputs of the export panel with these values."""
    return tuple({**asdict(DEFAULT_EXPORT), **values}.values())


async def test_file_is_written_when_it_is_fetched_with_the_options_of_that_moment(
    browser: Browser, adapter: FakeAdapter, clip: str
) -> None:
    adapter.answer(Operation.TRANSCRIBE, make_recognition("HELLO THERE"))
    await browser.transcribe(clip)
    calls = len(adapter.calls)
    before = (await fetch_file(browser.tabs, "tab", "transcript.txt 1"))["file"]
    set_export(browser.tabs, "tab", *changed(letter_case="raw"))
    after = (await fetch_file(browser.tabs, "tab", "transcript.txt 2"))["file"]

    assert 'data-request="transcript.txt 1" data-type="text/plain">Hello there\n</div>' in before
    assert 'data-request="transcript.txt 2" data-type="text/plain">HELLO THERE\n</div>' in after
    assert len(adapter.calls) == calls


async def test_page_holds_no_file_until_it_is_fetched(browser: Browser, clip: str) -> None:
    await browser.transcribe(clip)
    await browser.align("hello wonderful")

    for part in ("actions", "aligned"):
        assert "WEBVTT" not in browser.page.parts[part]
        assert "data-text" not in browser.page.parts[part]
        assert "-->" not in browser.page.parts[part]
        assert 'data-name="' in browser.page.parts[part]


async def test_export_options_hold_for_the_next_recording_and_alignment(
    browser: Browser, clip: str
) -> None:
    set_export(browser.tabs, "tab", *changed(line_characters=10, max_lines=1))
    await browser.transcribe(clip)
    await browser.align("hello wonderful")

    async def subtitles(what: str) -> str:
        return unescape((await fetch_file(browser.tabs, "tab", f"{what}.srt 1"))["file"])

    assert "\nhello\n" in await subtitles("transcript")
    assert "\nwonderful\n" in await subtitles("alignment")
    set_export(browser.tabs, "tab", *changed())
    assert "\nhello world\n" in await subtitles("transcript")
    assert "\nhello wonderful\n" in await subtitles("alignment")


@pytest.mark.parametrize("kind", ["txt", "srt", "vtt", "json"])
async def test_every_type_of_file_can_be_fetched(browser: Browser, clip: str, kind: str) -> None:
    await browser.transcribe(clip)

    file = (await fetch_file(browser.tabs, "tab", f"transcript.{kind} 7"))["file"]

    assert "hello" in file
    assert "data-missing" not in file


@pytest.mark.parametrize(
    "request_",
    ["transcript.exe 1", "alignment.srt 1", "../../etc/passwd 1", "", "x"],
)
async def test_file_that_there_is_not_is_said_to_be_missing(
    browser: Browser, clip: str, request_: str
) -> None:
    await browser.transcribe(clip)

    file = (await fetch_file(browser.tabs, "tab", request_))["file"]

    assert f'data-request="{request_}" data-missing=""></div>' in file


async def test_file_of_another_tab_cannot_be_fetched(browser: Browser, clip: str) -> None:
    await browser.transcribe(clip)

    file = (await fetch_file(browser.tabs, "another", "transcript.txt 1"))["file"]

    assert "data-missing" in file


async def test_number_that_is_still_being_typed_changes_nothing(
    browser: Browser, clip: str
) -> None:
    await browser.transcribe(clip)

    set_export(browser.tabs, "tab", *changed(line_characters=4))

    assert browser.tabs.of("tab").export == DEFAULT_EXPORT
