"""The command line in this process, on real workers."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.examples import clips
from wav2vec2_app.cli import app

pytestmark = pytest.mark.integration

run = CliRunner()
CLIP = clips()[0].path


@pytest.fixture(autouse=True)
def own_logging() -> Iterator[None]:
    """The commands set up logging for their process, which is that of all tests here."""
    root, ours = logging.getLogger(), logging.getLogger("wav2vec2_app")
    handlers, level = list(root.handlers), ours.level
    yield
    root.handlers[:] = handlers
    ours.setLevel(level)


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAV2VEC2_MODEL", "embedded")


def test_transcribe_prints_the_text_alone_for_one_file() -> None:
    done = run.invoke(app, ["transcribe", str(CLIP)])

    assert done.exit_code == 0
    assert len(done.stdout.splitlines()) == 1
    assert ":" not in done.stdout


def test_transcribe_goes_on_after_a_bad_file_and_fails_at_the_end(tmp_path: Path) -> None:
    bad = tmp_path / "[red]bad.wav"
    bad.write_text("not a sound")

    done = run.invoke(app, ["transcribe", "--output", "json", str(bad), str(CLIP)])

    first, second = (json.loads(line) for line in done.stdout.splitlines())
    assert done.exit_code == 1
    assert first["error"]["code"] == "audio.not_audio"
    assert first["error"]["hint"]
    assert second["file"] == CLIP.name
    assert second["words"]
    assert "[red]bad.wav" in done.stderr


def test_transcribe_says_why_nothing_was_said(tmp_path: Path) -> None:
    import numpy as np
    import soundfile

    soundfile.write(tmp_path / "quiet.wav", np.zeros(16_000), 16_000)

    done = run.invoke(app, ["transcribe", str(tmp_path / "quiet.wav")])

    assert done.exit_code == 0
    assert done.stdout.strip() == ""
    assert "silence" in done.stderr


def test_doctor_names_model_device_and_workers() -> None:
    done = run.invoke(app, ["doctor"])

    assert done.exit_code == 0
    for word in ("torch", "embedded", "cpu", "worker inference", "Ready"):
        assert word in done.stdout


def test_doctor_says_what_keeps_the_workers_from_starting(tmp_path: Path) -> None:
    done = run.invoke(app, ["doctor"], env={"WAV2VEC2_MODEL": str(tmp_path)})

    assert done.exit_code == 1
    assert "config.json" in done.stderr


def test_wrong_setting_is_named() -> None:
    done = run.invoke(app, ["doctor"], env={"WAV2VEC2_PORT": "many"})

    assert done.exit_code == 2
    assert "WAV2VEC2_PORT" in done.stderr


def test_serve_takes_its_options(monkeypatch: pytest.MonkeyPatch) -> None:
    served = []
    monkeypatch.setattr("wav2vec2_app.server.run", served.append)

    done = run.invoke(app, ["serve", "--port", "8123", "--host", "127.0.0.2"])

    assert done.exit_code == 0
    assert [(settings.host, settings.port) for settings in served] == [("127.0.0.2", 8123)]
