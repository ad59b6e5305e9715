from __future__ import annotations

import json
import math

import numpy as np
import pytest

from tests.audio_files import tone
from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ
from wav2vec2_app.worker.audio import features
from wav2vec2_app.worker.audio.features import extract


def voice(f0_hz: np.ndarray, amplitude: float = 0.2) -> np.ndarray:
    """A harmonic sound that follows ``f0_hz`` (one value a sample), falling 6 dB an octave."""
    phase = 2 * np.pi * np.cumsum(f0_hz) / SAMPLE_RATE_HZ
    return sum(amplitude / k * np.sin(k * phase) for k in range(1, 9)).astype(np.float32)


def steady(f0_hz: float, duration_s: float = 1.0) -> np.ndarray:
    return voice(np.full(round(duration_s * SAMPLE_RATE_HZ), f0_hz))


def noise(duration_s: float, amplitude: float = 0.1) -> np.ndarray:
    random = np.random.default_rng(3)
    return (amplitude * random.standard_normal(round(duration_s * SAMPLE_RATE_HZ))).astype(
        np.float32
    )


def test_all_features_share_one_frame_grid() -> None:
    result = extract(tone(1.0))

    assert result.times_s.shape == result.f0_hz.shape == result.energy_db.shape == (101,)
    assert result.log_mel_db.shape == (80, 101)
    assert result.mfcc.shape == (13, 101)
    np.testing.assert_allclose(np.diff(result.times_s), 0.01, atol=1e-4)


@pytest.mark.parametrize("samples", [0, 1, 159, 160, 401])
def test_the_shortest_audio_has_features(samples: int) -> None:
    result = extract(noise(samples / SAMPLE_RATE_HZ))

    assert len(result.times_s) == 1 + samples // 160
    json.dumps(dict(result.summary), allow_nan=False)


def test_blocks_leave_no_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    samples = np.concatenate([steady(140, 0.7), noise(0.4), steady(210, 0.5)])
    whole = extract(samples)

    monkeypatch.setattr(features, "BLOCK_FRAMES", 13)
    pieces = extract(samples)

    np.testing.assert_allclose(pieces.energy_db, whole.energy_db, atol=1e-3)
    np.testing.assert_allclose(pieces.f0_hz, whole.f0_hz, rtol=1e-3)
    np.testing.assert_allclose(
        pieces.log_mel_db.astype(float), whole.log_mel_db.astype(float), atol=0.1
    )


def test_long_work_can_be_cancelled_between_blocks() -> None:
    def cancel() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        extract(tone(1.0), on_block=cancel)


# --- pitch -------------------------------------------------------------------------------------


@pytest.mark.parametrize("f0_hz", [65, 100, 155, 220, 330, 480])
def test_the_pitch_of_a_steady_voice_is_found(f0_hz: float) -> None:
    inner = extract(steady(f0_hz)).f0_hz[5:-5]

    assert np.isfinite(inner).all()
    np.testing.assert_allclose(inner, f0_hz, rtol=0.01)


def test_a_glide_is_followed_in_time() -> None:
    path_hz = np.geomspace(100, 300, 2 * SAMPLE_RATE_HZ)

    result = extract(voice(path_hz))

    inner = slice(10, -10)
    expected = path_hz[(result.times_s[inner] * SAMPLE_RATE_HZ).astype(int)]
    np.testing.assert_allclose(result.f0_hz[inner], expected, rtol=0.03)


def test_a_voice_with_noise_keeps_its_pitch() -> None:
    result = extract(steady(120, 2.0) + noise(2.0, 0.02))

    assert result.summary["f0_median_hz"] == pytest.approx(120, rel=0.02)
    assert result.summary["voiced_fraction"] > 0.9


def test_noise_and_silence_have_no_pitch() -> None:
    assert extract(noise(2.0)).summary["voiced_fraction"] < 0.02
    assert np.isnan(extract(np.zeros(16_000, np.float32)).f0_hz).all()


