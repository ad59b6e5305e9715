"""The wheel in a virtual environment of its own, run from an empty folder."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import sysconfig
import urllib.error
import urllib.request
import venv
from pathlib import Path

import pytest

from tests.examples import clips

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The installed ``wav2vec2-app``.

    The package comes from the wheel; what it depends on is lent by the running environment, whose own
    (editable) copy of the package is not visible, because a path line does not process other path files.
    """
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--quiet"]
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", folder, ROOT], check=True)
    [wheel] = folder.glob("*.whl")
    home = folder / "venv"
    venv.create(home)
    subprocess.run(
        [*pip, "--python", home, "install", "--no-deps", "--no-index", wheel], check=True
    )
    [packages] = home.glob("lib/python*/site-packages")
    (packages / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return home / "bin" / "wav2vec2-app"


@pytest.fixture
def environment() -> dict[str, str]:
    """Without anything that would lead back to the checkout."""
    ours = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "COVERAGE", "WAV"))}
    return {**ours, "WAV2VEC2_FETCH_MODELS": "false", "WAV2VEC2_MODEL": "embedded"}


@pytest.mark.slow
def test_doctor_finds_everything(
    command: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    done = subprocess.run(
        [command, "doctor"], cwd=tmp_path, env=environment, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stderr
    assert "Ready" in done.stdout
    assert "embedded" in done.stdout


@pytest.mark.slow
def test_transcribe_prints_what_was_said(
    command: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    done = subprocess.run(
        [command, "transcribe", "--output", "json", clips()[0].path],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["text"]
    assert answer["model"]["name"] == "embedded"


@pytest.mark.slow
def test_serve_answers(command: Path, environment: dict[str, str], tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [command, "serve", "--port", str(port)],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        assert f"http://127.0.0.1:{port}" in server.stdout.readline()
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz") as answer:
            assert json.load(answer) == {"status": "ok"}
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as page:
            assert b"wav2vec2" in page.read()
    finally:
        server.terminate()
        server.communicate(timeout=60)
