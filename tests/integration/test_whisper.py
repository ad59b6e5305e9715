"""The whisper role in a real worker below the real application, on a tiny random model."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import jiwer
import numpy as np
import pytest
import pytest_asyncio
from fastapi import FastAPI

from benchmarks.whisper import FOLDER, spoken
from wav2vec2_app.errors import InputError, ModelError
from wav2vec2_app.server.api import add_routes
from wav2vec2_app.server.assets import assets_path
from wav2vec2_app.server.build import System, build_system
from wav2vec2_app.server.events import Done, Partial
from wav2vec2_app.server.operations import Operation
from wav2vec2_app.server.results import AudioResult
from wav2vec2_app.server.status import WorkerStatus
from wav2vec2_app.server.tasks import AudioTask
from wav2vec2_app.settings import Settings
from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ, Audio, AudioSource
from wav2vec2_app.speech.transcript import Recognition, Transcript

pytest.importorskip("faster_whisper")

pytestmark = [
    pytest.mark.integration,
    pytest.mark.asyncio(loop_scope="module"),
]

CLIP = assets_path() / "examples" / "coffee.flac"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random checkpoint, converted by CTranslate2's own converter."""
    from tests.whisper_model import save_tiny_whisper

    return save_tiny_whisper(tmp_path_factory.mktemp("models") / "tiny-whisper")


