"""Twenty seams and more with the embedded model: a word that both windows contain is there once."""

import numpy as np
import pytest

from benchmarks.seams import at_seams, emit_in_windows
from tests.examples import clips
from wav2vec2_app.server.assets import assets_path
from wav2vec2_app.settings import Settings
from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ, Float32
from wav2vec2_app.worker.model.engines.openvino_engine import OpenVinoEngine
from wav2vec2_app.worker.model.recognizer import Recognizer
from wav2vec2_app.worker.model.resolve import Checkpoint

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    checkpoint = Checkpoint("embedded", assets_path() / "model", "embedded")
    return Recognizer(checkpoint, OpenVinoEngine("fp32"))


def talk(pause_s: float) -> Float32:
    """More than three minutes: all example clips three times, in different orders."""
    examples = clips()
    pause = np.zeros(round(pause_s * SAMPLE_RATE_HZ), np.float32)
    orders = [examples[first:] + examples[:first] for first in (0, 3, 6)]
    return np.concatenate(
        [part for order in orders for clip in order for part in (clip.samples(), pause)]
    )


@pytest.mark.slow
@pytest.mark.matrix
@pytest.mark.parametrize("pause_s", [0.4, 0.0])
def test_no_word_is_lost_or_doubled_at_twenty_seams(recognizer: Recognizer, pause_s: float) -> None:
    recording = emit_in_windows(recognizer, talk(pause_s), Settings())

    found = at_seams(recording)

    assert len(recording.seams_s) >= 20
    assert found.compared >= 50
    assert (found.lost, found.doubled) == (0, 0)
