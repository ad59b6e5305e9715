from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.audio_files import FORMATS, accepts, suffix, tone, write_audio
from wav2vec2_app.errors import InputError, Wav2Vec2Error
from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ, Audio, AudioProbe, AudioSource
from wav2vec2_app.worker.audio.decode import decode, probe

MIB = 1024 * 1024
TONE_HZ = 440.0
LOSSY_PADDING_S = 0.25


def decoded(source: AudioSource | bytes, **limits: float) -> Audio:
    source = AudioSource(data=source) if isinstance(source, bytes) else source
    options = {"max_duration_s": 60.0, "max_bytes": 100 * MIB, **limits}
    return decode(source, **options).audio


def probed(data: bytes) -> AudioProbe:
    return probe(AudioSource(data=data), max_bytes=100 * MIB)


def refused(source: AudioSource | bytes, **limits: float) -> InputError:
    with pytest.raises(InputError) as caught:
        decoded(source, **limits)
    assert caught.value.hint
    return caught.value


def encoded(tmp_path: Path, samples: np.ndarray, rate_hz: int, fmt: str) -> bytes:
    return write_audio(tmp_path / f"clip{suffix(fmt)}", samples, rate_hz, fmt).read_bytes()


def wav(samples: np.ndarray, rate_hz: int = SAMPLE_RATE_HZ, subtype: str = "PCM_16") -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate_hz, format="WAV", subtype=subtype)
    return file.getvalue()


