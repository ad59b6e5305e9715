"""The part of a recording that pictures show."""

import math

import numpy as np
import pytest

from tests.doubles import make_features, make_recognition
from wav2vec2_app.speech.picture_window import (
    FIRST_WINDOW,
    MIN_PICTURE_S,
    PictureWindow,
    cut_excerpt,
)


@pytest.mark.parametrize(
    ("window", "duration_s", "part"),
    [
        (PictureWindow(1, 3), 10, (1, 3)),
        (PictureWindow(-5, 3), 10, (0, 8)),
        (PictureWindow(9, 12), 10, (7, 10)),
        (PictureWindow(100, 108), 10, (2, 10)),
        (PictureWindow(0, 50), 10, (0, 10)),
        (PictureWindow(4, 4.01), 10, (4, 4 + MIN_PICTURE_S)),
        (PictureWindow(0.2, 0.3), 0.4, (0, 0.4)),
        (FIRST_WINDOW, 12, (0, 12)),
        (FIRST_WINDOW, 12.5, (0, 8)),
        (FIRST_WINDOW, 900, (0, 8)),
    ],
)
def test_window_is_moved_into_the_recording(
    window: PictureWindow, duration_s: float, part: tuple[float, float]
) -> None:
    assert window.within(duration_s) == pytest.approx(part)


@pytest.mark.parametrize("start_s", [0.0, 2.0, math.nan, math.inf])
@pytest.mark.parametrize("end_s", [0.0, -1.0, math.nan, -math.inf])
def test_window_without_a_length_is_an_error(start_s: float, end_s: float) -> None:
    with pytest.raises(ValueError, match="a later end"):
        PictureWindow(start_s, end_s)


@pytest.mark.parametrize("start_s", [0.0, 0.013, 1.0, 3.337, 6.5])
@pytest.mark.parametrize("span_s", [0.5, 1.23, 3.0])
def test_samples_frames_and_words_of_a_part_belong_together(start_s: float, span_s: float) -> None:
    recognition = make_recognition("one two three four five six")
    features = make_features(10.0)
    samples = np.arange(160_000, dtype=np.float32)
    emission = recognition.emission

    part = cut_excerpt(
        samples, features, emission, recognition.transcript.words,
        PictureWindow(start_s, start_s + span_s),
    )  # fmt: skip

    assert part.start_s == pytest.approx(start_s, abs=0.02)
    assert part.samples[0] == pytest.approx(part.start_s * 16_000)
    assert len(part.samples) / 16_000 == pytest.approx(span_s, abs=0.041)
    times_s = part.features.times_s
    assert times_s[0] <= max(part.start_s, features.times_s[0])
    assert times_s[-1] >= min(part.start_s + span_s, features.times_s[-1])
    assert len(times_s) <= span_s / 0.02 + 5
    assert part.features.log_mel_db.shape[1] == part.features.mfcc.shape[1] == len(times_s)
    assert len(part.features.f0_hz) == len(part.features.energy_db) == len(times_s)
    assert all(
        word.end_s > part.start_s and word.start_s < part.start_s + span_s + 0.04
        for word in part.words
    )


def test_everything_is_kept_without_a_window_and_words_are_in_sentence_case() -> None:
    recognition = make_recognition("HELLO WORLD")
    features, samples = make_features(1.0), np.zeros(16_000, np.float32)

    part = cut_excerpt(samples, features, None, recognition.transcript.words, None)

    assert part.samples is samples
    assert part.features is features
    assert part.emission is None
    assert [word.text for word in part.words] == ["Hello", "world"]
