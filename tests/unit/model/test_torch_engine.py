import numpy as np
import pytest
import torch

from wav2vec2_app.errors import ModelError
from wav2vec2_app.model.engines.torch_engine import TorchEngine
from wav2vec2_app.model.resolve import Checkpoint

BATCH = np.random.default_rng(1).standard_normal((2, 16_000)).astype(np.float32)


def test_forward_gives_log_probabilities_of_every_frame(tiny_checkpoint: Checkpoint) -> None:
    engine = TorchEngine(device="cpu")
    engine.load(tiny_checkpoint)

    log_probs = engine.forward(BATCH)

    assert log_probs.shape == (2, engine.grid.frames(16_000), 32)
    np.testing.assert_allclose(np.exp(log_probs).sum(axis=-1), 1.0, atol=1e-4)


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_missing_accelerator_falls_back_to_the_cpu_and_says_so(
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
