"""What is known of a sound is measured."""

import numpy as np
import pytest

from tests.unit.worker.audio.acoustics.sounds import clicks, example, noise, pulses, sine
from wav2vec2_app.speech.acoustics import MEASURES
from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ
from wav2vec2_app.worker.audio import features
from wav2vec2_app.worker.audio.acoustics import loudness, parts, rhythm, spectrum, voicing
from wav2vec2_app.worker.audio.acoustics import pulses as voice_pulses
from wav2vec2_app.worker.audio.acoustics.measure import measure


def analyzed(samples: np.ndarray):
    return measure(samples, features.extract(samples))


# --- voice --------------------------------------------------------------------------------------


def irregularity(samples: np.ndarray) -> voice_pulses.Voice:
    times_s = np.arange(len(samples) // 160, dtype=np.float32) * np.float32(0.01)
    return voice_pulses.voice(samples, times_s, voicing.voiced_pitch(samples, times_s))


@pytest.mark.parametrize("hz", [90, 125, 200])
def test_more_irregular_periods_have_more_jitter(hz: float) -> None:
    random = np.random.default_rng(5)
    deviations = random.standard_normal(200)

    found = [
        irregularity(pulses((1 + share * deviations) / hz)).jitter for share in (0, 0.01, 0.03)
    ]

    assert found == sorted(found)
    assert found[0] < 0.002
    assert found[2] > 2 * found[1]


@pytest.mark.parametrize("share", [0.02, 0.05, 0.1])
def test_shimmer_is_the_irregularity_of_the_strength(share: float) -> None:
    amplitudes = 1 + share / 2 * np.where(np.arange(200) % 2, 1, -1)

    found = irregularity(pulses(np.full(200, 0.008), amplitudes)).shimmer

    assert found == pytest.approx(share, rel=0.25)


def test_regular_voice_has_hardly_any_jitter() -> None:
    found = irregularity(pulses(np.full(200, 0.008)))

    assert found.jitter is not None
    assert found.jitter < 0.002


@pytest.mark.parametrize("samples", [noise(1.0), np.zeros(16_000, np.float32), sine(120, 0.02)])
def test_what_is_no_voice_has_no_jitter_or_little_of_it(samples: np.ndarray) -> None:
    found = irregularity(samples)

    assert found.jitter is None or found.jitter < 0.2


@pytest.mark.parametrize("hz", [80, 120, 220, 330, 440])
def test_pitch_of_a_tone_is_its_frequency(hz: float) -> None:
    samples = sine(hz)
    times_s = np.arange(20, 180, dtype=np.float32) * np.float32(0.01)

    np.testing.assert_allclose(voicing.voiced_pitch(samples, times_s), hz, rtol=0.005)


# --- spectrum -----------------------------------------------------------------------------------


@pytest.mark.parametrize("hz", [200, 440, 1000, 4000])
def test_centroid_of_a_tone_is_its_frequency(hz: float) -> None:
    found = analyzed(sine(hz)).summary

    assert found["spectral_centroid_hz"] == pytest.approx(hz, rel=0.1)
    assert found["zero_crossing_rate"] == pytest.approx(2 * hz / SAMPLE_RATE_HZ, abs=0.003)


@pytest.mark.parametrize(
    ("pitch_class", "hz"), list(enumerate([261.63 * 2 ** (n / 12) for n in range(12)]))
)
def test_chroma_of_a_note_is_its_pitch_class(pitch_class: int, hz: float) -> None:
    strengths = spectrum.chroma(sine(hz)).mean(axis=1)

    assert int(np.argmax(strengths)) == pitch_class


def test_octaves_have_the_same_chroma() -> None:
    classes = {int(np.argmax(spectrum.chroma(sine(220 * 2**n)).mean(axis=1))) for n in range(4)}

    assert classes == {9}


# --- rhythm -------------------------------------------------------------------------------------


@pytest.mark.parametrize("bpm", [70, 90, 100, 120, 140])
def test_tempo_of_clicks_is_their_rate(bpm: float) -> None:
    found = rhythm.tempo_bpm(features.extract(clicks(bpm)).log_mel_db)

    assert found == pytest.approx(bpm, rel=0.03)


@pytest.mark.parametrize("samples", [sine(200, 1.0), np.zeros(16_000 * 6, np.float32)])
def test_what_has_no_beat_has_no_tempo(samples: np.ndarray) -> None:
    assert rhythm.tempo_bpm(features.extract(samples).log_mel_db) is None


# --- parts --------------------------------------------------------------------------------------


def test_silences_are_found_where_they_are() -> None:
    samples = np.concatenate(
        [noise(1.0), np.zeros(8000, np.float32), noise(1.0), np.zeros(1600, np.float32)]
    )

    found = analyzed(samples)

    assert len(found.silences) == 1
    np.testing.assert_allclose(found.silences[0], [1.0, 1.5], atol=0.03)
    assert found.summary["silence_fraction"] == pytest.approx(0.5 / 2.6, abs=0.03)


@pytest.mark.parametrize("moments", [[], [0.5], [0.1, 0.9], [0.2, 0.5, 0.8]])
def test_clipped_parts_are_found_where_they_are(moments: list[float]) -> None:
    samples = sine(200, 1.0)
    for moment in moments:
        samples[round(moment * 16_000) : round(moment * 16_000) + 20] = 1.0

    found = parts.clipped(samples)

    np.testing.assert_allclose(found[:, 0], moments, atol=1e-3)
    np.testing.assert_allclose(found[:, 1] - found[:, 0], 20 / 16_000, atol=1e-4)


def test_overdriven_recording_is_clipped() -> None:
    clean, loud = example("coffee"), np.clip(example("coffee") * 8, -1, 1)

    assert not analyzed(clean).is_clipped
    assert analyzed(loud).is_clipped


# --- all of it ----------------------------------------------------------------------------------


def test_speech_has_every_measure_but_those_of_its_words() -> None:
    samples = np.concatenate([example("coffee"), example("garden")])
    found = analyzed(samples)

    rate = {"words_per_minute", "syllables_per_minute", "articulation_rate"}
    rate |= {"pauses", "mean_pause_s", "longest_pause_s"}
    assert {row.name for row in MEASURES} - rate - found.summary.keys() <= {"tempo_bpm"}
    assert found.contours.shape == (len(found.names), len(found.times_s))
    assert len(found.names) == 10 + 3 * 13
    assert np.isfinite(list(found.summary.values())).all()


@pytest.mark.parametrize("samples", [
    np.zeros(1, np.float32), np.ones(1, np.float32), np.zeros(160, np.float32), noise(0.01),
    np.zeros(32_000, np.float32), np.ones(16_000, np.float32), sine(7000, 0.5), noise(0.39),
])  # fmt: skip
def test_any_sound_can_be_measured(samples: np.ndarray) -> None:
    found = analyzed(samples)

    assert np.isfinite(list(found.summary.values())).all()
    assert found.chroma.shape[0] == 12


@pytest.mark.parametrize("seconds", [0.0, 0.1, 0.39])
def test_what_is_too_short_has_no_loudness(seconds: float) -> None:
    assert loudness.integrated_lufs(noise(seconds)) is None


def test_silence_has_no_loudness() -> None:
    assert loudness.integrated_lufs(np.zeros(32_000, np.float32)) is None


def test_analysis_can_be_cancelled_between_blocks() -> None:
    class CancelledError(RuntimeError):
        pass

    def stop() -> None:
        raise CancelledError

    samples = example("coffee")
    with pytest.raises(CancelledError):
        measure(samples, features.extract(samples), on_block=stop)
