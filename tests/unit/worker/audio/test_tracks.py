"""The track of a file with several: the default, else the first that can be decoded."""

from __future__ import annotations

import pytest

from tests.audio_files import tone
from tests.unit.worker.audio.recordings import (
    Part,
    TrackOf,
    decoded,
    muxed,
    refused,
    strongest_hz,
    tones,
)
from wav2vec2_app.speech.audio import AudioSource, DecodeAudioOptions
from wav2vec2_app.worker.audio.decode import probe

FIRST_HZ, SECOND_HZ, THIRD_HZ = 300.0, 500.0, 900.0


def track(
    frequency_hz: float, codec: str = "libopus", *, default: bool | None = None, **metadata: str
) -> TrackOf:
    part = Part(0.0, tone(1.0, 48_000, frequency_hz))
    return TrackOf(codec, 48_000, [part], default=default, metadata=metadata)


def two(container: str = "matroska", codec: str = "libopus", default: int = 2) -> bytes:
    return muxed(
        container,
        [
            track(FIRST_HZ, codec, default=default == 1),
            track(SECOND_HZ, codec, default=default == 2),
        ],
    )


@pytest.mark.parametrize(
    ("container", "codec"), [("matroska", "libopus"), ("webm", "libopus"), ("mp4", "aac"), ("mov", "aac")]
)  # fmt: skip
@pytest.mark.parametrize(("default", "hz"), [(1, FIRST_HZ), (2, SECOND_HZ)])
def test_the_default_track_is_used_and_named(
    container: str, codec: str, default: int, hz: float
) -> None:
    audio = decoded(two(container, codec, default))

    assert strongest_hz(audio.samples) == pytest.approx(hz, abs=3)
    assert [f"track {default} (" in warning for warning in audio.warnings] == [True]
    assert "default" in audio.warnings[0]


@pytest.mark.parametrize("container", ["matroska", "mpegts", "avi"])
def test_without_a_default_the_first_track_is_used(container: str) -> None:
    codec = "mp2" if container != "matroska" else "libopus"
    audio = decoded(muxed(container, [track(FIRST_HZ, codec), track(SECOND_HZ, codec)]))

    assert strongest_hz(audio.samples) == pytest.approx(FIRST_HZ, abs=3)
    assert "2 audio tracks" in audio.warnings[0]


@pytest.mark.parametrize("default", [1, 3])
def test_a_default_of_an_unknown_codec_gives_way_to_the_first_that_can_be_decoded(
    default: int,
) -> None:
    tracks = [
        track(FIRST_HZ, "flac" if default == 1 else "libopus", default=default == 1),
        track(SECOND_HZ, default=False),
        track(THIRD_HZ, "flac", default=default == 3),
    ]
    data = muxed("matroska", tracks).replace(b"A_FLAC", b"A_XYZQ")

    audio = decoded(data)

    expected = SECOND_HZ if default == 1 else FIRST_HZ
    assert strongest_hz(audio.samples) == pytest.approx(expected, abs=3)
    assert "3 audio tracks" in audio.warnings[0]


def test_a_default_whose_data_cannot_be_decoded_gives_way() -> None:
    data = two("matroska", "flac", default=2)
    broken = data[:200] + data[200:].replace(b"A_FLAC", b"A_AAC\x00", 1)

    audio = decoded(broken)

    assert audio.duration_s == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize(
    ("container", "codec"), [("matroska", "libopus"), ("mp4", "aac"), ("mpegts", "aac")]
)
@pytest.mark.parametrize(("number", "hz"), [(1, FIRST_HZ), (2, SECOND_HZ), (3, THIRD_HZ)])
def test_another_track_can_be_chosen(container: str, codec: str, number: int, hz: float) -> None:
    data = muxed(container, [track(hz_, codec) for hz_ in (FIRST_HZ, SECOND_HZ, THIRD_HZ)])

    audio = decoded(data, track=number)

    assert strongest_hz(audio.samples) == pytest.approx(hz, abs=3)
    assert audio.warnings == ()


@pytest.mark.parametrize("number", [0, -1, 3, 99])
def test_a_track_that_is_not_there_is_refused(number: int) -> None:
    error = refused(two(), track=number)

    assert error.code == "audio.no_such_track"
    assert error.metadata == {"track": number, "tracks": 2}


@pytest.mark.parametrize(
    ("container", "codec"),
    [
        ("wav", "pcm_s16le"),
        ("mp3", "libmp3lame"),
        ("adts", "aac"),
        ("flac", "flac"),
        ("ogg", "libopus"),
    ],
)
def test_a_file_of_one_track_has_track_1_only(container: str, codec: str) -> None:
    data = tones(container, codec, 48_000, [0.0])

    assert decoded(data, track=1).duration_s == pytest.approx(1.0, abs=0.1)
    assert refused(data, track=2).code == "audio.no_such_track"


@pytest.mark.parametrize("count", [1, 2])
def test_if_no_track_can_be_decoded_the_codec_is_named(count: int) -> None:
    data = muxed("matroska", [track(FIRST_HZ, "flac")] * count).replace(b"A_FLAC", b"A_XYZQ")

    error = refused(data)

    assert error.code == "audio.unsupported_codec"
    assert "A_XYZQ" in error.message
    assert error.metadata["codecs"] == ["A_XYZQ"]


def test_a_chosen_track_of_an_unknown_codec_is_refused_with_its_name() -> None:
    data = muxed("matroska", [track(FIRST_HZ), track(SECOND_HZ, "flac")])

    error = refused(data.replace(b"A_FLAC", b"A_XYZQ"), track=2)

    assert error.code == "audio.unsupported_codec"
    assert "A_XYZQ" in error.message
    assert error.metadata["codecs"] == ["A_XYZQ"]


@pytest.mark.parametrize(
    ("container", "codec", "tag"), [("mov", "pcm_s16le", b"sowt"), ("mov", "pcm_alaw", b"alaw")]
)
def test_an_unknown_codec_of_quicktime_is_named_by_its_tag(
    container: str, codec: str, tag: bytes
) -> None:
    error = refused(tones(container, codec, 16_000, [0.0]).replace(tag, b"zyxw"))

    assert error.code == "audio.unsupported_codec"
    assert "zyxw" in error.message.lower()


def test_language_and_title_of_the_track_are_reported() -> None:
    tracks = [
        track(FIRST_HZ, language="eng"),
        track(SECOND_HZ, default=True, language="fre", title="Commentary"),
    ]

    warning = decoded(muxed("matroska", tracks)).warnings[0]

    assert "fre" in warning
    assert "Commentary" in warning


def test_the_probe_looks_at_the_chosen_track() -> None:
    short = TrackOf("aac", 16_000, [Part(0.0, tone(1.0, 16_000))])
    data = muxed("mp4", [track(FIRST_HZ, "aac"), short])
    seen = probe(AudioSource(data=data), max_bytes=1 << 30, options=DecodeAudioOptions(track=2))

    assert seen.rate_hz == 16_000
