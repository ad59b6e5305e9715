"""Fetching a better model in the background, from a hub on this machine."""

from pathlib import Path

import pytest

from tests.examples import clips
from tests.fake_hub import fake_hub
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


def settings() -> Settings:
    return Settings(preferred_model=NAME, allowed_models=(NAME,), fetch_timeout_s=5)


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
