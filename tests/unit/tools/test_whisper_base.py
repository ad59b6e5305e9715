"""Whisper base is assembled from two packages, and checked."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tools.whisper_base import assemble, main, package_folders

FILES = {"config.json": b"{}", "model.bin": b"first second"}
EXPECTED = {name: hashlib.sha256(content).hexdigest() for name, content in FILES.items()}


@pytest.fixture
def sources(tmp_path: Path) -> list[Path]:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
    (first / "config.json").write_bytes(b"{}")
    (first / "model.bin.part1").write_bytes(b"first ")
    (second / "model.bin.part2").write_bytes(b"second")
    return [first, second]


def test_parts_are_joined(sources: list[Path], tmp_path: Path) -> None:
    assemble(tmp_path / "model", sources, EXPECTED)

    written = {path.name: path.read_bytes() for path in (tmp_path / "model").iterdir()}
    assert written == FILES


def test_changed_file_is_rejected_and_not_left_behind(sources: list[Path], tmp_path: Path) -> None:
    (sources[1] / "model.bin.part2").write_bytes(b"other")

    with pytest.raises(ValueError, match=r"model\.bin"):
        assemble(tmp_path / "model", sources, EXPECTED)

    assert [path.name for path in (tmp_path / "model").iterdir()] == ["config.json"]


def test_missing_package_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(FileNotFoundError, match="no-such-package is not installed"):
        package_folders(["no_such_package"])
    assert main([]) == 2
    assert "usage" in capsys.readouterr().out
