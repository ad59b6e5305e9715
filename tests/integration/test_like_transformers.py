"""The same weights through this application and through transformers' own pipeline."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from transformers import pipeline

from tests.examples import Clip, clips
from wav2vec2_app.server.assets import assets_path
from wav2vec2_app.speech.audio import AudioSource, Float32
from wav2vec2_app.worker.audio.decode import decode
from wav2vec2_app.worker.model.decoders import GreedyDecoder
from wav2vec2_app.worker.model.engines.openvino_engine import OpenVinoEngine
from wav2vec2_app.worker.model.engines.torch_engine import TorchEngine
from wav2vec2_app.worker.model.recognizer import Recognizer
from wav2vec2_app.worker.model.resolve import Checkpoint

pytestmark = pytest.mark.integration

EMBEDDED = Checkpoint("embedded", assets_path() / "model", "embedded")
TEST_SET = Path(__file__).parents[3] / "shared" / "speech" / "test-clean-60.tsv"
WINDOW_S = 60.0
"""Longer than every utterance, so that the pipeline does not divide it either."""


class Reference:
    """transformers' own pipeline and model; results of a file are cached."""

    def __init__(self) -> None:
        self._pipeline: Any = pipeline(
            "automatic-speech-recognition", str(EMBEDDED.path), device="cpu"
        )
        self._known: dict[Path, tuple[str, Float32]] = {}

    def __call__(self, path: Path) -> tuple[str, Float32]:
        """Its text, and the log-probabilities ``(frames, tokens)``."""
        if path not in self._known:
            self._known[path] = self._compute(path)
        return self._known[path]

    def _compute(self, path: Path) -> tuple[str, Float32]:
        samples, rate_hz = soundfile.read(path, dtype="float32")
        assert rate_hz == 16_000
        prepared = self._pipeline.feature_extractor(
            samples, sampling_rate=rate_hz, return_tensors="pt"
        )
        with torch.inference_mode():
            logits = self._pipeline.model(**prepared).logits[0]
        text = self._pipeline({"raw": samples, "sampling_rate": rate_hz})["text"]
        return " ".join(text.split()), torch.log_softmax(logits, dim=-1).numpy()


@pytest.fixture(scope="module")
def reference() -> Reference:
    return Reference()


@pytest.fixture(scope="module", params=["openvino", "torch"])
def recognizer(request: pytest.FixtureRequest) -> Recognizer:
    engine = TorchEngine("cpu") if request.param == "torch" else OpenVinoEngine("fp32")
    return Recognizer(EMBEDDED, engine)


def utterances() -> Iterator[Path]:
    with TEST_SET.open(encoding="utf-8", newline="") as rows:
        for row in csv.DictReader(rows, delimiter="\t"):
            yield TEST_SET.parent / row["path"]


def compare(recognizer: Recognizer, reference: Reference, path: Path) -> tuple[str, str, float]:
    """Our greedy text, the pipeline's, and the largest difference of a log-probability."""
    audio = decode(AudioSource(path=path), max_duration_s=60.0, max_bytes=10**8).audio
    emission = recognizer.emit(audio.samples)
    ours = " ".join(word.text for word in GreedyDecoder().decode(emission).words)
    theirs, log_probs = reference(path)
    return ours, theirs, float(np.abs(emission.log_probs - log_probs).max())


CLIPS = [
    pytest.param(clip, marks=pytest.mark.slow) if clip.path.stem == "stones" else clip
    for clip in clips()
]
"""The long one takes as long as all others."""


@pytest.mark.parametrize("clip", CLIPS, ids=lambda clip: clip.path.stem)
def test_examples_have_the_same_text(
    recognizer: Recognizer, reference: Reference, clip: Clip
) -> None:
    ours, theirs, apart = compare(recognizer, reference, clip.path)

    assert ours == theirs
    assert apart < 1e-3


@pytest.mark.speech
@pytest.mark.matrix
@pytest.mark.timeout(900)  # 60 forward passes of each implementation, on a machine that may be busy
@pytest.mark.skipif(not TEST_SET.exists(), reason="the recordings are not here")
@pytest.mark.parametrize("count", [3, 60])
def test_recordings_have_the_same_text(
    recognizer: Recognizer, reference: Reference, count: int
) -> None:
    paths = list(utterances())
    found = [compare(recognizer, reference, path) for path in paths[:: len(paths) // count]]

    assert len(found) == count
    assert [ours for ours, _, _ in found] == [theirs for _, theirs, _ in found]
    assert max(apart for _, _, apart in found) < 1e-3
