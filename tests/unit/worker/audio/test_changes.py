"""Recordings whose sampling rate or number of channels changes on the way are decoded to the end."""

from __future__ import annotations

import numpy as np
import pytest

from tests.audio_files import tone
from tests.unit.worker.audio.recordings import (
    chunk,
    decoded,
    fmt_chunk,
    id3,
    onsets_s,
    pcm16,
    probed,
    refused,
    riff,
    separated,
    tones,
    written,
)

FORMATS = ["mp3", "aac", "ac3", "flac", "vorbis", "opus", "mpegts", "mpeg"]


def piece(fmt: str, rate_hz: int, channels: int, frequency_hz: float, duration_s: float) -> bytes:
    samples = tone(duration_s, rate_hz, frequency_hz)
    if channels > 1:
        samples = np.repeat(samples[:, None], channels, axis=1)
    if fmt in ("flac", "vorbis", "opus"):
        container, subtype = {
            "flac": ("FLAC", "PCM_16"), "vorbis": ("OGG", "VORBIS"), "opus": ("OGG", "OPUS")
        }[fmt]  # fmt: skip
        return written(samples, rate_hz, container, subtype)
    container, codec = {
        "mp3": ("mp3", "libmp3lame"), "aac": ("adts", "aac"), "ac3": ("ac3", "ac3"),
        "mpegts": ("mpegts", "aac"), "mpeg": ("mpeg", "mp2"),
    }[fmt]  # fmt: skip
    return tones(container, codec, rate_hz, [0.0], duration_s=duration_s, channels=channels)


