"""Exports as other tools read them: pysubs2, webvtt-py, praatio, python-docx, csv."""

import csv
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pysubs2
import pytest
import webvtt
from docx import Document
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from praatio import textgrid

from tests.unit.speech.exports.documents import (
    TEXTS,
    file_of,
    make_document,
    make_words,
    with_characters,
)
from wav2vec2_app.speech.export_options import DEFAULT_EXPORT, ExportOptions
from wav2vec2_app.speech.exports import EXPORT_FORMATS, ExportWord
from wav2vec2_app.speech.subtitles import channel_cues

KARAOKE = ExportOptions(highlight="karaoke")
every_text = pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)


def spoken(text: str) -> str:
    """Text without blanks: where lines are divided does not matter."""
    return re.sub(r"\s+", "", text)


def seconds(timestamp: str) -> float:
    """``00:01:02.345`` as 62.345."""
    hours, minutes, rest = timestamp.split(":")
    return round(int(hours) * 3600 + int(minutes) * 60 + float(rest), 3)


def tiers_of(path: Path) -> textgrid.Textgrid:
    return textgrid.openTextgrid(str(path), includeEmptyIntervals=False, reportingMode="error")


# --- subtitles ----------------------------------------------------------------------------------


@every_text
@pytest.mark.parametrize("options", [DEFAULT_EXPORT, KARAOKE], ids=["plain", "karaoke"])
def test_pysubs2_reads_ass(text: str, options: ExportOptions, tmp_path: Path) -> None:
    document = make_document(make_words(text))
    path = file_of(document, "ass", tmp_path, options)

    read = pysubs2.load(str(path), encoding="utf-8")

    cues = channel_cues(document.captions, options)
    assert [event.start for event in read] == [round(cue.start * 100) * 10 for cue in cues]
    assert [event.end for event in read] == [round(cue.end * 100) * 10 for cue in cues]
    assert read.info["ScriptType"] == "v4.00+"
    assert "Default" in read.styles
    if "\\" not in text and "{" not in text:
        assert spoken("".join(event.plaintext for event in read)) == spoken(text)


@every_text
def test_text_is_never_a_tag_of_ass(text: str, tmp_path: Path) -> None:
    content = file_of(make_document(make_words(text)), "ass", tmp_path).read_text("utf-8")

    events = content.partition("[Events]")[2].replace("\\N", "")
    assert not re.search(r"(?<!\\)[{}]|\\[nh]", events)


def test_karaoke_gives_each_word_its_time(tmp_path: Path) -> None:
    words = [ExportWord("one", 1.0, 1.25, 1.0), ExportWord("two", 1.5, 2.1, 1.0)]
    path = file_of(make_document(words), "ass", tmp_path, KARAOKE)

    (event,) = pysubs2.load(str(path))

    assert event.text == r"{\kf25}one {\k25}{\kf60}two"


@every_text
@pytest.mark.parametrize("channels", [False, True], ids=["mixed", "separate"])
def test_karaoke_never_takes_longer_than_the_subtitle(
    text: str, channels: bool, tmp_path: Path
) -> None:
    words = make_words(text, channels=channels)
    path = file_of(make_document(words), "ass", tmp_path, KARAOKE)

    for event in pysubs2.load(str(path)):
        durations = re.findall(r"\\k[f]?(\d+)", event.text)
        assert sum(map(int, durations)) * 10 <= event.end - event.start + 10


@every_text
def test_pysubs2_reads_srt(text: str, tmp_path: Path) -> None:
    document = make_document(make_words(text))
    read = pysubs2.load(
        str(file_of(document, "srt", tmp_path)), encoding="utf-8", keep_html_tags=True
    )

    cues = channel_cues(document.captions)
    assert [event.start for event in read] == [round(cue.start * 1000) for cue in cues]
    assert [event.end for event in read] == [round(cue.end * 1000) for cue in cues]


