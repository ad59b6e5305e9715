import errno
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fake_hub import fake_hub
from wav2vec2_app.errors import CancelledError, ModelError, ResourceError
from wav2vec2_app.worker.model.fetch import fetch
from wav2vec2_app.worker.model.resolve import CheckpointPolicy, cached_path, resolve

NAME = "example/wav2vec2-test"


@pytest.fixture(autouse=True)
def hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    cache = tmp_path / "hub"
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    return cache


@pytest.fixture
def hub(tiny_folder: Path) -> Iterator[str]:
    """A hub that has the tiny checkpoint, and a repository that holds no model."""
    files = {path.name: path.read_bytes() for path in tiny_folder.iterdir()}
    with fake_hub({NAME: files, "example/dataset": {"README.md": b"words"}}) as endpoint:
        yield endpoint


def test_fetched_model_is_the_one_that_auto_prefers(hub: str, tiny_folder: Path) -> None:
    policy = CheckpointPolicy(embedded=tiny_folder, preferred=NAME)
    assert resolve("auto", policy).source == "embedded"

    fetch(NAME, lambda done, total: None, endpoint=hub)

    checkpoint = resolve("auto", policy)
    assert (checkpoint.name, checkpoint.source) == (NAME, "cache")
    assert checkpoint.weights.read_bytes() == (tiny_folder / "model.safetensors").read_bytes()


def test_progress_grows_to_the_whole_size(hub: str, tiny_folder: Path) -> None:
    reported: list[tuple[int, int]] = []

    fetch(NAME, lambda done, total: reported.append((done, total)), endpoint=hub)

    done = [step for step, _ in reported]
    assert done == sorted(done)
    assert reported[-1][0] == reported[-1][1]
    assert reported[-1][1] >= (tiny_folder / "model.safetensors").stat().st_size


def test_report_can_stop_the_download(hub: str) -> None:
    def stop(done: int, total: int) -> None:
        raise CancelledError("enough")

    with pytest.raises(CancelledError):
        fetch(NAME, stop, endpoint=hub)

    assert cached_path(NAME) is None


def test_model_on_disk_is_not_fetched_again(hub: str) -> None:
    fetch(NAME, lambda done, total: None, endpoint=hub)
    reported: list[int] = []

    fetch(NAME, lambda done, total: reported.append(done), endpoint="http://127.0.0.1:9")

    assert reported == []


@pytest.mark.parametrize(
    ("name", "code"),
    [("missing/model", "model.not_on_hub"), ("example/dataset", "model.no_weights")],
)
def test_hub_without_the_model_is_a_model_error(hub: str, name: str, code: str) -> None:
    with pytest.raises(ModelError) as refused:
        fetch(name, lambda done, total: None, endpoint=hub)

    assert refused.value.code == code


def test_refused_connection_counts_as_offline() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]

    with pytest.raises(ModelError) as refused:
        fetch(NAME, lambda done, total: None, endpoint=f"http://127.0.0.1:{port}")

    assert refused.value.code == "model.hub_offline"
    assert refused.value.retryable


def test_full_disk_is_not_mistaken_for_being_offline(
    hub: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("wav2vec2_app.worker.model.fetch.hf_hub_download", full)

    with pytest.raises(ResourceError) as refused:
        fetch(NAME, lambda done, total: None, endpoint=hub)

    assert refused.value.code == "resource.disk"
