import numpy as np
import pytest

from wav2vec2_app.server.live.resampler import PcmResampler


def pcm(samples: np.ndarray) -> bytes:
    return np.round(samples * 32767).astype("<i2").tobytes()


def tone(rate_hz: int, seconds: float = 1.0) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * 440 * np.arange(round(rate_hz * seconds)) / rate_hz)


def test_blocks_may_end_in_the_middle_of_a_sample() -> None:
    data = pcm(tone(16_000))
    resampler = PcmResampler(16_000)

    parts = [resampler.resample(data[at : at + 333]) for at in range(0, len(data), 333)]

    np.testing.assert_allclose(np.concatenate(parts), tone(16_000), atol=1e-4)


@pytest.mark.parametrize("rate_hz", [8_000, 44_100, 48_000])
def test_other_rates_become_16_khz_without_seams(rate_hz: int) -> None:
    data = pcm(tone(rate_hz))
    resampler = PcmResampler(rate_hz)

    parts = [resampler.resample(data[at : at + 4097]) for at in range(0, len(data), 4097)]
    whole = np.concatenate([*parts, resampler.resample(b"", last=True)])

    assert abs(len(whole) - 16_000) <= 2
    inner = slice(1000, 15_000)
    np.testing.assert_allclose(whole[inner], tone(16_000)[: len(whole)][inner], atol=5e-3)


def test_empty_blocks_have_no_samples() -> None:
    assert len(PcmResampler(16_000).resample(b"")) == 0
    assert len(PcmResampler(48_000).resample(b"x")) == 0
