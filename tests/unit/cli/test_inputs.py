"""What commands are given as audio: names, folders, patterns and stdin."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from wav2vec2_app.cli.inputs import STDIN, audio_inputs
from wav2vec2_app.errors import InputError

MAX_BYTES = 100


@pytest.fixture
def talks(tmp_path: Path) -> Path:
    for name in ("b.wav", "a.mp3", "sub/[x].flac", "notes.txt", os.fsdecode(b"caf\xe9.wav")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"RIFF")
    (tmp_path / "empty").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (["."], ["a.mp3", "b.wav", os.fsdecode(b"caf\xe9.wav"), "sub/[x].flac"]),
        (["*.mp3", "b.wav"], ["a.mp3", "b.wav"]),
        (["**/*.flac"], ["sub/[x].flac"]),
        (["sub/[x].flac"], ["sub/[x].flac"]),
        (["notes.txt", "notes.txt"], ["notes.txt"]),
        (["nothing*.wav", "no such.wav"], ["nothing*.wav", "no such.wav"]),
    ],
)
def test_names_folders_and_patterns_find_files(
    talks: Path, given: list[str], found: list[str]
) -> None:
    inputs = audio_inputs([talks / name for name in given], MAX_BYTES)

    assert [path for path, _ in inputs] == [talks / name for name in found]
    assert all(source.path == path for path, source in inputs)


def test_folder_without_audio_is_rejected(talks: Path) -> None:
    with pytest.raises(InputError) as caught:
        audio_inputs([talks / "empty"], MAX_BYTES)
    assert caught.value.code == "batch.no_files"


@pytest.mark.parametrize(("size", "read"), [(0, 0), (40, 40), (5_000, MAX_BYTES + 1)])
def test_dash_is_the_audio_that_is_piped_in(
    monkeypatch: pytest.MonkeyPatch, size: int, read: int
) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(bytes(size))))

    [(path, source)] = audio_inputs([STDIN], MAX_BYTES)

    assert path == STDIN
    assert source.data == bytes(read)
    assert source.name == "stdin"