def test_voicing_starts_and_ends_with_the_voice() -> None:
    result = extract(np.concatenate([noise(0.5, 0.01), steady(150, 0.5), noise(0.5, 0.01)]))

    voiced_s = result.times_s[np.isfinite(result.f0_hz)]
    assert voiced_s.min() == pytest.approx(0.5, abs=0.04)
    assert voiced_s.max() == pytest.approx(1.0, abs=0.04)


def test_a_quiet_hum_beside_a_loud_voice_is_not_called_voice() -> None:
    hum = steady(100, 0.5) * 10 ** (-50 / 20)

    result = extract(np.concatenate([steady(200, 1.0), hum]))

    assert np.isnan(result.f0_hz[120:]).all()


# --- level, mel, MFCC --------------------------------------------------------------------------


@pytest.mark.parametrize(("amplitude", "expected_db"), [(1.0, -3.01), (0.1, -23.01), (0.5, -9.03)])
def test_the_level_of_a_sine_is_its_rms(amplitude: float, expected_db: float) -> None:
    result = extract(tone(1.0, frequency_hz=400, amplitude=amplitude))

    np.testing.assert_allclose(result.energy_db[5:-5], expected_db, atol=0.05)
    assert result.summary["rms_dbfs"] == pytest.approx(expected_db, abs=0.05)
    assert result.summary["peak_dbfs"] == pytest.approx(20 * math.log10(amplitude), abs=0.05)


def test_digital_silence_has_the_floor_level_and_an_even_spectrogram() -> None:
    result = extract(np.zeros(8_000, np.float32))

    assert (result.energy_db == features.FLOOR_DBFS).all()
    assert (result.log_mel_db == -features.MEL_RANGE_DB).all()


@pytest.mark.parametrize("frequency_hz", [200, 440, 1_000, 3_000, 7_000])
def test_a_sine_lights_its_own_mel_band(frequency_hz: float) -> None:
    result = extract(tone(0.5, frequency_hz=frequency_hz))

    band = int(result.log_mel_db[:, 25].argmax())
    edges = features.mel_edges_hz()
    assert edges[band] < frequency_hz < edges[band + 2]


def test_the_mel_scale_has_an_inverse() -> None:
    hz = np.linspace(0, 8_000, 50)

    np.testing.assert_allclose(features.mel_to_hz(features.hz_to_mel(hz)), hz, atol=1e-6)


def test_filters_and_mfcc_agree_with_librosa() -> None:
    librosa_filters = pytest.importorskip("librosa.filters")
    from scipy.fft import dct

    ours = features._mel_filters().T
    theirs = librosa_filters.mel(sr=SAMPLE_RATE_HZ, n_fft=512, n_mels=80)
    np.testing.assert_allclose(ours, theirs, atol=1e-6)

    result = extract(steady(130) + noise(1.0, 0.01))
    expected = dct(result.log_mel_db.astype(np.float64), axis=0, norm="ortho")[:13]
    np.testing.assert_allclose(result.mfcc.astype(np.float64), expected, atol=1.0)


# --- summary -----------------------------------------------------------------------------------


def test_clipping_is_counted() -> None:
    clipped = np.clip(tone(1.0, amplitude=1.5), -1, 1)

    assert extract(clipped).summary["clipped_fraction"] > 0.3
    assert extract(tone(1.0)).summary["clipped_fraction"] == 0


def test_the_signal_to_noise_ratio_is_near_the_truth() -> None:
    pauses = noise(1.0, 0.002)
    speech = steady(150, 1.0)

    summary = extract(np.concatenate([pauses, speech, pauses])).summary

    truth_db = 10 * math.log10(float(np.mean(speech**2) / np.mean(pauses**2)))
    assert summary["snr_db"] == pytest.approx(truth_db, abs=2)


def test_the_centroid_follows_the_brightness() -> None:
    assert extract(tone(1.0, frequency_hz=3_000)).summary["spectral_centroid_hz"] == pytest.approx(
        3_000, rel=0.02
    )


@pytest.mark.parametrize("samples", [np.zeros(16_000, np.float32), tone(0.1), noise(0.5)])
def test_the_summary_is_json_without_nan(samples: np.ndarray) -> None:
    summary = extract(samples).summary

    assert json.loads(json.dumps(dict(summary), allow_nan=False)) == summary
