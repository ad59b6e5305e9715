"""Who speaks: windows of speech, turns, labelled words, and the names of speakers."""

from __future__ import annotations

import json
from bisect import bisect_right
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wav2vec2_app.errors import InputError
from wav2vec2_app.speech.channels import labelled_lines, merged, turns_of_words
from wav2vec2_app.speech.export_options import parse_export
from wav2vec2_app.speech.exports import ExportWord
from wav2vec2_app.speech.models import ModelInfo
from wav2vec2_app.speech.speakers import (
    MAX_SPEAKER_NAME_CHARACTERS,
    MAX_SPEAKER_NAMES,
    VOICE_WINDOW_S,
    WINDOW_HOP_S,
    SpeakerTurn,
    SpeakerTurns,
    parse_names,
    turns_of,
    turns_of_labels,
    voice_windows,
    with_speakers,
)
from wav2vec2_app.speech.transcript import Recognition, Transcript, Word
from wav2vec2_app.speech.writing.transcripts import written

MODEL = ModelInfo("m", "embedded", "torch", "cpu", "fp32", 0, 0)


def words_at(*starts_s: float, length_s: float = 0.3) -> list[Word]:
    return [Word(f"w{at}", start, start + length_s, 0.9) for at, start in enumerate(starts_s)]


def recognition(text: str, step_s: float = 1.0) -> Recognition:
    words = tuple(
        Word(one, at * step_s, at * step_s + 0.4, 0.9) for at, one in enumerate(text.split())
    )
    return Recognition(Transcript(text, words, 0.9, len(words) * step_s, MODEL))


TWO = SpeakerTurns((SpeakerTurn(0.0, 1.5, 1), SpeakerTurn(2.0, 3.4, 2), SpeakerTurn(4.0, 4.4, 1)))


# --- windows --------------------------------------------------------------------------------------


def test_windows_cover_speech_and_leave_out_pauses() -> None:
    windows = voice_windows(words_at(*np.arange(0.5, 6, 0.4), 20.0), 30.0)

    assert windows.dtype == np.float32
    longer, [last] = windows[:-1], windows[-1:]
    assert longer[0, 0] == pytest.approx(0.4)
    assert longer[-1, 1] == pytest.approx(6.1, abs=0.01)
    assert np.all(longer[1:, 0] - longer[:-1, 0] <= WINDOW_HOP_S + 1e-4)
    assert np.allclose(longer[:, 1] - longer[:, 0], VOICE_WINDOW_S)
    assert last.tolist() == pytest.approx([19.9, 20.4])


def test_windows_stay_inside_the_recording() -> None:
    windows = voice_windows([Word("a", 0.0, 0.2, 1.0), Word("b", 1.9, 2.5, 1.0)], 2.0)

    assert windows.min() == 0.0
    assert windows.max() == 2.0
    assert np.all(windows[:, 1] >= windows[:, 0])


def test_recording_without_words_has_no_windows() -> None:
    assert voice_windows([], 5.0).shape == (0, 2)


# --- turns ----------------------------------------------------------------------------------------


def test_speakers_are_numbered_by_their_first_words() -> None:
    turns = turns_of(words_at(0, 0.4, 0.8, 1.2), [7, 7, 3, 7]).turns

    assert [(turn.start_s, turn.speaker) for turn in turns] == [(0, 1), (0.8, 2), (1.2, 1)]
    assert turns[0].end_s == 0.7


def test_turn_ends_at_a_pause() -> None:
    assert len(turns_of(words_at(0.0, 0.5, 3.0), [0, 0, 0]).turns) == 2


@pytest.mark.parametrize(
    ("time_s", "speaker"), [(-1, 1), (0.7, 1), (1.6, 1), (1.9, 2), (3.5, 2), (99, 1)]
)
def test_time_belongs_to_the_nearest_turn(time_s: float, speaker: int) -> None:
    assert TWO.speaker_at(time_s) == speaker
    assert SpeakerTurns(()).speaker_at(time_s) == 0


@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 8), st.integers(1, 3)), max_size=12),
    st.lists(st.integers(-10, 120), max_size=20),
)
def test_times_belong_to_the_nearest_of_all_turns(
    rows: list[tuple[int, int, int]], halves: list[int]
) -> None:
    """Against looking at every turn; of two that are as near, both are right."""
    rows.sort()
    turns = SpeakerTurns(tuple(SpeakerTurn(a, a + length, who) for a, length, who in rows))
    starts = [start for start, _, _ in rows]
    times = [half / 2 for half in halves]

    found = turns.speakers_at(times)

    assert len(found) == len(times)
    for time_s, speaker in zip(times, found, strict=True):
        after = bisect_right(starts, time_s)
        near = turns.turns[max(0, after - 1) : after + 1]
        away = [max(turn.start_s - time_s, time_s - turn.end_s) for turn in near]
        nearest = {turn.speaker for turn, one in zip(near, away, strict=True) if one == min(away)}
        assert speaker in (nearest or {0})