def strongest_hz(samples: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(spectrum.argmax() * SAMPLE_RATE_HZ / len(samples))


@pytest.mark.parametrize(
    ("fmt", "rate_hz"),
    [
        (fmt, rate_hz)
        for fmt in FORMATS
        for rate_hz in (8_000, 16_000, 44_100, 48_000)
        if accepts(fmt, rate_hz)
    ],
)
def test_every_format_and_rate_comes_out_as_the_same_tone(
    tmp_path: Path, fmt: str, rate_hz: int
) -> None:
    stereo = np.repeat(tone(2.0, rate_hz, TONE_HZ)[:, None], 2, axis=1)

    audio = decoded(encoded(tmp_path, stereo, rate_hz, fmt))

    assert audio.samples.dtype == np.float32
    assert audio.samples.ndim == 1
    assert audio.duration_s == pytest.approx(2.0, abs=LOSSY_PADDING_S)
    assert strongest_hz(audio.samples[4_000:28_000]) == pytest.approx(TONE_HZ, abs=2)
    assert np.abs(audio.samples[8_000:24_000]).max() == pytest.approx(0.5, abs=0.1)
    assert audio.original_channels == 2
    assert audio.warnings == ()


@pytest.mark.parametrize("fmt", FORMATS)
def test_the_probe_knows_the_duration_before_decoding(tmp_path: Path, fmt: str) -> None:
    data = encoded(tmp_path, tone(3.0, 48_000), 48_000, fmt)

    seen = probed(data)

    assert seen.duration_s == pytest.approx(3.0, abs=LOSSY_PADDING_S)
    assert (seen.rate_hz, seen.channels, seen.size_bytes) == (48_000, 1, len(data))


def test_a_long_browser_recording_without_a_duration_is_estimated(tmp_path: Path) -> None:
    data = encoded(tmp_path, tone(60.0, 16_000), 16_000, "webm-opus-live")

    seen = probed(data)

    assert not seen.exact
    assert seen.duration_s == pytest.approx(60.0, rel=0.2)


@pytest.mark.parametrize("fmt", ["wav-s16", "flac"])
def test_192_khz_and_8_channels_simply_work(tmp_path: Path, fmt: str) -> None:
    surround = np.repeat(tone(1.0, 192_000, TONE_HZ)[:, None], 8, axis=1)

    audio = decoded(encoded(tmp_path, surround, 192_000, fmt))

    assert (audio.original_rate_hz, audio.original_channels) == (192_000, 8)
    assert strongest_hz(audio.samples) == pytest.approx(TONE_HZ, abs=2)


def test_channels_are_averaged() -> None:
    left, right = np.full(8_000, 0.6, np.float32), np.full(8_000, -0.2, np.float32)

    audio = decoded(wav(np.stack([left, right], axis=1), subtype="FLOAT"))

    np.testing.assert_allclose(audio.samples, 0.2, atol=1e-6)


def test_integer_samples_pass_unchanged_at_the_native_rate() -> None:
    samples = tone(0.5)

    np.testing.assert_allclose(decoded(wav(samples)).samples, samples, atol=1 / 32_768)


def test_resampling_keeps_the_place_of_a_click() -> None:
    samples = np.zeros(48_000, np.float32)
    samples[24_000] = 0.9

    audio = decoded(wav(samples, 48_000))

    assert len(audio.samples) == SAMPLE_RATE_HZ
    assert np.abs(audio.samples).argmax() == pytest.approx(8_000, abs=1)


def test_a_file_on_disk_is_read_like_bytes(tmp_path: Path) -> None:
    path = write_audio(tmp_path / "no-ending", tone(0.5), SAMPLE_RATE_HZ, "flac")

    audio = decoded(AudioSource(path=path))

    assert audio.duration_s == 0.5
    assert audio.format == "flac/flac"


def test_silence_is_audio() -> None:
    assert decoded(wav(np.zeros(16_000))).samples.max() == 0


def test_stage_times_are_measured_apart() -> None:
    result = decode(
        AudioSource(data=wav(tone(2.0, 48_000), 48_000)), max_duration_s=60, max_bytes=MIB
    )

    assert result.decode_s > 0
    assert result.resample_s > 0


def test_no_time_is_charged_to_resampling_that_is_not_needed() -> None:
    result = decode(AudioSource(data=wav(tone(1.0))), max_duration_s=60, max_bytes=MIB)

    assert result.resample_s == 0


def test_decoding_can_be_cancelled_between_blocks() -> None:
    def cancel() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        decode(AudioSource(data=wav(tone(1.0))), max_duration_s=60, max_bytes=MIB, on_block=cancel)


@pytest.mark.parametrize("amplitude", [0.5, 4.0])
def test_long_audio_goes_to_the_file_that_is_named_for_it(tmp_path: Path, amplitude: float) -> None:
    said = np.concatenate([tone(61.0, 8000, amplitude=amplitude)])
    source = AudioSource(data=wav(said, 8000, subtype="FLOAT"))
    limits = {"max_duration_s": 100.0, "max_bytes": 100 * MIB}

    kept = decode(source, **limits).audio
    spooled = decode(source, **limits, spool=tmp_path / "samples.f32").audio

    assert isinstance(spooled.samples, np.memmap)
    np.testing.assert_array_equal(spooled.samples, kept.samples)
    assert spooled.warnings == kept.warnings
    raw = np.fromfile(tmp_path / "samples.f32", np.float32)
    np.testing.assert_array_equal(raw, kept.samples)


def test_short_audio_needs_no_file(tmp_path: Path) -> None:
    audio = decode(
        AudioSource(data=wav(tone(1.0))),
        max_duration_s=60,
        max_bytes=MIB,
        spool=tmp_path / "samples.f32",
    ).audio

    assert not isinstance(audio.samples, np.memmap)
    assert list(tmp_path.iterdir()) == []


def test_failed_decoding_leaves_no_file(tmp_path: Path) -> None:
    blocks = []

    def cancel() -> None:
        blocks.append(1)
        if list(tmp_path.iterdir()):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        decode(
            AudioSource(data=wav(tone(90.0))),
            max_duration_s=100,
            max_bytes=100 * MIB,
            on_block=cancel,
            spool=tmp_path / "samples.f32",
        )

    assert blocks
    assert list(tmp_path.iterdir()) == []


def test_an_mp3_behind_a_large_cover_picture_is_an_mp3(tmp_path: Path) -> None:
    music = encoded(tmp_path, tone(1.0, 44_100), 44_100, "mp3")
    picture = bytes(200_000)
    length = bytes(len(picture) >> shift & 0x7F for shift in (21, 14, 7, 0))

    audio = decoded(b"ID3\x04\x00\x00" + length + picture + music)

    assert audio.format == "mp3/mp3"
    assert audio.duration_s == pytest.approx(1.0, abs=LOSSY_PADDING_S)


def test_a_wav_of_an_encoding_unknown_to_libsndfile_is_left_to_ffmpeg(tmp_path: Path) -> None:
    import av

    path = tmp_path / "g722.wav"
    with av.open(str(path), "w", format="wav") as output:
        stream = output.add_stream("g722", rate=16_000, layout="mono")
        samples = (tone(1.0) * 32_767).astype(np.int16)[None, :]
        frame = av.AudioFrame.from_ndarray(samples, "s16", "mono")
        frame.sample_rate = 16_000
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))

    audio = decoded(path.read_bytes())

    assert "g722" in audio.format
    assert strongest_hz(audio.samples) == pytest.approx(TONE_HZ, abs=2)


# --- levels ------------------------------------------------------------------------------------


def test_samples_far_beyond_full_scale_are_lowered_not_clipped_and_it_is_said() -> None:
    audio = decoded(wav(tone(1.0, amplitude=4.0), subtype="FLOAT"))

    assert np.abs(audio.samples).max() == pytest.approx(1.0)
    np.testing.assert_allclose(audio.samples, tone(1.0, amplitude=1.0), atol=0.01)
    assert "full scale" in audio.warnings[0]


