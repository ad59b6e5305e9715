"""Containers are recognised by their bytes, behind tags, padding or a damaged beginning."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from tests.audio_files import tone
from tests.unit.worker.audio.recordings import (
    ape_tag,
    chunk,
    decoded,
    fmt_chunk,
    id3,
    pcm16,
    probed,
    refused,
    riff,
    strongest_hz,
    tones,
    written,
)
from wav2vec2_app.speech.audio import Audio

DURATION_S = 2.0
PLAIN: dict[str, bytes] = {
    "mp3": tones("mp3", "libmp3lame", 44_100, [0.0], duration_s=DURATION_S),
    "mp2": tones("mp2", "mp2", 44_100, [0.0], duration_s=DURATION_S),
    "aac": tones("adts", "aac", 44_100, [0.0], duration_s=DURATION_S),
    "ac3": tones("ac3", "ac3", 48_000, [0.0], duration_s=DURATION_S),
    "flac": written(tone(DURATION_S), fmt="FLAC"),
    "wav": written(tone(DURATION_S)),
    "aiff": written(tone(DURATION_S), fmt="AIFF"),
    "ogg": written(tone(DURATION_S, 48_000), 48_000, "OGG", "OPUS"),
    "webm": tones("webm", "libopus", 48_000, [0.0], duration_s=DURATION_S),
    "m4a": tones("ipod", "aac", 44_100, [0.0], duration_s=DURATION_S),
    "mpeg": tones("mpeg", "mp2", 44_100, [0.0], duration_s=DURATION_S),
    "mpegts": tones("mpegts", "aac", 44_100, [0.0], duration_s=DURATION_S),
}
NAMES = {"mp2": "mp3"}
LEADING: dict[str, bytes] = {
    "an ID3 tag": id3(4_096),
    "an old ID3 tag": id3(100, version=2),
    "a large ID3 tag": id3(200_000),
    "an ID3 tag with a footer": id3(500, footer=True),
    "two ID3 tags": id3(300) + id3(5_000, version=3),
    "an APE tag": ape_tag(1_000),
    "an ID3 and an APE tag": id3(64) + ape_tag(200),
    "an old tag": b"TAG" + b"Title".ljust(125, b"\x00"),
    "zeros": bytes(1_000),
    "many zeros": bytes(300_000),
    "a few zeros": bytes(5),
    "a line break": b"\r\n",
    "blanks": b"\n\n  \t\r\n",
    "a byte order mark": b"\xef\xbb\xbf",
    "zeros and a tag": bytes(512) + id3(700) + bytes(64),
    "an answer's header": b"HTTP/1.1 200 OK\r\nContent-Type: audio/x\r\nConnection: close\r\n\r\n",
    "a form's header": b"------Boundary7MA4\r\nContent-Disposition: form-data; name=\"f\"\r\n\r\n",
}  # fmt: skip


def is_the_tone(audio: Audio, duration_s: float = DURATION_S) -> None:
    assert audio.duration_s == pytest.approx(duration_s, abs=0.15)
    assert strongest_hz(audio.samples) == pytest.approx(440, abs=3)


@pytest.mark.parametrize("name", PLAIN)
def test_each_container_is_recognised_without_anything_before_it(name: str) -> None:
    audio = decoded(PLAIN[name])

    is_the_tone(audio)
    assert audio.format.split("/")[0] == NAMES.get(name, name)
    assert audio.warnings == ()


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("leading", LEADING)
def test_a_stream_behind_something_else_is_found(name: str, leading: str) -> None:
    data = LEADING[leading] + PLAIN[name]

    is_the_tone(decoded(data))
    probed(data)


@pytest.mark.parametrize("name", ["mp3", "mp2", "aac", "ac3", "mpegts"])
@pytest.mark.parametrize("cut", [1, 7, 100, 200, 391, 1_000])
def test_a_first_frame_cut_in_the_middle_is_passed_over(name: str, cut: int) -> None:
    is_the_tone(decoded(PLAIN[name][cut:]))


@pytest.mark.parametrize("name", ["mp3", "aac"])
@pytest.mark.parametrize("seed", range(5))
def test_noise_before_a_stream_of_frames_is_passed_over(name: str, seed: int) -> None:
    noise = np.random.default_rng(seed).bytes(3_000 * (seed + 1))

    is_the_tone(decoded(noise + PLAIN[name]))


@pytest.mark.parametrize("name", ["mp3", "aac", "flac", "wav"])
@pytest.mark.parametrize("size", [3, 50, 2_000_000, 200_000_000])
def test_a_tag_whose_size_is_wrong_does_not_hide_the_stream(name: str, size: int) -> None:
    wrong = bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))
    tag = b"ID3\x04\x00\x00" + wrong + bytes(1_000)

    is_the_tone(decoded(tag + PLAIN[name]))


def test_an_mp3_within_a_riff_file_is_read() -> None:
    mp3 = PLAIN["mp3"]
    head = struct.pack("<HHIIHHHHIHHH", 0x55, 1, 44_100, 8_000, 1, 0, 12, 1, 2, 418, 1, 1393)
    for data in (
        riff(chunk(b"fmt ", head), chunk(b"data", mp3)),
        riff(chunk(b"fmt ", head), chunk(b"fact", bytes(4)), chunk(b"data", mp3, claimed=0)),
        riff(chunk(b"fmt ", head), chunk(b"data", id3(600) + mp3)),
        b"RIFF" + struct.pack("<I", len(mp3) + 12) + b"RMP3" + chunk(b"data", mp3),
    ):
        is_the_tone(decoded(data))


def test_other_streams_within_a_wav_are_read() -> None:
    for tag, name in ((0x50, "mp2"), (0x1600, "aac"), (0x2000, "ac3")):
        is_the_tone(decoded(riff(fmt_chunk(44_100, tag=tag, bits=0), chunk(b"data", PLAIN[name]))))


@pytest.mark.parametrize("name", ["flac", "wav", "ogg", "webm", "m4a"])
def test_padding_is_skipped_to_a_bound(name: str) -> None:
    assert refused(bytes(8 << 20) + PLAIN[name]).code == "audio.not_audio"


@pytest.mark.parametrize(
    "data",
    [
        b"\x89PNG\r\n\x1a\n" + bytes(1_000),
        b"PK\x03\x04" + b"some document" * 500,
        b"%PDF-1.7\n" + b"1 0 obj << /Length 3 >> stream\n" * 300,
        b"\xff\xfe" + b"H\x00e\x00l\x00l\x00o\x00" * 100,
        b"GIF89a" + bytes(500),
        b"MZ" + bytes(range(256)) * 40,
        b"I'm free, said the text, of moov and mdat; ftyp is a word too. " * 90,
        b"RIFF\x10\x00\x00\x00WEBPVP8 " + bytes(500),
        b"FORM\x00\x00\x01\x00ILBM" + bytes(500),
        b"ID3" + b"entities are checked at the door. " * 200,
        bytes(100_000),
        b"\r\n" * 1_000,
    ],
)
def test_what_is_not_audio_is_still_refused(data: bytes) -> None:
    assert refused(data).code == "audio.not_audio"


@pytest.mark.parametrize("seed", range(30))
def test_noise_is_not_taken_for_audio(seed: int) -> None:
    assert refused(np.random.default_rng(seed).bytes(100_000)).code == "audio.not_audio"


# --- QuickTime ----------------------------------------------------------------------------------


def atom(kind: bytes, payload: bytes = b"") -> bytes:
    return struct.pack(">I", 8 + len(payload)) + kind + payload


def quicktime(moov_first: bool) -> bytes:
    """A QuickTime file of PCM without ``ftyp``."""
    options = {"movflags": "faststart"} if moov_first else {}
    return tones("mov", "pcm_s16le", 16_000, [0.0], duration_s=DURATION_S, options=options)


def without_ftyp(data: bytes, before: bytes) -> bytes:
    """``data`` with the bytes of ``ftyp`` replaced by atoms of the same length."""
    length = int.from_bytes(data[:4], "big")
    assert data[4:8] == b"ftyp"
    filler = length - len(before)
    assert filler == 0 or filler >= 8
    return before + (atom(b"free", bytes(filler - 8)) if filler else b"") + data[length:]


@pytest.mark.parametrize("kind", [b"wide", b"free", b"skip", b"pnot", b"junk", b"udta"])
@pytest.mark.parametrize("moov_first", [False, True])
def test_quicktime_without_a_file_type_is_read(kind: bytes, moov_first: bool) -> None:
    payload = b"" if kind == b"wide" else bytes(4)
    audio = decoded(without_ftyp(quicktime(moov_first), atom(kind, payload)))

    is_the_tone(audio)
    assert audio.format.startswith("mov/")


def shifted(data: bytes, start: int) -> bytes:
    """The atoms from ``start`` on, with chunk offsets that fit."""
    cut = bytearray(data[start:])
    at = cut.index(b"stco")
    (count,) = struct.unpack_from(">I", cut, at + 8)
    for number in range(count):
        place = at + 12 + 4 * number
        struct.pack_into(">I", cut, place, struct.unpack_from(">I", cut, place)[0] - start)
    return bytes(cut)


@pytest.mark.parametrize("codec", ["pcm_s16le", "aac"])
@pytest.mark.parametrize("first", [b"mdat", b"moov", b"wide"])
def test_quicktime_that_begins_with_its_data_or_index_is_read(first: bytes, codec: str) -> None:
    options = {"movflags": "faststart"} if first == b"moov" else {}
    data = tones("mov", codec, 16_000, [0.0], duration_s=DURATION_S, options=options)
    cut = shifted(data, data.index(first) - 4)

    assert cut[4:8] == first
    is_the_tone(decoded(cut))


def test_an_mp4_with_fragments_is_read() -> None:
    data = tones("mp4", "aac", 44_100, [0.0], duration_s=DURATION_S,
                 options={"movflags": "frag_keyframe+empty_moov+default_base_moof"})  # fmt: skip

    is_the_tone(decoded(data))


# --- other containers ---------------------------------------------------------------------------

OTHERS = [
    ("avi", "pcm_s16le", 16_000), ("avi", "libmp3lame", 44_100), ("avi", "ac3", 48_000),
    ("mpegts", "aac", 44_100), ("mpegts", "mp2", 48_000), ("mpegts", "ac3", 48_000),
    ("mpegts", "libopus", 48_000), ("mpeg", "mp2", 44_100), ("vob", "ac3", 48_000),
    ("flv", "aac", 44_100), ("flv", "libmp3lame", 44_100), ("ac3", "ac3", 48_000),
    ("eac3", "eac3", 48_000), ("mp2", "mp2", 48_000), ("wv", "wavpack", 44_100),
    ("tta", "tta", 44_100), ("voc", "pcm_s16le", 16_000), ("caf", "pcm_s16be", 16_000),
    ("w64", "pcm_s16le", 16_000), ("asf", "wmav2", 44_100), ("3gp", "aac", 44_100),
    ("rm", "ac3", 48_000), ("au", "pcm_s16be", 16_000), ("aiff", "pcm_s16be", 16_000),
    ("matroska", "pcm_s16le", 16_000), ("ogg", "flac", 16_000),
]  # fmt: skip


@pytest.mark.parametrize(("container", "codec", "rate_hz"), OTHERS)
def test_other_containers_are_read(container: str, codec: str, rate_hz: int) -> None:
    data = tones(container, codec, rate_hz, [0.0], duration_s=DURATION_S)

    audio = decoded(data)

    is_the_tone(audio)
    assert audio.warnings == ()
    assert probed(data).duration_s == pytest.approx(DURATION_S, abs=0.25)


@pytest.mark.parametrize(
    ("container", "codec"),
    [("avi", "libmp3lame"), ("mpegts", "aac"), ("mpegts", "mp2"), ("mpeg", "mp2"), ("flv", "aac"),
     ("matroska", "aac"), ("mp4", "aac"), ("mov", "pcm_s16le")],
)  # fmt: skip
def test_the_sound_of_a_video_is_read(container: str, codec: str) -> None:
    data = tones(container, codec, 44_100, [0.0], duration_s=DURATION_S, video_s=DURATION_S)

    is_the_tone(decoded(data))
    assert probed(data).duration_s == pytest.approx(DURATION_S, abs=0.25)


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 44_100])
def test_a_big_endian_wav_is_read(subtype: str, rate_hz: int) -> None:
    data = written(tone(DURATION_S, rate_hz), rate_hz, subtype=subtype, endian="BIG")

    assert data.startswith(b"RIFX")
    is_the_tone(decoded(data))
    at = data.index(b"data") + 4
    is_the_tone(decoded(data[:at] + bytes(4) + data[at + 4 :]))


@pytest.mark.parametrize("sizes", ["in ds64", "as usual", "unfinished"])
def test_a_bw64_file_is_read(sizes: str) -> None:
    pcm = pcm16(tone(DURATION_S))
    fmt, axml = fmt_chunk(), chunk(b"axml", b"<ebuCoreMain/>")
    if sizes == "as usual":
        data = riff(fmt, chunk(b"data", pcm), axml, form=b"BW64")
    else:
        length = len(pcm) if sizes == "in ds64" else 0
        ds64 = chunk(b"ds64", struct.pack("<QQQI", length and length + 64, length, 0, 0))
        tail = axml if sizes == "in ds64" else b""
        data = riff(
            ds64,
            fmt,
            chunk(b"data", pcm, claimed=0xFFFFFFFF),
            tail,
            form=b"BW64",
            claimed=0xFFFFFFFF,
        )

    audio = decoded(data)

    np.testing.assert_allclose(audio.samples, tone(DURATION_S), atol=0.001)
    assert audio.format == "wav/pcm_16"


def test_a_speech_corpus_file_is_read() -> None:
    is_the_tone(decoded(written(tone(DURATION_S), fmt="NIST")))


@pytest.mark.parametrize("stride", [192, 204])
def test_transport_packets_of_other_sizes_are_read(stride: int) -> None:
    packets = [PLAIN["mpegts"][at : at + 188] for at in range(0, len(PLAIN["mpegts"]), 188)]
    extra = bytes(stride - 188)
    data = b"".join(extra + packet if stride == 192 else packet + extra for packet in packets)

    is_the_tone(decoded(data))


# --- pieces -------------------------------------------------------------------------------------


def test_a_later_piece_of_a_browser_recording_has_a_code_and_hint_of_its_own() -> None:
    data = tones(
        "webm",
        "libopus",
        48_000,
        [0.0],
        duration_s=12.0,
        options={"live": "1", "cluster_time_limit": "1000"},
    )
    pieces = [at for at in range(len(data)) if data.startswith(b"\x1f\x43\xb6\x75", at)]
    assert len(pieces) > 3

    for at in pieces[1:]:
        error = refused(data[at:])
        assert error.code == "audio.missing_beginning"
        assert "join" in error.hint.lower()


@pytest.mark.parametrize("count", [1, 2, 30])
def test_a_piece_that_begins_with_a_block_is_recognised(count: int) -> None:
    block = b"\xa3\x40\x64\x81\x00\x14\x80" + bytes(96)

    assert (
        refused(block * count + b"\x1f\x43\xb6\x75\x01" + bytes(50)).code
        == "audio.missing_beginning"
    )


def test_a_fragment_of_an_mp4_recording_is_recognised() -> None:
    data = tones(
        "mp4",
        "aac",
        44_100,
        [0.0],
        duration_s=DURATION_S,
        options={"movflags": "frag_every_frame+empty_moov+default_base_moof"},
    )
    at = data.index(b"moof") - 4

    assert refused(data[at:]).code == "audio.missing_beginning"
    styp = atom(b"styp", b"msdh\x00\x00\x00\x00msdhmsix")
    assert refused(styp + data[at:]).code == "audio.missing_beginning"


@pytest.mark.parametrize("subtype", ["OPUS", "VORBIS"])
def test_a_later_piece_of_an_ogg_recording_is_recognised(subtype: str) -> None:
    data = written(tone(5.0, 48_000), 48_000, "OGG", subtype)
    pages = [at for at in range(len(data)) if data.startswith(b"OggS", at)]

    for at in pages[1:-1]:
        assert refused(data[at:]).code == "audio.missing_beginning"
