"""Which model answers: loading, unloading, and falling back."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.checkpoints import save_tiny_multilingual
from tests.doubles import FakeClock
from wav2vec2_app.errors import CancelledError, InputError, ModelError
from wav2vec2_app.protocol.inference import (
    NOT_LOADED,
    UNLIMITED_BYTES,
    DescribeRequest,
    EmitRequest,
    InferenceInfo,
    LoadRequest,
    UnloadRequest,
)
from wav2vec2_app.protocol.registry import REQUESTS
from wav2vec2_app.speech.models import ModelChoice
from wav2vec2_app.speech.windows import SampleStatistics
from wav2vec2_app.worker.model.loaded import LoadedModels
from wav2vec2_app.worker.model.models import Models, Room
from wav2vec2_app.worker.operations.inference import create, describe, emit, unload

NAME = "example/wav2vec2-better"
SAMPLES = (0.1 * np.random.default_rng(5).standard_normal(32_000)).astype(np.float32)


@pytest.fixture
def hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    repository = tmp_path / "hub" / ("models--" + NAME.replace("/", "--"))
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("0" * 40)
    return repository / "snapshots" / ("0" * 40)


def config(embedded: Path, **changes: Any) -> dict[str, Any]:
    return {
        "model": "auto",
        "embedded": str(embedded),
        "preferred": NAME,
        "allowed": [NAME],
        "folders": [],
        "device": "cpu",
        "threads": 1,
        "engine": "torch",  # loads a tiny model in a tenth of the time
        **changes,
    }


def loaded(config: dict[str, Any], *names: str) -> Models:
    """The models of a worker that has loaded these."""
    models = Models(config)
    for name in names:
        models.load(name)
    return models


def states(models: Models) -> dict[str, str]:
    return {choice.name: choice.state for choice in models.choices()}


def test_damaged_better_model_leaves_the_embedded_one_answering(
    tiny_folder: Path, hub_cache: Path
) -> None:
    shutil.copytree(tiny_folder, hub_cache)
    (hub_cache / "model.safetensors").write_bytes(b"cut off")

    models = loaded(config(tiny_folder), "auto")
    info = models.use("auto").info

    assert info.source == "embedded"
    assert "damaged" in info.note
    with pytest.raises(ModelError):
        models.load(NAME)


def test_embedded_model_chosen_by_name_has_no_note(tiny_folder: Path, hub_cache: Path) -> None:
    models = loaded(config(tiny_folder), "auto")

    by_auto = models.use("auto").info
    by_name = models.use("embedded").info

    assert by_auto.note
    assert by_name.note == ""


def test_model_is_loaded_once(tiny_folder: Path, hub_cache: Path) -> None:
    models = loaded(config(tiny_folder), "auto", "embedded")

    assert models.use("auto").recognizer is models.use("embedded").recognizer


def test_several_models_are_loaded_at_once(tiny_folder: Path, tmp_path: Path) -> None:
    names = ("one", "two", "three", "four")
    folders = [str(shutil.copytree(tiny_folder, tmp_path / name)) for name in names]
    models = loaded(config(tiny_folder, folders=folders), "embedded", *names)

    assert len({id(models.use(name).recognizer) for name in ("embedded", *names)}) == 5
    assert {states(models)[name] for name in names} == {"loaded"}


def test_request_for_a_model_that_is_not_loaded_does_not_load_it(
    tiny_folder: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(tiny_folder, tmp_path / "other")
    models = loaded(config(tiny_folder, folders=[str(folder)]), "embedded")

    with pytest.raises(ModelError) as refused:
        emit([EmitRequest("other", SAMPLES)], models)

    assert refused.value.code == NOT_LOADED
    assert states(models)["other"] == "on-disk"


def test_embedded_model_answers_for_auto_until_the_better_one_is_loaded(
    tiny_folder: Path, hub_cache: Path
) -> None:
    models = loaded(config(tiny_folder), "auto")
    assert not models.use("auto").better_on_disk
    shutil.copytree(tiny_folder, hub_cache)  # it has arrived

    before = models.use("auto")
    models.load("auto")
    after = models.use("auto")

    assert (before.info.name, before.better_on_disk) == ("embedded", True)
    assert "until the larger one is loaded" in before.info.note
    assert (after.info.name, after.better_on_disk) == (NAME, False)
    assert models.default.name == NAME


def test_better_model_that_was_unloaded_is_waited_for(tiny_folder: Path, hub_cache: Path) -> None:
    shutil.copytree(tiny_folder, hub_cache)
    clock = FakeClock()
    models = Models(config(tiny_folder), LoadedModels(clock, clock.advance))
    for name in ("embedded", "auto"):
        models.load(name)
    clock.advance(60.0)
    models.use("embedded")
    assert models.unload_idle(10.0, ()) == 1

    with pytest.raises(ModelError) as refused:
        models.use("auto")

    assert refused.value.code == NOT_LOADED


@pytest.mark.parametrize("gone", ["folder", "files"])
def test_folder_that_vanishes_while_loaded_is_a_typed_error_and_others_answer(
    tiny_folder: Path, tmp_path: Path, gone: str
) -> None:
    folder = shutil.copytree(tiny_folder, tmp_path / "other")
    models = loaded(config(tiny_folder, folders=[str(folder)]), "embedded", "other")
    assert emit([EmitRequest("other", SAMPLES)], models)
    shutil.rmtree(folder)
    if gone == "files":
        folder.mkdir()

    for operation in (
        lambda: emit([EmitRequest("other", SAMPLES)], models),
        lambda: describe(DescribeRequest("other"), models),
        lambda: models.load("other"),
    ):
        with pytest.raises(ModelError) as refused:
            operation()
        assert refused.value.code == (
            "model.folder_missing" if gone == "folder" else "model.no_config"
        )

    assert emit([EmitRequest("embedded", SAMPLES)], models)[0].model.name == "embedded"
    assert states(models)["other"] == ""
    unload(UnloadRequest(0.0, (), UNLIMITED_BYTES), models)


def test_file_that_vanishes_while_its_model_is_loaded_does_not_matter(
    tiny_folder: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(tiny_folder, tmp_path / "other")
    models = loaded(config(tiny_folder, folders=[str(folder)]), "embedded", "other")
    info = models.use("other").info
    (folder / "preprocessor_config.json").unlink(missing_ok=True)

    assert models.use("other").info == info
    assert emit([EmitRequest("other", SAMPLES)], models)


def test_least_recently_used_model_is_unloaded_for_another(
    tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = FakeClock()
    names = ("one", "two", "three")
    folders = [str(shutil.copytree(tiny_folder, tmp_path / name)) for name in names]
    in_memory = LoadedModels(clock, clock.advance)
    models = Models(config(tiny_folder, folders=folders), in_memory)
    size = (tiny_folder / "model.safetensors").stat().st_size
    monkeypatch.setattr(
        "wav2vec2_app.worker.model.loaded.private_bytes", lambda: size * len(in_memory)
    )
    monkeypatch.setattr(
        "wav2vec2_app.worker.model.models.private_bytes", lambda: size * len(in_memory)
    )
    room = Room(memory_bytes=2 * size)
    for name in ("one", "two", "one", "three"):
        models.load(name, room)
        models.use(name)
        clock.advance(600.0)

    assert states(models) | {"auto": "", NAME: ""} == {
        "auto": "", NAME: "", "embedded": "on-disk", "one": "loaded", "two": "on-disk", "three": "loaded",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("room", "code"),
    [
        (Room(memory_bytes=1000), "model.too_large"),
        (Room(memory_bytes=1000, unload_others=False), "model.no_room"),
    ],
)
def test_model_without_room_is_refused_and_the_others_stay(
    tiny_folder: Path, tmp_path: Path, room: Room, code: str
) -> None:
    folder = shutil.copytree(tiny_folder, tmp_path / "other")
    models = loaded(config(tiny_folder, folders=[str(folder)]), "embedded")

    with pytest.raises(ModelError) as refused:
        models.load("other", room)

    assert refused.value.code == code
    assert states(models)["embedded"] == "loaded"
    assert models.use("embedded")


def test_memory_pressure_unloads_all_but_the_default_model(
    tiny_folder: Path, tmp_path: Path
) -> None:
    clock = FakeClock()
    folder = shutil.copytree(tiny_folder, tmp_path / "other")
    models = Models(
        config(tiny_folder, model="embedded", folders=[str(folder)]),
        LoadedModels(clock, clock.advance),
    )
    for name in ("embedded", "other"):
        models.load(name)
    clock.advance(60.0)

    answer = unload(UnloadRequest(0.0, ("other",), memory_bytes=1), models)

    assert answer.count == 1
    assert (states(models)["embedded"], states(models)["other"]) == ("loaded", "on-disk")


def test_two_languages_of_one_checkpoint_are_two_models(tmp_path: Path, tiny_folder: Path) -> None:
    folder = save_tiny_multilingual(tmp_path / "many")
    models = loaded(config(tiny_folder, folders=[str(folder)]), "many:eng", "many:deu")

    infos = [models.use(name).info for name in ("many:eng", "many:deu")]

    assert [info.name for info in infos] == ["many:eng", "many:deu"]
    assert len({id(models.use(name).recognizer) for name in ("many:eng", "many:deu")}) == 2


def test_info_names_the_default_model_and_every_choice(tiny_folder: Path, hub_cache: Path) -> None:
    info = create(config(tiny_folder)).info()

    assert isinstance(info, InferenceInfo)
    assert info.model.name == "embedded"
    assert info.start_bytes > 0
    assert info.choices == (
        ModelChoice("auto", "auto", True, "en", state="loaded"),
        ModelChoice("embedded", "embedded", True, "en", state="loaded"),
        ModelChoice(NAME, NAME, False),
    )


def test_response_has_emission_model_and_stages_on_one_axis(
    tiny_folder: Path, hub_cache: Path
) -> None:
    [response] = emit([EmitRequest("auto", SAMPLES)], loaded(config(tiny_folder), "auto"))

    frames, tokens = response.emission.log_probs.shape
    assert frames == 99
    assert tokens == len(response.emission.vocabulary)
    assert response.emission.energy_db is not None
    assert len(response.emission.energy_db) == frames
    assert response.model.source == "embedded"
    stages = response.stages
    assert stages[-1].name == "forward"
    ends = [stage.start_s + stage.duration_s for stage in stages]
    assert [stage.start_s for stage in stages][1:] == pytest.approx(ends[:-1])


def test_request_without_samples_is_refused(tiny_folder: Path) -> None:
    with pytest.raises(InputError):
        emit([EmitRequest("embedded", SAMPLES[:0])], loaded(config(tiny_folder), "embedded"))


def test_emissions_of_a_batch_are_those_of_its_requests_alone(tiny_folder: Path) -> None:
    models = loaded(config(tiny_folder), "embedded")
    requests = [
        EmitRequest("embedded", SAMPLES),
        EmitRequest("embedded", np.zeros_like(SAMPLES)),
        EmitRequest("embedded", SAMPLES[::-1].copy(), SampleStatistics(mean=0.01, deviation=0.2)),
    ]

    batch = emit(requests, models)
    alone = [emit([request], models)[0] for request in requests]

    assert [response.batch for response in batch] == [3, 3, 3]
    for one, other in zip(batch, alone, strict=True):
        np.testing.assert_allclose(one.emission.log_probs, other.emission.log_probs, atol=1e-4)
        assert one.emission.vocabulary == other.emission.vocabulary
    silent = batch[1].emission
    assert (silent.log_probs.argmax(axis=1) == silent.blank_id).all()


def test_batch_is_of_one_model_and_one_length(tiny_folder: Path) -> None:
    policy = create(config(tiny_folder)).by_op["emit"].batch
    assert policy is not None

    def key(model: str, samples: Any) -> Any:
        return policy.key(EmitRequest(model, samples))

    assert key("auto", SAMPLES) == key("auto", -SAMPLES)
    assert key("auto", SAMPLES) != key("auto", SAMPLES[1:])
    assert key("auto", SAMPLES) != key("embedded", SAMPLES)
    assert policy.limit(EmitRequest("auto", SAMPLES)) == 1  # on a CPU
    with pytest.raises(ModelError):
        policy.limit(EmitRequest("missing/model", SAMPLES))


class Cancelled:
    """The context of a request that was cancelled."""

    def check_cancelled(self) -> None:
        raise CancelledError("cancelled")

    def progress(self, message: Any) -> None: ...


class Wanted(Cancelled):
    """The context of a request that is not cancelled."""

    def check_cancelled(self) -> None: ...


def test_loading_and_unloading_are_background_operations() -> None:
    background = {one.op for one in REQUESTS.values() if one.background}

    assert background == {"load", "unload"}


def test_load_returns_the_model_and_describe_its_geometry(
    tiny_folder: Path, hub_cache: Path
) -> None:
    handlers = create(config(tiny_folder)).by_op

    loading = handlers["load"].run(LoadRequest("embedded", UNLIMITED_BYTES), Wanted())
    described = handlers["describe"].run(DescribeRequest("auto"), Wanted())
    unloaded = handlers["unload"].run(UnloadRequest(900.0, (), UNLIMITED_BYTES), Wanted())

    assert loading.model.source == "embedded"
    assert described.model.source == "embedded"
    assert described.grid.hop > 0
    assert described.batch == 1
    assert unloaded.count == 0


def test_cancelled_request_is_not_computed(tiny_folder: Path, hub_cache: Path) -> None:
    handler = create(config(tiny_folder)).by_op["emit"]

    with pytest.raises(CancelledError):
        handler.run(EmitRequest("auto", SAMPLES), Cancelled())
