import json
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.checkpoints import save_tiny_checkpoint
from wav2vec2_app.errors import ModelError
from wav2vec2_app.worker.model.engines.base import UnsupportedArchitecture
from wav2vec2_app.worker.model.engines.openvino_engine import OpenVinoEngine
from wav2vec2_app.worker.model.engines.openvino_graph import Architecture, build
from wav2vec2_app.worker.model.engines.openvino_request import PIECE_FRAMES, ModelRequest
from wav2vec2_app.worker.model.engines.precision import PrecisionPlan, TrialCache
from wav2vec2_app.worker.model.engines.torch_engine import TorchEngine
from wav2vec2_app.worker.model.engines.weights import Weights
from wav2vec2_app.worker.model.resolve import Checkpoint

BATCH = np.random.default_rng(1).standard_normal((2, 16_000)).astype(np.float32)

VARIANTS = {
    "layer norm, pre-norm (large, XLSR)": {},
    "group norm, post-norm (base)": {
        "feat_extract_norm": "group",
        "do_stable_layer_norm": False,
        "conv_bias": False,
        "num_hidden_layers": 2,
    },
    "group norm, convolutions with a bias": {"feat_extract_norm": "group", "conv_bias": True},
    "attention adapters (MMS)": {"adapter_attn_dim": 4},
    "odd position kernel": {"num_conv_pos_embeddings": 15},
    "another activation": {"hidden_act": "relu", "feat_extract_activation": "gelu_new"},
}


def checkpoint_at(folder: Path) -> Checkpoint:
    return Checkpoint("tiny", folder, "folder")


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_computes_what_transformers_computes(tmp_path: Path, name: str) -> None:
    checkpoint = checkpoint_at(save_tiny_checkpoint(tmp_path, **VARIANTS[name]))
    fast, reference = OpenVinoEngine(precision="fp32"), TorchEngine(device="cpu")
    fast.load(checkpoint)
    reference.load(checkpoint)

    found, expected = fast.forward(BATCH), reference.forward(BATCH)

    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert (fast.grid, fast.outputs) == (reference.grid, reference.outputs)


@pytest.mark.matrix
@pytest.mark.parametrize("name", VARIANTS)
def test_long_audio_is_convolved_in_pieces_with_the_same_result(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = checkpoint_at(save_tiny_checkpoint(tmp_path, **VARIANTS[name]))
    fast, reference = OpenVinoEngine(precision="fp32"), TorchEngine(device="cpu")
    fast.load(checkpoint)
    reference.load(checkpoint)
    pieces = []
    infer = ModelRequest.infer

    def count(self: ModelRequest, batch: Any) -> Any:
        pieces.append(self.grid.frames(batch.shape[1]) / PIECE_FRAMES)
        return infer(self, batch)

    monkeypatch.setattr(ModelRequest, "infer", count)
    loud = np.random.default_rng(2).standard_normal((2, 5 * 16_000 + 123)).astype(np.float32)
    loud[:, :16_000] *= 0.05  # a piece alone has another mean and variance than the whole
    found = fast.forward(loud + 0.3)

    assert pieces[0] > 2
    np.testing.assert_allclose(found, reference.forward(loud + 0.3), atol=1e-4)


def test_results_of_one_call_survive_the_next(tiny_checkpoint: Checkpoint) -> None:
    engine = OpenVinoEngine(precision="fp32")
    engine.load(tiny_checkpoint)

    first = engine.forward(BATCH)
    kept = first.copy()
    engine.forward(-BATCH)

    np.testing.assert_array_equal(first, kept)


def test_half_precision_weights_and_the_older_names_of_weight_norm_are_read(tmp_path: Path) -> None:
    folder = save_tiny_checkpoint(tmp_path)
    tensors = load_file(folder / "model.safetensors")
    prefix = "wav2vec2.encoder.pos_conv_embed.conv"
    renamed = {
        name.replace(f"{prefix}.parametrizations.weight.original0", f"{prefix}.weight_g").replace(
            f"{prefix}.parametrizations.weight.original1", f"{prefix}.weight_v"
        ): tensor.half()
        for name, tensor in tensors.items()
    }
    expected = TorchEngine(device="cpu")
    expected.load(checkpoint_at(folder))
    save_file(renamed, folder / "model.safetensors", metadata={"format": "pt"})
    engine = OpenVinoEngine(precision="fp32")
    engine.load(checkpoint_at(folder))

    np.testing.assert_allclose(engine.forward(BATCH), expected.forward(BATCH), atol=0.02)


def test_number_format_without_numpy_is_for_another_engine(tmp_path: Path) -> None:
    folder = save_tiny_checkpoint(tmp_path)
    tensors = load_file(folder / "model.safetensors")
    save_file(
        {name: tensor.to(torch.bfloat16) for name, tensor in tensors.items()},
        folder / "model.safetensors",
        metadata={"format": "pt"},
    )

    with pytest.raises(UnsupportedArchitecture):
        OpenVinoEngine().load(checkpoint_at(folder))


@pytest.mark.parametrize(
    "change",
    [{"model_type": "hubert"}, {"add_adapter": True}, {"hidden_act": "silu"}],
    ids=lambda change: next(iter(change)),
)
def test_unknown_parts_are_for_another_engine(tmp_path: Path, change: dict[str, object]) -> None:
    folder = save_tiny_checkpoint(tmp_path)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **change}))

    with pytest.raises(UnsupportedArchitecture):
        OpenVinoEngine().load(checkpoint_at(folder))


