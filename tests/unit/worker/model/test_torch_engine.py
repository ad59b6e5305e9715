import gc
import json
import shutil
import weakref
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import (
    Data2VecAudioConfig,
    Data2VecAudioForCTC,
    HubertConfig,
    HubertForCTC,
    Wav2Vec2ForPreTraining,
    Wav2Vec2ForSequenceClassification,
    WavLMConfig,
    WavLMForCTC,
)

from tests.checkpoints import TINY, tiny_model, write_processor
from tests.doubles import FakeClock
from wav2vec2_app.errors import ModelError
from wav2vec2_app.worker.model.engines.lost_device import FIRST_RETRY_S, MAX_RETRY_S, LostDevice
from wav2vec2_app.worker.model.engines.openvino_engine import OpenVinoEngine
from wav2vec2_app.worker.model.engines.torch_engine import CPU, TorchEngine
from wav2vec2_app.worker.model.resolve import Checkpoint

BATCH = np.random.default_rng(1).standard_normal((2, 16_000)).astype(np.float32)


def test_forward_gives_log_probabilities_of_every_frame(tiny_checkpoint: Checkpoint) -> None:
    engine = TorchEngine(device="cpu")
    engine.load(tiny_checkpoint)

    log_probs = engine.forward(BATCH)

    assert log_probs.shape == (2, engine.grid.frames(16_000), 32)
    np.testing.assert_allclose(np.exp(log_probs).sum(axis=-1), 1.0, atol=1e-4)


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_missing_accelerator_falls_back_to_the_cpu_with_a_note(
    tiny_checkpoint: Checkpoint,
) -> None:
    engine = TorchEngine(device="cuda")
    engine.load(tiny_checkpoint)

    assert engine.describe().device == "cpu"
    assert "cuda" in engine.describe().note
    assert engine.forward(BATCH).shape[0] == 2


def test_accelerator_that_fails_in_the_middle_is_replaced_by_the_cpu(
    tiny_checkpoint: Checkpoint,
) -> None:
    engine = TorchEngine(device="cpu")
    engine.load(tiny_checkpoint)
    expected = engine.forward(BATCH)
    engine._device = torch.device("meta")  # a device whose results cannot be read back

    log_probs = engine.forward(BATCH)

    np.testing.assert_allclose(log_probs, expected, atol=1e-5)
    assert engine.describe().device == "cpu"
    assert "meta" in engine.describe().note


def test_unknown_device_is_a_model_error(tiny_checkpoint: Checkpoint) -> None:
    with pytest.raises(ModelError) as refused:
        TorchEngine(device="quantum").load(tiny_checkpoint)

    assert refused.value.code == "model.bad_device"


def test_half_precision_differs_only_by_rounding(tiny_checkpoint: Checkpoint) -> None:
    full, half = TorchEngine(device="cpu"), TorchEngine(device="cpu", precision="bf16")
    full.load(tiny_checkpoint)
    half.load(tiny_checkpoint)

    assert (full.describe().precision, half.describe().precision) == ("fp32", "bf16")
    emitted = half.forward(BATCH)
    assert emitted.dtype == np.float32
    np.testing.assert_allclose(
        emitted, full.forward(BATCH), atol=0.3
    )  # AMX rounds inside a product
    assert np.abs(emitted - full.forward(BATCH)).mean() < 0.05
    assert not np.array_equal(emitted, full.forward(BATCH))


def test_model_that_overflows_in_half_precision_runs_in_float32(
    tiny_checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TorchEngine, "_precision_for", lambda *_: "fp16")
    monkeypatch.setattr(TorchEngine, "_overflows", lambda self: self._precision == "fp16")
    engine = TorchEngine(device="cpu")
    engine.load(tiny_checkpoint)

    assert engine.describe().precision == "fp32"
    assert np.isfinite(engine.forward(BATCH)).all()