@pytest.fixture(scope="module")
def broken(tiny: Path) -> Path:
    """The same with its weights cut off."""
    folder = tiny.parent / "broken-whisper"
    shutil.copytree(tiny, folder)
    weights = (folder / "model.bin").read_bytes()
    (folder / "model.bin").write_bytes(weights[: len(weights) // 2])
    return folder


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def system(tiny: Path, broken: Path) -> AsyncIterator[System]:
    folders = (tiny, broken)
    built = build_system(Settings(fetch_models=False, model="embedded", model_folders=folders))
    await built.orchestrator.start()
    yield built
    await built.orchestrator.stop()


async def run(system: System, model: str, **options: Any) -> AudioResult:
    return await system.orchestrator.run(AudioTask(AudioSource(path=CLIP), model=model, **options))


async def transcribe(system: System, model: str) -> Transcript:
    transcript = (await run(system, model)).transcript
    assert transcript is not None
    return transcript


def roles(system: System) -> list[str]:
    now = system.orchestrator.status()
    return [worker.role for adapter in now.adapters for worker in adapter.workers]


def whisper_worker(system: System) -> WorkerStatus:
    now = system.orchestrator.status()
    workers = [worker for adapter in now.adapters for worker in adapter.workers]
    [found] = [worker for worker in workers if worker.role == "whisper"]
    return replace(found, in_flight=0)


def speech_of(seconds: float) -> Audio:
    """The clip again and again."""
    import soundfile

    samples, _ = soundfile.read(CLIP, dtype="float32")
    repeated = np.tile(samples, 1 + round(seconds * SAMPLE_RATE_HZ) // len(samples))
    return Audio(repeated[: round(seconds * SAMPLE_RATE_HZ)], SAMPLE_RATE_HZ, 1, "flac")


@pytest.mark.slow
async def test_worker_starts_with_the_first_request_and_its_memory_is_counted(
    system: System,
) -> None:
    await run(system, "auto")
    before = roles(system)

    result = await run(system, "tiny-whisper")

    assert "whisper" not in before
    assert roles(system).count("whisper") == 1
    memory = system.orchestrator.status().adapters[0].memory
    assert memory is not None
    assert "whisper" in {process.name for process in memory.processes}
    assert result.recognition is not None
    assert result.recognition.emission is None
    transcript = result.recognition.transcript
    assert transcript.words
    assert all(0 <= w.start_s <= w.end_s <= transcript.duration_s for w in transcript.words)
    assert (transcript.model.engine, transcript.model.precision) == ("ctranslate2", "int8")
    assert {"whisper", "decode audio"} <= {stage.name for stage in result.stages}


@pytest.mark.slow
async def test_same_recording_has_the_same_transcript(system: System) -> None:
    assert await transcribe(system, "tiny-whisper") == await transcribe(system, "tiny-whisper")


@pytest.mark.slow
async def test_requested_language_is_that_of_the_transcript(system: System) -> None:
    found = await transcribe(system, "tiny-whisper:French")

    assert found.model.language == "fr"


async def test_language_that_only_other_checkpoints_have_is_a_typed_error(system: System) -> None:
    with pytest.raises(InputError) as rejected:
        await run(system, "tiny-whisper:yue")

    assert rejected.value.code == "language.unsupported"
    assert "yue" not in rejected.value.metadata["known"]  # type: ignore[operator]


async def test_silence_has_no_words(system: System) -> None:
    silence = Audio(np.zeros(SAMPLE_RATE_HZ, np.float32), SAMPLE_RATE_HZ, 1, "wav")

    result = await system.orchestrator.run(AudioTask(audio=silence, model="tiny-whisper"))

    assert result.transcript is not None
    assert (result.transcript.text, result.transcript.reason) == ("", "silence")


@pytest.mark.slow
async def test_long_recording_is_reported_window_by_window(system: System) -> None:
    task = AudioTask(audio=speech_of(70.0), model="tiny-whisper:de")
    lengths, result = [], None
    async with aclosing(system.orchestrator.submit(task)) as events:
        async for event in events:
            if isinstance(event, Partial) and isinstance(event.value, Recognition):
                lengths.append(len(event.value.transcript.words))
            if isinstance(event, Done):
                result = event.result

    assert result is not None
    assert result.transcript is not None
    assert len(set(lengths)) >= 3
    assert lengths[-1] == len(result.transcript.words)
    ends_s = [word.end_s for word in result.transcript.words]
    assert ends_s == sorted(ends_s)
    assert ends_s[-1] > 60


@pytest.mark.slow
async def test_cancelled_recording_leaves_the_worker_to_others(system: System) -> None:
    task = AudioTask(audio=speech_of(600.0), model="tiny-whisper:de")
    async with aclosing(system.orchestrator.submit(task)) as events:
        async for event in events:
            if isinstance(event, Partial) and event.operation is Operation.TRANSCRIBE:
                break
    before = whisper_worker(system)

    await transcribe(system, "tiny-whisper")

    assert whisper_worker(system) == before
    assert before.restarts == 0


@pytest.mark.slow
async def test_folder_that_vanishes_while_loaded_is_a_typed_error_until_it_is_back(
    system: System, tiny: Path
) -> None:
    await transcribe(system, "tiny-whisper")
    away = tiny.rename(tiny.with_name("away"))
    try:
        with pytest.raises(ModelError) as missing:
            await run(system, "tiny-whisper")
        other = await transcribe(system, "embedded")
    finally:
        away.rename(tiny)

    assert missing.value.code == "model.no_config"
    assert other.text
    assert (await transcribe(system, "tiny-whisper")).words


@pytest.mark.slow
async def test_broken_folder_is_a_typed_error_and_the_worker_goes_on(system: System) -> None:
    with pytest.raises(ModelError) as rejected:
        await run(system, "broken-whisper")

    assert rejected.value.code == "model.broken"
    assert (await transcribe(system, "tiny-whisper")).words


@pytest.mark.slow
async def test_api_lists_the_model_and_transcribes_with_it(system: System) -> None:
    app = FastAPI()
    add_routes(
        app, system.orchestrator, system.settings, render_metrics=bytes, metrics_content_type="x"
    )
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
        models = (await client.get("/v1/models")).json()["data"]
        form = {"model": "tiny-whisper", "language": "de", "response_format": "verbose_json"}
        files = {"file": CLIP.read_bytes()}
        answer = await client.post("/v1/audio/transcriptions", data=form, files=files, timeout=60)
        form["language"] = "klingon"
        unknown = await client.post("/v1/audio/transcriptions", data=form, files=files, timeout=60)

    [listed] = [model for model in models if model["id"] == "tiny-whisper"]
    assert listed["ready"]
    assert (answer.status_code, answer.json()["language"]) == (200, "german")
    assert answer.json()["model"]["name"] == "tiny-whisper:de"
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (400, "language.unsupported")


@pytest.mark.slow
async def test_whisper_folder_can_be_the_default_model(tiny: Path) -> None:
    system = build_system(Settings(fetch_models=False, model=str(tiny)))
    await system.orchestrator.start()
    try:
        found = await transcribe(system, "auto")
    finally:
        await system.orchestrator.stop()

    assert found.model.name == "tiny-whisper"


# --- a real model ---


@pytest.mark.whisper
async def test_real_model_writes_punctuation_and_capitals_with_times_from_the_aligner() -> None:
    folder = Path(os.environ.get(FOLDER, "missing"))
    if not (folder / "model.bin").is_file():
        pytest.skip(f"set {FOLDER} to a folder with a Whisper model, see tools/whisper_base.py")
    settings = Settings(fetch_models=False, model="embedded", model_folders=(folder.absolute(),))
    system = build_system(settings)
    await system.orchestrator.start()
    clips = json.loads((CLIP.parent / "examples.json").read_text("utf-8"))
    try:
        found = [
            (await run_clip(system, CLIP.parent / clip["file"], folder.name), clip["text"])
            for clip in clips
        ]
    finally:
        await system.orchestrator.stop()

    texts = [one.text for one, _ in found]
    error = jiwer.wer([spoken(text) for _, text in found], [spoken(text) for text in texts])
    assert error < 0.15
    assert all(one.model.language == "en" for one, _ in found)
    assert all(text[0].isupper() and text[-1] in ".?!" for text in texts)


async def run_clip(system: System, clip: Path, model: str) -> Transcript:
    task = AudioTask(AudioSource(path=clip), model=model)
    result = await asyncio.wait_for(system.orchestrator.run(task), 120)
    assert result.transcript is not None
    assert {"align", "whisper"} <= {stage.name for stage in result.stages}
    return result.transcript