def test_a_small_overshoot_is_not_worth_a_warning() -> None:
    audio = decoded(wav(tone(1.0, amplitude=1.05), subtype="FLOAT"))

    assert np.abs(audio.samples).max() <= 1.0
    assert audio.warnings == ()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("channels", [1, 2])
def test_values_that_are_not_numbers_are_refused(value: float, channels: int) -> None:
    samples = np.repeat(tone(1.0)[:, None], channels, axis=1)
    samples[5_000, 0] = value

    assert refused(wav(samples, subtype="FLOAT")).code == "audio.not_finite"


def test_opposite_infinities_in_two_channels_are_refused() -> None:
    samples = np.stack([tone(1.0), tone(1.0)], axis=1)
    samples[7] = np.inf, -np.inf

    assert refused(wav(samples, subtype="FLOAT")).code == "audio.not_finite"


# --- refusals ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "audio.empty_file"),
        (b"Dear diary, this is a text renamed .wav.\n" * 50, "audio.not_audio"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "audio.not_audio"),
        (b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nfile:///etc/hostname\n", "audio.not_audio"),
        (b"ffconcat version 1.0\nfile /etc/hostname\n", "audio.not_audio"),
        (b"\xff", "audio.not_audio"),
        (b"\xff\xd8\xff\xe0 a JPEG picture", "audio.not_audio"),
        (b"RIFF\x24\x00\x00\x00WAVEfmt nonsense", "audio.broken"),
        (b"ID3\x04\x00\x00\x00\x00\x00\x00" + b"\xff\xfb\x90\x00" * 3, "audio.broken"),
        (b"OggS" + bytes(200), "audio.broken"),
        (b"fLaC" + bytes(200), "audio.broken"),
        (b"\x1aE\xdf\xa3" + bytes(200), "audio.broken"),
        (b"\x00\x00\x00\x20ftypM4A " + bytes(200), "audio.broken"),
        (wav(np.zeros(0)), "audio.no_samples"),
        (wav(tone(0.02)), "audio.too_short"),
        (wav(tone(0.02, 48_000), 48_000), "audio.too_short"),
        (wav(tone(1.0), 1_000), "audio.bad_rate"),
    ],
)  # fmt: skip
def test_bad_input_has_a_code_and_says_nothing_of_our_insides(data: bytes, code: str) -> None:
    error = refused(data)

    assert error.code == code
    for inside in ("Error", "libsnd", "ffmpeg", "av.", "/", "0x", "BytesIO"):
        assert inside not in error.message
    assert error.layer == "validation"


def test_a_missing_file_is_refused_without_its_path(tmp_path: Path) -> None:
    error = refused(AudioSource(path=tmp_path / "gone.wav"))

    assert error.code == "audio.missing"
    assert str(tmp_path) not in str(error.public())


def test_a_video_without_sound_is_refused(tmp_path: Path) -> None:
    import av

    path = tmp_path / "silent.mp4"
    with av.open(str(path), "w", format="mp4") as output:
        stream = output.add_stream("mpeg4", rate=5)
        stream.width = stream.height = 16
        stream.pix_fmt = "yuv420p"
        output.mux(stream.encode(av.VideoFrame(16, 16, "yuv420p")))
        output.mux(stream.encode(None))

    assert refused(path.read_bytes()).code == "audio.no_track"


def test_too_many_bytes_are_refused_unopened() -> None:
    error = refused(b"not even audio" * 100, max_bytes=1_000)

    assert error.code == "audio.too_large"
    assert error.metadata == {"size_bytes": 1_400, "limit_bytes": 1_000}


@pytest.mark.parametrize("fmt", ["wav-s16", "flac", "ogg-opus", "mp3", "m4a-aac", "webm-opus"])
def test_too_long_is_refused_by_the_header_before_anything_is_decoded(
    tmp_path: Path, fmt: str
) -> None:
    blocks: list[None] = []
    data = encoded(tmp_path, tone(5.0, 48_000), 48_000, fmt)

    with pytest.raises(InputError) as caught:
        decode(
            AudioSource(data=data), max_duration_s=2.0, max_bytes=100 * MIB,
            on_block=lambda: blocks.append(None),
        )  # fmt: skip

    assert caught.value.code == "audio.too_long"
    assert caught.value.metadata["limit_s"] == 2.0
    assert caught.value.metadata["duration_s"] == pytest.approx(5.0, abs=LOSSY_PADDING_S)
    assert blocks == []
    with pytest.raises(InputError, match="at most 2 s"):
        probe(AudioSource(data=data), max_bytes=100 * MIB, max_duration_s=2.0)


