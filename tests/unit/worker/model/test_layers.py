"""What the layers of a model output: by both engines, in windows, and as a view."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import (
    Data2VecAudioConfig,
    Data2VecAudioForCTC,
    HubertConfig,
    HubertForCTC,
    WavLMConfig,
    WavLMForCTC,
)

from tests.checkpoints import TINY, VOCABULARY, save_tiny_checkpoint, write_processor
from wav2vec2_app.errors import InputError, ModelError
from wav2vec2_app.protocol.layers import LayersRequest
from wav2vec2_app.speech.audio import Float32
from wav2vec2_app.speech.windows import FrameGrid, SampleStatistics, Window, windows_of
from wav2vec2_app.worker.model.cancellation import never_cancelled
from wav2vec2_app.worker.model.engines.base import Engine
from wav2vec2_app.worker.model.engines.openvino_engine import OpenVinoEngine
from wav2vec2_app.worker.model.engines.precision import FULL_PRECISION, PrecisionPlan
from wav2vec2_app.worker.model.engines.torch_engine import TorchEngine
from wav2vec2_app.worker.model.layer_view import merge_frames, self_similarity
from wav2vec2_app.worker.model.recognizer import Recognizer
from wav2vec2_app.worker.model.resolve import Checkpoint

LAYERS = 3
VARIANTS: dict[str, dict[str, Any]] = {
    "pre-norm (large, XLSR)": {},
    "post-norm (base)": {
        "feat_extract_norm": "group", "do_stable_layer_norm": False, "conv_bias": False,
    },
    "attention adapters (MMS)": {"adapter_attn_dim": 4},
}  # fmt: skip


def noise(seconds: float, seed: int = 1) -> Float32:
    made = np.random.default_rng(seed).standard_normal(round(seconds * 16_000))
    return (0.1 * made).astype(np.float32)


def checkpoint_in(folder: Path, **overrides: Any) -> Checkpoint:
    made = save_tiny_checkpoint(folder, **{"num_hidden_layers": LAYERS, **overrides})
    return Checkpoint("tiny", made, "folder")


@pytest.mark.matrix
@pytest.mark.parametrize("name", VARIANTS)
def test_layers_are_those_of_transformers_and_the_last_one_writes_the_emission(
    tmp_path: Path, name: str
) -> None:
    checkpoint = checkpoint_in(tmp_path, initializer_range=0.3, **VARIANTS[name])
    fast, reference = OpenVinoEngine(precision="fp32"), TorchEngine(device="cpu")
    fast.load(checkpoint)
    reference.load(checkpoint)
    windows = [10 * noise(1.0), 10 * noise(0.5, seed=2)]
    with torch.inference_mode():
        states = reference._model(
            torch.from_numpy(windows[0][None]), output_hidden_states=True
        ).hidden_states

    for layer in range(LAYERS):
        for engine in (fast, reference):
            found = engine.trace(windows, layer)
            np.testing.assert_allclose(found[0].hidden, states[layer][0].numpy(), atol=1e-4)
    for engine in (fast, reference):
        for window, trace in zip(windows, engine.trace(windows, None), strict=True):
            emission = engine.forward(window[None])[0]
            assert trace.tokens.shape == (LAYERS + 1, len(emission))
            assert (trace.tokens[-1] == emission.argmax(axis=1)).all()
            np.testing.assert_allclose(
                trace.probabilities[-1], np.exp(emission.max(axis=1)), atol=1e-4
            )
    found, expected = fast.trace(windows, 2)[1], reference.trace(windows, 2)[1]
    np.testing.assert_allclose(found.moved, expected.moved, atol=1e-4)
    np.testing.assert_allclose(found.probabilities, expected.probabilities, atol=1e-4)
    assert np.abs(found.moved[0]).max() < 1e-6
    assert (found.moved[1:] > 1e-4).all()


@pytest.mark.parametrize(
    ("config", "model"),
    [
        (HubertConfig, HubertForCTC),
        (WavLMConfig, WavLMForCTC),
        (Data2VecAudioConfig, Data2VecAudioForCTC),
    ],
)
def test_other_model_types_have_layers_too_and_no_hook_is_left(
    tmp_path: Path, config: type, model: type
) -> None:
    torch.manual_seed(3)
    settings = {**TINY, "num_hidden_layers": 2, "num_conv_pos_embeddings": 5}
    if config is Data2VecAudioConfig:
        settings["conv_pos_kernel_size"] = 3
    made = model(config(**settings)).eval()
    made.save_pretrained(tmp_path)
    write_processor(tmp_path)
    engine = TorchEngine(device="cpu")
    engine.load(Checkpoint("tiny", tmp_path, "folder"))
    window = 10 * noise(0.6)

    [trace] = engine.trace([window], None)

    assert len(trace.tokens) == 3
    assert (trace.tokens[-1] == engine.forward(window[None])[0].argmax(axis=1)).all()
    assert not any(one._forward_hooks or one._forward_pre_hooks for one in engine._model.modules())


@pytest.mark.parametrize("engine", [OpenVinoEngine(precision="fp32"), TorchEngine(device="cpu")])
@pytest.mark.parametrize("layer", [-1, LAYERS + 1, 10**6])
def test_a_layer_that_there_is_not_is_refused(tmp_path: Path, engine: Engine, layer: int) -> None:
    engine.load(checkpoint_in(tmp_path))

    with pytest.raises(InputError) as refused:
        engine.trace([noise(0.5)], layer)

    assert refused.value.code == "explore.bad_layer"
    assert str(LAYERS) in refused.value.hint


def test_a_model_whose_head_follows_something_else_has_no_layers_to_show(tmp_path: Path) -> None:
    engine = TorchEngine(device="cpu")
    engine.load(checkpoint_in(tmp_path))
    engine._model.config.add_adapter = True

    with pytest.raises(ModelError) as refused:
        engine.trace([noise(0.5)], None)

    assert refused.value.code == "model.no_layers"
    assert refused.value.hint


def test_layers_that_overflow_in_half_precision_are_computed_in_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = OpenVinoEngine(precision="fp32")
    engine.load(checkpoint_in(tmp_path))
    expected = engine.trace([noise(0.5)], 1)[0]
    engine._plan = PrecisionPlan("bf16")
    trace, plans = OpenVinoEngine._trace, []

    def overflowing(self: OpenVinoEngine, features: Any, chosen: int, plan: Any, check: Any) -> Any:
        plans.append(plan)
        found = trace(self, features, chosen, FULL_PRECISION, check)
        if plan != FULL_PRECISION:
            found[0].moved[1, 3] = np.nan
        return found

    monkeypatch.setattr(OpenVinoEngine, "_trace", overflowing)

    np.testing.assert_array_equal(engine.trace([noise(0.5)], 1)[0].moved, expected.moved)
    assert plans == [PrecisionPlan("bf16"), FULL_PRECISION]


# --- the view ---


def request(samples: Float32, recognizer: Recognizer, **changes: Any) -> LayersRequest:
    grid = recognizer.grid
    frames = max(1, grid.frames(len(samples)))
    values: dict[str, Any] = {
        "model": "tiny", "samples": samples, "windows": (Window(0, len(samples), 0, frames),),
        "emitted": recognizer.emit(samples).log_probs.argmax(axis=1).astype(np.int32),
        "start_s": 0.0, "layer": None, "side": 400,
    }  # fmt: skip
    return LayersRequest(**{**values, **changes})


@pytest.fixture
def recognizer(tmp_path: Path) -> Recognizer:
    return Recognizer(checkpoint_in(tmp_path), OpenVinoEngine(precision="fp32"))


def test_self_similarity_is_symmetric_with_ones_and_equal_sounds_are_bright(
    recognizer: Recognizer,
) -> None:
    samples = noise(3.0)
    samples[32_000:40_000] = samples[:8_000]  # again after 100 frames of 20 ms

    view = recognizer.show_layers(request(samples, recognizer, layer=1), never_cancelled)

    similarity = view.similarity
    frames = recognizer.grid.frames(len(samples))
    assert similarity.shape == (frames, frames)
    np.testing.assert_array_equal(similarity, similarity.T)
    assert (np.diag(similarity) == 1).all()
    again = np.diag(similarity, 100)[4:20]
    others = similarity[4:20, 30:90]
    assert again.min() > 0.9
    assert abs(others.mean()) < 0.2
    assert np.mean(others > 0.9) < 0.2


def test_last_row_of_the_view_is_the_emission(tmp_path: Path) -> None:
    checkpoint = checkpoint_in(tmp_path, initializer_range=0.3)
    recognizer = Recognizer(checkpoint, OpenVinoEngine(precision="fp32"))
    samples = noise(2.0)
    emission = recognizer.emit(samples)

    view = recognizer.show_layers(request(samples, recognizer, side=30), never_cancelled)

    names = [view.tokens[one] for one in view.top[-1]]
    best = emission.log_probs.argmax(axis=1)
    shown = {emission.blank_id: "", VOCABULARY.index("|"): " "}
    assert names == [shown.get(one, VOCABULARY[one]) for one in best.tolist()]
    assert [row.layer for row in view.rows] == list(range(LAYERS + 1))
    assert view.rows[-1].agreement == 1.0
    assert view.rows[0].agreement < 1.0
    assert "<" not in "".join(row.text for row in view.rows), "special tokens are left out"
    assert view.layer == (LAYERS + 1) // 2
    assert (view.merged, len(view.similarity)) == (4, 25)


def test_windows_of_a_long_recording_are_joined_at_their_kept_frames(tmp_path: Path) -> None:
    checkpoint = checkpoint_in(tmp_path, num_hidden_layers=0, num_conv_pos_embeddings=2)
    recognizer = Recognizer(checkpoint, OpenVinoEngine(precision="fp32"))
    samples = noise(5.0)
    level = SampleStatistics.of(samples)
    windows = tuple(windows_of(len(samples), recognizer.grid, window_s=2.0, overlap_s=0.5))
    assert len(windows) > 2

    cut = recognizer.show_layers(
        request(samples, recognizer, windows=windows, level=level), never_cancelled
    )
    whole = recognizer.show_layers(request(samples, recognizer), never_cancelled)

    assert cut.top.shape == whole.top.shape == (1, recognizer.grid.frames(len(samples)))
    np.testing.assert_allclose(cut.probabilities, whole.probabilities, atol=5e-3)
    np.testing.assert_allclose(cut.similarity, whole.similarity, atol=2e-2)


def test_a_silent_part_is_refused_without_running_the_model(
    recognizer: Recognizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(OpenVinoEngine, "trace", lambda *_: pytest.fail("the model ran"))

    with pytest.raises(InputError) as refused:
        recognizer.show_layers(request(np.zeros(16_000, np.float32), recognizer), never_cancelled)

    assert refused.value.code == "explore.silent"
    assert refused.value.hint


def test_audio_shorter_than_a_frame_has_one_frame(recognizer: Recognizer) -> None:
    samples = noise(0.02)
    assert FrameGrid().frames(len(samples)) == 0

    view = recognizer.show_layers(request(samples, recognizer), never_cancelled)

    assert view.similarity.tolist() == [[1.0]]
    assert view.top.shape == (LAYERS + 1, 1)


def test_cancelling_takes_effect_between_two_layers(recognizer: Recognizer) -> None:
    checks = []

    def check() -> None:
        checks.append(len(checks))
        if len(checks) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        recognizer.show_layers(request(noise(0.5), recognizer), check)


def test_constant_frames_are_not_alike_by_rounding() -> None:
    found = self_similarity(np.full((5, 8), 0.1, np.float32))

    assert np.isfinite(found).all()
    assert (np.diag(found) == 1).all()


def test_merged_frames_are_means_also_at_the_end() -> None:
    found = merge_frames(np.arange(10, dtype=np.float32).reshape(5, 2), 2)

    assert found.tolist() == [[1, 2], [5, 6], [8, 9]]
