"""Which recognisers a server has, by its settings; nothing is started."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from wav2vec2_app.server import build, policies, worker_configs
from wav2vec2_app.settings import Settings

HUB = "org/whisper"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that looks like a Whisper model."""
    made = tmp_path / "whisper-mine"
    made.mkdir()
    (made / "model.bin").write_bytes(b"")
    return made


def settings_of(**values: Any) -> Settings:
    return Settings(**{"fetch_models": False, "whisper_models": (HUB,), **values})


def adapters_of(settings: Settings) -> list[str]:
    status = build.build_system(settings).orchestrator.status()
    return [adapter.name for adapter in status.adapters]


@pytest.mark.parametrize("model", ["auto", "embedded", "some/ctc"])
def test_wav2vec2_comes_first(model: str) -> None:
    assert adapters_of(settings_of(model=model)) == ["wav2vec2", "whisper", "speakers"]


def test_whisper_comes_first_if_it_is_the_default_model(folder: Path) -> None:
    for model in (HUB, f"{HUB}:de", str(folder)):
        settings = settings_of(model=model)

        assert adapters_of(settings) == ["whisper", "wav2vec2", "speakers"]
        assert policies.service_policy(settings).models.default == "auto"


def test_server_without_whisper_models_has_no_such_recogniser(tmp_path: Path) -> None:
    settings = settings_of(whisper_models=(), model_folders=(tmp_path,))

    assert adapters_of(settings) == ["wav2vec2", "speakers"]


def test_folders_go_to_the_workers_of_their_kind(folder: Path, tmp_path: Path) -> None:
    ctc = tmp_path / "ctc"
    ctc.mkdir()
    settings = settings_of(model="embedded", model_folders=(folder, ctc))
    [whisper, _] = build.recognisers(settings)

    assert whisper.config["folders"] == [str(folder)]
    assert worker_configs._inference_config(settings, tmp_path)["folders"] == [str(ctc)]


def test_no_process_of_other_models_is_reported_before_it_is_used() -> None:
    status = build.build_system(settings_of()).orchestrator.status()

    roles = {worker.role for adapter in status.adapters for worker in adapter.workers}
    assert not roles & {"whisper", "speakers"}
