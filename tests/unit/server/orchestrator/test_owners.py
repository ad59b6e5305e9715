"""Results are for their owners only; each client has a share of the cache and of the queue."""

from __future__ import annotations

import asyncio
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from tests.doubles import FakeAdapter
from tests.unit.server.orchestrator.conftest import Start
from wav2vec2_app.errors import BusyError, InputError
from wav2vec2_app.server.clients import MAX_SESSIONS, ClientPolicy, SessionClients, answering
from wav2vec2_app.server.operations import Operation, Want
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator, OrchestratorPolicy
from wav2vec2_app.server.tasks import AudioTask
from wav2vec2_app.speech.audio import AudioSource
from wav2vec2_app.speech.options import DecodingOptions

DECODE_TEXT, TRANSCRIBE = Operation.DECODE_TEXT, Operation.TRANSCRIBE
HOT = DecodingOptions(hotwords=("ada",))
ALIGNMENT = {"wants": frozenset({Want.ALIGNMENT}), "text": "a"}

CALLERS: dict[str, dict[str, str]] = {
    "this process": {},
    "a tab": {"session": "tab", "client": "address:10.0.0.1"},
    "another tab of the same client": {"session": "other", "client": "address:10.0.0.1"},
    "a program with a key": {"client": "key:one"},
    "a tab with another key": {"session": "tab", "client": "key:two"},
    "a program without a session": {"client": "address:10.0.0.1"},
}


def recording(name: str = "one", **caller: str) -> AudioTask:
    return AudioTask(AudioSource(data=name.encode(), name=f"{name}.wav"), **caller)


@pytest.mark.parametrize("wants", [{"decoding": HOT}, ALIGNMENT, {}])
@pytest.mark.parametrize(
    ("mine", "yours"), [pair for pair in product(CALLERS, repeat=2) if pair[0] != pair[1]]
)
async def test_request_id_opens_nothing_of_another_owner(
    start: Start, mine: str, yours: str, wants: dict[str, Any]
) -> None:
    adapter = FakeAdapter()
    orchestrator = await start(adapter, cache_bytes=10**8)
    result = await orchestrator.run(recording(**CALLERS[mine]))

    with pytest.raises(InputError) as rejected:
        await orchestrator.run(AudioTask(cached_id=result.id, **CALLERS[yours], **wants))

    assert rejected.value.code == "task.not_cached"


@pytest.mark.parametrize("caller", [name for name in CALLERS if "without" not in name])
async def test_owner_uses_its_results_again(start: Start, caller: str) -> None:
    adapter = FakeAdapter()
    orchestrator = await start(adapter, cache_bytes=10**8)
    result = await orchestrator.run(recording(**CALLERS[caller]))

    await orchestrator.run(AudioTask(cached_id=result.id, decoding=HOT, **CALLERS[caller]))

    assert adapter.count(TRANSCRIBE) == 1


async def test_same_recording_of_another_owner_is_transcribed_again(start: Start) -> None:
    adapter = FakeAdapter()
    orchestrator = await start(adapter, cache_bytes=10**8)
    for name in ("a tab", "another tab of the same client", "a tab with another key"):
        await orchestrator.run(recording(**CALLERS[name]))

    assert adapter.count(TRANSCRIBE) == 3


async def test_results_that_no_client_can_request_take_no_room(start: Start) -> None:
    orchestrator = await start(FakeAdapter(), cache_bytes=10**8)

    await orchestrator.run(recording(client="address:10.0.0.1"))

    assert orchestrator.cache_bytes == 0


@pytest.mark.parametrize("sessions", [1, 50], ids=["one session", "made-up sessions"])
async def test_one_client_cannot_drop_the_results_of_another(start: Start, sessions: int) -> None:
    orchestrator = await start(FakeAdapter(), cache_bytes=400_000)  # five of 1 s, as float32
    quiet = {"session": "quiet", "client": "address:10.0.0.2"}
    mine = await orchestrator.run(recording("mine", **quiet))
    for number in range(50):
        session = f"loud {number % sessions}"
        await orchestrator.run(recording(str(number), session=session, client="address:10.0.0.1"))

    await orchestrator.run(AudioTask(cached_id=mine.id, decoding=HOT, **quiet))


# --- limits -------------------------------------------------------------------------------------


async def started(adapter: FakeAdapter, **limits: int) -> ModelOrchestrator:
    orchestrator = ModelOrchestrator([adapter], OrchestratorPolicy(clients=ClientPolicy(**limits)))
    await orchestrator.start()
    return orchestrator


async def test_client_with_too_many_tasks_is_rejected_and_others_are_served() -> None:
    adapter = FakeAdapter()
    orchestrator = await started(adapter, tasks=3)
    gate = adapter.block(Operation.PROBE)
    works = [
        asyncio.ensure_future(
            orchestrator.run(recording(str(number), session=str(number), client="address:1"))
        )
        for number in range(3)
    ]
    await adapter.reached(Operation.PROBE, 3)

    with pytest.raises(BusyError) as rejected:
        await orchestrator.run(recording("four", session="made up", client="address:1"))
    other = asyncio.ensure_future(orchestrator.run(recording("five", client="address:2")))
    gate.set()
    await asyncio.gather(*works, other)

    assert rejected.value.code == "client.tasks"
    assert rejected.value.metadata["retry_after_s"]
    await orchestrator.run(recording("again", client="address:1"))
    await orchestrator.stop()


async def test_client_with_too_many_bytes_is_rejected(tmp_path: Path) -> None:
    adapter = FakeAdapter()
    orchestrator = await started(adapter, bytes=100)
    path = tmp_path / "large.wav"
    path.write_bytes(bytes(80))
    gate = adapter.block(Operation.PROBE)
    large = AudioTask(AudioSource(path=path, name="large.wav"), client="key:1")
    work = asyncio.ensure_future(orchestrator.run(large))
    await adapter.reached(Operation.PROBE)

    with pytest.raises(BusyError) as rejected:
        await orchestrator.run(AudioTask(AudioSource(data=bytes(30), name="b"), client="key:1"))
    small = asyncio.ensure_future(
        orchestrator.run(AudioTask(AudioSource(data=bytes(20), name="c"), client="key:1"))
    )
    gate.set()
    await asyncio.gather(work, small)

    assert rejected.value.code == "client.bytes"
    await orchestrator.stop()


async def test_task_of_a_session_counts_for_the_client_that_opened_it() -> None:
    adapter = FakeAdapter()
    orchestrator = await started(adapter, tasks=1)
    orchestrator.session_clients.introduce("one", "address:1")
    orchestrator.session_clients.introduce("two", "address:1")
    gate = adapter.block(Operation.PROBE)
    work = asyncio.ensure_future(orchestrator.run(recording(session="one")))
    await adapter.reached(Operation.PROBE)

    with pytest.raises(BusyError):
        await orchestrator.run(recording(session="two"))

    gate.set()
    await work
    await orchestrator.stop()


def test_task_made_during_a_request_is_the_clients() -> None:
    with answering("key:1"):
        assert recording().client == "key:1"
    assert recording().client == ""


def test_clients_of_made_up_sessions_are_forgotten() -> None:
    clients = SessionClients()
    for number in range(MAX_SESSIONS + 5):
        clients.introduce(f"session {number}", "address:1")

    assert len(clients) == MAX_SESSIONS
    assert clients.of("session 0") == ""
    assert clients.of(f"session {MAX_SESSIONS}") == "address:1"
