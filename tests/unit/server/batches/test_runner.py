"""Batches in the background: failures, restarts, other clients, deletion."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from tests.doubles import FakeAdapter, FakeClock, make_audio, make_task
from tests.unit.conftest import Start
from tests.unit.server.batches.conftest import ANNA, BERT, Open
from wav2vec2_app.errors import BusyError, InputError, InternalError, WorkerDiedError
from wav2vec2_app.server.batches.records import BatchBounds, BatchOptions, NewFile
from wav2vec2_app.server.batches.runner import MAX_FILE_TRIES
from wav2vec2_app.server.operations import Operation
from wav2vec2_app.server.tasks import ModelTask
from wav2vec2_app.speech.options import parse_options


def names_of(adapter: FakeAdapter) -> list[str]:
    """The names of the files that were transcribed, in order."""
    return [
        call.task.source.name
        for call in adapter.calls
        if call.operation is Operation.TRANSCRIBE and call.task.source
    ]


def broken(*names: str) -> object:
    """An answer that rejects files of these names."""

    def answer(task: ModelTask) -> object:
        assert task.task.source is not None
        if task.task.source.name in names:
            return InputError(
                "The recording cannot be decoded.", code="audio.broken", hint="Convert it."
            )
        return make_audio(2.0)

    return answer


async def test_every_file_is_transcribed_once_in_order(
    open_batches: Open, adapter: FakeAdapter
) -> None:
    batches = await open_batches()

    batch = await batches.send("one.wav", "two.wav", "three.wav")
    found = await batches.finished(batch)

    assert [file.text for file in found.files] == ["one", "two", "three"]
    assert names_of(adapter) == ["one.wav", "two.wav", "three.wav"]
    assert {file.state for file in found.files} == {"done"}
    assert all(file.confidence and file.duration_s for file in found.files)
    assert batches.uploads() == []


async def test_failures_do_not_stop_the_others(open_batches: Open, adapter: FakeAdapter) -> None:
    names = [f"{number}.wav" for number in range(50)]
    bad = names[::10]
    adapter.answer(Operation.DECODE_AUDIO, *[broken(*bad)] * 50)
    batches = await open_batches()

    found = await batches.finished(await batches.send(*names))

    assert (found.counts.done, found.counts.failed, found.counts.total) == (45, 5, 50)
    failed = [file for file in found.files if file.state == "failed"]
    assert [file.name for file in failed] == bad
    assert {file.error.code for file in failed if file.error} == {"audio.broken"}
    assert batches.uploads() == []


@pytest.mark.parametrize(
    "error",
    [
        InternalError("a defect"),
        WorkerDiedError("it died", retryable=False),
        ValueError("unforeseen"),
    ],
)
async def test_any_error_is_the_reason_of_its_file_alone(
    open_batches: Open, adapter: FakeAdapter, error: Exception
) -> None:
    adapter.fail(Operation.TRANSCRIBE, error)
    batches = await open_batches()

    found = await batches.finished(await batches.send("bad.wav", "good.wav"))

    assert [file.state for file in found.files] == ["failed", "done"]
    assert found.files[0].error is not None
    assert found.files[0].error.message


async def test_options_of_the_batch_are_used(open_batches: Open, adapter: FakeAdapter) -> None:
    batches = await open_batches()
    decoding = parse_options(hotwords=["Okonkwo"])

    await batches.finished(await batches.send("a.wav", options=BatchOptions("m", decoding)))

    [call] = [one for one in adapter.calls if one.operation is Operation.TRANSCRIBE]
    assert (call.step.target.model, call.decoding) == ("m", decoding)


async def test_results_of_batches_are_neither_cached_nor_in_a_history(
    open_batches: Open, adapter: FakeAdapter, start: Start
) -> None:
    orchestrator = await start(adapter, cache_bytes=1 << 20)
    batches = await open_batches(orchestrator=orchestrator)

    await batches.finished(await batches.send("a.wav"))

    assert orchestrator.cache_bytes == 0
    assert {call.task.history for call in adapter.calls} == {""}


# --- other clients ------------------------------------------------------------------------------


async def test_clients_do_not_wait_for_a_batch(
    open_batches: Open, adapter: FakeAdapter, start: Start
) -> None:
    """While clients wait in the queue, no file of a batch begins."""
    orchestrator = await start(adapter, concurrency=2)
    gate = adapter.block(Operation.TRANSCRIBE)
    clients = [
        asyncio.create_task(orchestrator.run(make_task(f"client {number}.wav")))
        for number in range(5)
    ]
    await adapter.reached(Operation.TRANSCRIBE, 2)
    batches = await open_batches(orchestrator=orchestrator)
    batch = await batches.send(*(f"batch {number}.wav" for number in range(3)))
    gate.set()
    await asyncio.gather(*clients)
    await batches.finished(batch)

    order = names_of(adapter)
    assert [name for name in order[:4] if name.startswith("batch")] == []


async def test_batch_never_takes_the_last_slot(
    open_batches: Open, adapter: FakeAdapter, start: Start
) -> None:
    orchestrator = await start(adapter, concurrency=2)
    gate = adapter.block(Operation.TRANSCRIBE)
    batches = await open_batches(orchestrator=orchestrator)
    batch = await batches.send("a.wav", "b.wav", "c.wav")
    await adapter.reached(Operation.TRANSCRIBE, 1)

    client = asyncio.create_task(orchestrator.run(make_task("client.wav")))
    await adapter.reached(Operation.TRANSCRIBE, 2)

    assert names_of(adapter) == ["a.wav", "client.wav"]
    gate.set()
    await client
    await batches.finished(batch)


async def test_owners_take_turns(open_batches: Open, adapter: FakeAdapter) -> None:
    gate = adapter.block(Operation.TRANSCRIBE)
    batches = await open_batches()
    first = await batches.send(*(f"anna {number}.wav" for number in range(6)))
    await adapter.reached(Operation.TRANSCRIBE, 1)
    second = await batches.send("bert 0.wav", "bert 1.wav", owner=BERT)
    gate.set()
    await batches.finished(second, BERT)
    await batches.finished(first)

    order = [name.split()[0] for name in names_of(adapter)]
    assert order.index("bert") <= 2
    assert order[:5].count("bert") == 2


async def test_full_queue_delays_a_file_and_does_not_fail_it(
    open_batches: Open, adapter: FakeAdapter
) -> None:
    adapter.fail(Operation.PROBE, BusyError("full"), times=MAX_FILE_TRIES - 1)
    batches = await open_batches()

    found = await batches.finished(await batches.send("a.wav"))

    assert found.files[0].state == "done"


# --- progress -----------------------------------------------------------------------------------


async def test_running_file_has_progress_and_the_batch_an_estimate(
    open_batches: Open, adapter: FakeAdapter
) -> None:
    batches = await open_batches()
    await batches.finished(await batches.send("before.wav"))
    gate = adapter.block(Operation.TRANSCRIBE)
    batch = await batches.send("a.wav", "b.wav")
    await adapter.reached(Operation.TRANSCRIBE, 2)
    batches.runner.progress[batch, 1] = 0.5

    found = await batches.get(batch)

    assert [(file.state, file.progress) for file in found.files] == [
        ("running", 0.5),
        ("waiting", 0),
    ]
    assert found.counts.running == found.counts.waiting == 1
    assert found.expires is None
    gate.set()
    assert (await batches.finished(batch)).expires is not None


async def test_clients_get_only_what_has_changed(open_batches: Open) -> None:
    batches = await open_batches(run=False)
    batch = await batches.send("a.wav", "b.wav", "c.wav")
    before = await batches.get(batch)

    await batches.runner.start()
    after = await batches.finished(batch)
    changed = await batches.get(batch, after=before.version)
    nothing = await batches.get(batch, after=after.version)

    assert len(changed.files) == 3
    assert nothing.files == ()
    assert nothing.counts.total == 3


# --- restarts -----------------------------------------------------------------------------------


async def test_restart_in_the_middle_does_nothing_twice(
    open_batches: Open, adapter: FakeAdapter
) -> None:
    gate = adapter.block(Operation.TRANSCRIBE)
    first = await open_batches()
    batch = await first.send(*(f"{number}.wav" for number in range(8)))
    await adapter.reached(Operation.TRANSCRIBE, 1)
    gate.set()
    while (await first.get(batch)).counts.done < 3:
        pass
    await first.runner.stop()

    second = await open_batches()
    found = await second.finished(batch)

    assert found.counts.done == 8
    assert [file.text for file in found.files] == [str(number) for number in range(8)]
    repeated = {name for name, count in Counter(names_of(adapter)).items() if count > 1}
    assert len(repeated) <= 1  # the one that was running
    assert second.uploads() == []


async def test_file_that_stops_the_server_again_and_again_fails(open_batches: Open) -> None:
    """A killed server cannot put its file back: the next start finds it running."""
    opened = await open_batches(run=False)
    batch = await opened.send("poison.wav", "good.wav")
    for _ in range(3):
        assert await opened.store.next() is not None
        await opened.store.start()

    found = await opened.get(batch)

    assert [file.state for file in found.files] == ["failed", "waiting"]
    assert found.files[0].error is not None
    assert found.files[0].error.code == "batch.interrupted"
    assert opened.uploads() == [f"{batch}/2"]


async def test_server_that_stops_in_good_order_is_no_attempt(
    open_batches: Open, adapter: FakeAdapter
) -> None:
    adapter.block(Operation.TRANSCRIBE)
    for _ in range(5):
        before = adapter.count(Operation.TRANSCRIBE)
        opened = await open_batches()
        batch = (await opened.store.overview(ANNA)).batches
        name = batch[0].id if batch else await opened.send("a.wav")
        await adapter.reached(Operation.TRANSCRIBE, before + 1)
        assert (await opened.get(name)).counts.running == 1
        await opened.runner.stop()

    last = await open_batches(run=False)
    assert (await last.get(name)).files[0].state == "waiting"


async def test_second_server_does_not_run_the_same_batches(open_batches: Open) -> None:
    first = await open_batches()
    second = await open_batches()

    assert second.runner.problem is not None
    assert second.runner.problem.code == "batch.in_use"
    await first.runner.stop()
    while second.runner.problem is not None:  # it takes over
        await second.store.overview(ANNA)


async def test_lost_uploads_are_missing_after_a_restart(open_batches: Open, tmp_path: Path) -> None:
    opened = await open_batches(run=False)
    batch = await opened.send("a.wav", "b.wav")
    for path in tmp_path.glob("batch-uploads/*/1"):
        path.unlink()
    (tmp_path / "batch-uploads" / batch / "77").write_bytes(b"of nothing")

    await opened.store.start()

    assert [file.state for file in (await opened.get(batch)).files] == ["missing", "waiting"]
    assert opened.uploads() == [f"{batch}/2"]


# --- deletion -----------------------------------------------------------------------------------


async def test_deleting_stops_a_batch_and_others_go_on(
    open_batches: Open, adapter: FakeAdapter
) -> None:
    adapter.block(Operation.TRANSCRIBE)
    batches = await open_batches()
    deleted = await batches.send("a.wav", "b.wav")
    await adapter.reached(Operation.TRANSCRIBE, 1)
    other = await batches.send("c.wav")

    await batches.store.delete(ANNA, deleted)
    batches.runner.cancel(deleted)
    await adapter.reached(Operation.TRANSCRIBE, 2)
    adapter.block(Operation.TRANSCRIBE).set()
    await batches.finished(other)

    assert names_of(adapter) == ["a.wav", "c.wav"]
    assert len(adapter.cancelled) == 1
    with pytest.raises(InputError):
        await batches.get(deleted)
    assert batches.uploads() == []


async def test_another_owner_finds_nothing(open_batches: Open) -> None:
    batches = await open_batches(run=False)
    batch = await batches.send("a.wav")

    for request in (
        batches.store.get(BERT, batch, 0, {}),
        batches.store.results(BERT, batch),
        batches.store.delete(BERT, batch),
        batches.store.check_missing(BERT, batch, 1),
    ):
        with pytest.raises(InputError) as caught:
            await request
        assert caught.value.code == "batch.not_found"
    assert (await batches.store.overview(BERT)).batches == ()


async def test_finished_batches_are_deleted_after_a_day_and_waiting_ones_not(
    open_batches: Open, clock: FakeClock
) -> None:
    batches = await open_batches(run=False, policy=BatchBounds(retention_s=100))
    waiting = await batches.send("a.wav")
    unsent = await batches.store.create(ANNA, "", BatchOptions(), [NewFile("b.wav", 4)])
    clock.advance(101)

    assert await batches.store.purge() == 1
    assert (await batches.get(waiting)).counts.waiting == 1
    with pytest.raises(InputError):
        await batches.get(unsent)
