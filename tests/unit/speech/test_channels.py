"""Transcripts of several channels: merged by time, and their turns."""

from __future__ import annotations

import numpy as np
import pytest

from wav2vec2_app.errors import InputError
from wav2vec2_app.server.schema.transcriptions import word_json
from wav2vec2_app.speech.audio import CHANNELS, MAX_TRACK, parse_audio_options
from wav2vec2_app.speech.channels import labelled_lines, merged, turns_of_words
from wav2vec2_app.speech.models import ModelInfo
from wav2vec2_app.speech.subtitles import channel_cues, to_srt, to_vtt
from wav2vec2_app.speech.transcript import Recognition, Transcript, Word

MODEL = ModelInfo("m", "embedded", "torch", "cpu", "fp32", 0, 0)


def recognition(*words: tuple[str, float, float], reason: str = "") -> Recognition:
    found = tuple(Word(text, start, end, 0.5) for text, start, end in words)
    text = " ".join(word.text for word in found)
    return Recognition(Transcript(text, found, 0.5, 9.0, MODEL, reason=reason))


CALLER = recognition(("HELLO", 0.0, 0.4), ("THERE", 0.5, 0.9), ("FINE", 4.0, 4.4))
CALLED = recognition(("HI", 1.5, 1.8), ("YES", 4.2, 4.6))


def test_words_of_channels_are_merged_by_time_and_carry_their_channel() -> None:
    transcript = merged([CALLER, CALLED]).transcript

    assert [(word.text, word.channel) for word in transcript.words] == [
        ("HELLO", 1), ("THERE", 1), ("HI", 2), ("FINE", 1), ("YES", 2),
    ]  # fmt: skip
    assert transcript.text == "HELLO THERE\nHI\nFINE\nYES"
    assert transcript.confidence == 0.5
    assert transcript.reason == ""


def test_words_spoken_at_the_same_time_stay_in_their_turns() -> None:
    left = recognition(("A", 0.0, 0.2), ("B", 0.3, 0.5), ("C", 0.6, 0.8))
    right = recognition(("X", 0.1, 0.3), ("Y", 0.4, 0.6))

    found = merged([left, right]).transcript

    assert [word.text for word in found.words] == ["A", "X", "B", "Y", "C"]
    assert found.text == "A B C\nX Y"


def test_channels_without_words_say_why() -> None:
    silence, noise = recognition(reason="silence"), recognition(reason="no_speech")

    assert merged([silence, silence]).transcript.reason == "silence"
    assert merged([silence, noise]).transcript.reason == "no_speech"
    assert merged([silence, CALLED]).transcript.reason == ""
    assert merged([silence, silence]).transcript.text == ""


@pytest.mark.parametrize("seed", range(20))
def test_no_word_is_lost_and_turns_are_in_order(seed: int) -> None:
    rng = np.random.default_rng(seed)
    channels = []
    for _ in range(int(rng.integers(1, 5))):
        starts = np.cumsum(rng.uniform(0.1, 2.0, int(rng.integers(0, 12))))
        channels.append(recognition(*((f"W{n}", s, s + 0.1) for n, s in enumerate(starts))))

    words = merged(channels).transcript.words
    turns = turns_of_words(words)

    assert sorted(id(word) for turn in turns for word in turn) == sorted(map(id, words))
    assert all(len({word.channel for word in turn}) == 1 for turn in turns)
    begins = [turn[0].start_s for turn in turns]
    assert begins == sorted(begins)
    assert [word.start_s for word in words] == sorted(word.start_s for word in words)


def test_subtitles_show_the_channel_and_keep_channels_apart() -> None:
    words = [word_json(word) for word in merged([CALLER, CALLED]).transcript.words]

    srt, vtt = to_srt(words), to_vtt(words)

    assert [cue.words[0].channel for cue in channel_cues(words)] == [1, 2, 1, 2]
    assert "Channel 1: HELLO THERE" in srt
    assert "Channel 2: HI" in srt
    assert "<v Channel 1>HELLO THERE" in vtt
    assert labelled_lines(words).splitlines()[:2] == ["Channel 1: HELLO THERE", "Channel 2: HI"]


def test_subtitles_of_mixed_channels_are_unchanged() -> None:
    words = [word_json(word) for word in CALLER.transcript.words]

    assert "Channel" not in to_srt(words) + to_vtt(words)
    assert "\n" not in labelled_lines(words)


def test_separate_channels_have_no_single_emission() -> None:
    with pytest.raises(InputError) as caught:
        _ = merged([CALLER, CALLED]).emitted

    assert caught.value.code == "channels.separate"
    assert caught.value.hint


@pytest.mark.parametrize("track", [None, "", "auto", " AUTO ", "null"])
def test_track_may_be_left_to_the_file(track: object) -> None:
    assert parse_audio_options(track).track is None


@pytest.mark.parametrize("track", [1, "1", " 2 ", 2.0, "2.0", MAX_TRACK])
def test_track_is_a_number_from_one(track: object) -> None:
    assert parse_audio_options(track).track == int(float(str(track)))


@pytest.mark.parametrize(
    "track",
    [0, -1, "0", "1.5", "two", "1e3", MAX_TRACK + 1, True, "²", "9" * 400, [1], float("nan")],
)
def test_other_tracks_are_rejected(track: object) -> None:
    with pytest.raises(InputError) as caught:
        parse_audio_options(track)

    assert caught.value.metadata["field"] == "track"


def test_channels_are_mixed_unless_requested() -> None:
    assert [parse_audio_options(None, one).channels for one in (None, "", "mix", False)] == [
        "mix"
    ] * 4
    assert [
        parse_audio_options(None, one).channels for one in ("separate", " Separate ", True)
    ] == (["separate"] * 3)
    for wrong in ("both", 2, ["mix"]):
        with pytest.raises(InputError) as caught:
            parse_audio_options(None, wrong)
        assert caught.value.metadata["allowed"] == list(CHANNELS)