def test_pickled_weights_are_for_another_engine(tmp_path: Path) -> None:
    folder = save_tiny_checkpoint(tmp_path)
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(b"pickle")

    with pytest.raises(UnsupportedArchitecture):
        OpenVinoEngine().load(checkpoint_at(folder))


@pytest.mark.parametrize(
    ("dropped", "code"),
    [("lm_head.weight", "model.no_ctc_head"), ("wav2vec2.encoder.layer_norm.bias", "model.broken")],
)
def test_missing_weights_are_a_model_error_in_both_engines(
    tmp_path: Path, dropped: str, code: str
) -> None:
    folder = save_tiny_checkpoint(tmp_path)
    tensors = load_file(folder / "model.safetensors")
    del tensors[dropped]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})

    for engine in (OpenVinoEngine(), TorchEngine(device="cpu")):
        with pytest.raises(ModelError) as refused:
            engine.load(checkpoint_at(folder))
        assert refused.value.code == code


def test_damaged_file_is_a_model_error(tmp_path: Path) -> None:
    folder = save_tiny_checkpoint(tmp_path)
    (folder / "model.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0 not json at all")

    with pytest.raises(ModelError) as refused:
        OpenVinoEngine().load(checkpoint_at(folder))

    assert refused.value.code == "model.broken"


CORE = ov.Core


class CoreWithCapabilities:
    """OpenVINO's core, with the given capabilities of the processor."""

    def __init__(self, *capabilities: str) -> None:
        self._core = CORE()
        self._capabilities = capabilities

    def get_property(self, device: str, name: str) -> object:
        return (
            self._capabilities if "CAPABILITIES" in name else self._core.get_property(device, name)
        )

    def compile_model(self, *arguments: object) -> object:
        return self._core.compile_model(*arguments)


def test_precision_trial_runs_once_and_is_cached(
    tiny_checkpoint: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ov, "Core", lambda: CoreWithCapabilities("FP32", "BF16"))
    trials = []

    def count(self: OpenVinoEngine, *graphs: Any, **capabilities: Any) -> PrecisionPlan:
        trials.append(graphs)
        return original(self, *graphs, **capabilities)

    original = OpenVinoEngine._try_out
    monkeypatch.setattr(OpenVinoEngine, "_try_out", count)
    first, second = OpenVinoEngine(cache=tmp_path / "new"), OpenVinoEngine(cache=tmp_path / "new")
    first.load(tiny_checkpoint)
    second.load(tiny_checkpoint)

    assert len(trials) == 1
    assert first.describe().precision == second.describe().precision
    assert first.describe().precision in ("fp32", "bf16")