def test_too_long_is_refused_while_decoding_when_no_header_says_so(tmp_path: Path) -> None:
    blocks: list[None] = []
    data = encoded(tmp_path, tone(20.0, 48_000), 48_000, "webm-opus-live")

    with pytest.raises(InputError) as caught:
        decode(
            AudioSource(data=data), max_duration_s=2.0, max_bytes=100 * MIB,
            on_block=lambda: blocks.append(None),
        )  # fmt: skip

    assert caught.value.code == "audio.too_long"
    assert 0 < len(blocks) < 2.5 / 0.02  # Opus packets of 20 ms: it stopped at the limit


def test_a_flac_header_that_lies_does_not_get_past_the_limit(tmp_path: Path) -> None:
    data = bytearray(encoded(tmp_path, tone(5.0), SAMPLE_RATE_HZ, "flac"))
    # STREAMINFO: 36 bits of total samples end at byte 26 of the file.
    data[22:26] = (SAMPLE_RATE_HZ).to_bytes(4, "big")
    assert probed(bytes(data)).duration_s == 1.0

    assert refused(bytes(data), max_duration_s=2.0).code == "audio.too_long"


def test_padding_of_an_encoder_does_not_put_a_recording_over_the_limit(tmp_path: Path) -> None:
    data = encoded(tmp_path, tone(2.0, 48_000), 48_000, "aac-adts")

    assert decoded(data, max_duration_s=2.0).duration_s > 2.0


# --- damage ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fmt", ["wav-s16", "wav-f32", "wav-ulaw", "flac", "mp3", "aac-adts", "webm-opus", "ogg-opus"]
)
def test_a_truncated_file_gives_what_is_there_and_says_so(tmp_path: Path, fmt: str) -> None:
    data = encoded(tmp_path, tone(4.0, 48_000), 48_000, fmt)

    audio = decoded(data[: int(len(data) * 0.6)])

    assert 0.9 < audio.duration_s < 3.0
    assert strongest_hz(audio.samples) == pytest.approx(TONE_HZ, abs=2)
    assert "cut off" in audio.warnings[0]


@pytest.mark.parametrize("fmt", ["flac", "mp3", "ogg-opus", "ogg-vorbis", "webm-opus", "m4a-aac"])
def test_a_file_cut_off_before_any_sound_is_a_typed_error(tmp_path: Path, fmt: str) -> None:
    data = encoded(tmp_path, tone(4.0, 48_000), 48_000, fmt)

    assert refused(data[: len(data) // 60]).code == "audio.broken"


def test_an_m4a_without_its_index_is_a_typed_error(tmp_path: Path) -> None:
    data = encoded(tmp_path, tone(4.0, 48_000), 48_000, "m4a-aac")

    assert refused(data[: int(len(data) * 0.6)]).code == "audio.broken"


def test_a_wav_streamed_to_a_pipe_is_not_called_truncated() -> None:
    data = bytearray(wav(tone(1.0)))
    data[40:44] = b"\xff\xff\xff\xff"

    audio = decoded(bytes(data))

    assert audio.duration_s == 1.0
    assert audio.warnings == ()


def test_damage_in_the_middle_costs_the_damaged_part_only(tmp_path: Path) -> None:
    data = bytearray(encoded(tmp_path, tone(4.0, 48_000), 48_000, "mp3"))
    middle = len(data) // 2
    data[middle : middle + 200] = bytes(200)

    audio = decoded(bytes(data))

    assert audio.duration_s > 3.5


@pytest.mark.parametrize("fmt", ["wav-s16", "flac", "mp3", "ogg-opus", "webm-opus", "m4a-aac"])
def test_random_damage_never_escapes_the_error_tree(tmp_path: Path, fmt: str) -> None:
    whole = encoded(tmp_path, tone(0.5, 48_000), 48_000, fmt)
    random = np.random.default_rng(7)
    for _ in range(40):
        data = bytearray(whole)
        for position in random.integers(0, len(data), 12):
            data[position] = random.integers(256)
        try:
            audio = decoded(bytes(data))
        except Wav2Vec2Error:
            continue
        assert np.isfinite(audio.samples).all()
        assert np.abs(audio.samples).max() <= 1.0


def test_decoders_keep_their_chatter_to_themselves(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for fmt in ("mp3", "flac", "webm-opus", "ogg-opus"):
        data = encoded(tmp_path, tone(2.0, 48_000), 48_000, fmt)
        decoded(data[: int(len(data) * 0.7)])

    assert capfd.readouterr() == ("", "")