@every_text
def test_webvtt_reads_vtt(text: str, tmp_path: Path) -> None:
    document = make_document(make_words(text))
    read = webvtt.read(str(file_of(document, "vtt", tmp_path)))

    cues = channel_cues(document.captions)
    assert [seconds(one.start) for one in read] == pytest.approx([c.start for c in cues], abs=0.001)
    assert [seconds(one.end) for one in read] == pytest.approx([c.end for c in cues], abs=0.001)
    assert "".join(one.text for one in read).count("<") == 0


def test_speaker_of_a_channel_is_named_in_subtitles(tmp_path: Path) -> None:
    document = make_document(make_words("hello who is there", channels=True))

    ass = pysubs2.load(str(file_of(document, "ass", tmp_path)))
    vtt = webvtt.read(str(file_of(document, "vtt", tmp_path)))

    assert {event.name for event in ass} == {"Channel 1", "Channel 2"}
    assert {one.voice for one in vtt} == {"Channel 1", "Channel 2"}


# --- phonetics ----------------------------------------------------------------------------------


@every_text
def test_praatio_reads_the_words_of_a_textgrid(text: str, tmp_path: Path) -> None:
    words = make_words(text)
    grid = tiers_of(file_of(make_document(words), "textgrid", tmp_path))

    tier = grid.getTier("words")
    assert [entry.label for entry in tier.entries] == text.split()
    assert [entry.start for entry in tier.entries] == pytest.approx(
        [w.start for w in words], abs=1e-5
    )
    assert [entry.end for entry in tier.entries] == pytest.approx([w.end for w in words], abs=1e-5)
    assert grid.maxTimestamp == pytest.approx(words[-1].end + 0.5)


def test_aligned_characters_are_a_tier_of_their_own(tmp_path: Path) -> None:
    words = [with_characters(word) for word in make_words("so it is")]
    grid = tiers_of(file_of(make_document(words), "textgrid", tmp_path))

    assert grid.tierNames == ("words", "characters")
    assert [one.label for one in grid.getTier("characters").entries] == list("SOITIS")


def test_each_channel_has_a_tier(tmp_path: Path) -> None:
    words = make_words("hello who is there", channels=True)
    grid = tiers_of(file_of(make_document(words), "textgrid", tmp_path))

    assert grid.tierNames == ("Channel 1 words", "Channel 2 words")
    assert [one.label for one in grid.getTier("Channel 2 words").entries] == ["who", "there"]


times = st.floats(0, 5, allow_nan=False)
any_words = st.lists(
    st.builds(lambda start, length: ExportWord("w", start, start + length, 1.0), times, times),
    max_size=12,
)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=60,
    deadline=None,
)
@given(words=any_words)
def test_textgrid_of_any_times_has_every_word_in_order(
    words: list[ExportWord], tmp_path: Path
) -> None:
    named = [replace(word, text=f"w{at}") for at, word in enumerate(words)]
    path = file_of(make_document(named, duration_s=4.0), "textgrid", tmp_path)

    tier = textgrid.openTextgrid(
        str(path), includeEmptyIntervals=True, reportingMode="error"
    ).getTier("words")  # fmt: skip

    labels = [entry.label for entry in tier.entries if entry.label]
    assert labels == [word.text for word in sorted(named, key=lambda one: (one.start, one.end))]
    bounds = [tier.entries[0].start, *(entry.end for entry in tier.entries)]
    assert bounds[0] == 0
    assert all(right > left for left, right in pairwise(bounds))
    assert [entry.start for entry in tier.entries] == bounds[:-1]


@every_text
@pytest.mark.parametrize("channels", [False, True], ids=["mixed", "separate"])
def test_ctm_has_six_fields_per_word(text: str, channels: bool, tmp_path: Path) -> None:
    words = make_words(text, channels=channels)
    path = file_of(make_document(words), "ctm", tmp_path)

    rows = [line.split() for line in path.read_text("utf-8").splitlines()]

    assert {len(row) for row in rows} == {6}
    assert {row[0] for row in rows} == {"my_talk"}
    assert sorted(row[4] for row in rows) == sorted(text.split())
    assert [(row[1], float(row[2])) for row in rows] == sorted((r[1], float(r[2])) for r in rows)


