from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from benchmarks.synthesis import _rate, _texts, tuned
from benchmarks.synthesis_transcripts import Damage, coloured_noise, damaged
from tests.unit.speech.transcripts import make_transcript
from wav2vec2_app.speech.synthesis import SynthesisOptions

REFERENCES = ["the cat sat", "a cat sat on the mat"]
RIGHT = [make_transcript(text, 0.5) for text in REFERENCES]
WRONG = [make_transcript(text, 0.8) for text in ("the hat sit", "a hat sit in the mat")]


def test_tuning_finds_the_weights_of_the_better_transcripts() -> None:
    mixture = {"wrong": WRONG, "right": RIGHT}

    options = tuned(mixture, REFERENCES)

    assert _rate(_texts(mixture, SynthesisOptions()), REFERENCES) > 0
    assert _rate(_texts(mixture, options), REFERENCES) == 0
    assert options.weights["right"] > options.weights["wrong"]


@pytest.mark.parametrize("colour", [0.0, 1.0, 2.0])
def test_noise_has_the_given_level_and_is_the_same_each_time(tmp_path: Path, colour: float) -> None:
    path = tmp_path / "tone.wav"
    clean = 0.1 * np.sin(np.arange(16_000) / 5)
    soundfile.write(path, clean, 16_000, subtype="FLOAT")
    damage = Damage("noise", "beam", colour, 20.0)

    noise = damaged(path, damage).samples - clean

    ratio_db = 10 * np.log10(np.mean(clean**2) / np.mean(noise**2))
    assert ratio_db == pytest.approx(20, abs=0.1)
    assert np.array_equal(damaged(path, damage).samples, damaged(path, damage).samples)


def test_pink_noise_has_less_power_at_high_frequencies() -> None:
    power = np.abs(np.fft.rfft(coloured_noise(2**15, 1.0, np.random.default_rng(1)))) ** 2

    low, high = power[100:200].mean(), power[10_000:10_100].mean()
    assert low / high > 20
