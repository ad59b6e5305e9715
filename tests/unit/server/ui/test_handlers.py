import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from tests.doubles import PICTURE_NAMES, FakeAdapter, make_picture, make_recognition
from tests.unit.conftest import Start
from wav2vec2_app.errors import InputError, InternalError
from wav2vec2_app.server.events import TaskEvent
from wav2vec2_app.server.operations import Operation
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator
from wav2vec2_app.server.ui import handlers
from wav2vec2_app.server.ui.render import pictures
from wav2vec2_app.server.ui.requests import task_for
from wav2vec2_app.server.ui.tabs import Tabs
from wav2vec2_app.server.ui.views import Update

PLACED = tuple(place.name for place in pictures.PLACES)


class Page:
    """What a browser would show: every update applied to what was there before."""

    def __init__(self) -> None:
        self.parts: Update = {}
        self.history: list[Update] = []

    async def follow(self, updates: AsyncIterator[Update]) -> None:
        async for update in updates:
            self.history.append(update)
            self.parts |= update

    def first(self, part: str, text: str) -> int:
        """The number of the update in which ``part`` first showed ``text``."""
        return next(i for i, update in enumerate(self.history) if text in update.get(part, ""))


async def run(
    orchestrator: ModelOrchestrator, clip: str | None, session: str = "tab", model: str = "auto"
) -> Page:
    page = Page()
    await page.follow(handlers.transcribe(orchestrator, Tabs(), clip, model, session))
    return page


def draw_all(adapter: FakeAdapter) -> None:
    """Let the fake adapter draw pictures with the names that the page has places for."""
    adapter.answer(Operation.DRAW, tuple(make_picture(name) for name in PLACED))


# --- the page -----------------------------------------------------------------------------------


async def test_run_ends_with_words_table_pictures_and_cost(
    orchestrator: ModelOrchestrator, adapter: FakeAdapter, clip: str
) -> None:
    draw_all(adapter)

    page = await run(orchestrator, clip)

    assert '"hello",' in page.parts["transcript"]
    assert '"world",' in page.parts["transcript"]
    assert 'data-state="done"' in page.parts["status"]
    assert "disabled" not in page.parts["actions"]
    assert "w-waterfall" in page.parts["latency"]
    assert "630 MB" in page.parts["memory"]
    assert page.parts["problem"] == ""
    assert page.parts["running"] is False
    for name in PLACED:
        assert "<svg xmlns" in page.parts[f"picture:{name}"]


async def test_everything_old_is_cleared_at_the_start(
    orchestrator: ModelOrchestrator, clip: str
) -> None:
    page = await run(orchestrator, clip)

    begin = page.history[0]
    assert begin["running"] is True
    assert begin["problem"] == ""
    assert "w-skeleton" in begin["transcript"]
    assert "disabled" in begin["actions"]
    assert all('data-state="pending"' in begin[f"picture:{name}"] for name in PLACED)


async def test_words_are_shown_before_the_first_picture(
    orchestrator: ModelOrchestrator, adapter: FakeAdapter, clip: str
) -> None:
    gate = adapter.block(Operation.DRAW)
    page = Page()
    following = asyncio.create_task(
        page.follow(handlers.transcribe(orchestrator, Tabs(), clip, "auto", "tab"))
    )

    await adapter.reached(Operation.DRAW)

    assert '"hello",' in page.parts["transcript"]
    assert 'data-state="pending"' in page.parts["picture:waveform"]
    gate.set()
    await following
    assert 'data-state="done"' in page.parts["status"]


async def test_status_is_about_the_transcript_until_it_is_there(
    orchestrator: ModelOrchestrator, clip: str
) -> None:
    page = await run(orchestrator, clip)

    words = page.first("transcript", "hello")
    assert all(
        "acoustic features" not in update.get("status", "") for update in page.history[:words]
    )
    assert any("Drawing" in update.get("status", "") for update in page.history[words:])


async def test_run_without_audio_says_what_to_do(orchestrator: ModelOrchestrator) -> None:
    page = await run(orchestrator, None)

    assert "audio.missing" in page.parts["problem"]
    assert page.parts["running"] is False


async def test_rejected_request_keeps_the_result(
    orchestrator: ModelOrchestrator, clip: str
) -> None:
    tabs, page = Tabs(), Page()
    await page.follow(handlers.transcribe(orchestrator, tabs, clip, "auto", "tab"))

    await page.follow(handlers.transcribe(orchestrator, tabs, None, "auto", "tab"))

    assert '"hello",' in page.parts["transcript"]
    assert "audio.missing" in page.parts["problem"]
    assert tabs.of("tab").finished is not None


