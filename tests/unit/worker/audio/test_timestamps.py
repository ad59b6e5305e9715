"""Times count from the container's start, and holes between packets become silence."""

from __future__ import annotations

import numpy as np
import pytest

from tests.audio_files import tone
from tests.unit.worker.audio.recordings import (
    Part,
    TrackOf,
    decoded,
    muxed,
    onsets_s,
    probed,
    refused,
    tones,
)

ROUNDING_S = 0.05

WITH_TIMESTAMPS = [
    ("matroska", "libopus", 48_000),
    ("matroska", "aac", 44_100),
    ("matroska", "flac", 16_000),
    ("matroska", "pcm_s16le", 16_000),
    ("webm", "libopus", 48_000),
    ("ogg", "libopus", 48_000),
    ("mp4", "aac", 44_100),
    ("mp4", "libmp3lame", 44_100),
    ("ipod", "aac", 48_000),
    ("mov", "pcm_s16le", 44_100),
    ("mov", "aac", 22_050),
    ("3gp", "aac", 44_100),
    ("asf", "wmav2", 44_100),
    ("flv", "aac", 44_100),
    ("flv", "libmp3lame", 44_100),
]


@pytest.mark.parametrize(("container", "codec", "rate_hz"), WITH_TIMESTAMPS)
@pytest.mark.parametrize("start_s", [0.5, 4.087])
def test_a_late_beginning_is_leading_silence(
    container: str, codec: str, rate_hz: int, start_s: float
) -> None:
    audio = decoded(tones(container, codec, rate_hz, [start_s]))

    assert onsets_s(audio.samples) == pytest.approx([start_s], abs=ROUNDING_S)
    assert audio.duration_s == pytest.approx(start_s + 1.0, abs=0.1)
    assert audio.warnings == ()


@pytest.mark.parametrize(
    ("container", "codec"),
    [("matroska", "libopus"), ("webm", "libopus"), ("mp4", "aac"), ("mov", "pcm_s16le"),
     ("flv", "aac"), ("mpegts", "aac"), ("mpegts", "mp2"), ("mpeg", "mp2")],
)  # fmt: skip
def test_sound_that_begins_after_the_picture_keeps_its_place(container: str, codec: str) -> None:
    rate_hz = 48_000 if codec == "libopus" else 44_100

    audio = decoded(tones(container, codec, rate_hz, [3.0], video_s=6.0))

    assert onsets_s(audio.samples) == pytest.approx([3.0], abs=0.1)
    assert not any("cut off" in warning for warning in audio.warnings)


def test_a_browser_recording_whose_sound_begins_late_keeps_its_place() -> None:
    audio = decoded(tones("webm", "libopus", 48_000, [4.087], options={"live": "1"}))

    assert onsets_s(audio.samples) == pytest.approx([4.087], abs=ROUNDING_S)
    assert audio.warnings == ()


@pytest.mark.parametrize(
    ("container", "codec", "start_s"), [("mpegts", "aac", 4.087), ("ogg", "libopus", 5_000.0)]
)
def test_a_piece_of_a_broadcast_begins_with_its_first_sound(
    container: str, codec: str, start_s: float
) -> None:
    audio = decoded(tones(container, codec, 48_000, [start_s]))

    assert onsets_s(audio.samples) == pytest.approx([0.0], abs=ROUNDING_S)
    assert not any("cut off" in warning for warning in audio.warnings)


def test_an_avi_track_with_a_start_keeps_its_place() -> None:
    data = bytearray(tones("avi", "pcm_s16le", 16_000, [0.0], video_s=3.0))
    at = data.index(b"auds") + 28  # dwStart, in samples
    data[at : at + 4] = (32_000).to_bytes(4, "little")

    assert onsets_s(decoded(bytes(data)).samples) == pytest.approx([2.0], abs=ROUNDING_S)


def test_an_ogg_file_without_times_for_its_first_sound_is_no_damage() -> None:
    assert decoded(tones("ogg", "flac", 16_000, [4.087])).warnings == ()


def test_a_picture_that_lasts_longer_than_the_sound_is_no_damage() -> None:
    for container, codec in (("matroska", "libopus"), ("mp4", "aac"), ("mpegts", "mp2")):
        audio = decoded(tones(container, codec, 48_000, [0.0], video_s=5.0))

        assert audio.duration_s == pytest.approx(1.0, abs=0.15)
        assert audio.warnings == ()


@pytest.mark.parametrize(
    ("container", "codec", "rate_hz"),
    [case for case in WITH_TIMESTAMPS if case[:2] != ("mov", "pcm_s16le")]  # it writes no holes
    + [("mpegts", "aac", 48_000), ("mpeg", "mp2", 44_100)],
)  # fmt: skip
@pytest.mark.parametrize("hole_s", [0.3, 5.0])
def test_a_hole_between_packets_is_silence(
    container: str, codec: str, rate_hz: int, hole_s: float
) -> None:
    audio = decoded(tones(container, codec, rate_hz, [0.0, 1.0 + hole_s]))

    first_s, second_s = onsets_s(audio.samples)
    assert first_s < 0.1  # the first frames of WMA are silent
    assert second_s == pytest.approx(1.0 + hole_s, abs=ROUNDING_S)
    assert audio.duration_s == pytest.approx(2.0 + hole_s, abs=0.1)
    assert audio.warnings == ()