def test_processor_without_bfloat16_needs_no_trial(
    tiny_checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ov, "Core", lambda: CoreWithCapabilities("FP32"))
    monkeypatch.setattr(OpenVinoEngine, "_try_out", lambda *_, **__: pytest.fail("a trial"))
    engine = OpenVinoEngine()
    engine.load(tiny_checkpoint)

    assert engine.describe().precision == "fp32"


def test_int8_output_is_nearly_that_of_float32(tiny_checkpoint: Checkpoint, tmp_path: Path) -> None:
    full = OpenVinoEngine(precision="fp32")
    quantized = OpenVinoEngine(precision="int8", cache=tmp_path)
    for engine in (full, quantized):
        engine.load(tiny_checkpoint)
    expected, found = full.forward(BATCH), quantized.forward(BATCH)

    assert quantized.describe().precision == "int8"
    cosine = (expected * found).sum() / np.linalg.norm(expected) / np.linalg.norm(found)
    assert cosine > 0.999


def test_int8_quantizes_only_the_linear_layers_of_the_transformer(
    tiny_checkpoint: Checkpoint,
) -> None:
    config = json.loads((tiny_checkpoint.path / "config.json").read_text())
    graphs = build(Architecture.of(config), Weights(tiny_checkpoint.weights), int8=True)

    rounded = [
        node.shape
        for graph in (graphs.convolutions, graphs.transformer)
        for node in graph.get_ops()
        if node.get_type_name() == "Constant" and node.get_element_type() == ov.Type.i8
    ]
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    layer = [(hidden, hidden)] * 4 + [(inner, hidden), (hidden, inner)]
    assert sorted(tuple(shape) for shape in rounded) == sorted(layer * config["num_hidden_layers"])


def test_cache_that_cannot_be_read_or_written_is_ignored(tmp_path: Path) -> None:
    (tmp_path / "precision.json").write_text("{ damaged")
    blocked = tmp_path / "file"
    blocked.write_text("")

    assert TrialCache(tmp_path).get("key") == ""
    TrialCache(tmp_path).put("key", "fp32")
    assert TrialCache(tmp_path).get("key") == "fp32"
    TrialCache(blocked).put("key", "fp32")
    assert TrialCache(blocked).get("key") == ""
    TrialCache(None).put("key", "fp32")
    assert TrialCache(None).get("key") == ""


@pytest.mark.parametrize(
    ("speedups", "expected"),
    [
        ([1.1, 1.05], "fp32"),
        ([2.0, 1.05], "bf16"),
        ([2.0, 1.2], "int8"),
        ([0.9, 1.2], "int8"),
    ],
)
def test_large_models_are_tried_in_int8(
    tiny_checkpoint: Checkpoint,
    monkeypatch: pytest.MonkeyPatch,
    speedups: list[float],
    expected: str,
) -> None:
    monkeypatch.setattr(ov, "Core", lambda: CoreWithCapabilities("FP32", "BF16"))
    monkeypatch.setattr("wav2vec2_app.worker.model.engines.openvino_engine.INT8_MIN_PARAMETERS", 0)
    remaining = list(speedups)
    monkeypatch.setattr(OpenVinoEngine, "_speedup", lambda *_: remaining.pop(0))
    engine = OpenVinoEngine()
    engine.load(tiny_checkpoint)

    assert engine.describe().precision == expected
    assert not remaining
    assert engine.forward(BATCH).shape[0] == 2


def test_small_models_are_not_tried_in_int8(
    tiny_checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ov, "Core", lambda: CoreWithCapabilities("FP32", "BF16"))
    speedups = [3.0]
    monkeypatch.setattr(OpenVinoEngine, "_speedup", lambda *_: speedups.pop(0))
    engine = OpenVinoEngine()
    engine.load(tiny_checkpoint)

    assert engine.describe().precision == "bf16"


@pytest.mark.parametrize("plan", [PrecisionPlan("fp32"), PrecisionPlan("bf16", int8=True)])
def test_plan_is_found_by_its_name(plan: PrecisionPlan) -> None:
    assert PrecisionPlan.of(plan.name) == plan
    assert PrecisionPlan.of("") is None
    assert PrecisionPlan.of("int4 fp8") is None
