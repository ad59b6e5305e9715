"""Several models in real workers: loaded beside requests for others, unloaded, and gone from the disk."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.integration.slow_loading_worker import SLOW_WORKER
from wav2vec2_app.errors import ModelError
from wav2vec2_app.server import pools
from wav2vec2_app.server.assets import assets_path
from wav2vec2_app.server.build import System, build_system
from wav2vec2_app.server.tasks import AudioTask
from wav2vec2_app.settings import Settings
from wav2vec2_app.speech.audio import AudioSource

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

CLIP = assets_path() / "examples" / "coffee.flac"
NAMES = ("slow", "vanishing", "preloaded")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def folders(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, Path]]:
    base = tmp_path_factory.mktemp("models")
    yield {name: Path(shutil.copytree(assets_path() / "model", base / name)) for name in NAMES}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def system(folders: dict[str, Path]) -> AsyncIterator[System]:
    (folders["slow"] / "WAIT").touch()
    worker, pools.WORKER = pools.WORKER, SLOW_WORKER
    settings = Settings(
        fetch_models=False,
        model="embedded",
        model_folders=tuple(folders.values()),
        preload_models=("preloaded",),
        memory_limit_bytes=8 << 30,
    )
    try:
        built = build_system(settings)
    finally:
        pools.WORKER = worker
    await built.orchestrator.start()
    await built.service.wait_ready()
    yield built
    await built.orchestrator.stop()


async def answering(system: System, model: str) -> str:
    """Transcribe the clip; the name of the model that answered."""
    result = await system.orchestrator.run(AudioTask(AudioSource(path=CLIP), model=model))
    assert result.transcript is not None
    return result.transcript.model.name


async def state(system: System, name: str, *wanted: str) -> None:
    """Wait until a model has one of these states."""
    # a worker says it in a frame, whenever that comes
    while found(system).get(name) not in wanted:  # noqa: ASYNC110
        await asyncio.sleep(0.01)


def found(system: System) -> dict[str, str]:
    """The states of the models by name."""
    return {one.name: one.state for one in system.service.status("").choices}


async def test_loading_one_model_never_blocks_requests_for_another(
    system: System, folders: dict[str, Path]
) -> None:
    slow = asyncio.create_task(answering(system, "slow"))
    await state(system, "slow", "loading")

    others = [await answering(system, "embedded") for _ in range(2)]
    assert not slow.done()
    (folders["slow"] / "GO").touch()

    assert others == ["embedded"] * 2
    assert await slow == "slow"
    await state(system, "slow", "loaded")
    await state(system, "embedded", "loaded")


async def test_preloaded_model_is_loaded_without_a_request_and_after_a_restart(
    system: System,
) -> None:
    await system.service._models.maintain()
    await state(system, "preloaded", "loaded")
    pids = [one.pid for one in system.service.status("").workers if one.role == "inference"]
    os.kill(pids[0] or 0, signal.SIGKILL)
    await state(system, "preloaded", "on-disk", "loading")

    await system.service._models.maintain()

    await state(system, "preloaded", "loaded")


async def test_folder_that_vanishes_while_loaded_is_a_typed_error_and_others_answer(
    system: System, folders: dict[str, Path]
) -> None:
    assert await answering(system, "vanishing") == "vanishing"
    shutil.rmtree(folders["vanishing"])

    for _ in range(system.settings.breaker_failures + 1):
        with pytest.raises(ModelError) as refused:
            await answering(system, "vanishing")
        assert refused.value.code == "model.folder_missing"
        assert str(folders["vanishing"].parent) not in refused.value.message

    assert await answering(system, "embedded") == "embedded"
    await system.service._models.maintain()
    await state(system, "vanishing", "missing")
