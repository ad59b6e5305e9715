"""Headers that are unfinished or wrong: the file is decoded to its end, and a claim only warns."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from tests.audio_files import tone
from tests.unit.worker.audio.recordings import (
    Part,
    TrackOf,
    chunk,
    decoded,
    fmt_chunk,
    muxed,
    pcm16,
    probed,
    refused,
    riff,
    strongest_hz,
    tones,
    written,
)

SAMPLES = tone(3.0)
PCM = pcm16(SAMPLES)
IMPOSSIBLE = [0x7FFFF000, 0x7FFFFFFF, 0x80000000, 0x80000024, 0xFFFFFF00, 0xFFFFFFDB, 0xFFFFFFFF]


def is_whole(data: bytes, duration_s: float = 3.0) -> bool:
    """Whether everything is decoded, probed, and accepted within a limit just above its length."""
    audio = decoded(data, limit_s=duration_s + 0.1)
    assert audio.duration_s == pytest.approx(duration_s, abs=0.06)
    assert strongest_hz(audio.samples) == pytest.approx(440, abs=2)
    assert not any("cut off" in warning for warning in audio.warnings)
    probed(data, limit_s=duration_s + 0.1)
    return True


@pytest.mark.parametrize("size", [0, *IMPOSSIBLE])
@pytest.mark.parametrize("riff_size", [None, 0, 0xFFFFFFFF, 0x7FFFF024])
def test_a_wav_whose_size_was_never_written_is_whole(size: int, riff_size: int | None) -> None:
    assert is_whole(riff(fmt_chunk(), chunk(b"data", PCM, claimed=size), claimed=riff_size))


@pytest.mark.parametrize(
    "junk",
    [
        chunk(b"JUNK", bytes(28)),
        chunk(b"JUNK", bytes(4056)),
        chunk(b"bext", bytes(602)) + chunk(b"minf", bytes(16)),
        chunk(b"FLLR", bytes(4044)),
        chunk(b"LIST", b"INFOISFT" + struct.pack("<I", 6) + b"Lavf62"),
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_a_recorder_that_crashed_with_other_chunks_first_is_whole(junk: bytes, first: bool) -> None:
    before = (junk, fmt_chunk()) if first else (fmt_chunk(), junk)

    assert is_whole(riff(*before, chunk(b"data", PCM, claimed=0), claimed=0))


def test_an_unfinished_header_is_reported_once_and_a_stream_from_a_pipe_is_not() -> None:
    assert len(decoded(riff(fmt_chunk(), chunk(b"data", PCM, claimed=0), claimed=0)).warnings) == 1
    pipe = riff(fmt_chunk(), chunk(b"data", PCM, claimed=0xFFFFFFFF), claimed=0xFFFFFFFF)
    assert decoded(pipe).warnings == ()


@pytest.mark.parametrize("claimed", [2, 100, 3_200, 32_000, len(PCM) // 2])
def test_a_size_far_too_small_with_no_chunk_after_it_is_not_believed(claimed: int) -> None:
    data = riff(fmt_chunk(), chunk(b"data", PCM, claimed=claimed))

    assert is_whole(data)
    assert "length" in decoded(data).warnings[0]


@pytest.mark.parametrize(
    "after",
    [
        chunk(b"LIST", b"INFO" + bytes(40)),
        chunk(b"id3 ", bytes(99)),
        chunk(b"cue ", bytes(28)) + chunk(b"LIST", bytes(31)),
        b"TAG" + bytes(125),
        b"ID3\x04" + bytes(300),
        bytes(5000),
        b"\x00",
        b"\n",
    ],
)
def test_what_follows_the_samples_is_not_sound(after: bytes) -> None:
    audio = decoded(riff(fmt_chunk(), chunk(b"data", PCM), after))

    assert audio.duration_s == 3.0
    assert audio.warnings == ()


@pytest.mark.parametrize("size", [0, 8, 0x7FFFFFFF, 0xFFFFFFFF])
def test_a_wrong_size_of_the_whole_file_alone_does_not_matter(size: int) -> None:
    assert is_whole(riff(fmt_chunk(), chunk(b"data", PCM), claimed=size))
    aiff = bytearray(written(SAMPLES, fmt="AIFF"))
    aiff[4:8] = struct.pack(">I", size)
    assert is_whole(bytes(aiff))


def test_a_truthful_empty_wav_is_still_empty() -> None:
    assert refused(riff(fmt_chunk(), chunk(b"data", b""))).code == "audio.no_samples"
    assert (
        refused(riff(fmt_chunk(), chunk(b"data", b""), chunk(b"LIST", b"INFO" + bytes(40)))).code
        == "audio.no_samples"
    )


@pytest.mark.parametrize(
    ("bits", "tag"), [(8, 1), (24, 1), (32, 1), (32, 3), (64, 3), (8, 6), (8, 7)]
)
@pytest.mark.parametrize("size", [0, 0x7FFFF000])
def test_every_encoding_of_an_unfinished_wav_is_decoded(bits: int, tag: int, size: int) -> None:
    subtype = {
        (8, 1): "PCM_U8",
        (24, 1): "PCM_24",
        (32, 1): "PCM_32",
        (32, 3): "FLOAT",
        (64, 3): "DOUBLE",
        (8, 6): "ALAW",
        (8, 7): "ULAW",
    }[bits, tag]
    whole = written(SAMPLES, subtype=subtype)
    at = whole.index(b"data") + 4

    assert is_whole(whole[:at] + struct.pack("<I", size) + whole[at + 4 :])


@pytest.mark.parametrize(
    ("fmt", "subtype"),
    [
        ("RF64", "PCM_16"),
        ("W64", "PCM_16"),
        ("AIFF", "PCM_16"),
        ("AIFF", "FLOAT"),
        ("AU", "PCM_16"),
        ("AU", "ULAW"),
        ("CAF", "PCM_16"),
        ("WAVEX", "PCM_16"),
    ],
)
@pytest.mark.parametrize("claimed", [0, 64, 0x7FFFF000, 0x80000000, 0xFFFFFFFF])
def test_other_uncompressed_files_that_were_never_finished_are_whole(
    fmt: str, subtype: str, claimed: int
) -> None:
    assert is_whole(unfinished(written(SAMPLES, fmt=fmt, subtype=subtype), fmt, claimed))


def unfinished(data: bytes, fmt: str, claimed: int) -> bytes:
    """``data`` with ``claimed`` in every place that states the length."""
    patched = bytearray(data)
    if fmt == "RF64":
        at = patched.index(b"ds64")
        struct.pack_into("<QQQ", patched, at + 8, claimed, claimed, claimed // 2)
    elif fmt == "W64":
        struct.pack_into("<Q", patched, patched.index(b"data") + 16, claimed)
        struct.pack_into("<Q", patched, 16, claimed)
    elif fmt == "AIFF":
        struct.pack_into(">I", patched, 4, claimed)
        struct.pack_into(">I", patched, patched.index(b"SSND") + 4, claimed)
        struct.pack_into(">I", patched, patched.index(b"COMM") + 10, claimed // 2)
    elif fmt == "AU":
        struct.pack_into(">I", patched, 8, claimed)
    elif fmt == "CAF":
        struct.pack_into(">Q", patched, patched.index(b"data") + 4, claimed)
    else:
        struct.pack_into("<I", patched, 4, claimed)
        struct.pack_into("<I", patched, patched.index(b"data") + 4, claimed)
    return bytes(patched)


def test_a_caf_of_unstated_length_is_whole_without_a_word() -> None:
    data = unfinished(written(SAMPLES, fmt="CAF"), "CAF", 0xFFFFFFFFFFFFFFFF)

    assert decoded(data).duration_s == 3.0
    assert decoded(data).warnings == ()


@pytest.mark.parametrize("frames", [0, 1, 10, 20_000_000, 0xFFFFFFFF])
@pytest.mark.parametrize("size", [None, 0, 1_000, 0x7FFFFFFF])
def test_an_mp3_whose_xing_header_lies_is_whole(frames: int, size: int | None) -> None:
    data = bytearray(tones("mp3", "libmp3lame", 44_100, [0.0], duration_s=3.0))
    at = max(data.find(b"Xing"), data.find(b"Info"))
    struct.pack_into(">I", data, at + 8, frames)
    if size is not None:
        struct.pack_into(">I", data, at + 12, size)

    audio = decoded(bytes(data), limit_s=5.0)

    assert audio.duration_s == pytest.approx(3.0, abs=0.1)
    probed(bytes(data), limit_s=5.0)


@pytest.mark.parametrize("samples", [0, 1, 16_000, (1 << 36) - 1])
def test_a_flac_whose_header_lies_is_whole(samples: int) -> None:
    data = bytearray(written(SAMPLES, fmt="FLAC"))
    data[21] = data[21] & 0xF0 | samples >> 32
    data[22:26] = (samples & 0xFFFFFFFF).to_bytes(4, "big")

    assert decoded(bytes(data), limit_s=5.0).duration_s == pytest.approx(3.0, abs=0.01)


@pytest.mark.parametrize("duration_ms", [0.0, 1.0, 1e12, -5.0, float("nan"), float("inf")])
def test_a_matroska_file_whose_duration_lies_is_whole(duration_ms: float) -> None:
    data = bytearray(tones("matroska", "libopus", 48_000, [0.0], duration_s=3.0))
    at = data.index(b"\x44\x89\x88") + 3
    struct.pack_into(">d", data, at, duration_ms)

    assert decoded(bytes(data), limit_s=5.0).duration_s == pytest.approx(3.0, abs=0.1)
    probed(bytes(data), limit_s=5.0)


@pytest.mark.parametrize("field", [b"mvhd", b"mdhd", b"tkhd"])
@pytest.mark.parametrize("duration", [0, 1, 0x7FFFFFFF, 0xFFFFFFFE])
def test_an_mp4_whose_duration_lies_is_whole(field: bytes, duration: int) -> None:
    data = bytearray(tones("mp4", "aac", 44_100, [0.0], duration_s=3.0))
    offset = {b"mvhd": 20, b"mdhd": 20, b"tkhd": 24}[field]
    struct.pack_into(">I", data, data.index(field) + offset, duration)

    assert decoded(bytes(data), limit_s=5.0).duration_s == pytest.approx(3.0, abs=0.1)
    probed(bytes(data), limit_s=5.0)


def test_a_flv_whose_duration_lies_is_whole() -> None:
    data = bytearray(tones("flv", "aac", 44_100, [0.0], duration_s=3.0))
    struct.pack_into(">d", data, data.index(b"duration") + 9, 1e7)

    assert decoded(bytes(data), limit_s=5.0).duration_s == pytest.approx(3.0, abs=0.1)


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF])
def test_an_avi_that_was_never_finished_is_whole(size: int) -> None:
    data = bytearray(tones("avi", "pcm_s16le", 16_000, [0.0], duration_s=3.0))
    struct.pack_into("<I", data, 4, size)
    struct.pack_into("<I", data, data.index(b"movi") - 4, size)
    data = data[: data.index(b"idx1")]

    assert decoded(bytes(data), limit_s=5.0).duration_s == pytest.approx(3.0, abs=0.1)


def test_a_claim_beyond_the_limit_never_refuses_a_short_file() -> None:
    for data in (
        riff(fmt_chunk(), chunk(b"data", PCM, claimed=10_000_000)),
        unfinished(written(SAMPLES, fmt="AU"), "AU", 10_000_000),
    ):
        assert decoded(data, limit_s=60.0).duration_s == 3.0
        assert any("cut off" in warning for warning in decoded(data, limit_s=60.0).warnings)


def test_a_long_wav_behind_an_unfinished_header_is_still_too_long() -> None:
    data = riff(fmt_chunk(), chunk(b"data", PCM, claimed=0), claimed=0)

    assert refused(data, limit_s=2.0).code == "audio.too_long"


# --- the fmt chunk, and chunks of odd length ----------------------------------------------------


def extensible(samples: np.ndarray, bits: int, guid: bytes, mask: int = 0) -> bytes:
    """A WAVE_FORMAT_EXTENSIBLE file."""
    raw = {
        8: lambda: ((samples * 127) + 128).astype(np.uint8).tobytes(),
        16: lambda: pcm16(samples),
        24: lambda: (samples * 8_388_607).astype("<i4").view(np.uint8).reshape(-1, 4)[:, :3].tobytes(),
        32: lambda: (samples * 2_147_483_647).astype("<i4").tobytes(),
    }[bits]()  # fmt: skip
    head = struct.pack("<HHIIHH", 0xFFFE, 1, 16_000, 16_000 * bits // 8, bits // 8, bits)
    fmt = chunk(b"fmt ", head + struct.pack("<HHI", 22, bits, mask) + guid)
    return riff(fmt, chunk(b"data", raw))


@pytest.mark.parametrize("bits", [8, 16, 24, 32])
@pytest.mark.parametrize("mask", [0, 4, 3])
def test_an_extensible_wav_with_an_empty_guid_is_pcm(bits: int, mask: int) -> None:
    audio = decoded(extensible(SAMPLES, bits, bytes(16), mask))

    np.testing.assert_allclose(audio.samples, SAMPLES, atol=0.02)
    assert audio.warnings == ()


@pytest.mark.parametrize(("dtype", "bits"), [("<f4", 32), ("<f8", 64)])
def test_an_extensible_wav_of_floats_with_an_empty_guid_is_decoded(dtype: str, bits: int) -> None:
    head = struct.pack("<HHIIHH", 0xFFFE, 1, 16_000, 16_000 * bits // 8, bits // 8, bits)
    fmt = chunk(b"fmt ", head + struct.pack("<HHI", 22, bits, 0) + bytes(16))

    audio = decoded(riff(fmt, chunk(b"data", SAMPLES.astype(dtype).tobytes())))

    np.testing.assert_allclose(audio.samples, SAMPLES, atol=1e-4)


@pytest.mark.parametrize("length", [16, 18, 20, 24, 26, 28, 32, 39])
def test_an_extensible_wav_whose_guid_is_cut_off_is_decoded(length: int) -> None:
    guid = b"\x01\x00\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71"
    fmt = struct.pack("<HHIIHHHHI", 0xFFFE, 1, 16_000, 32_000, 2, 16, 22, 16, 0) + guid
    data = riff(chunk(b"fmt ", fmt[:length]), chunk(b"data", pcm16(tone(1.0))))

    audio = decoded(data)

    assert strongest_hz(audio.samples) == pytest.approx(440, abs=2)
    assert audio.duration_s == pytest.approx(1.0)


@pytest.mark.parametrize(("tag", "dtype"), [(1, "<i2"), (1, "<i4"), (3, "<f4"), (3, "<f8")])
def test_an_extensible_wav_whose_guid_is_a_number_only_is_decoded(tag: int, dtype: str) -> None:
    samples = tone(1.0)
    if tag == 1:
        samples = samples * np.iinfo(dtype).max
    bits = 8 * np.dtype(dtype).itemsize
    block = bits // 8
    fmt = struct.pack("<HHIIHHHHI", 0xFFFE, 1, 16_000, 16_000 * block, block, bits, 22, bits, 0)
    guid = struct.pack("<H", tag) + bytes(14)
    data = riff(chunk(b"fmt ", fmt + guid), chunk(b"data", samples.astype(dtype).tobytes()))

    assert strongest_hz(decoded(data).samples) == pytest.approx(440, abs=2)


@pytest.mark.parametrize("tag", [0, 1])
def test_a_short_or_incomplete_fmt_chunk_is_completed(tag: int) -> None:
    for fmt in (
        struct.pack("<HHIIH", tag, 1, 16_000, 32_000, 2),
        struct.pack("<HHIIHH", tag, 1, 16_000, 32_000, 2, 0),
        struct.pack("<HHIIHH", tag, 1, 16_000, 0, 0, 16),
    ):
        audio = decoded(riff(chunk(b"fmt ", fmt), chunk(b"data", PCM)))

        np.testing.assert_allclose(audio.samples, SAMPLES, atol=0.001)


@pytest.mark.parametrize("name", [b"LIST", b"JUNK", b"bext", b"iXML", b"cue ", b"id3 ", b"_PMX"])
@pytest.mark.parametrize("length", [1, 5, 27, 4_097])
@pytest.mark.parametrize("place", ["first", "middle", "both"])
def test_a_chunk_of_odd_length_without_padding_is_passed_over(
    name: bytes, length: int, place: str
) -> None:
    odd = chunk(name, b"\x07" * length, pad=False)
    before = odd if place != "middle" else b""
    middle = odd if place != "first" else b""

    audio = decoded(riff(before, fmt_chunk(), middle, chunk(b"data", PCM)))

    np.testing.assert_allclose(audio.samples, SAMPLES, atol=0.001)
    assert audio.warnings == ()


@pytest.mark.parametrize("claimed", [10, 1_000, 1_000_000, 0xFFFFFFFF])
def test_a_chunk_whose_size_is_wrong_does_not_hide_the_samples(claimed: int) -> None:
    wrong = chunk(b"LIST", b"INFO" + bytes(60), claimed=claimed)

    np.testing.assert_allclose(
        decoded(riff(fmt_chunk(), wrong, chunk(b"data", PCM))).samples, SAMPLES, atol=0.001
    )


def test_an_aiff_chunk_of_odd_length_without_padding_is_passed_over() -> None:
    whole = written(SAMPLES, fmt="AIFF")
    at = whole.index(b"SSND")
    odd = b"NAME" + struct.pack(">I", 5) + b"Alice"

    audio = decoded(whole[:at] + odd + whole[at:])

    np.testing.assert_allclose(audio.samples, SAMPLES, atol=0.001)


@pytest.mark.parametrize(
    ("channels", "rate_hz"), [(65_535, 0xFFFFFFFF), (9_000, 16_000), (1, 0xFFFFFFFF)]
)
@pytest.mark.parametrize("tag", [0, 1, 3])
def test_a_fmt_chunk_of_impossible_figures_is_a_typed_refusal(
    channels: int, rate_hz: int, tag: int
) -> None:
    fmt = chunk(b"fmt ", struct.pack("<HHIIHH", tag, channels, rate_hz, 0, 0, 64))

    assert refused(riff(fmt, chunk(b"data", PCM))).code.startswith("audio.")


def test_samples_of_64_bits_are_decoded() -> None:
    raw = (SAMPLES.astype(np.float64) * (1 << 62)).astype("<i8").tobytes()

    audio = decoded(riff(fmt_chunk(bits=64), chunk(b"data", raw)))

    np.testing.assert_allclose(audio.samples, SAMPLES / 2, atol=0.001)


def test_adpcm_and_other_encodings_are_still_decoded() -> None:
    for subtype in ("IMA_ADPCM", "MS_ADPCM", "GSM610", "G721_32"):
        rate_hz = 8_000 if subtype in ("GSM610", "G721_32") else 16_000
        audio = decoded(written(tone(2.0, rate_hz), rate_hz, subtype=subtype))

        assert strongest_hz(audio.samples) == pytest.approx(440, abs=2), subtype


def test_two_tracks_in_an_unfinished_matroska_file_are_whole() -> None:
    track = TrackOf("libopus", 48_000, [Part(0.0, tone(3.0, 48_000))])
    data = muxed("matroska", [track, track], options={"live": "1"})

    assert decoded(data, limit_s=4.0).duration_s == pytest.approx(3.0, abs=0.1)


@pytest.mark.parametrize("bits", [20, 24])
@pytest.mark.parametrize("tag", [1, 0xFFFE])
def test_samples_in_wider_containers_are_decoded(bits: int, tag: int) -> None:
    raw = (SAMPLES * 2_147_483_647).astype("<i4").tobytes()
    head = struct.pack("<HHIIHH", tag, 1, 16_000, 64_000, 4, bits)
    guid = b"\x01\x00\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71"
    fmt = head if tag == 1 else head + struct.pack("<HHI", 22, bits, 0) + guid

    audio = decoded(riff(chunk(b"fmt ", fmt), chunk(b"data", raw)))

    np.testing.assert_allclose(audio.samples, SAMPLES, atol=0.001)


@pytest.mark.parametrize("lengths", [(7,), (7, 33), (33, 8, 5)])
def test_chunks_of_odd_length_without_padding_behind_the_samples_are_not_sound(
    lengths: tuple[int, ...],
) -> None:
    after = [chunk(b"LIST", b"INFO".ljust(length, b"x"), pad=False) for length in lengths]

    audio = decoded(riff(fmt_chunk(), chunk(b"data", PCM), *after))

    assert audio.duration_s == 3.0
    assert audio.warnings == ()
