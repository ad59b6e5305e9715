"""The data of the page's plots agree with the sound: tones, clicks and frames are where they are."""

from __future__ import annotations

import numpy as np
import pytest

from tests.doubles import FRAME_S, make_emission
from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ, Float32
from wav2vec2_app.worker.plots.exploration import explore

SECONDS = np.arange(3 * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ


def tone(hz: float) -> Float32:
    return (0.2 * np.sin(2 * np.pi * hz * SECONDS)).astype(np.float32)


@pytest.mark.parametrize("hz", [440.0, 1000.0, 3520.0])
@pytest.mark.parametrize("columns", [60, 1000])
def test_a_tone_is_loudest_at_its_frequency(hz: float, columns: int) -> None:
    part = explore(tone(hz), None, 0.0, columns)

    loudest = part.spectrum.argmax(axis=0)[2:-2]
    assert abs(np.unique(loudest) * part.bin_hz - hz).max() <= part.bin_hz / 2
    assert part.spectrum.max() == 255


@pytest.mark.parametrize("columns", [50, 333, 2000])
def test_a_click_is_at_its_time_in_waveform_and_spectrogram(columns: int) -> None:
    samples = np.zeros(len(SECONDS), np.float32)
    samples[SAMPLE_RATE_HZ] = 0.9
    part = explore(samples, None, 10.0, columns)

    step_s = (part.end_s - part.start_s) / columns
    at_s = part.start_s + (int(part.high.argmax()) + 0.5) * step_s
    assert at_s == pytest.approx(11.0, abs=step_s)
    loud = np.flatnonzero(part.spectrum.max(axis=0) > 200)
    middle_s = part.start_s + (loud.mean() + 0.5) * step_s
    assert middle_s == pytest.approx(11.0, abs=max(step_s, 0.016))
    assert part.high.max() == pytest.approx(0.9)


def test_a_click_between_two_columns_of_spectra_is_not_lost() -> None:
    samples = np.zeros(60 * SAMPLE_RATE_HZ, np.float32)
    for second in range(1, 60):
        samples[second * SAMPLE_RATE_HZ + 7919 * second % 16_000] = 0.5
    part = explore(samples, None, 0.0, 120)

    assert np.count_nonzero(part.spectrum.max(axis=0) > 100) >= 59


def test_silence_has_no_level() -> None:
    part = explore(np.zeros(SAMPLE_RATE_HZ, np.float32), None, 0.0, 100)

    assert part.spectrum.max() == 0
    assert part.emission is None


def test_the_rows_of_the_emission_are_the_characters_and_their_probabilities() -> None:
    emission = make_emission("ad a")
    part = explore(np.zeros(SAMPLE_RATE_HZ, np.float32), emission, 4.0, 600).emission
    assert part is not None

    assert (part.tokens, part.merged, part.frame_s) == (("A", "D", " "), 1, FRAME_S)
    column = emission.vocabulary.index("D")
    expected = np.exp(emission.log_probs[:, column])
    assert part.probabilities[1] == pytest.approx(expected, abs=1e-5)
    assert part.blank == pytest.approx(np.exp(emission.log_probs[:, 0]), abs=1e-5)
    rest = 0.1 / (len(emission.vocabulary) - 1)
    entropy = -0.9 * np.log2(0.9) - 0.1 * np.log2(rest)
    assert part.entropy_bits == pytest.approx(np.full(len(expected), entropy), abs=1e-3)


def test_merged_frames_keep_the_highest_probability_and_the_mean_blank() -> None:
    emission = make_emission("hello world")
    frames = len(emission.log_probs)
    part = explore(np.zeros(SAMPLE_RATE_HZ, np.float32), emission, 0.0, 10).emission
    assert part is not None

    assert part.merged == -(-frames // 10)
    assert part.probabilities.shape[1] == len(part.blank) == len(part.entropy_bits) <= 10
    assert part.frame_s == pytest.approx(part.merged * FRAME_S)
    assert part.probabilities.max() == pytest.approx(0.9, abs=1e-5)
    blank = np.exp(emission.log_probs[: part.merged, 0]).mean()
    assert part.blank[0] == pytest.approx(blank, abs=1e-5)


def test_a_part_without_frames_has_an_empty_emission() -> None:
    part = explore(np.ones(40, np.float32), make_emission("a").cut(0, 0), 0.0, 100)

    assert len(part.high) == 40
    assert part.emission is not None
    assert part.emission.probabilities.shape == (0, 0)
