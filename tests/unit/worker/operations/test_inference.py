"""Which model answers: loading, keeping, and falling back."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wav2vec2_app.errors import InputError, ModelError
from wav2vec2_app.protocol.frame import Frame
from wav2vec2_app.worker.loop import Call
from wav2vec2_app.worker.operations.inference import Models, create, emit_together

NAME = "somebody/wav2vec2-better"
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


def call(meta: dict[str, Any], **arrays: Any) -> tuple[Call, list[Frame]]:
    sent: list[Frame] = []
    frame = Frame("request", "0" * 8, "emit", meta, arrays)
    return Call(frame, sent.append), sent


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


def test_embedded_model_chosen_by_name_has_no_excuse_to_make(
    tiny_folder: Path, hub_cache: Path
) -> None:
    models = Models(config(tiny_folder))

    by_auto = models.get("auto").info
    by_name = models.get("embedded").info

    assert by_auto.note
    assert by_name.note == ""


def test_model_is_loaded_once(tiny_folder: Path, hub_cache: Path) -> None:
    models = Models(config(tiny_folder))

    assert models.get("auto") is models.get("embedded")


def test_least_recently_used_model_gives_way(tiny_folder: Path, tmp_path: Path) -> None:
    folders = [shutil.copytree(tiny_folder, tmp_path / name) for name in ("one", "two")]
    models = Models(config(tiny_folder, folders=[str(folder) for folder in folders]))
    first = models.get("embedded")

    models.get("one")
    models.get("two")

    assert models.get("embedded") is not first


def test_info_names_the_default_model_and_every_choice(tiny_folder: Path, hub_cache: Path) -> None:
    operations = create(config(tiny_folder))

    assert callable(operations.info)
    info = operations.info()

    assert info["model"]["name"] == "embedded"
    assert info["choices"] == [
        {"name": "auto", "ready": True},
        {"name": "embedded", "ready": True},
        {"name": NAME, "ready": False},
    ]


def test_answer_has_emission_model_and_stages_on_one_axis(
    tiny_folder: Path, hub_cache: Path
) -> None:
    request, _ = call({"model": "auto"}, samples=SAMPLES)

    [reply] = emit_together([request], Models(config(tiny_folder)))

    frames, tokens = reply.arrays["log_probs"].shape
    assert frames == 99
    assert tokens == len(reply.meta["emission"]["vocabulary"])
    assert len(reply.arrays["frame_energy_db"]) == frames
    assert reply.meta["model"]["source"] == "embedded"
    stages = reply.meta["stages"]
    assert [stage["name"] for stage in stages][-1:] == ["forward"]
    ends = [stage["start_s"] + stage["duration_s"] for stage in stages]
    assert [stage["start_s"] for stage in stages][1:] == pytest.approx(ends[:-1])


@pytest.mark.parametrize(
    "samples", [None, np.zeros((0,), np.float32), np.zeros((2, 9), np.float32)]
)
def test_request_without_samples_is_refused(tiny_folder: Path, samples: Any) -> None:
    arrays = {} if samples is None else {"samples": samples}
    request, _ = call({"model": "embedded"}, **arrays)

    with pytest.raises(InputError):
        emit_together([request], Models(config(tiny_folder)))


def test_recordings_of_one_length_are_heard_at_once_as_they_are_alone(tiny_folder: Path) -> None:
    models = Models(config(tiny_folder))
    silence = np.zeros_like(SAMPLES)
    level = {"mean": 0.01, "deviation": 0.2}
    requests = [
        call({"model": "embedded"}, samples=SAMPLES)[0],
        call({"model": "embedded"}, samples=silence)[0],
        call({"model": "embedded", "level": level}, samples=SAMPLES[::-1].copy())[0],
    ]

    together = emit_together(requests, models)
    alone = [emit_together([request], models)[0] for request in requests]

    assert [reply.meta["together"] for reply in together] == [3, 3, 3]
    for one, other in zip(together, alone, strict=True):
        np.testing.assert_allclose(one.arrays["log_probs"], other.arrays["log_probs"], atol=1e-4)
        assert one.meta["emission"] == other.meta["emission"]
    blank = together[1].meta["emission"]["blank_id"]
    assert (together[1].arrays["log_probs"].argmax(axis=1) == blank).all()


def test_what_may_go_together_is_of_one_model_and_length(tiny_folder: Path) -> None:
    how = create(config(tiny_folder)).together["emit"]

    def key(model: str, samples: Any) -> Any:
        return how.key(call({"model": model}, samples=samples)[0])

    assert key("auto", SAMPLES) == key("auto", -SAMPLES)
    assert key("auto", SAMPLES) != key("auto", SAMPLES[1:])
    assert key("auto", SAMPLES) != key("embedded", SAMPLES)
    assert how.most(call({"model": "auto"}, samples=SAMPLES)[0]) == 1  # on a CPU
    with pytest.raises(ModelError):
        how.most(call({"model": "nobody/knows"}, samples=SAMPLES)[0])
