"""Fetching a better model in the background, from a hub on this machine."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.examples import clips
from tests.fake_hub import fake_hub
from wav2vec2_app.protocol.inference import InferenceInfo
from wav2vec2_app.server.build import build_system
from wav2vec2_app.server.tasks import AudioTask
from wav2vec2_app.settings import Settings
from wav2vec2_app.speech.audio import AudioSource

pytestmark = pytest.mark.integration

NAME = "example/wav2vec2-better"


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers see a hub cache of their own."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)


def settings(**more: Any) -> Settings:
    return Settings(preferred_model=NAME, allowed_models=(NAME,), fetch_timeout_s=5, **more)


@pytest.mark.slow
async def test_new_requests_switch_to_the_model_that_arrived(
    tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {path.name: path.read_bytes() for path in tiny_folder.iterdir()}
    with fake_hub({NAME: files}) as endpoint:
        monkeypatch.setenv("HF_ENDPOINT", endpoint)
        system = build_system(settings())
        await system.orchestrator.start()
        try:
            await system.service.wait_for_better_model()
            status = system.service.status("wav2vec2")
            result = await system.orchestrator.run(AudioTask(AudioSource(path=clips()[0].path)))
        finally:
            await system.orchestrator.stop()

    assert status.model is not None
    assert (status.model.name, status.model.source) == (NAME, "cache")
    assert status.notices == ()
    assert {choice.name: choice.ready for choice in status.choices}[NAME]
    assert result.transcript is not None
    assert result.transcript.model.name == NAME


@pytest.mark.slow
async def test_model_that_arrived_is_loaded_by_every_worker(
    tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {path.name: path.read_bytes() for path in tiny_folder.iterdir()}
    with fake_hub({NAME: files}) as endpoint:
        monkeypatch.setenv("HF_ENDPOINT", endpoint)
        system = build_system(settings(inference_workers=2))
        await system.orchestrator.start()
        try:
            await system.service.wait_ready()
            await system.service.wait_for_better_model()
            infos = system.service._workers.inference.infos(InferenceInfo)
            tasks = [AudioTask(AudioSource(path=clip.path)) for clip in (clips() * 4)[:6]]
            results = await asyncio.gather(*(system.orchestrator.run(task) for task in tasks))
            workers = system.service._workers.inference.statuses()
        finally:
            await system.orchestrator.stop()

    assert len({pid for pid, _ in infos}) == 2
    for _, info in infos:
        assert {one.name: one.state for one in info.choices}[NAME] == "loaded"
    assert {one.transcript.model.name for one in results if one.transcript} == {NAME}
    assert all(worker.busy_s > 0 for worker in workers)


async def test_offline_hub_leaves_the_embedded_model_and_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    system = build_system(settings())
    await system.orchestrator.start()
    try:
        await system.service.wait_for_better_model()
        status = system.service.status("wav2vec2")
        result = await system.orchestrator.run(AudioTask(AudioSource(path=clips()[0].path)))
    finally:
        await system.orchestrator.stop()

    assert status.model is not None
    assert status.model.source == "embedded"
    assert any("cannot be reached" in notice for notice in status.notices)
    assert result.transcript is not None
    assert result.transcript.model.name == "embedded"
