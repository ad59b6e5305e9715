"""Files of Whisper checkpoints: folders, the hub's cache, downloads, and the number of weights."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fake_hub import fake_hub
from wav2vec2_app.errors import ModelError
from wav2vec2_app.worker.model.fetch import fetch_whisper
from wav2vec2_app.worker.model.whisper_files import (
    cached_whisper,
    count_parameters,
    resolve_whisper,
)

NAME = "example/whisper-test"
FILES = {
    "config.json": b"{}",
    "tokenizer.json": b"{}",
    "vocabulary.json": b"[]",
    "model.bin": b"weights",
}


def weights(*variables: tuple[str, tuple[int, ...]]) -> bytes:
    """A file in CTranslate2's format with zeros of one byte each."""
    parts = [struct.pack("<I", 6), text("WhisperSpec"), struct.pack("<II", 3, len(variables))]
    for name, shape in variables:
        size = 1
        for length in shape:
            size *= length
        parts += [text(name), struct.pack(f"<B{len(shape)}I", len(shape), *shape)]
        parts += [struct.pack("<BI", 1, size), bytes(size)]
    return b"".join([*parts, struct.pack("<I", 0)])


def text(value: str) -> bytes:
    return struct.pack("<H", len(value) + 1) + value.encode() + b"\0"


@pytest.fixture(autouse=True)
def hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    cache = tmp_path / "hub"
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    return cache


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "mine"
    made.mkdir()
    for name, content in FILES.items():
        (made / name).write_bytes(content)
    return made


@pytest.fixture
def hub() -> Iterator[str]:
    ctc = {"config.json": b"{}", "model.safetensors": b"weights"}
    without = {name: content for name, content in FILES.items() if name != "tokenizer.json"}
    repositories = {NAME: FILES, "example/ctc": ctc, "example/no-tokenizer": without}
    with fake_hub(repositories) as endpoint:
        yield endpoint


# --- folders ---


def test_folder_is_found_by_its_name_and_by_its_path(folder: Path) -> None:
    for name in ("mine", str(folder)):
        found = resolve_whisper(name, (), [folder])
        assert (found.name, found.path, found.source) == ("mine", folder, "folder")


@pytest.mark.parametrize(
    ("missing", "code"),
    [
        ("config.json", "model.no_config"),
        ("model.bin", "model.no_weights"),
        ("tokenizer.json", "model.no_vocabulary"),
        ("vocabulary.json", "model.no_vocabulary"),
    ],
)
def test_incomplete_folder_is_a_typed_error(folder: Path, missing: str, code: str) -> None:
    (folder / missing).unlink()

    with pytest.raises(ModelError, match=missing) as rejected:
        resolve_whisper("mine", (), [folder])

    assert rejected.value.code == code
    assert str(folder) not in rejected.value.message + rejected.value.hint


@pytest.mark.parametrize("name", ["other", "", "..", "mine/..", "example/other"])
def test_name_that_is_not_allowed_is_unknown(folder: Path, name: str) -> None:
    with pytest.raises(ModelError) as rejected:
        resolve_whisper(name, (NAME,), [folder])

    assert rejected.value.code == "model.unknown"


# --- the hub ---


def test_downloaded_model_is_found_in_the_cache(hub: str) -> None:
    reported: list[tuple[int, int]] = []
    with pytest.raises(ModelError) as missing:
        resolve_whisper(NAME, (NAME,), [])

    fetch_whisper(NAME, lambda done, total: reported.append((done, total)), endpoint=hub)

    assert missing.value.code == "model.not_on_disk"
    found = resolve_whisper(NAME, (NAME,), [])
    assert found.source == "cache"
    assert {name: (found.path / name).read_bytes() for name in FILES} == FILES
    assert reported[-1] == (sum(map(len, FILES.values())),) * 2


def test_model_on_disk_is_not_downloaded_again(hub: str) -> None:
    fetch_whisper(NAME, lambda *_: None, endpoint=hub)

    fetch_whisper(NAME, lambda *_: None, endpoint="http://127.0.0.1:9")

    assert cached_whisper(NAME) is not None


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("example/ctc", "model.no_weights"),
        ("example/no-tokenizer", "model.no_vocabulary"),
        ("example/missing", "model.not_on_hub"),
    ],
)
def test_repository_without_a_whisper_model_is_a_typed_error(
    hub: str, name: str, code: str
) -> None:
    with pytest.raises(ModelError) as rejected:
        fetch_whisper(name, lambda *_: None, endpoint=hub)

    assert rejected.value.code == code
    assert cached_whisper(name) is None


def test_hub_that_refuses_the_connection_is_a_typed_error() -> None:
    with pytest.raises(ModelError) as rejected:
        fetch_whisper(NAME, lambda *_: None, endpoint="http://127.0.0.1:9")

    assert (rejected.value.code, rejected.value.retryable) == ("model.hub_offline", True)


# --- weights ---


def test_weights_are_counted_without_scales(tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(
        weights(("a/weight", (3, 4)), ("a/weight_scale", (3,)), ("n", ()), ("b", (5,)))
    )

    assert count_parameters(path) == 17


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=60) | st.integers(0, 40).map(lambda n: weights(("a", (3, 4)))[:n]))
def test_damaged_weights_are_a_typed_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(content)

    with suppress(ModelError):  # anything else would be an untyped error
        assert count_parameters(path) >= 0
