from pathlib import Path

import pytest

from wav2vec2_app.errors import ModelError
from wav2vec2_app.worker.model.resolve import CheckpointPolicy, known_names, resolve

NAME = "example/wav2vec2-test"


@pytest.fixture
def hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty hub cache of its own."""
    cache = tmp_path / "hub"
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    return cache


@pytest.fixture
def policy(tiny_folder: Path) -> CheckpointPolicy:
    return CheckpointPolicy(embedded=tiny_folder, preferred=NAME, allowed=(NAME, "example/else"))


def put_in_cache(cache: Path, *files: str) -> Path:
    """Lay files of :data:`NAME` out as the hub's library does."""
    repository = cache / ("models--" + NAME.replace("/", "--"))
    snapshot = repository / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0" * 40)
    for file in files:
        (snapshot / file).write_text("{}")
    return snapshot


def test_auto_is_the_embedded_model_with_a_note_if_the_preferred_one_is_not_on_disk(
    policy: CheckpointPolicy, hub_cache: Path
) -> None:
    checkpoint = resolve("auto", policy)

    assert (checkpoint.name, checkpoint.source) == ("embedded", "embedded")
    assert "embedded" in checkpoint.note


def test_auto_is_the_preferred_model_once_it_is_complete_on_disk(
    policy: CheckpointPolicy, hub_cache: Path
) -> None:
    snapshot = put_in_cache(hub_cache, "config.json", "vocab.json", "model.safetensors")

    checkpoint = resolve("auto", policy)

    assert (checkpoint.name, checkpoint.source, checkpoint.path) == (NAME, "cache", snapshot)
    assert checkpoint.note == ""


def test_incomplete_download_is_not_on_disk(policy: CheckpointPolicy, hub_cache: Path) -> None:
    put_in_cache(hub_cache, "config.json", "vocab.json")

    assert resolve("auto", policy).source == "embedded"


def test_error_of_an_allowed_model_that_is_not_on_disk_is_not_that_of_an_unknown_one(
    policy: CheckpointPolicy, hub_cache: Path
) -> None:
    with pytest.raises(ModelError) as missing:
        resolve(NAME, policy)
    with pytest.raises(ModelError) as unknown:
        resolve("missing/model", policy)

    assert missing.value.code == "model.not_on_disk"
    assert unknown.value.code == "model.unknown"
    assert NAME in unknown.value.metadata["known"]


def test_path_is_not_a_way_around_the_allow_list(
    policy: CheckpointPolicy, tiny_folder: Path
) -> None:
    with pytest.raises(ModelError) as refused:
        resolve(str(tiny_folder), policy)

    assert refused.value.code == "model.unknown"


def test_local_folder_answers_to_its_name_and_its_path(tiny_folder: Path) -> None:
    policy = CheckpointPolicy(embedded=tiny_folder, folders=(tiny_folder,))

    assert resolve(tiny_folder.name, policy).path == tiny_folder
    assert resolve(str(tiny_folder), policy).source == "folder"


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ((), "model.no_config"),
        (("config.json",), "model.no_weights"),
        (("config.json", "model.safetensors"), "model.no_vocabulary"),
    ],
)
def test_error_of_an_incomplete_folder_names_what_is_missing(
    tmp_path: Path, files: tuple[str, ...], code: str
) -> None:
    for file in files:
        (tmp_path / file).write_text("{}")

    with pytest.raises(ModelError) as refused:
        resolve(str(tmp_path), CheckpointPolicy(embedded=tmp_path, folders=(tmp_path,)))

    assert refused.value.code == code
    assert refused.value.hint


def test_known_names_start_with_auto_and_do_not_repeat(policy: CheckpointPolicy) -> None:
    names = known_names(policy)

    assert names[:2] == ("auto", "embedded")
    assert len(set(names)) == len(names)