def frequency_hz(samples: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(spectrum.argmax() * 16_000 / len(samples))


@pytest.mark.parametrize("length", [10, 2_000, 100_000])
@pytest.mark.parametrize("fmt", ["mp3", "aac"])
def test_tag_between_two_pieces_is_no_damage(fmt: str, length: int) -> None:
    pieces = [piece(fmt, rate_hz, 1, 440.0, 1.0) for rate_hz in (44_100, 48_000)]

    audio = decoded(id3(length).join(pieces))

    assert audio.duration_s == pytest.approx(2.0, abs=0.15)
    assert audio.warnings == ()


@pytest.mark.parametrize("fmt", FORMATS)
@pytest.mark.parametrize(
    ("first", "second"),
    [((48_000, 1), (48_000, 2)), ((48_000, 2), (48_000, 1)), ((44_100, 1), (48_000, 1)),
     ((48_000, 2), (32_000, 1)), ((48_000, 1), (44_100, 2))],
)  # fmt: skip
def test_a_change_in_the_middle_is_followed(
    fmt: str, first: tuple[int, int], second: tuple[int, int]
) -> None:
    if fmt == "opus":
        first, second = (
            (48_000 if rate == 48_000 else 24_000, count) for rate, count in (first, second)
        )
    data = piece(fmt, *first, 440.0, 2.0) + piece(fmt, *second, 440.0, 3.0)

    audio = decoded(data)

    assert audio.duration_s == pytest.approx(5.0, abs=0.25)
    assert frequency_hz(audio.samples[4_000:28_000]) == pytest.approx(440, abs=3)
    assert frequency_hz(audio.samples[40_000:76_000]) == pytest.approx(440, abs=3)
    assert not any("cut off:" in warning for warning in audio.warnings)
    assert audio.original_rate_hz == first[0] or fmt in ("opus", "mpeg")


@pytest.mark.parametrize("fmt", FORMATS)
def test_several_changes_are_followed(fmt: str) -> None:
    rates_hz = (
        (48_000, 24_000, 48_000, 16_000) if fmt == "opus" else (48_000, 44_100, 32_000, 48_000)
    )
    data = b"".join(piece(fmt, rate_hz, 1, 440.0, 1.0) for rate_hz in rates_hz)

    assert decoded(data).duration_s == pytest.approx(4.0, abs=0.4)


@pytest.mark.parametrize("fmt", ["mp3", "aac", "flac", "vorbis", "opus"])
def test_pieces_of_one_kind_are_joined_without_a_warning(fmt: str) -> None:
    data = piece(fmt, 48_000, 1, 440.0, 1.0) * 5

    audio = decoded(data)

    assert audio.duration_s == pytest.approx(5.0, abs=0.4)
    assert not any("cut off:" in warning for warning in audio.warnings)
    probed(data)


@pytest.mark.parametrize("fmt", ["vorbis", "opus", "flac"])
def test_the_limit_counts_all_links(fmt: str) -> None:
    data = piece(fmt, 48_000, 1, 440.0, 1.0) * 5

    assert decoded(data, limit_s=5.5).duration_s == pytest.approx(5.0, abs=0.4)
    assert refused(data, limit_s=3.0).code == "audio.too_long"


@pytest.mark.parametrize("fmt", ["vorbis", "opus", "flac"])
def test_a_damaged_link_costs_that_link(fmt: str) -> None:
    first, second = piece(fmt, 48_000, 1, 440.0, 1.0), bytearray(piece(fmt, 48_000, 2, 440.0, 1.0))
    second[60:] = bytes(len(second) - 60)

    audio = decoded(first + bytes(second) + first)

    assert audio.duration_s == pytest.approx(2.0, abs=0.2)
    assert audio.warnings


@pytest.mark.parametrize("fmt", ["vorbis", "opus", "aac", "mp3"])
def test_separate_channels_go_silent_where_there_is_one(fmt: str) -> None:
    data = piece(fmt, 48_000, 2, 440.0, 1.0) + piece(fmt, 48_000, 1, 440.0, 1.0)

    left, right = separated(data)

    assert len(left.samples) == len(right.samples)
    assert np.abs(left.samples[20_000:30_000]).max() > 0.3
    assert np.abs(right.samples[20_000:30_000]).max() < 0.01


@pytest.mark.parametrize("pieces", [2, 5])
@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT", "ULAW"])
def test_wav_files_joined_end_to_end_are_decoded_to_the_end(pieces: int, subtype: str) -> None:
    audio = decoded(written(tone(1.0), 16_000, "WAV", subtype) * pieces)

    assert audio.duration_s == pytest.approx(pieces)
    assert frequency_hz(audio.samples) == pytest.approx(440, abs=2)
    assert audio.warnings == ()


@pytest.mark.parametrize("between", [b"", chunk(b"LIST", b"INFOISFT\x04\0\0\0abcd")])
def test_wav_with_several_chunks_of_samples_is_decoded_to_the_end(between: bytes) -> None:
    samples = pcm16(tone(3.0))
    parts = [chunk(b"data", samples[begin : begin + 32_000]) for begin in range(0, 96_000, 32_000)]

    audio = decoded(riff(fmt_chunk(), between.join(parts)))

    assert audio.duration_s == pytest.approx(3.0)
    assert frequency_hz(audio.samples) == pytest.approx(440, abs=2)


def test_wav_of_another_format_behind_the_first_is_reported() -> None:
    audio = decoded(written(tone(1.0), 16_000) + written(tone(1.0, 8_000), 8_000))

    assert audio.duration_s == pytest.approx(1.0)
    assert any("follows in the file" in warning for warning in audio.warnings)


# --- containers joined end to end -------------------------------------------------------------


@pytest.mark.parametrize(
    ("container", "codec"),
    [("webm", "libopus"), ("matroska", "aac"), ("mp4", "aac"), ("ipod", "aac"), ("mov", "pcm_s16le"),
     ("flv", "aac")],
)  # fmt: skip
def test_files_with_containers_joined_end_to_end_are_decoded_to_the_end(
    container: str, codec: str
) -> None:
    rates_hz = (48_000, 48_000) if codec == "libopus" else (48_000, 44_100)
    pieces = [tones(container, codec, rate_hz, [0.5]) for rate_hz in rates_hz]

    audio = decoded(pieces[0] + pieces[1] + pieces[0])

    assert audio.duration_s == pytest.approx(3.5, abs=0.2)
    assert (
        len(onsets_s(audio.samples)) <= 3
    )  # the links follow each other without a hole or a click
    assert frequency_hz(audio.samples[10_000:50_000]) == pytest.approx(440, abs=3)
    assert not any("full scale" in warning for warning in audio.warnings)


def test_the_fragments_and_atoms_of_one_file_are_not_taken_for_several_files() -> None:
    flags = {"movflags": "dash+frag_keyframe+empty_moov", "frag_duration": "300000"}
    data = tones("mp4", "aac", 48_000, [0.0], duration_s=2.0, options=flags)
    ftyp = data[: int.from_bytes(data[:4], "big")]

    assert decoded(data).duration_s == pytest.approx(2.0, abs=0.1)
    assert decoded(data + ftyp).duration_s == pytest.approx(2.0, abs=0.1)
