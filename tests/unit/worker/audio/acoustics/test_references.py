"""Measures against pyloudnorm, Praat (parselmouth) and scipy."""

from functools import cache

import numpy as np
import parselmouth
import pyloudnorm
import pytest
from parselmouth.praat import call
from scipy import signal

from tests.unit.worker.audio.acoustics.sounds import VOICES, example, noise, sine
from tests.unit.worker.audio.acoustics.sounds import pulses as synthetic
from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ
from wav2vec2_app.speech.features import Features
from wav2vec2_app.worker.audio import features
from wav2vec2_app.worker.audio.acoustics import formants, loudness, pulses, spectrum, voicing

LU, PITCH, FORMANT, JITTER = 0.2, 0.01, 0.05, 0.1
"""Greatest differences; those of the voice are relative, and at the median."""

SOUNDS = {
    **{name: example(name) for name in VOICES},
    **{f"sine of {hz} Hz": sine(hz, 3.0) for hz in (100, 440, 1000, 4000)},
    "quiet sine": sine(997, 2.0, 0.001),
    "noise": noise(3.0),
    "noise after silence": np.concatenate([np.zeros(48_000, np.float32), noise(2.0)]),
    "loud and quiet": np.concatenate([noise(3.0, 0.2), noise(3.0, 0.002)]),
}


@cache
def found(name: str) -> Features:
    return features.extract(example(name))


@cache
def praat(name: str) -> tuple[parselmouth.Sound, parselmouth.Pitch]:
    sound = parselmouth.Sound(example(name).astype(np.float64), SAMPLE_RATE_HZ)
    return sound, sound.to_pitch(None, 60, 500)


@pytest.mark.parametrize("name", SOUNDS)
def test_loudness_is_that_of_pyloudnorm(name: str) -> None:
    samples = SOUNDS[name]
    expected = pyloudnorm.Meter(SAMPLE_RATE_HZ).integrated_loudness(samples.astype(np.float64))

    assert loudness.integrated_lufs(samples) == pytest.approx(expected, abs=LU)


@pytest.mark.parametrize("gain_db", [-15, -12, -6, 3])
def test_gain_is_the_difference_of_loudness(gain_db: float) -> None:
    samples = example("coffee")
    quieter = (samples * 10 ** (gain_db / 20)).astype(np.float32)

    before, after = loudness.integrated_lufs(samples), loudness.integrated_lufs(quieter)

    assert before is not None
    assert after == pytest.approx(before + gain_db, abs=0.05)


@pytest.mark.parametrize("name", VOICES)
def test_pitch_is_that_of_praat_at_the_median(name: str) -> None:
    ours = found(name)
    _, pitch = praat(name)
    theirs = np.array([pitch.get_value_at_time(at) for at in ours.times_s])
    both = np.isfinite(theirs) & np.isfinite(ours.f0_hz)

    assert both.sum() > 50
    assert np.median(np.abs(ours.f0_hz[both] / theirs[both] - 1)) < PITCH


@pytest.mark.parametrize("name", VOICES)
def test_formants_are_those_of_praat_at_the_median(name: str) -> None:
    ours = found(name)
    resonances = formants.formants(example(name), ours.times_s)
    sound, _ = praat(name)
    theirs = sound.to_formant_burg(0.01, 5, 5500, 0.025, 50)
    for number, hz in enumerate(resonances[:3], start=1):
        expected = np.array([theirs.get_value_at_time(number, at) for at in ours.times_s])
        both = np.isfinite(expected) & np.isfinite(hz) & np.isfinite(ours.f0_hz)
        assert np.median(np.abs(hz[both] / expected[both] - 1)) < FORMANT


def voice_errors(measure: str, *arguments: float) -> list[float]:
    errors = []
    for name in VOICES:
        sound, pitch = praat(name)
        marks = call([sound, pitch], "To PointProcess (cc)")
        given = marks if measure == "jitter" else [sound, marks]
        expected = call(given, f"Get {measure} (local)", 0, 0, 0.0001, 0.02, *arguments)
        times_s = found(name).times_s
        hz = voicing.voiced_pitch(example(name), times_s)
        value = getattr(pulses.voice(example(name), times_s, hz), measure)
        errors.append(abs(value / expected - 1))
    return errors


def test_jitter_is_that_of_praat_at_the_median() -> None:
    assert np.median(voice_errors("jitter", 1.3)) < JITTER


def test_shimmer_is_that_of_praat_at_the_median() -> None:
    assert np.median(voice_errors("shimmer", 1.3, 1.6)) < JITTER


def synthetic_error(hz: float, share: float) -> float:
    """How much the jitter of a voice with irregular periods differs from Praat's, as a share of it."""
    periods = (1 + share * np.random.default_rng(5).standard_normal(200)) / hz
    samples = synthetic(periods)
    sound = parselmouth.Sound(samples.astype(np.float64), SAMPLE_RATE_HZ)
    marks = call([sound, sound.to_pitch(None, 60, 500)], "To PointProcess (cc)")
    expected = call(marks, "Get jitter (local)", 0, 0, 0.0001, 0.02, 1.3)
    times_s = np.arange(len(samples) // 160, dtype=np.float32) * np.float32(0.01)
    found = pulses.voice(samples, times_s, voicing.voiced_pitch(samples, times_s)).jitter
    assert found is not None
    return float(abs(found / expected - 1))


@pytest.mark.parametrize("share", [0.005, 0.01, 0.02, 0.03])
def test_jitter_of_synthetic_voices_is_that_of_praat_at_the_median(share: float) -> None:
    assert np.median([synthetic_error(hz, share) for hz in (90, 125, 160, 200, 240)]) < JITTER


@pytest.mark.parametrize("name", VOICES[:3])
def test_shape_of_the_spectrum_is_that_of_its_definition(name: str) -> None:
    """The definitions of librosa, frame by frame; its own functions are compiled for half a minute."""
    samples = example(name)
    ours = spectrum.shape(samples, 1 + len(samples) // 160)
    hz = np.fft.rfftfreq(512, 1 / SAMPLE_RATE_HZ)
    window = signal.get_window("hann", 400)
    for frame in range(20, len(ours.centroid_hz) - 20, 17):
        part = samples[frame * 160 - 200 : frame * 160 + 200] * window
        magnitude = np.abs(np.fft.rfft(part, 512))
        if not magnitude.any():  # silence has no shape
            assert not np.isfinite(ours.centroid_hz[frame])
            continue
        centroid = np.average(hz, weights=magnitude)
        bandwidth = np.sqrt(np.average((hz - centroid) ** 2, weights=magnitude))
        rolloff = hz[np.searchsorted(np.cumsum(magnitude), 0.85 * magnitude.sum())]
        found = (ours.centroid_hz[frame], ours.bandwidth_hz[frame], ours.rolloff_hz[frame])
        np.testing.assert_allclose(found, (centroid, bandwidth, rolloff), rtol=1e-3, atol=32)


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("frames", [9, 10, 57, 400])
def test_differences_of_mfcc_are_those_of_scipy(order: int, frames: int) -> None:
    values = np.random.default_rng(1).standard_normal((13, frames)).astype(np.float32)

    expected = signal.savgol_filter(values, 9, polyorder=order, deriv=order, axis=-1, mode="interp")

    np.testing.assert_allclose(spectrum.deltas(values, order), expected, atol=1e-4)


def test_what_is_too_short_has_no_differences() -> None:
    assert not spectrum.deltas(np.ones((13, 8), np.float32), 1).any()
