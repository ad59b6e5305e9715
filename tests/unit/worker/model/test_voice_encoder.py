"""Speaker embeddings: the spectrogram, the network's weights, and what is missing."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from wav2vec2_app.errors import CancelledError, ModelError
from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ, Float32
from wav2vec2_app.worker.model import voice_encoder
from wav2vec2_app.worker.model.voice_encoder import (
    EMBEDDING_SIZE,
    VoiceEncoder,
    embed,
    load_encoder,
)

installed = pytest.mark.skipif(
    importlib.util.find_spec("resemblyzer") is None, reason="resemblyzer is not installed"
)


def noise(seconds: float, level: float = 0.1) -> Float32:
    rng = np.random.default_rng(3)
    return rng.normal(scale=level, size=round(seconds * SAMPLE_RATE_HZ)).astype(np.float32)


def windows(*spans: tuple[float, float]) -> Float32:
    return np.array(spans, np.float32).reshape(-1, 2)


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The folder in which the package is looked for; it is empty."""
    spec = SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)
    return tmp_path


def test_spectrogram_is_that_of_the_training() -> None:
    librosa = pytest.importorskip("librosa")
    samples = noise(0.5)

    expected = librosa.feature.melspectrogram(
        y=samples, sr=SAMPLE_RATE_HZ, n_fft=400, hop_length=160, n_mels=40
    )

    assert np.allclose(voice_encoder._mel(samples), expected.T, atol=1e-6)


def test_embeddings_have_unit_length_whatever_the_length_of_the_window() -> None:
    torch.manual_seed(0)
    found = embed(VoiceEncoder().eval(), noise(3), windows((0, 1.6), (1, 2.6), (2.9, 3.5), (1, 1)))

    assert found.shape == (4, EMBEDDING_SIZE)
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-3)
    assert embed(VoiceEncoder(), noise(1), windows()).shape == (0, EMBEDDING_SIZE)


def test_silence_gives_numbers() -> None:
    found = embed(VoiceEncoder().eval(), np.zeros(SAMPLE_RATE_HZ, np.float32), windows((0, 1)))

    assert np.isfinite(found).all()


def test_quiet_speech_is_amplified_and_loud_speech_is_not() -> None:
    levels = [float(np.std(voice_encoder._window(noise(1, level), 0, 1))) for level in (1e-3, 0.2)]

    assert levels == pytest.approx([10 ** (-30 / 20), 0.2], rel=0.05)


def test_cancelling_takes_effect_between_batches() -> None:
    def check() -> None:
        raise CancelledError("The request was cancelled.")

    with pytest.raises(CancelledError):
        embed(VoiceEncoder(), noise(1), windows((0, 1)), check=check)


@installed
def test_weights_are_those_of_the_package() -> None:
    encoder = load_encoder()

    found = embed(encoder, noise(3.2), windows((0, 1.6), (1.6, 3.2)))

    assert float(found[0] @ found[1]) > 0.9
    assert not encoder.training


def test_missing_package_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)

    with pytest.raises(ModelError) as missing:
        load_encoder()

    assert missing.value.code == "speakers.extra_missing"
    assert "pip install" in missing.value.hint


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 cut off"])
def test_broken_weights_are_explained(package: Path, content: bytes) -> None:
    (package / "pretrained.pt").write_bytes(content)

    with pytest.raises(ModelError) as broken:
        load_encoder()

    assert broken.value.code == "speakers.broken"


@pytest.mark.parametrize("state", [{}, {"model_state": {}}, {"model_state": {"lstm": 1}}, 5])
def test_weights_of_another_network_are_explained(package: Path, state: object) -> None:
    torch.save(state, package / "pretrained.pt")

    with pytest.raises(ModelError) as broken:
        load_encoder()

    assert broken.value.code == "speakers.broken"


def test_package_without_weights_counts_as_missing(package: Path) -> None:
    with pytest.raises(ModelError) as missing:
        load_encoder()

    assert missing.value.code == "speakers.extra_missing"
