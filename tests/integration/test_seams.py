"""Twenty seams and more with the embedded model: what both windows hear at one is in the whole, once."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from tests.examples import clips
from wav2vec2_app.build import assets_path
from wav2vec2_app.model.ctc import words_of_path
from wav2vec2_app.model.engines.openvino_engine import OpenVinoEngine
from wav2vec2_app.model.recognizer import Recognizer
from wav2vec2_app.model.resolve import Checkpoint
from wav2vec2_app.seams import ALIKE, join, settle
from wav2vec2_app.settings import Settings
from wav2vec2_app.types import SAMPLE_RATE_HZ, Emission, Float32, Word
from wav2vec2_app.windows import Level, windows_of

pytestmark = pytest.mark.integration

SAME_S = 0.25
"""A word that begins within so much of another, and reads the same, is the same."""


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


def words_of(emission: Emission, from_s: float = 0.0) -> list[tuple[str, float]]:
    """Words on the best path and when each begins."""
    words: tuple[Word, ...] = words_of_path(emission, emission.log_probs.argmax(axis=1))
    return [(word.text, from_s + word.start_s) for word in words]


def among(word: tuple[str, float], words: list[tuple[str, float]]) -> bool:
    return any(text == word[0] and abs(at_s - word[1]) < SAME_S for text, at_s in words)


@pytest.mark.parametrize("pause_s", [0.0, 0.4])
def test_no_word_is_lost_or_doubled_at_twenty_seams(recognizer: Recognizer, pause_s: float) -> None:
    samples, settings = talk(pause_s), Settings()
    hop, frame_s = recognizer.grid.hop, recognizer.grid.hop / SAMPLE_RATE_HZ
    windows = windows_of(
        len(samples),
        recognizer.grid,
        window_s=settings.window_s,
        overlap_s=settings.window_overlap_s,
    )
    level = Level.of(samples)
    emissions = [recognizer.emit(samples[w.start : w.stop], level) for w in windows]
    whole = words_of(join(windows, emissions))
    ears = [
        words_of(one, w.start / SAMPLE_RATE_HZ) for w, one in zip(windows, emissions, strict=True)
    ]
    seams = [(w.start // hop + w.keep_to) * frame_s for w in settle(windows, emissions)[:-1]]

    compared = 0
    for number, (seam_s, (left, right)) in enumerate(zip(seams, pairwise(ears), strict=True)):
        begin_s = windows[number + 1].start / SAMPLE_RATE_HZ + ALIKE * frame_s
        end_s = windows[number].stop / SAMPLE_RATE_HZ - ALIKE * frame_s
        both = [word for word in left if begin_s < word[1] < end_s and among(word, right)]
        compared += len(both)
        assert [word for word in both if not among(word, whole)] == [], f"lost at {seam_s:.2f} s"
        counts = [
            Counter(text for text, at_s in words if begin_s < at_s < end_s)
            for words in (whole, left, right)
        ]
        doubled = counts[0] - (counts[1] | counts[2])
        assert not {text for text, times in doubled.items() if counts[0][text] > 1 and times}, (
            f"doubled at {seam_s:.2f} s"
        )

    assert len(seams) >= 20
    assert compared >= 50
