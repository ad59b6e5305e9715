"""What happens when worker processes die, on the real application."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from tests.examples import clips
from wav2vec2_app.errors import CancelledError, WorkerDiedError
from wav2vec2_app.server.build import System, build_system
from wav2vec2_app.server.events import Advanced, Done, Failed, Partial
from wav2vec2_app.server.operations import Operation, Want
from wav2vec2_app.server.tasks import AudioTask
from wav2vec2_app.settings import Settings
from wav2vec2_app.speech.audio import AudioSource

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]
"""The tests share one application: what one of them kills, the next one finds again."""

EVERYTHING = frozenset({Want.TRANSCRIPT, Want.FEATURES, Want.PICTURES})

SHORT, LONG = clips()[0], clips()[-1]


def pid_of(system: System, role: str) -> int:
    [worker] = [w for w in system.service.status("").workers if w.role == role]
    assert worker.pid is not None
    return worker.pid


@pytest.mark.parametrize(
    ("role", "operation"),
    [("inference", Operation.TRANSCRIBE), ("audio", Operation.DRAW)],
)
async def test_request_survives_the_death_of_its_worker_in_the_middle(
    shared_local_system: System, role: str, operation: Operation
) -> None:
    """Killed after the first window, or the first picture, of several."""
    victim = pid_of(shared_local_system, role)
    task = AudioTask(AudioSource(path=LONG.path), wants=EVERYTHING, session=role)
    killed, last = False, None

    async for event in shared_local_system.orchestrator.submit(task):
        if isinstance(event, Advanced) and event.operation is operation and not killed:
            os.kill(victim, signal.SIGKILL)
            killed = True
        last = event

    assert isinstance(last, Done)
    assert last.result.transcript is not None
    assert last.result.transcript.text
    assert len({picture.name for picture in last.result.pictures}) == 5
    assert len(last.result.pictures) == 5
    assert pid_of(shared_local_system, role) != victim


async def test_new_request_is_served_after_the_worker_died(shared_local_system: System) -> None:
    os.kill(pid_of(shared_local_system, "inference"), signal.SIGKILL)

    task = AudioTask(AudioSource(path=SHORT.path))
    result = await asyncio.wait_for(shared_local_system.orchestrator.run(task), timeout=30)

    assert result.transcript is not None
    assert result.transcript.text


async def test_bad_file_does_not_affect_other_requests(
    shared_local_system: System, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"RIFF" + os.urandom(5000))
    pids = pid_of(shared_local_system, "audio"), pid_of(shared_local_system, "inference")

    good = [AudioTask(AudioSource(path=SHORT.path)) for _ in range(3)]
    results = await asyncio.gather(
        *(shared_local_system.orchestrator.run(task) for task in good),
        *(shared_local_system.orchestrator.run(AudioTask(AudioSource(path=bad))) for _ in range(3)),
        return_exceptions=True,
    )

    assert len({result.transcript.text for result in results[:3]}) == 1
    assert all(getattr(error, "code", "").startswith("audio.") for error in results[3:])
    assert pids == (pid_of(shared_local_system, "audio"), pid_of(shared_local_system, "inference"))


async def test_cancel_stops_the_work_between_windows(shared_system: System) -> None:
    """The long clip has several windows; after the first, the session is cancelled."""
    task = AudioTask(AudioSource(path=LONG.path), session="client")
    windows = 0
    last = None

    async for event in shared_system.orchestrator.submit(task):
        if isinstance(event, Advanced) and event.operation is Operation.TRANSCRIBE:
            windows += 1
            assert shared_system.orchestrator.cancel_session("client") in (0, 1)
        last = event

    assert windows == 1
    assert isinstance(last, Failed)
    assert isinstance(last.error, CancelledError)
    after = await shared_system.orchestrator.run(AudioTask(AudioSource(path=SHORT.path)))
    assert after.transcript is not None


async def test_transcript_comes_before_the_pictures(shared_system: System) -> None:
    task = AudioTask(AudioSource(path=SHORT.path), wants=EVERYTHING)

    parts = [
        type(event.value).__name__
        async for event in shared_system.orchestrator.submit(task)
        if isinstance(event, Partial)
    ]

    assert parts.count("Picture") == 5
    assert parts.index("Recognition") < parts.index("Picture")


async def test_worker_that_cannot_start_as_configured_stays_down_and_says_why(
    tmp_path: Path,
) -> None:
    system = build_system(Settings(fetch_models=False, model=str(tmp_path)))
    await system.orchestrator.start()
    try:
        with pytest.raises(WorkerDiedError) as down:
            await system.service.wait_ready()
        with pytest.raises(WorkerDiedError):
            await system.orchestrator.run(AudioTask(AudioSource(path=SHORT.path)))
        [worker] = [w for w in system.service.status("").workers if w.role == "inference"]
    finally:
        await system.orchestrator.stop()

    assert down.value.code == "worker.down"
    assert "config.json" in down.value.message
    assert worker.restarts == 0