def test_words_out_of_order_get_the_speaker_of_their_time() -> None:
    words = (Word("later", 2.0, 2.4, 1.0), Word("first", 0.0, 0.4, 1.0))
    model = ModelInfo("m", "m", "e", "cpu", "fp32", 1, 1)
    recognition = Recognition(Transcript("later first", words, 1.0, 4.0, model))

    labelled = with_speakers(recognition, TWO).transcript

    assert [word.speaker for word in labelled.words] == ["Speaker 2", "Speaker 1"]


# --- labelled words -------------------------------------------------------------------------------


def test_words_get_the_speaker_of_their_middle_and_each_turn_a_line() -> None:
    transcript = with_speakers(recognition("so it is yes and no"), TWO, ["Ann"]).transcript

    assert [word.speaker for word in transcript.words] == [
        "Ann", "Ann", "Speaker 2", "Speaker 2", "Ann", "Ann",
    ]  # fmt: skip
    assert transcript.text == "so it\nis yes\nand no"
    assert [len(turn) for turn in turns_of_words(transcript.words)] == [2, 2, 2]


def test_words_without_turns_stay_unlabelled() -> None:
    one = recognition("so it is")

    assert with_speakers(one, None, ["Ann"]) is one
    assert {word.speaker for word in with_speakers(one, SpeakerTurns(())).transcript.words} == {""}


def test_separate_channels_are_the_speakers() -> None:
    both = merged([recognition("hello there"), recognition("yes", 0.5)])

    named = with_speakers(both, SpeakerTurns(()), ["Ann"]).transcript

    assert {(word.channel, word.speaker) for word in named.words} == {(1, "Ann"), (2, "")}
    assert with_speakers(both, SpeakerTurns(())).transcript == both.transcript


def test_rewritten_words_keep_their_speaker_and_rules_do_not_cross_turns() -> None:
    turns = SpeakerTurns((SpeakerTurn(0, 0.5, 1), SpeakerTurn(1, 3.5, 2)))
    one = with_speakers(recognition("twenty twenty one um"), turns).transcript
    one = replace(one, model=replace(MODEL, language="en"))

    found = written(one, parse_export(numbers="digits", fillers="remove", letter_case="raw"))

    assert [(word.text, word.speaker) for word in found.words] == [
        ("20", "Speaker 1"), ("21", "Speaker 2"),
    ]  # fmt: skip
    assert found.text == "20\n21"


def test_lines_of_a_script_without_blanks_have_none() -> None:
    transcript = with_speakers(recognition("你 好 再 见"), TWO).transcript

    assert transcript.text == "你好\n再见"
    words = [
        ExportWord(word.text, word.start_s, word.end_s, 0.9, speaker=word.speaker)
        for word in transcript.words
    ]
    assert labelled_lines(words) == "Speaker 1: 你好\nSpeaker 2: 再见"


def test_turns_and_names_are_found_again_in_labelled_words() -> None:
    labelled = with_speakers(recognition("so it is yes and no"), TWO, ["Ann", "Ben"])

    turns, names = turns_of_labels(labelled.transcript.words)

    assert names == ("Ann", "Ben")
    assert with_speakers(recognition("so it is yes and no"), turns, names) == labelled
    assert turns_of_labels(recognition("so it").transcript.words) == (None, ())
    assert turns_of_labels([]) == (None, ())


# --- names ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("", ()),
        ("  ", ()),
        ("Ann, Ben", ("Ann", "Ben")),
        ("Ann\nBen", ("Ann", "Ben")),
        (",Ben", ("", "Ben")),
        ('["Doe, Jane", "Ben"]', ("Doe, Jane", "Ben")),
        (["  Ann \t Lee\u2028 "], ("Ann Lee",)),
        ("<b>x</b>", ("<b>x</b>",)),
    ],
)
def test_names_are_read(value: object, names: tuple[str, ...]) -> None:
    assert parse_names(value) == names


@pytest.mark.parametrize(
    "value",
    [
        None, 5, [5], [None], {"1": "Ann"}, '["Ann"', '[["Ann"]]', "Ann, Ann", "Speaker 2", "[" * 5000,
        "x" * (MAX_SPEAKER_NAME_CHARACTERS + 1), json.dumps([str(at) for at in range(MAX_SPEAKER_NAMES + 1)]),
    ],
)  # fmt: skip
def test_names_that_cannot_be_used_are_rejected(value: object) -> None:
    with pytest.raises(InputError) as rejected:
        parse_names(value)

    assert rejected.value.code == "speakers.bad_names"
    assert rejected.value.hint
