"""Which model answers: loading, unloading, and falling back."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wav2vec2_app.errors import CancelledError, InputError, ModelError
from wav2vec2_app.protocol.inference import EmitRequest, InferenceInfo, LoadRequest
from wav2vec2_app.speech.models import ModelChoice
from wav2vec2_app.speech.windows import SampleStatistics
from wav2vec2_app.worker.operations.inference import Models, create, emit

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
        **changes,
    }


def test_damaged_better_model_leaves_the_embedded_one_answering(
    tiny_folder: Path, hub_cache: Path
) -> None:
    shutil.copytree(tiny_folder, hub_cache)
    (hub_cache / "model.safetensors").write_bytes(b"cut off")

    models = Models(config(tiny_folder))
    info = models.get("auto").info

    assert info.source == "embedded"
    assert "damaged" in info.note
    with pytest.raises(ModelError):
        models.get(NAME)


def test_embedded_model_chosen_by_name_has_no_note(tiny_folder: Path, hub_cache: Path) -> None:
    models = Models(config(tiny_folder))

    by_auto = models.get("auto").info
    by_name = models.get("embedded").info

    assert by_auto.note
    assert by_name.note == ""


def test_model_is_loaded_once(tiny_folder: Path, hub_cache: Path) -> None:
    models = Models(config(tiny_folder))

    assert models.get("auto") is models.get("embedded")


def test_least_recently_used_model_is_unloaded(tiny_folder: Path, tmp_path: Path) -> None:
    folders = [shutil.copytree(tiny_folder, tmp_path / name) for name in ("one", "two")]
    models = Models(config(tiny_folder, folders=[str(folder) for folder in folders]))
    first = models.get("embedded")

    models.get("one")
    models.get("two")

    assert models.get("embedded") is not first


def test_info_names_the_default_model_and_every_choice(tiny_folder: Path, hub_cache: Path) -> None:
    info = create(config(tiny_folder)).info()

    assert isinstance(info, InferenceInfo)
    assert info.model.name == "embedded"
    assert info.choices == (
        ModelChoice("auto", "auto", True, "en"),
        ModelChoice("embedded", "embedded", True, "en"),
        ModelChoice(NAME, NAME, False),
    )


def test_response_has_emission_model_and_stages_on_one_axis(
    tiny_folder: Path, hub_cache: Path
) -> None:
    [response] = emit([EmitRequest("auto", SAMPLES)], Models(config(tiny_folder)))

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
        emit([EmitRequest("embedded", SAMPLES[:0])], Models(config(tiny_folder)))


def test_emissions_of_a_batch_are_those_of_its_requests_alone(tiny_folder: Path) -> None:
    models = Models(config(tiny_folder))
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


def test_load_returns_the_model_and_its_geometry(tiny_folder: Path, hub_cache: Path) -> None:
    handler = create(config(tiny_folder)).by_op["load"]

    response = handler.run(LoadRequest("auto"), Cancelled())

    assert response.model.source == "embedded"
    assert response.grid.hop > 0
    assert response.batch == 1


def test_cancelled_request_is_not_computed(tiny_folder: Path, hub_cache: Path) -> None:
    handler = create(config(tiny_folder)).by_op["emit"]

    with pytest.raises(CancelledError):
        handler.run(EmitRequest("auto", SAMPLES), Cancelled())
