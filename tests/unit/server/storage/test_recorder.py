"""Which results are stored, and what happens to a task whose result cannot be."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.doubles import FakeAdapter, make_recognition, make_task
from tests.unit.conftest import Start
from tests.unit.server.storage.conftest import ANNA, BERT, MakeStore
from wav2vec2_app.errors import InputError, ResourceError
from wav2vec2_app.server.operations import Operation, Want
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator
from wav2vec2_app.server.storage import recorder as module
from wav2vec2_app.server.storage.history import HISTORY_FILE
from wav2vec2_app.server.storage.migrations import HISTORY
from wav2vec2_app.server.storage.recorder import HistoryRecorder
from wav2vec2_app.server.storage.records import ListQuery
from wav2vec2_app.server.tasks import AudioTask
from wav2vec2_app.speech.audio import AudioSource

CACHE = {"cache_bytes": 1 << 20}


@pytest.fixture
async def recorder(
    make_store: MakeStore, start: Start, adapter: FakeAdapter
) -> AsyncIterator[HistoryRecorder]:
    recorder = HistoryRecorder(make_store())
    await recorder.start()
    yield recorder
    await recorder.stop()


@pytest.fixture
async def orchestrator(
    recorder: HistoryRecorder, start: Start, adapter: FakeAdapter
) -> ModelOrchestrator:
    orchestrator = await start(adapter, **CACHE)
    orchestrator.events.subscribe(recorder)
    return orchestrator


async def names(recorder: HistoryRecorder, owner: str = ANNA) -> list[str]:
    await recorder.drain()
    found = await recorder.store.find(owner, ListQuery())
    return [item.name for item in found.items]


async def test_finished_transcription_is_stored_for_its_owner(
    orchestrator: ModelOrchestrator, recorder: HistoryRecorder
) -> None:
    await orchestrator.run(replace(make_task("good day.wav"), history=ANNA))

    assert await names(recorder) == ["good day.wav"]
    assert await names(recorder, BERT) == []


async def test_session_of_a_browser_knows_its_history(
    orchestrator: ModelOrchestrator, recorder: HistoryRecorder
) -> None:
    orchestrator.session_clients.introduce("tab", "address:1", ANNA)

    await orchestrator.run(make_task("mine.wav", session="tab"))
    await orchestrator.run(make_task("of a program.wav", session="other"))

    assert await names(recorder) == ["mine.wav"]


UNSTORED: dict[str, dict[str, Any]] = {
    "no history": {"history": ""},
    "live": {"live": True},
    "a comparison": {"comparison": True},
    "an alignment": {"wants": frozenset({Want.ALIGNMENT}), "text": "good day"},
}


@pytest.mark.parametrize("name", UNSTORED)
async def test_other_results_are_not_stored(
    orchestrator: ModelOrchestrator, recorder: HistoryRecorder, name: str
) -> None:
    await orchestrator.run(replace(make_task(), **{"history": ANNA, **UNSTORED[name]}))

    assert await names(recorder) == []


async def test_failed_task_is_not_stored(
    orchestrator: ModelOrchestrator, recorder: HistoryRecorder, adapter: FakeAdapter
) -> None:
    adapter.fail(Operation.DECODE_AUDIO, InputError("broken", code="audio.broken"))

    with pytest.raises(InputError):
        await orchestrator.run(replace(make_task(), history=ANNA))

    assert await names(recorder) == []


async def test_decoding_again_changes_the_item(
    orchestrator: ModelOrchestrator, recorder: HistoryRecorder
) -> None:
    first = await orchestrator.run(replace(make_task(session="tab"), history=ANNA))
    wants = frozenset({Want.TRANSCRIPT})
    decoding = replace(make_task().decoding, hotwords=("Okonkwo",))
    again = AudioTask(
        wants=wants, session="tab", cached_id=first.id, history=ANNA, decoding=decoding
    )
    await orchestrator.run(again)
    await recorder.drain()

    [item] = (await recorder.store.find(ANNA, ListQuery())).items
    assert (item.name, item.excerpt) == ("hello world.wav", "Okonkwo")


async def test_recording_is_stored_although_its_file_is_gone(
    orchestrator: ModelOrchestrator, recorder: HistoryRecorder, tmp_path: Path
) -> None:
    await recorder.store.store_audio(ANNA, on=True)
    path = tmp_path / "upload.wav"
    path.write_bytes(b"RIFF and samples")
    source = AudioSource(path=path, name="talk.wav")

    await orchestrator.run(AudioTask(source, history=ANNA))
    path.unlink()
    await recorder.drain()

    [item] = (await recorder.store.find(ANNA, ListQuery())).items
    stored, _ = await recorder.store.audio(ANNA, item.id)
    assert stored.read_bytes() == b"RIFF and samples"


async def run_and_see(orchestrator: ModelOrchestrator, recorder: HistoryRecorder) -> str | None:
    """Run a task, which succeeds; the code of the problem of its owner."""
    result = await orchestrator.run(replace(make_task(), history=ANNA))
    assert result.transcript is not None
    assert result.transcript.text == make_recognition().transcript.text
    await recorder.drain()
    problem = recorder.problem_of(ANNA)
    return problem.code if problem else None


async def test_locked_database_is_noted_and_the_transcript_comes(
    orchestrator: ModelOrchestrator, recorder: HistoryRecorder, tmp_path: Path
) -> None:
    other = sqlite3.connect(tmp_path / HISTORY_FILE, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    assert await run_and_see(orchestrator, recorder) == "storage.locked"
    assert recorder.problem_of(BERT) is None
    other.execute("ROLLBACK")
    other.close()

    assert await run_and_see(orchestrator, recorder) is None
    assert await names(recorder) == ["hello world.wav"]


FAILURES = {
    "full disk": (sqlite3.OperationalError("database or disk is full"), "storage.full"),
    "no space": (OSError(28, "No space left on device"), "storage.full"),
    "disk error": (sqlite3.OperationalError("disk I/O error"), "storage.failed"),
    "a defect": (ValueError("unforeseen"), "storage.failed"),
}


@pytest.mark.parametrize("name", FAILURES)
async def test_any_failure_is_noted_and_the_transcript_comes(
    orchestrator: ModelOrchestrator,
    recorder: HistoryRecorder,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    failure, code = FAILURES[name]

    def fail(*_: object) -> None:
        raise failure

    with monkeypatch.context() as patch:
        patch.setattr("wav2vec2_app.server.storage.items.insert", fail)
        assert await run_and_see(orchestrator, recorder) == code

    assert await run_and_see(orchestrator, recorder) is None


async def test_results_are_not_piled_up_in_memory(
    orchestrator: ModelOrchestrator, recorder: HistoryRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_PENDING", 0)

    assert await run_and_see(orchestrator, recorder) == "history.busy"


async def test_database_of_a_newer_version_turns_the_history_off(
    make_store: MakeStore, tmp_path: Path, start: Start, adapter: FakeAdapter
) -> None:
    with closing(sqlite3.connect(tmp_path / HISTORY_FILE)) as newer:
        newer.execute(f"PRAGMA user_version = {len(HISTORY) + 1}")
    recorder = HistoryRecorder(make_store())
    orchestrator = await start(adapter)
    orchestrator.events.subscribe(recorder)

    await recorder.start()  # nothing is raised

    assert await run_and_see(orchestrator, recorder) == "storage.newer"
    with pytest.raises(ResourceError) as caught:
        await recorder.store.find(ANNA, ListQuery())
    assert caught.value.code == "storage.newer"
    await recorder.stop()


async def test_stopping_stores_what_has_finished(
    make_store: MakeStore, start: Start, adapter: FakeAdapter
) -> None:
    recorder = HistoryRecorder(make_store())
    await recorder.start()
    orchestrator = await start(adapter)
    orchestrator.events.subscribe(recorder)
    for number in range(10):
        await orchestrator.run(replace(make_task(f"{number}.wav"), history=ANNA))

    await recorder.stop()

    found = await make_store().find(ANNA, ListQuery())
    assert found.total == 10
