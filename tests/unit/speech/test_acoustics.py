import csv
import io
from dataclasses import replace

import numpy as np
import pytest

from tests.doubles import make_acoustics
from tests.unit.speech.transcripts import make_transcript
from wav2vec2_app.speech.acoustic_tables import (
    clipped_warning,
    frames_csv,
    measures_csv,
    readings,
)
from wav2vec2_app.speech.acoustics import CLIPPED_WARNING, MEASURES, speaking_rate, syllables
from wav2vec2_app.speech.transcript import Word

SYLLABLES = {
    "a": 1, "cat": 1, "make": 1, "coffee": 2, "about": 2, "morning": 2, "banana": 3, "table": 2,
    "the": 1, "rhythm": 1, "information": 4, "university": 5, "time": 1, "little": 2, "b": 1, "21": 1,
    "Straße": 2, "Fenster": 2, "maison": 2, "été": 2, "привет": 2, "こんにちは": 5, "你好": 2, "안녕": 2,
    "COFFEE": 2, "don't": 1, "": 1,
}  # fmt: skip


@pytest.mark.parametrize(("word", "count"), SYLLABLES.items())
def test_syllables_are_estimated(word: str, count: int) -> None:
    assert syllables(word) == count


def test_rate_of_speech_counts_words_and_syllables_a_minute() -> None:
    words = make_transcript("good morning about coffee").words

    rate = speaking_rate(words, 6.0)

    assert rate["words_per_minute"] == 40
    assert rate["syllables_per_minute"] == 70
    assert rate["pauses"] == 0
    assert "mean_pause_s" not in rate
    assert rate["articulation_rate"] == pytest.approx(7 / 1.5, rel=1e-3)


def test_pauses_are_silences_between_words() -> None:
    words = (Word("a", 0, 1, 1), Word("b", 1.2, 2, 1), Word("c", 2.5, 3, 1), Word("d", 5, 6, 1))

    rate = speaking_rate(words, 6.0)

    assert rate["pauses"] == 2
    assert rate["mean_pause_s"] == 1.25
    assert rate["longest_pause_s"] == 2.0
    assert rate["articulation_rate"] == pytest.approx(4 / 3.5, rel=1e-3)


def test_channels_that_overlap_have_no_pause() -> None:
    words = (Word("a", 0, 5, 1, 1), Word("b", 1, 2, 1, 2), Word("c", 4, 6, 1, 2))

    assert speaking_rate(words, 6.0)["pauses"] == 0


@pytest.mark.parametrize(("text", "duration_s"), [("", 5.0), ("hello", 0.0)])
def test_without_words_or_time_there_is_no_rate(text: str, duration_s: float) -> None:
    assert speaking_rate(make_transcript(text).words, duration_s) == {}


def test_every_measure_is_explained_in_one_line() -> None:
    assert len({row.name for row in MEASURES}) == len(MEASURES)
    assert all(0 < len(row.help) < 90 and row.help.endswith(".") for row in MEASURES)


def test_readings_are_in_the_order_of_the_table_with_their_units() -> None:
    found = readings({"f0_median_hz": 119.6, "loudness_lufs": -23.456, "clipped_fraction": 0.0012})

    assert [(one.measure.name, one.text) for one in found] == [
        ("loudness_lufs", "-23.5 LUFS"), ("clipped_fraction", "0.12 %"), ("f0_median_hz", "120 Hz"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("share", "warns"), [(0.0, False), (CLIPPED_WARNING / 2, False), (0.01, True)]
)
def test_clipped_recording_is_warned_of(share: float, warns: bool) -> None:
    warning = clipped_warning(make_acoustics(clipped=share))

    assert ("clipped" in warning and "expect errors" in warning) is warns


def test_measures_are_a_table() -> None:
    rows = list(csv.DictReader(io.StringIO(measures_csv({"loudness_lufs": -23.5, "pauses": 2.0}))))

    assert [row["measure"] for row in rows] == ["loudness_lufs", "pauses"]
    assert float(rows[0]["value"]) == -23.5
    assert rows[0]["unit"] == "LUFS"
    assert rows[1]["meaning"]


def test_frames_are_a_table_in_which_what_is_undefined_is_empty() -> None:
    acoustics = make_acoustics(1.0)

    rows = list(csv.DictReader(io.StringIO(frames_csv(acoustics))))

    assert len(rows) == len(acoustics.times_s)
    assert rows[0].keys() >= {"time_s", "f0_hz", "level_dbfs", "chroma_c", "chroma_b"}
    assert float(rows[0]["level_dbfs"]) == -20
    assert rows[-1]["f0_hz"] == ""


@pytest.mark.parametrize(
    ("most", "rows"), [(1, 1), (10, 10), (25, 25), (49, 25), (50, 50), (999, 50)]
)
def test_table_of_frames_can_be_thinned(most: int, rows: int) -> None:
    acoustics = make_acoustics(1.0)
    assert len(acoustics.times_s) == 50

    found = frames_csv(acoustics, most).splitlines()[1:]

    assert len(found) == rows
    assert found[0] == frames_csv(acoustics).splitlines()[1]


def test_frames_beyond_the_last_chroma_have_the_last_one() -> None:
    acoustics = replace(make_acoustics(1.0), chroma=np.ones((12, 1), np.float32))

    rows = list(csv.DictReader(io.StringIO(frames_csv(acoustics))))

    assert {row["chroma_a"] for row in rows} == {"1"}