@pytest.mark.parametrize("container", ["matroska", "webm", "mp4", "ogg", "mpegts"])
@pytest.mark.parametrize("dropped", [range(20, 40), range(5, 45, 2), range(10, 200)])
def test_dropped_packets_are_silence(container: str, dropped: range) -> None:
    samples = np.concatenate([tone(4.5, 48_000, amplitude=0.0), tone(0.5, 48_000)])
    track = TrackOf("libopus", 48_000, [Part(0.0, samples)], drop=frozenset(dropped))

    audio = decoded(muxed(container, [track]))

    assert audio.duration_s == pytest.approx(5.0, abs=0.1)
    assert onsets_s(audio.samples)[-1] == pytest.approx(4.5, abs=ROUNDING_S + 0.02)
    assert audio.warnings == ()


def test_many_holes_do_not_add_up_to_a_drift() -> None:
    starts_s = [1.3 * number for number in range(12)]

    audio = decoded(tones("matroska", "libopus", 48_000, starts_s))

    assert onsets_s(audio.samples) == pytest.approx(starts_s, abs=ROUNDING_S)


def test_holes_of_rounding_are_left_alone() -> None:
    audio = decoded(tones("matroska", "aac", 44_100, [0.0, 1.04]))

    assert audio.duration_s == pytest.approx(2.04, abs=0.06)
    assert len(onsets_s(audio.samples)) <= 2


def test_timestamps_that_begin_again_are_continued() -> None:
    first = tones("mpegts", "aac", 44_100, [0.0])
    audio = decoded(first + first + first)

    assert audio.duration_s == pytest.approx(3.0, abs=0.2)


@pytest.mark.parametrize("container", ["matroska", "mp4", "mpegts"])
def test_a_hole_beyond_the_limit_is_left_out_and_reported(container: str) -> None:
    audio = decoded(tones(container, "aac", 44_100, [0.0, 500.0]), limit_s=60.0)

    assert audio.duration_s == pytest.approx(2.0, abs=0.2)
    assert any("without sound" in warning for warning in audio.warnings)


@pytest.mark.parametrize("start_s", [100.0, 50_000.0])
def test_a_beginning_beyond_the_limit_is_left_out_and_reported(start_s: float) -> None:
    audio = decoded(tones("matroska", "libopus", 48_000, [start_s]), limit_s=60.0)

    assert audio.duration_s == pytest.approx(1.0, abs=0.1)
    assert any("without sound" in warning for warning in audio.warnings)


def test_one_damaged_timestamp_moves_nothing() -> None:
    data = bytearray(tones("matroska", "libopus", 48_000, [0.0], duration_s=2.0))
    block = data.find(b"\xa3", len(data) // 2)
    while data[block + 1] & 0x80 == 0 and data[block + 3] != 0x81:
        block = data.find(b"\xa3", block + 1)
    time = data.index(b"\x81", block + 1) + 1
    data[time] ^= 0x20  # 8 s later

    audio = decoded(bytes(data))

    assert audio.duration_s == pytest.approx(2.0, abs=0.15)


def test_silence_counts_toward_the_limit() -> None:
    data = tones("matroska", "libopus", 48_000, [3.0], duration_s=2.0)

    assert decoded(data, limit_s=5.0).duration_s == pytest.approx(5.0, abs=0.1)
    assert refused(data, limit_s=4.0).code == "audio.too_long"


@pytest.mark.parametrize(("container", "codec", "rate_hz"), WITH_TIMESTAMPS)
def test_the_probe_counts_from_the_same_start(container: str, codec: str, rate_hz: int) -> None:
    data = tones(container, codec, rate_hz, [2.0], duration_s=2.0)

    assert probed(data).duration_s == pytest.approx(decoded(data).duration_s, abs=0.1)


@pytest.mark.parametrize("missing", [1, 3])
def test_first_fragments_that_are_missing_are_silence_and_no_damage_at_the_end(
    missing: int,
) -> None:
    flags = "frag_keyframe+empty_moov+default_base_moof"
    options = {"movflags": flags, "frag_duration": "1000000"}
    data = tones("mp4", "aac", 48_000, [0.0], duration_s=8.0, options=options)
    fragments = [place - 4 for place in range(len(data)) if data[place : place + 4] == b"moof"]

    audio = decoded(data[: fragments[0]] + data[fragments[missing] :])

    assert onsets_s(audio.samples) == [pytest.approx(missing, abs=0.05)]
    assert audio.duration_s == pytest.approx(8.0, abs=0.05)
    assert audio.warnings == ()


@pytest.mark.parametrize("start_s", [0.3, 4.087, 33.3])
def test_sound_that_begins_late_in_a_windows_media_file_is_not_cut_off(start_s: float) -> None:
    audio = decoded(tones("asf", "wmav2", 44_100, [start_s], video_s=2.0))

    assert onsets_s(audio.samples) == [pytest.approx(start_s, abs=0.1)]
    assert audio.warnings == ()