def test_word_with_blanks_is_one_word_in_ctm(tmp_path: Path) -> None:
    path = file_of(make_document([ExportWord("1 000 000", 0.5, 1.5, 0.25)]), "ctm", tmp_path)

    assert path.read_text("utf-8") == "my_talk 1 0.500 1.000 1_000_000 0.2500\n"


# --- tables and documents -----------------------------------------------------------------------


@every_text
@pytest.mark.parametrize(("kind", "delimiter"), [("csv", ","), ("tsv", "\t")])
def test_csv_reads_each_word_of_a_table(
    text: str, kind: str, delimiter: str, tmp_path: Path
) -> None:
    words = make_words(text, channels=True)
    path = file_of(make_document(words), kind, tmp_path)

    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter=delimiter))

    assert [row["text"] for row in rows] == [word.text for word in words]
    assert [float(row["start"]) for row in rows] == [round(word.start, 3) for word in words]
    assert [row["channel"] for row in rows] == [str(word.channel) for word in words]
    assert all(row["confidence"] == "0.9000" for row in rows)


def test_table_of_an_alignment_has_scores(tmp_path: Path) -> None:
    document = replace(make_document(make_words("hi")), rating="score")

    assert file_of(document, "csv", tmp_path).read_text("utf-8").startswith("start,end,text,score")


@every_text
@pytest.mark.parametrize("channels", [False, True], ids=["mixed", "separate"])
def test_word_processors_get_all_words(text: str, channels: bool, tmp_path: Path) -> None:
    document = make_document(make_words(text, channels=channels))

    read = Document(str(file_of(document, "docx", tmp_path)))

    title, about, *paragraphs = read.paragraphs
    assert title.text == "my talk"
    assert "fake/wav2vec2" in about.text
    words = "".join(run.text for one in paragraphs for run in one.runs if not run.bold)
    assert sorted(spoken(words)) == sorted(spoken(text))


def test_paragraph_begins_after_a_pause_and_says_when(tmp_path: Path) -> None:
    words = [*make_words("one two"), ExportWord("three", 65.0, 65.5, 0.9)]

    read = Document(str(file_of(make_document(words), "docx", tmp_path)))

    assert [one.text for one in read.paragraphs[2:]] == ["0:00  one two", "1:05  three"]


def test_long_speech_is_divided_into_paragraphs(tmp_path: Path) -> None:
    words = [ExportWord(f"w{at}", at * 0.5, at * 0.5 + 0.1, 1.0) for at in range(200)]

    read = Document(str(file_of(make_document(words), "docx", tmp_path)))

    assert len(read.paragraphs[2:]) == 4


# --- all of them --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [row.name for row in EXPORT_FORMATS])
def test_nothing_spoken_is_a_file_too(kind: str, tmp_path: Path) -> None:
    path = file_of(make_document([], duration_s=2.0), kind, tmp_path)

    assert path.is_file()
    if kind == "textgrid":
        assert tiers_of(path).tierNames == ("words",)


@pytest.mark.parametrize("kind", [row.name for row in EXPORT_FORMATS])
@pytest.mark.parametrize("sign", ["\x00", "\x0b", "\x1f", "\ud800", "\ufffe"])
def test_signs_that_cannot_be_written_are_left_out(kind: str, sign: str, tmp_path: Path) -> None:
    document = make_document([ExportWord(f"he{sign}llo", 0.0, 1.0, 1.0)], name="x")

    path = file_of(replace(document, data={"text": f"he{sign}llo"}), kind, tmp_path)

    if kind == "docx":
        assert "hello" in Document(str(path)).paragraphs[-1].text
    else:
        assert sign not in path.read_text("utf-8")
