"""The result cache: decoding again, repeated requests, and what is dropped."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.doubles import FakeAdapter, FakeClock, make_task
from tests.unit.server.orchestrator.conftest import Start
from wav2vec2_app.errors import InputError
from wav2vec2_app.server.events import Done, Queued
from wav2vec2_app.server.operations import Operation, Step, Want
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator
from wav2vec2_app.server.tasks import AudioTask, ModelTask, StepInputs
from wav2vec2_app.speech.audio import AudioSource
from wav2vec2_app.speech.options import DecodingOptions

PROBE, DECODE, TRANSCRIBE, DECODE_TEXT, ALIGN, ANALYZE, _, DRAW, *_ = Operation
ALL = frozenset({Want.TRANSCRIPT, Want.FEATURES, Want.PICTURES})
HOT = DecodingOptions(hotwords=("ada", "lovelace"))

StartCached = Callable[..., Awaitable[ModelOrchestrator]]


@pytest.fixture
def adapter() -> FakeAdapter:
    return FakeAdapter(duration_s=2.0)


@pytest.fixture
def start_cached(start: Start, adapter: FakeAdapter) -> StartCached:
    async def start_cached(**bounds: Any) -> ModelOrchestrator:
        return await start(adapter, **{"cache_bytes": 10_000_000, **bounds})

    return start_cached


def operations(adapter: FakeAdapter) -> list[Operation]:
    return [call.operation for call in adapter.calls]


def inputs_of(adapter: FakeAdapter, operation: Operation) -> StepInputs:
    [call] = [call for call in adapter.calls if call.operation is operation]
    return call.inputs


async def test_decoding_again_needs_neither_recording_nor_model(
    start_cached: StartCached, adapter: FakeAdapter
) -> None:
    orchestrator = await start_cached()
    first = await orchestrator.run(make_task(session="me"))
    adapter.calls.clear()

    again = await orchestrator.run(AudioTask(cached_id=first.id, decoding=HOT, session="me"))

    assert operations(adapter) == [DECODE_TEXT]
    assert first.recognition is not None
    assert inputs_of(adapter, DECODE_TEXT).recognition is first.recognition
    assert again.transcript is not None
    assert again.transcript.text == "ada lovelace"


async def test_pictures_after_decoding_again_show_the_new_words(
    start_cached: StartCached, adapter: FakeAdapter
) -> None:
    orchestrator = await start_cached()
    first = await orchestrator.run(make_task(wants=ALL, session="me"))
    adapter.calls.clear()

    again = await orchestrator.run(
        AudioTask(cached_id=first.id, decoding=HOT, wants=ALL, session="me")
    )

    assert operations(adapter) == [DECODE_TEXT, DRAW]
    drawn = inputs_of(adapter, DRAW).recognition
    assert drawn is not None
    assert drawn.transcript.text == "ada lovelace"
    assert again.pictures
    assert again.features is first.features


async def test_text_is_aligned_with_a_cached_emission(
    start_cached: StartCached, adapter: FakeAdapter
) -> None:
    orchestrator = await start_cached()
    first = await orchestrator.run(make_task(session="me"))
    adapter.calls.clear()

    aligned = await orchestrator.run(
        AudioTask(
            cached_id=first.id,
            wants=frozenset({Want.ALIGNMENT}),
            text="so it was said",
            session="me",
        )
    )

    assert operations(adapter) == [ALIGN]
    assert aligned.alignment is not None
    assert [word.text for word in aligned.alignment.words] == ["so", "it", "was", "said"]


async def test_same_recording_again_runs_nothing(
    start_cached: StartCached, adapter: FakeAdapter
) -> None:
    orchestrator = await start_cached()
    first = await orchestrator.run(make_task(wants=ALL, session="me"))
    adapter.calls.clear()
    events = [event async for event in orchestrator.submit(make_task(wants=ALL, session="me"))]

    assert adapter.calls == []
    assert not any(isinstance(event, Queued) for event in events)
    assert isinstance(events[-1], Done)
    assert events[-1].result.recognition is first.recognition
    assert events[-1].result.pictures == first.pictures


async def test_extras_that_were_not_wanted_before_are_made_from_the_cached_result(
    start_cached: StartCached, adapter: FakeAdapter
) -> None:
    orchestrator = await start_cached()
    await orchestrator.run(make_task(session="me"))
    adapter.calls.clear()

    await orchestrator.run(make_task(wants=ALL, session="me"))

    assert operations(adapter) == [ANALYZE, DRAW]


@pytest.mark.parametrize(
    ("session", "shared", "transcribed_again"),
    [("me", False, False), ("you", False, True), ("", False, True), ("you", True, False)],
)
async def test_recording_is_recognised_in_its_own_session_unless_shared(
    start_cached: StartCached,
    adapter: FakeAdapter,
    session: str,
    shared: bool,
    transcribed_again: bool,
) -> None:
    orchestrator = await start_cached(cache_shared=shared)
    await orchestrator.run(make_task(session="me"))
    adapter.calls.clear()

    await orchestrator.run(make_task(session=session))

    assert (TRANSCRIBE in operations(adapter)) is transcribed_again


async def test_other_recording_or_other_model_is_transcribed(
    start_cached: StartCached, adapter: FakeAdapter
) -> None:
    orchestrator = await start_cached()
    task = make_task(session="me")
    await orchestrator.run(task)
    adapter.calls.clear()

    await orchestrator.run(make_task(session="me", model="other"))
    other = AudioSource(data=b"RIFX", name="another.wav")
    await orchestrator.run(AudioTask(source=other, session="me"))

    assert operations(adapter).count(TRANSCRIBE) == 2


async def test_files_are_recognised_by_their_bytes(
    start_cached: StartCached, adapter: FakeAdapter, tmp_path: Path
) -> None:
    orchestrator = await start_cached()
    for name, content in (("a.wav", b"same"), ("b.wav", b"same"), ("c.wav", b"else")):
        (tmp_path / name).write_bytes(content)
        source = AudioSource(path=tmp_path / name, name=name)
        await orchestrator.run(AudioTask(source=source, session="me"))

    assert operations(adapter).count(TRANSCRIBE) == 2


async def test_file_that_cannot_be_read_is_left_to_the_adapter(
    start_cached: StartCached, adapter: FakeAdapter, tmp_path: Path
) -> None:
    orchestrator = await start_cached()
    source = AudioSource(path=tmp_path / "gone.wav", name="gone.wav")

    await orchestrator.run(AudioTask(source=source, session="me"))

    assert PROBE in operations(adapter)


async def test_unknown_id_is_refused_with_a_hint(start_cached: StartCached) -> None:
    orchestrator = await start_cached()

    with pytest.raises(InputError) as refused:
        await orchestrator.run(AudioTask(cached_id="unknown"))

    assert refused.value.code == "task.not_cached"
    assert refused.value.hint


async def test_results_of_a_session_that_ended_are_dropped(
    start_cached: StartCached, adapter: FakeAdapter
) -> None:
    orchestrator = await start_cached()
    mine = await orchestrator.run(make_task(session="me"))
    yours = await orchestrator.run(make_task("other.wav", session="you"))

    orchestrator.forget_session("me")

    with pytest.raises(InputError):
        await orchestrator.run(AudioTask(cached_id=mine.id, decoding=HOT, session="me"))
    await orchestrator.run(AudioTask(cached_id=yours.id, decoding=HOT, session="you"))


async def test_results_expire(start_cached: StartCached) -> None:
    clock = FakeClock()
    orchestrator = await start_cached(cache_s=60.0, clock=clock)
    first = await orchestrator.run(make_task(session="me"))

    clock.advance(59)
    await orchestrator.run(AudioTask(cached_id=first.id, decoding=HOT, session="me"))
    clock.advance(2)

    with pytest.raises(InputError):
        await orchestrator.run(AudioTask(cached_id=first.id, decoding=HOT, session="me"))


async def test_least_recently_used_result_is_dropped_first(start_cached: StartCached) -> None:
    orchestrator = await start_cached(cache_bytes=300_000)  # two of 2 s, as float32
    ids = []
    for name in ("one", "two"):
        source = AudioSource(data=name.encode(), name=name)
        ids.append((await orchestrator.run(AudioTask(source=source))).id)
    await orchestrator.run(AudioTask(cached_id=ids[0], wants=frozenset({Want.ALIGNMENT}), text="a"))
    await orchestrator.run(AudioTask(source=AudioSource(data=b"three", name="three")))

    with pytest.raises(InputError):
        await orchestrator.run(AudioTask(cached_id=ids[1], decoding=HOT))


async def test_result_larger_than_the_cache_is_not_stored(start_cached: StartCached) -> None:
    orchestrator = await start_cached(cache_bytes=1000)
    first = await orchestrator.run(make_task(session="me"))

    with pytest.raises(InputError):
        await orchestrator.run(AudioTask(cached_id=first.id, decoding=HOT, session="me"))


async def test_text_is_aligned_without_decoding_again_although_options_changed(
    start_cached: StartCached, adapter: FakeAdapter
) -> None:
    orchestrator = await start_cached()
    first = await orchestrator.run(make_task(session="me"))
    adapter.calls.clear()

    await orchestrator.run(
        AudioTask(
            cached_id=first.id,
            wants=frozenset({Want.ALIGNMENT}),
            text="a",
            decoding=HOT,
            session="me",
        )
    )

    assert operations(adapter) == [ALIGN]


async def test_task_answered_from_another_leads_to_the_same_recording(
    start_cached: StartCached, adapter: FakeAdapter
) -> None:
    orchestrator = await start_cached()
    first = await orchestrator.run(make_task(model="embedded", session="me"))
    again = await orchestrator.run(AudioTask(cached_id=first.id, decoding=HOT, session="me"))
    third = await orchestrator.run(AudioTask(cached_id=again.id, session="me"))
    adapter.calls.clear()

    await orchestrator.run(make_task(model="auto", session="me"))

    assert third.recognition is first.recognition
    assert TRANSCRIBE in operations(adapter), "another model would answer"


async def test_extras_are_made_once(start_cached: StartCached, adapter: FakeAdapter) -> None:
    orchestrator = await start_cached()
    await orchestrator.run(make_task(session="me"))
    await orchestrator.run(make_task(wants=ALL, session="me"))
    adapter.calls.clear()

    await orchestrator.run(make_task(wants=ALL, session="me"))

    assert adapter.calls == []


async def test_failed_decoding_leaves_the_cached_result(
    start_cached: StartCached, adapter: FakeAdapter
) -> None:
    orchestrator = await start_cached()
    first = await orchestrator.run(make_task(session="me"))
    adapter.fail(DECODE_TEXT, InputError("no such decoder", code="decoder.unknown"))

    with pytest.raises(InputError):
        await orchestrator.run(
            AudioTask(cached_id=first.id, decoding=DecodingOptions(decoder="x"), session="me")
        )

    await orchestrator.run(AudioTask(cached_id=first.id, decoding=HOT, session="me"))


def test_task_has_exactly_one_source() -> None:
    with pytest.raises(ValueError, match="exactly one of"):
        AudioTask()
    with pytest.raises(ValueError, match="exactly one of"):
        replace(make_task(), cached_id="1")


def test_model_task_of_a_cached_recording_has_no_source() -> None:
    assert ModelTask(Step(DECODE_TEXT), AudioTask(cached_id="1")).task.source is None


# --- the cache's key is the model that answered ------------------------------------------------


async def test_better_model_that_arrived_answers_instead_of_the_cache(
    start_cached: StartCached, adapter: FakeAdapter
) -> None:
    orchestrator = await start_cached()
    await orchestrator.run(make_task(session="me"))
    adapter.default_model = "fake/better"
    adapter.calls.clear()

    again = await orchestrator.run(make_task(session="me"))

    assert TRANSCRIBE in operations(adapter)
    assert not again.cached
    assert again.transcript is not None
    assert again.transcript.model.name == "fake/better"


async def test_model_named_explicitly_shares_the_answer_that_auto_chose(
    start_cached: StartCached, adapter: FakeAdapter
) -> None:
    orchestrator = await start_cached()
    first = await orchestrator.run(make_task(session="me"))
    adapter.calls.clear()

    again = await orchestrator.run(make_task(session="me", model=adapter.default_model))

    assert adapter.calls == []
    assert again.cached
    assert not first.cached
    assert again.recognition is first.recognition


async def test_cache_is_not_used_while_the_answering_model_is_unknown(
    start_cached: StartCached, adapter: FakeAdapter
) -> None:
    orchestrator = await start_cached()
    await orchestrator.run(make_task(session="me"))
    adapter.default_model = ""
    adapter.calls.clear()

    await orchestrator.run(make_task(session="me"))

    assert TRANSCRIBE in operations(adapter)