def test_batch_too_large_for_the_accelerators_memory_is_halved(
    tiny_checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = TorchEngine(device="cpu")
    engine.load(tiny_checkpoint)
    batch = np.concatenate([BATCH, BATCH[:1]])
    expected = engine.forward(batch)
    forward = TorchEngine._forward

    def short_of_memory(self: TorchEngine, rows: np.ndarray) -> np.ndarray:
        if len(rows) > 1:
            raise torch.OutOfMemoryError("too much")
        return forward(self, rows)

    monkeypatch.setattr(TorchEngine, "_forward", short_of_memory)

    np.testing.assert_allclose(engine.forward(batch), expected, atol=1e-5)
    assert engine.describe().note == ""


def test_cuda_graphs_are_dropped_when_memory_is_short(tiny_checkpoint: Checkpoint) -> None:
    engine = TorchEngine(device="cpu")
    engine.load(tiny_checkpoint)
    expected = engine.forward(BATCH)

    def short_of_memory(batch: torch.Tensor) -> torch.Tensor:
        raise torch.OutOfMemoryError("the graphs use all of it")

    engine._pass = short_of_memory

    np.testing.assert_allclose(engine.forward(BATCH), expected, atol=1e-5)
    assert engine.describe().note == ""


def test_unused_engine_is_freed_immediately(tiny_checkpoint: Checkpoint) -> None:
    engine = TorchEngine(device="cpu")
    engine.load(tiny_checkpoint)
    left = weakref.ref(engine)
    gc.disable()
    try:
        del engine
        assert left() is None
    finally:
        gc.enable()


def test_only_an_accelerator_is_faster_with_batches(tiny_checkpoint: Checkpoint) -> None:
    engine = TorchEngine(device="cpu")
    engine.load(tiny_checkpoint)
    assert engine.describe().batch_size == 1

    engine._device = torch.device("cuda")
    assert engine.describe().batch_size > 1


RELATIVES = {
    "hubert": (HubertConfig, HubertForCTC),
    "wavlm": (WavLMConfig, WavLMForCTC),
    "data2vec-audio": (Data2VecAudioConfig, Data2VecAudioForCTC),
}


@pytest.mark.parametrize("kind", RELATIVES)
def test_related_model_types_have_the_output_of_transformers(tmp_path: Path, kind: str) -> None:
    config, model_class = RELATIVES[kind]
    torch.manual_seed(7)
    model = model_class(config(**TINY)).eval()
    model.save_pretrained(tmp_path)
    write_processor(tmp_path)
    with torch.inference_mode():
        expected = torch.log_softmax(model(torch.from_numpy(BATCH)).logits, dim=-1).numpy()
    engine = TorchEngine(device="cpu")
    engine.load(Checkpoint(kind, tmp_path, "folder"))

    np.testing.assert_allclose(engine.forward(BATCH), expected, atol=1e-5)


def test_unsupported_model_type_is_rejected_by_name(tiny_folder: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_folder, tmp_path / "other"))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "model_type": "whisper"}))

    with pytest.raises(ModelError) as refused:
        TorchEngine(device="cpu").load(Checkpoint("other", folder, "folder"))

    assert refused.value.code == "model.unsupported"
    assert refused.value.metadata["model_type"] == "whisper"


@pytest.mark.parametrize("kind", [Wav2Vec2ForPreTraining, Wav2Vec2ForSequenceClassification])
def test_model_without_a_ctc_head_is_rejected_by_both_engines(tmp_path: Path, kind: type) -> None:
    kind(tiny_model().config).save_pretrained(tmp_path)
    write_processor(tmp_path)

    for engine in (OpenVinoEngine(precision="fp32"), TorchEngine(device="cpu")):
        with pytest.raises(ModelError) as refused:
            engine.load(Checkpoint("headless", tmp_path, "folder"))
        assert refused.value.code == "model.no_ctc_head"
        assert refused.value.hint


# --- what half precision and a device that failed once cannot do ---------------------------------


def overflowing(rows: set[int]) -> Callable[[TorchEngine, np.ndarray], np.ndarray]:
    """A forward pass whose given rows are NaN in half precision."""
    forward = TorchEngine._forward

    def overflow(self: TorchEngine, batch: np.ndarray) -> np.ndarray:
        found = forward(self, batch).copy()
        if self._precision != "fp32":
            found[list(rows), 1:, ::2] = np.nan
        return found

    return overflow


@pytest.mark.parametrize("rows", [{0}, {1}, {0, 1}, set()])
def test_rows_that_overflow_are_computed_again_in_full_precision(
    tiny_checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch, rows: set[int]
) -> None:
    full, half = TorchEngine(device="cpu"), TorchEngine(device="cpu", precision="bf16")
    full.load(tiny_checkpoint)
    half.load(tiny_checkpoint)
    rounded = half.forward(BATCH)
    monkeypatch.setattr(TorchEngine, "_forward", overflowing(rows))

    found = half.forward(BATCH)

    for row in range(len(BATCH)):
        expected = full.forward(BATCH)[row] if row in rows else rounded[row]
        np.testing.assert_allclose(found[row], expected, atol=1e-5)
    assert half.describe().precision == "bf16"


def out_of_memory(_: TorchEngine, __: np.ndarray) -> np.ndarray:
    raise torch.OutOfMemoryError("too much")


def test_device_that_ran_out_of_memory_once_is_tried_again_later(
    tiny_checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = FakeClock()
    engine = TorchEngine(device="cpu", clock=clock)
    engine.load(tiny_checkpoint)
    placed: list[torch.device] = []
    place = TorchEngine._place

    def note(self: TorchEngine, device: torch.device) -> None:
        placed.append(device)
        place(self, device)

    monkeypatch.setattr(TorchEngine, "_place", note)
    with monkeypatch.context() as full:
        full.setattr(TorchEngine, "_forward", out_of_memory)
        engine._device = torch.device("meta")
        with pytest.raises(torch.OutOfMemoryError):
            engine.forward(BATCH[:1])
    engine._lost.lose(CPU)  # in place of the device, which this machine does not have

    engine.forward(BATCH)
    assert placed == [], "not before its time"
    clock.advance(FIRST_RETRY_S)
    engine.forward(BATCH)
    assert placed == [CPU]
    assert engine.describe().note == ""
    clock.advance(MAX_RETRY_S)
    engine.forward(BATCH)
    assert placed == [CPU], "it works: nothing to try"


def test_device_that_keeps_failing_is_tried_ever_more_seldom(
    tiny_checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = FakeClock()
    lost = LostDevice(clock)
    lost.lose(torch.device("cuda"))
    tried = 0
    for _ in range(24 * 60):
        clock.advance(60)
        tried += lost.due() is not None

    assert 24 <= tried < 35
