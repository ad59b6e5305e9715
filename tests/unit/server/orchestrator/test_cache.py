"""Results that are kept: decoding them anew, asking again, and what is forgotten."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.doubles import FakeAdapter, FakeClock, make_task
from wav2vec2_app.errors import InputError
from wav2vec2_app.server.events import Done, Queued
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator
from wav2vec2_app.server.tasks import AudioTask, ModelTask, Operation, Want
from wav2vec2_app.speech.audio import AudioSource
from wav2vec2_app.speech.options import DecodingOptions
from wav2vec2_app.speech.transcript import Recognition

PROBE, DECODE, TRANSCRIBE, READ, ALIGN, ANALYZE, DRAW = Operation
ALL = frozenset({Want.TRANSCRIPT, Want.FEATURES, Want.PICTURES})
HOT = DecodingOptions(hotwords=("ada", "lovelace"))

Start = Callable[..., Awaitable[ModelOrchestrator]]


@pytest.fixture
def adapter() -> FakeAdapter:
    return FakeAdapter(duration_s=2.0)


@pytest.fixture
async def start(adapter: FakeAdapter) -> AsyncIterator[Start]:
    running: list[ModelOrchestrator] = []

    async def start(**settings: Any) -> ModelOrchestrator:
        orchestrator = ModelOrchestrator([adapter], **{"cache_bytes": 10_000_000, **settings})
        await orchestrator.start()
        running.append(orchestrator)
        return orchestrator

    yield start
    for orchestrator in running:
        await orchestrator.stop()


def operations(adapter: FakeAdapter) -> list[Operation]:
    return [call.operation for call in adapter.calls]


def inputs_of(adapter: FakeAdapter, operation: Operation) -> dict[Operation, Any]:
    [call] = [call for call in adapter.calls if call.operation is operation]
    return dict(call.inputs)


async def test_reading_anew_needs_neither_recording_nor_model(
    start: Start, adapter: FakeAdapter
) -> None:
    orchestrator = await start()
    first = await orchestrator.run(make_task(session="me"))
    adapter.calls.clear()

    again = await orchestrator.run(AudioTask(cached_id=first.id, decoding=HOT, session="me"))

    assert operations(adapter) == [READ]
    assert first.recognition is not None
    assert inputs_of(adapter, READ)[TRANSCRIBE] is first.recognition
    assert again.transcript is not None
    assert again.transcript.text == "ada lovelace"


async def test_pictures_of_a_new_reading_show_its_words(start: Start, adapter: FakeAdapter) -> None:
    orchestrator = await start()
    first = await orchestrator.run(make_task(wants=ALL, session="me"))
    adapter.calls.clear()

    again = await orchestrator.run(
        AudioTask(cached_id=first.id, decoding=HOT, wants=ALL, session="me")
    )

    assert operations(adapter) == [READ, DRAW]
    drawn: Recognition = inputs_of(adapter, DRAW)[READ]
    assert drawn.transcript.text == "ada lovelace"
    assert again.pictures
    assert again.features is first.features


async def test_text_is_aligned_with_what_is_kept(start: Start, adapter: FakeAdapter) -> None:
    orchestrator = await start()
    first = await orchestrator.run(make_task(session="me"))
    adapter.calls.clear()

    aligned = await orchestrator.run(
        AudioTask(cached_id=first.id, wants=frozenset({Want.ALIGNMENT}), text="so it was said")
    )

    assert operations(adapter) == [ALIGN]
    assert aligned.alignment is not None
    assert [word.text for word in aligned.alignment.words] == ["so", "it", "was", "said"]


async def test_same_recording_again_asks_nobody(start: Start, adapter: FakeAdapter) -> None:
    orchestrator = await start()
    first = await orchestrator.run(make_task(wants=ALL, session="me"))
    adapter.calls.clear()
    events = [event async for event in orchestrator.submit(make_task(wants=ALL, session="me"))]

    assert adapter.calls == []
    assert not any(isinstance(event, Queued) for event in events)
    assert isinstance(events[-1], Done)
    assert events[-1].result.recognition is first.recognition
    assert events[-1].result.pictures == first.pictures


async def test_extras_that_were_not_wanted_before_are_made_from_what_is_kept(
    start: Start, adapter: FakeAdapter
) -> None:
    orchestrator = await start()
    await orchestrator.run(make_task(session="me"))
    adapter.calls.clear()

    await orchestrator.run(make_task(wants=ALL, session="me"))

    assert operations(adapter) == [ANALYZE, DRAW]


@pytest.mark.parametrize(
    ("session", "shared", "asked_again"),
    [("me", False, False), ("you", False, True), ("", False, True), ("you", True, False)],
)
async def test_recording_is_recognised_in_its_own_session_unless_shared(
    start: Start, adapter: FakeAdapter, session: str, shared: bool, asked_again: bool
) -> None:
    orchestrator = await start(cache_shared=shared)
    await orchestrator.run(make_task(session="me"))
    adapter.calls.clear()

    await orchestrator.run(make_task(session=session))

    assert (TRANSCRIBE in operations(adapter)) is asked_again


async def test_other_recording_or_other_model_is_heard(start: Start, adapter: FakeAdapter) -> None:
    orchestrator = await start()
    task = make_task(session="me")
    await orchestrator.run(task)
    adapter.calls.clear()

    await orchestrator.run(make_task(session="me", model="other"))
    other = AudioSource(data=b"RIFX", name="another.wav")
    await orchestrator.run(AudioTask(source=other, session="me"))

    assert operations(adapter).count(TRANSCRIBE) == 2


async def test_files_are_recognised_by_their_bytes(
    start: Start, adapter: FakeAdapter, tmp_path: Path
) -> None:
    orchestrator = await start()
    for name, content in (("a.wav", b"same"), ("b.wav", b"same"), ("c.wav", b"else")):
        (tmp_path / name).write_bytes(content)
        source = AudioSource(path=tmp_path / name, name=name)
        await orchestrator.run(AudioTask(source=source, session="me"))

    assert operations(adapter).count(TRANSCRIBE) == 2


async def test_file_that_cannot_be_read_is_left_to_the_adapter(
    start: Start, adapter: FakeAdapter, tmp_path: Path
) -> None:
    orchestrator = await start()
    source = AudioSource(path=tmp_path / "gone.wav", name="gone.wav")

    await orchestrator.run(AudioTask(source=source, session="me"))

    assert PROBE in operations(adapter)


async def test_unknown_id_is_refused_with_a_hint(start: Start) -> None:
    orchestrator = await start()

    with pytest.raises(InputError) as refused:
        await orchestrator.run(AudioTask(cached_id="who knows"))

    assert refused.value.code == "task.not_kept"
    assert refused.value.hint


async def test_nothing_is_kept_of_one_who_has_left(start: Start, adapter: FakeAdapter) -> None:
    orchestrator = await start()
    mine = await orchestrator.run(make_task(session="me"))
    yours = await orchestrator.run(make_task("other.wav", session="you"))

    orchestrator.forget_session("me")

    with pytest.raises(InputError):
        await orchestrator.run(AudioTask(cached_id=mine.id, decoding=HOT))
    await orchestrator.run(AudioTask(cached_id=yours.id, decoding=HOT))


async def test_results_are_forgotten_in_time(start: Start) -> None:
    clock = FakeClock()
    orchestrator = await start(cache_s=60.0, clock=clock)
    first = await orchestrator.run(make_task(session="me"))

    clock.advance(59)
    await orchestrator.run(AudioTask(cached_id=first.id, decoding=HOT))
    clock.advance(2)

    with pytest.raises(InputError):
        await orchestrator.run(AudioTask(cached_id=first.id, decoding=HOT))


async def test_least_recently_used_result_gives_way(start: Start) -> None:
    orchestrator = await start(cache_bytes=300_000)  # two of 2 s, as float32
    ids = []
    for name in ("one", "two"):
        source = AudioSource(data=name.encode(), name=name)
        ids.append((await orchestrator.run(AudioTask(source=source))).id)
    await orchestrator.run(AudioTask(cached_id=ids[0], wants=frozenset({Want.ALIGNMENT}), text="a"))
    await orchestrator.run(AudioTask(source=AudioSource(data=b"three", name="three")))

    with pytest.raises(InputError):
        await orchestrator.run(AudioTask(cached_id=ids[1], decoding=HOT))


async def test_what_is_larger_than_all_the_room_is_not_kept(start: Start) -> None:
    orchestrator = await start(cache_bytes=1000)
    first = await orchestrator.run(make_task(session="me"))

    with pytest.raises(InputError):
        await orchestrator.run(AudioTask(cached_id=first.id, decoding=HOT))


async def test_text_is_aligned_without_reading_although_settings_changed(
    start: Start, adapter: FakeAdapter
) -> None:
    orchestrator = await start()
    first = await orchestrator.run(make_task(session="me"))
    adapter.calls.clear()

    await orchestrator.run(
        AudioTask(cached_id=first.id, wants=frozenset({Want.ALIGNMENT}), text="a", decoding=HOT)
    )

    assert operations(adapter) == [ALIGN]


async def test_task_that_went_back_to_another_leads_to_the_same_recording(
    start: Start, adapter: FakeAdapter
) -> None:
    orchestrator = await start()
    first = await orchestrator.run(make_task(model="embedded", session="me"))
    again = await orchestrator.run(AudioTask(cached_id=first.id, decoding=HOT, session="me"))
    third = await orchestrator.run(AudioTask(cached_id=again.id, session="me"))
    adapter.calls.clear()

    await orchestrator.run(make_task(model="auto", session="me"))

    assert third.recognition is first.recognition
    assert TRANSCRIBE in operations(adapter), "another model was asked for"


async def test_extras_are_made_once(start: Start, adapter: FakeAdapter) -> None:
    orchestrator = await start()
    await orchestrator.run(make_task(session="me"))
    await orchestrator.run(make_task(wants=ALL, session="me"))
    adapter.calls.clear()

    await orchestrator.run(make_task(wants=ALL, session="me"))

    assert adapter.calls == []


async def test_failed_reading_leaves_what_is_kept(start: Start, adapter: FakeAdapter) -> None:
    orchestrator = await start()
    first = await orchestrator.run(make_task(session="me"))
    adapter.fail(READ, InputError("no such decoder", code="decoder.unknown"))

    with pytest.raises(InputError):
        await orchestrator.run(AudioTask(cached_id=first.id, decoding=DecodingOptions(decoder="x")))

    await orchestrator.run(AudioTask(cached_id=first.id, decoding=HOT))


def test_task_has_a_source_or_an_earlier_task() -> None:
    with pytest.raises(ValueError, match="one of"):
        AudioTask()
    with pytest.raises(ValueError, match="one of"):
        replace(make_task(), cached_id="1")


def test_model_task_of_a_kept_recording_has_no_source() -> None:
    assert ModelTask(READ, AudioTask(cached_id="1")).task.source is None