async def test_failed_request_shows_the_earlier_result_dimmed(
    orchestrator: ModelOrchestrator, adapter: FakeAdapter, clip: str
) -> None:
    tabs, page = Tabs(), Page()
    await page.follow(handlers.transcribe(orchestrator, tabs, clip, "auto", "tab"))
    adapter.fail(Operation.PROBE, InputError("Not audio.", code="audio.not_audio", hint="Use WAV."))
    broken = Path(clip).with_name("broken.wav")
    broken.write_bytes(b"RIFF and no more")

    await page.follow(handlers.transcribe(orchestrator, tabs, str(broken), "auto", "tab"))

    assert "w-earlier" in page.parts["transcript"]
    assert '"hello",' in page.parts["transcript"]
    assert "disabled" not in page.parts["actions"]
    assert "Not audio." in page.parts["problem"]
    assert tabs.of("tab").finished is not None


async def test_removed_recording_takes_its_result_along(
    orchestrator: ModelOrchestrator, clip: str
) -> None:
    tabs, page = Tabs(), Page()
    await page.follow(handlers.transcribe(orchestrator, tabs, clip, "auto", "tab"))

    page.parts |= handlers.remove(orchestrator, tabs, "tab")

    assert "The transcript appears here" in page.parts["transcript"]
    assert tabs.of("tab").finished is None
    assert page.parts["running"] is False


async def test_unusable_audio_becomes_a_card(
    orchestrator: ModelOrchestrator, adapter: FakeAdapter, clip: str
) -> None:
    adapter.fail(Operation.PROBE, InputError("Not audio.", code="audio.not_audio", hint="Use WAV."))

    page = await run(orchestrator, clip)

    assert "Not audio." in page.parts["problem"]
    assert "Use WAV." in page.parts["problem"]
    assert page.parts["transcript"] == ""
    assert 'data-state="failed"' in page.parts["status"]
    assert all('data-state="empty"' in page.parts[f"picture:{name}"] for name in PLACED)


async def test_transcript_stands_although_pictures_fail(
    orchestrator: ModelOrchestrator, adapter: FakeAdapter, clip: str
) -> None:
    adapter.fail(Operation.DRAW, InternalError("No ink.", code="picture.failed"))

    page = await run(orchestrator, clip)

    assert '"hello",' in page.parts["transcript"]
    assert "picture.failed" in page.parts["problem"]
    assert 'data-state="done"' in page.parts["status"]


async def test_silence_is_no_error(
    orchestrator: ModelOrchestrator, adapter: FakeAdapter, clip: str
) -> None:
    adapter.answer(Operation.TRANSCRIBE, make_recognition(""))

    page = await run(orchestrator, clip)

    assert "The recording is silent" in page.parts["transcript"]
    assert page.parts["problem"] == ""


async def test_full_queue_says_when_to_try_again(start: Start, clip: str) -> None:
    adapter = FakeAdapter()
    orchestrator = await start(adapter, queue_size=1, concurrency=1)
    gate = adapter.block(Operation.TRANSCRIBE)
    pages = [Page(), Page()]
    others = [
        asyncio.create_task(
            page.follow(handlers.transcribe(orchestrator, Tabs(), clip, "auto", f"tab {number}"))
        )
        for number, page in enumerate(pages)
    ]
    await adapter.reached(Operation.PROBE, 2)

    refused = await run(orchestrator, clip, "tab 3")

    assert "queue.full" in refused.parts["problem"]
    assert "Try again" in refused.parts["problem"]
    gate.set()
    await asyncio.gather(*others)
    assert all('data-state="done"' in page.parts["status"] for page in pages)


async def test_cancel_stops_the_work_and_says_so(
    orchestrator: ModelOrchestrator, adapter: FakeAdapter, clip: str
) -> None:
    adapter.block(Operation.TRANSCRIBE)
    page = Page()
    following = asyncio.create_task(
        page.follow(handlers.transcribe(orchestrator, Tabs(), clip, "auto", "tab"))
    )
    await adapter.reached(Operation.TRANSCRIBE)

    assert handlers.cancel(orchestrator, "another tab") == 0
    assert handlers.cancel(orchestrator, "tab") == 1
    await following

    assert "Stopped" in page.parts["transcript"]
    assert page.parts["problem"] == ""
    assert page.parts["running"] is False
    assert [task.operation for task in adapter.cancelled] == [Operation.TRANSCRIBE]


