"""Mixing channels down, and keeping them apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.audio_files import tone, write_audio
from tests.unit.worker.audio.recordings import (
    Part,
    TrackOf,
    decoded,
    level,
    muxed,
    refused,
    separated,
    strongest_hz,
    written,
)
from wav2vec2_app.errors import InputError
from wav2vec2_app.speech.audio import AudioSource, DecodeAudioOptions
from wav2vec2_app.worker.audio.decode import decode

TONE_LEVEL = 0.5 / np.sqrt(2)


def stereo(left: np.ndarray, right: np.ndarray, rate_hz: int = 16_000) -> bytes:
    return written(np.stack([left, right], axis=1), rate_hz)


def says_cancelled(warnings: tuple[str, ...]) -> bool:
    return any("cancel" in warning for warning in warnings)


@pytest.mark.parametrize("gain", [1.0, 0.98, 0.9, 0.75, 0.5, 1.1, 2.0])
@pytest.mark.parametrize("rate_hz", [16_000, 44_100])
def test_inverse_channels_do_not_become_silence(gain: float, rate_hz: int) -> None:
    left = tone(2.0, rate_hz, amplitude=0.5)

    audio = decoded(stereo(left, -gain * left, rate_hz))

    assert level(audio.samples) == pytest.approx(max(1.0, gain) * TONE_LEVEL, rel=0.02)
    assert says_cancelled(audio.warnings)


@pytest.mark.parametrize("fmt", ["flac", "mp3", "m4a-aac", "ogg-vorbis", "ogg-opus", "webm-opus"])
def test_inverse_channels_of_compressed_files_do_not_become_silence(
    tmp_path: Path, fmt: str
) -> None:
    left = tone(2.0, 48_000)
    path = write_audio(tmp_path / "clip", np.stack([left, -left], axis=1), 48_000, fmt)

    audio = decoded(path.read_bytes())

    assert level(audio.samples) == pytest.approx(TONE_LEVEL, rel=0.1)
    assert says_cancelled(audio.warnings)


def test_nearly_inverse_channels_with_noise_and_offset_do_not_become_silence() -> None:
    random = np.random.default_rng(1)
    left = tone(2.0)
    right = -left + 0.02 * random.standard_normal(len(left)).astype(np.float32)

    for offset in (0.0, 0.2):
        audio = decoded(stereo(left + offset, right + offset))

        assert level(audio.samples - audio.samples.mean()) == pytest.approx(TONE_LEVEL, rel=0.05)
        assert says_cancelled(audio.warnings)


def test_the_louder_channel_is_the_one_that_is_used() -> None:
    audio = decoded(stereo(0.8 * tone(1.0), -tone(1.0)))

    assert level(audio.samples) == pytest.approx(TONE_LEVEL, rel=0.02)
    assert "channel 2" in audio.warnings[0]


@pytest.mark.parametrize("channels", [4, 6])
def test_inverse_pairs_among_many_channels_do_not_become_silence(channels: int) -> None:
    signs = np.array([1, -1] * (channels // 2), np.float32)

    audio = decoded(written(tone(1.0)[:, None] * signs, fmt="FLAC"))

    assert level(audio.samples) == pytest.approx(TONE_LEVEL, rel=0.02)


@pytest.mark.parametrize("seed", range(3))
def test_voice_that_cancels_out_is_not_replaced_by_the_noise_that_does_not(seed: int) -> None:
    noise = np.random.default_rng(seed).normal(0, 0.08, (32_000, 2))
    voice = tone(2.0, amplitude=0.5)

    audio = decoded(stereo(voice + noise[:, 0], noise[:, 1] - voice))

    assert level(audio.samples) > 0.9 * TONE_LEVEL
    assert says_cancelled(audio.warnings)


@pytest.mark.parametrize("delay", [1, 3])
def test_inverse_channel_that_is_late_cancels_out_too(delay: int) -> None:
    left = tone(2.0, amplitude=0.5)

    audio = decoded(stereo(left, -np.roll(left, delay)))

    assert level(audio.samples) == pytest.approx(TONE_LEVEL, rel=0.02)
    assert says_cancelled(audio.warnings)


@pytest.mark.parametrize("gain", [-0.3, 0.0, 0.3, 1.0])
def test_channels_that_do_not_cancel_out_are_averaged(gain: float) -> None:
    left = tone(2.0, amplitude=0.5)

    audio = decoded(stereo(left, gain * left))

    assert level(audio.samples) == pytest.approx((1 + gain) / 2 * TONE_LEVEL, rel=0.02)
    assert not says_cancelled(audio.warnings)


@pytest.mark.parametrize("share", [0.5, 0.6, 0.8, 0.95])
def test_channels_that_are_inverse_for_half_of_the_sound_lose_none_of_it(share: float) -> None:
    left = tone(8.0, amplitude=0.5)
    for begin in (0.0, 1.0 - share):
        place = np.arange(len(left)) / len(left)
        inverse = (place >= begin) & (place < begin + share)

        audio = decoded(stereo(left, np.where(inverse, -left, left)))

        seconds = audio.samples[: 8 * 16_000].reshape(8, -1)
        assert np.abs(seconds).max(axis=1).min() > 0.4
        assert says_cancelled(audio.warnings)


def test_channels_that_cancel_for_a_moment_only_are_averaged() -> None:
    left = tone(3.0)
    right = np.where(np.arange(len(left)) < 16_000, -left, left)

    audio = decoded(stereo(left, right))

    assert not says_cancelled(audio.warnings)
    assert np.abs(audio.samples[2_000:14_000]).max() < 0.001


@pytest.mark.parametrize(
    ("right", "expected"),
    [(tone(1.0), TONE_LEVEL), (0 * tone(1.0), TONE_LEVEL / 2), (tone(1.0, 16_000, 700.0), 0.25)],
)
def test_other_channels_are_averaged_without_a_word(right: np.ndarray, expected: float) -> None:
    audio = decoded(stereo(tone(1.0), right))

    assert level(audio.samples) == pytest.approx(expected, rel=0.02)
    assert audio.warnings == ()


def test_one_voice_among_eight_channels_is_averaged() -> None:
    channels = np.zeros((16_000, 8), np.float32)
    channels[:, 3] = tone(1.0)

    audio = decoded(written(channels))

    assert level(audio.samples) == pytest.approx(TONE_LEVEL / 8, rel=0.02)
    assert audio.warnings == ()


@pytest.mark.parametrize(
    ("container", "codec"),
    [("mp4", "aac"), ("matroska", "libopus"), ("matroska", "flac"), ("matroska", "pcm_f32le")],
)
@pytest.mark.parametrize("channels", [6, 8])
def test_surround_sound_is_averaged(container: str, codec: str, channels: int) -> None:
    samples = np.repeat(tone(1.0, 48_000)[:, None], channels, axis=1)

    audio = decoded(muxed(container, [TrackOf(codec, 48_000, [Part(0.0, samples)])]))

    assert audio.original_channels == channels
    assert level(audio.samples) == pytest.approx(TONE_LEVEL, rel=0.3)


def test_silence_in_all_channels_stays_silence() -> None:
    assert decoded(written(np.zeros((16_000, 2)))).warnings == ()


def test_inverse_channels_of_a_long_recording_go_to_the_file_named_for_it(tmp_path: Path) -> None:
    left = tone(70.0, 8_000)
    source = AudioSource(data=stereo(left, -left, 8_000))
    audio = decode(
        source, max_duration_s=100, max_bytes=1 << 30, spool=tmp_path / "samples.f32"
    ).audio

    assert isinstance(audio.samples, np.memmap)
    assert level(audio.samples) == pytest.approx(TONE_LEVEL, rel=0.02)
    assert [path.name for path in tmp_path.iterdir()] == ["samples.f32"]


# --- separate channels --------------------------------------------------------------------------


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 44_100])
def test_separate_channels_are_a_recording_each(rate_hz: int) -> None:
    left, right = tone(1.0, rate_hz, 300.0), tone(1.0, rate_hz, 700.0)

    first, second = separated(stereo(left, right, rate_hz))

    assert strongest_hz(first.samples) == pytest.approx(300, abs=2)
    assert strongest_hz(second.samples) == pytest.approx(700, abs=2)
    assert len(first.samples) == len(second.samples) == 16_000
    assert first.original_channels == 2


def test_a_mono_file_has_one_separate_channel() -> None:
    (only,) = separated(written(tone(1.0)))

    np.testing.assert_array_equal(only.samples, decoded(written(tone(1.0))).samples)


def test_inverse_channels_are_no_matter_when_separate() -> None:
    first, second = separated(stereo(tone(1.0), -tone(1.0)))

    np.testing.assert_allclose(first.samples, -second.samples, atol=1e-4)
    assert first.warnings == ()


def test_separate_channels_of_a_compressed_call(tmp_path: Path) -> None:
    samples = np.stack([tone(1.0, 48_000, 300.0), tone(1.0, 48_000, 700.0)], axis=1)
    for fmt in ("mp3", "ogg-opus", "m4a-aac", "webm-opus"):
        first, second = separated(write_audio(tmp_path / fmt, samples, 48_000, fmt).read_bytes())

        assert strongest_hz(first.samples) == pytest.approx(300, abs=3)
        assert strongest_hz(second.samples) == pytest.approx(700, abs=3)


def test_long_separate_channels_go_to_files_of_their_own(tmp_path: Path) -> None:
    source = AudioSource(data=stereo(tone(70.0, 8_000, 300.0), tone(70.0, 8_000, 700.0), 8_000))
    options = DecodeAudioOptions(channels="separate")

    first, second = decode(
        source, max_duration_s=100, max_bytes=1 << 30, options=options, spool=tmp_path / "f32"
    ).channels

    assert sorted(path.name for path in tmp_path.iterdir()) == ["f32.0", "f32.1"]
    np.testing.assert_array_equal(np.fromfile(tmp_path / "f32.1", np.float32), second.samples)
    assert strongest_hz(np.asarray(first.samples[:16_000])) == pytest.approx(300, abs=2)


def test_failed_decoding_of_separate_channels_leaves_no_file(tmp_path: Path) -> None:
    def cancel() -> None:
        if list(tmp_path.iterdir()):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        decode(
            AudioSource(data=stereo(tone(90.0, 8_000), tone(90.0, 8_000), 8_000)),
            max_duration_s=100, max_bytes=1 << 30, spool=tmp_path / "f32",
            options=DecodeAudioOptions(channels="separate"), on_block=cancel,
        )  # fmt: skip

    assert list(tmp_path.iterdir()) == []


def test_too_many_channels_cannot_be_separated() -> None:
    data = written(np.repeat(tone(0.2)[:, None], 12, axis=1))

    with pytest.raises(InputError) as caught:
        separated(data)

    assert caught.value.code == "audio.too_many_channels"
    assert caught.value.hint
    assert decoded(data).original_channels == 12


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_numbers_are_refused_in_separate_channels(value: float) -> None:
    samples = np.repeat(tone(1.0)[:, None], 2, axis=1)
    samples[100, 1] = value

    with pytest.raises(InputError) as caught:
        separated(written(samples, subtype="FLOAT"))

    assert caught.value.code == "audio.not_finite"
    assert refused(written(samples, subtype="FLOAT")).code == "audio.not_finite"
