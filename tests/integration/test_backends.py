"""The application with workers of this machine, and with replicas on a Ray cluster: the same results."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest
import soundfile

from benchmarks.cluster import replica_processes
from tests.examples import clips
from wav2vec2_app.errors import InputError, ResourceError
from wav2vec2_app.protocol.inference import DescribeRequest, EmitRequest
from wav2vec2_app.server.bridge.ray_or_error import ray_remotes
from wav2vec2_app.server.bridge.remote import RemoteBackend
from wav2vec2_app.server.build import System
from wav2vec2_app.server.deadline import Deadline
from wav2vec2_app.server.events import Advanced, Done, Partial, WorkerEvent
from wav2vec2_app.server.operations import Operation, Want
from wav2vec2_app.server.tasks import AudioTask
from wav2vec2_app.speech.audio import AudioSource, DecodeAudioOptions
from wav2vec2_app.speech.transcript import Transcript

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

LIMIT_S = 60.0
SPOOLED_S = 70.0
"""Longer audio than the audio worker returns in its response."""


@pytest.fixture(scope="module")
def long_stereo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Speech in both channels, with different beginnings, longer than :data:`SPOOLED_S`."""
    samples, rate = soundfile.read(clips()[0].path, dtype="float32")
    once = np.concatenate([samples, np.zeros(rate // 2, np.float32)])
    left = np.tile(once, int(SPOOLED_S * rate / len(once)) + 1)
    path = tmp_path_factory.mktemp("long") / "both channels.flac"
    soundfile.write(path, np.stack([left, np.roll(left, rate)], axis=1), rate)
    return path


async def transcript(system: System, path: Path, model: str = "auto") -> Transcript:
    result = await system.orchestrator.run(AudioTask(AudioSource(path=path), model=model))
    assert result.transcript is not None
    return result.transcript


@pytest.mark.slow
async def test_long_recording_is_transcribed_window_by_window(
    shared_system: System, long_stereo: Path
) -> None:
    options = DecodeAudioOptions(channels="separate")
    task = AudioTask(AudioSource(path=long_stereo), audio_options=options)
    fractions, result = [], None

    async for event in shared_system.orchestrator.submit(task):
        if isinstance(event, Advanced) and event.operation is Operation.TRANSCRIBE:
            fractions.append(event.fraction)
        if isinstance(event, Done):
            result = event.result

    assert result is not None
    assert result.transcript is not None
    assert result.audio.duration_s > SPOOLED_S
    assert fractions == sorted(fractions)
    assert len(fractions) > 7
    assert {word.channel for word in result.transcript.words} == {1, 2}


@pytest.mark.slow
async def test_pictures_come_one_by_one(shared_system: System) -> None:
    wants = frozenset({Want.TRANSCRIPT, Want.FEATURES, Want.PICTURES})
    task = AudioTask(AudioSource(path=clips()[0].path), wants=wants)

    names = [
        event.value.name
        async for event in shared_system.orchestrator.submit(task)
        if isinstance(event, Partial) and hasattr(event.value, "svg")
    ]

    assert len(names) == len(set(names)) == 5


@pytest.mark.parametrize("content", [b"", b"RIFF" + bytes(range(256)) * 20, b"plain text"])
async def test_file_that_is_not_audio_is_refused(
    shared_system: System, tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "not audio.wav"
    path.write_bytes(content)

    with pytest.raises(InputError) as caught:
        await transcript(shared_system, path)

    assert caught.value.code.startswith("audio.")
    assert str(tmp_path) not in str(caught.value.public())


async def test_model_is_loaded_by_all_workers_when_it_is_first_requested(
    shared_system: System, tiny_folder: Path
) -> None:
    path = clips()[0].path

    results = await asyncio.gather(
        *(transcript(shared_system, path, tiny_folder.name) for _ in range(4))
    )

    assert {result.model.name for result in results} == {tiny_folder.name}
    states = {choice.name: choice.state for choice in shared_system.service.status("").choices}
    assert states[tiny_folder.name] == "loaded"


# --- Ray only ----------------------------------------------------------------------------------


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
async def test_no_request_is_lost_when_replicas_are_killed_under_load(ray_address: str) -> None:
    events: list[WorkerEvent] = []
    remote = ray_remotes(ray_address)("inference")
    backend = RemoteBackend("inference", remote, on_event=events.append)
    samples = np.random.default_rng(0).normal(scale=0.1, size=160_000).astype(np.float32)
    [before] = {(await ask(backend, samples)).tobytes()}
    tasks = [asyncio.create_task(ask(backend, samples)) for _ in range(24)]
    killed = 0

    for number, done in enumerate(asyncio.as_completed(tasks)):
        await done
        if number in (2, 10):
            [victim, *_] = replica_processes("inference")
            victim.kill()
            killed += 1

    assert killed == 2
    assert {task.result().tobytes() for task in tasks} == {before}
    assert "retried" in [event.kind for event in events]


async def ask(backend: RemoteBackend, samples: np.ndarray) -> np.ndarray:
    request = EmitRequest("embedded", samples)
    response = await backend.request(request, deadline=Deadline.after(LIMIT_S))
    return response.emission.log_probs


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
async def test_role_that_is_not_deployed_is_an_error_with_a_hint(ray_address: str) -> None:
    backend = RemoteBackend("whisper", ray_remotes(ray_address)("whisper"))

    with pytest.raises(ResourceError) as caught:
        await backend.request(DescribeRequest("auto"), deadline=Deadline.after(LIMIT_S))

    assert caught.value.code == "backend.not_deployed"
    assert "ray deploy" in caught.value.hint