async def test_words_stay_when_the_drawing_is_cancelled(
    orchestrator: ModelOrchestrator, adapter: FakeAdapter, clip: str
) -> None:
    adapter.block(Operation.DRAW)
    page = Page()
    following = asyncio.create_task(
        page.follow(handlers.transcribe(orchestrator, Tabs(), clip, "auto", "tab"))
    )
    await adapter.reached(Operation.DRAW)

    handlers.cancel(orchestrator, "tab")
    await following

    assert '"hello",' in page.parts["transcript"]
    assert "Stopped" in page.parts["status"]


async def test_newer_run_of_a_tab_replaces_the_older_one(
    orchestrator: ModelOrchestrator, adapter: FakeAdapter, clip: str
) -> None:
    gate = adapter.block(Operation.TRANSCRIBE)
    tabs, old, new = Tabs(), Page(), Page()
    first = asyncio.create_task(
        old.follow(handlers.transcribe(orchestrator, tabs, clip, "auto", "tab"))
    )
    await adapter.reached(Operation.TRANSCRIBE)

    second = asyncio.create_task(
        new.follow(handlers.transcribe(orchestrator, tabs, clip, "auto", "tab"))
    )
    await first
    gate.set()
    await second

    assert '"hello",' in new.parts["transcript"]
    assert len(adapter.cancelled) == 1
    assert all("Stopped" not in update.get("status", "") for update in old.history)


async def test_closed_tab_leaves_no_work_behind(
    orchestrator: ModelOrchestrator, adapter: FakeAdapter, clip: str
) -> None:
    adapter.block(Operation.TRANSCRIBE)
    tabs, page = Tabs(), Page()
    following = asyncio.create_task(
        page.follow(handlers.transcribe(orchestrator, tabs, clip, "auto", "tab"))
    )
    await adapter.reached(Operation.TRANSCRIBE)

    handlers.leave(orchestrator, tabs, "tab")
    await following

    assert len(adapter.cancelled) == 1
    assert orchestrator.status().running == 0


async def test_defect_of_the_orchestrator_becomes_a_card(
    orchestrator: ModelOrchestrator, clip: str, monkeypatch
) -> None:
    async def broken(_: object) -> AsyncIterator[TaskEvent]:
        raise KeyError("secret")
        yield

    monkeypatch.setattr(orchestrator, "submit", broken)

    page = await run(orchestrator, clip)

    assert "internal" in page.parts["problem"]
    assert "secret" not in page.parts["problem"]
    assert page.parts["running"] is False


async def test_watching_shows_system_notices_and_memory(orchestrator: ModelOrchestrator) -> None:
    shown = handlers.watch(orchestrator, Tabs(), "tab")

    assert "fake/wav2vec2" in shown["system"]
    assert "630 MB" in shown["memory"]
    assert shown["notices"] == ""


async def test_tab_gets_models_when_they_have_changed(
    orchestrator: ModelOrchestrator, adapter: FakeAdapter
) -> None:
    tabs = Tabs()

    first = handlers.watch(orchestrator, tabs, "tab")
    again = handlers.watch(orchestrator, tabs, "tab")
    adapter._models = ("arrived/model",)
    later = handlers.watch(orchestrator, tabs, "tab")

    assert [name for _, name in first["choices"]] == ["auto"]
    assert "choices" not in again
    assert [name for _, name in later["choices"]] == ["auto", "arrived/model"]
    assert "choices" in handlers.watch(orchestrator, tabs, "another tab")


async def test_pictures_without_a_place_are_left_out_by_the_page(
    orchestrator: ModelOrchestrator, clip: str
) -> None:
    page = await run(orchestrator, clip)

    assert set(PICTURE_NAMES) - set(PLACED)
    assert all(f"picture:{name}" in page.parts for name in PICTURE_NAMES)


def test_file_url_is_quoted_and_relative() -> None:
    assert handlers.file_url("/in/a b/ü#1.wav") == "gradio_api/file=/in/a%20b/%C3%BC%231.wav"


def test_task_carries_name_model_and_session(tmp_path: Path) -> None:
    task = task_for(str(tmp_path / "a.wav"), "", "tab", handlers.EVERYTHING)

    assert task.source.name == "a.wav"
    assert task.model == "auto"
    assert task.session == "tab"
