"""Absolute positions in a positional convolution: read as a table, or left a convolution."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.checkpoints import tiny_model, write_processor
from wav2vec2_app.worker.model.engines.openvino_engine import OpenVinoEngine
from wav2vec2_app.worker.model.engines.openvino_graph import Architecture, build
from wav2vec2_app.worker.model.engines.positions import position_table
from wav2vec2_app.worker.model.engines.torch_engine import TorchEngine
from wav2vec2_app.worker.model.engines.weights import Weights
from wav2vec2_app.worker.model.resolve import Checkpoint

GROUPS, WIDTH, TAPS = 2, 16, 16
CARRIERS = [0, WIDTH // GROUPS]
"""The first channel of each group is the same in every frame."""

BATCH = np.random.default_rng(1).standard_normal((2, 16_000)).astype(np.float32)


def checkpoint(
    folder: Path, *, taps: int, later: bool = False, constant: bool = True
) -> Checkpoint:
    """A tiny checkpoint; its positional convolution looks at the carriers, of the past or ``later`` too."""
    model = tiny_model(num_conv_pos_embeddings=taps, num_conv_pos_embedding_groups=GROUPS)
    projection = model.wav2vec2.feature_projection.projection
    weights = model.wav2vec2.encoder.pos_conv_embed.conv.parametrizations.weight
    with torch.no_grad():
        if constant:
            projection.weight[CARRIERS] = 0
        direction = weights.original1
        direction[:, 1:] = 0
        if not later:
            direction[:, :, taps // 2 + 1 :] = 0
            weights.original0[..., taps // 2 + 1 :] = 0
            direction[0, 1, taps // 2 + 1 :] = 1  # a norm without a gain
    model.save_pretrained(folder)
    write_processor(folder)
    return Checkpoint("tiny", folder, "folder")


def convolutions(checkpoint: Checkpoint) -> int:
    config = checkpoint.path / "config.json"
    weights = Weights(checkpoint.path / "model.safetensors")
    graphs = build(Architecture.of(json.loads(config.read_text("utf-8"))), weights)
    kinds = [node.get_type_name() for node in graphs.transformer.get_ops()]
    return kinds.count("GroupConvolution")


@pytest.mark.parametrize("taps", [TAPS, TAPS - 1, 200])
def test_absolute_positions_are_looked_up_and_the_result_is_that_of_transformers(
    tmp_path: Path, taps: int
) -> None:
    """Also where the clip is shorter than the convolution: 49 frames, 200 taps."""
    found = checkpoint(tmp_path, taps=taps)
    fast, reference = OpenVinoEngine("fp32"), TorchEngine("cpu")
    fast.load(found)
    reference.load(found)

    assert convolutions(found) == 0
    np.testing.assert_allclose(fast.forward(BATCH), reference.forward(BATCH), atol=1e-4)


@pytest.mark.parametrize("change", [{"later": True}, {"constant": False}])
def test_positions_that_depend_on_the_sound_or_on_later_frames_stay_a_convolution(
    tmp_path: Path, change: dict[str, bool]
) -> None:
    assert convolutions(checkpoint(tmp_path, taps=TAPS, **change)) == 1


@pytest.mark.parametrize("taps", [1, 2, 7, 8])
def test_table_has_what_the_convolution_gives(taps: int) -> None:
    random = np.random.default_rng(taps)
    constants = np.full(WIDTH, np.nan, np.float32)
    constants[CARRIERS] = (0.7, -1.3)
    kernel = np.zeros((WIDTH, WIDTH // GROUPS, taps), np.float32)
    kernel[:, 0, : taps // 2 + 1] = random.standard_normal((WIDTH, taps // 2 + 1))
    bias = random.standard_normal(WIDTH).astype(np.float32)
    frames = taps + 3
    sound = random.standard_normal((WIDTH, frames)).astype(np.float32)
    sound[CARRIERS] = constants[CARRIERS][:, None]

    table = position_table(kernel, bias, GROUPS, constants)
    expected = torch.conv1d(
        torch.from_numpy(sound)[None], torch.from_numpy(kernel), torch.from_numpy(bias),
        padding=taps // 2, groups=GROUPS,
    )[0, :, :frames].T  # fmt: skip

    assert table is not None
    assert table.shape == (taps // 2 + 1, WIDTH)
    rows = np.minimum(np.arange(frames), taps // 2)
    np.testing.assert_allclose(table[rows], expected, atol=1e-5)
