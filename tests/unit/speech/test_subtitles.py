from __future__ import annotations

import pytest

from wav2vec2_app.speech import subtitles
from wav2vec2_app.speech.given_text import as_written, spoken_text
from wav2vec2_app.speech.subtitles import WrittenWord


def words(*spans: tuple[str, float, float]) -> list[WrittenWord]:
    return [WrittenWord(text, start, end) for text, start, end in spans]


def test_srt_numbers_its_cues_and_ends_them_at_pauses() -> None:
    spoken = words(("hello", 0.5, 0.9), ("there", 1.0, 1.4), ("again", 3661.25, 3661.5))

    assert subtitles.to_srt(spoken) == (
        "1\n00:00:00,500 --> 00:00:01,500\nhello there\n\n2\n01:01:01,250 --> 01:01:02,250\nagain\n"
    )


def test_vtt_escapes_markup() -> None:
    text = subtitles.to_vtt(words(("<b>&", 0.0, 1.0)))

    assert text == "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n&lt;b&gt;&amp;\n"


def test_written_words_keep_the_text_and_its_punctuation() -> None:
    text = "« Good morning » — said she … twice !"
    spoken = ["Good", "morning", "said", "she", "twice"]
    aligned = words(*((word, float(number), number + 0.5) for number, word in enumerate(spoken)))

    written = subtitles.as_written(text, aligned)

    assert [word.text for word in written] == ["« Good", "morning » —", "said", "she …", "twice !"]
    assert [word.start for word in written] == [word.start for word in aligned]
    assert "« Good morning » — said she … twice !" in subtitles.to_srt(written)


def test_no_words_give_empty_subtitles() -> None:
    assert subtitles.to_srt([]) == ""
    assert subtitles.to_vtt([]) == "WEBVTT\n"


# --- the text that was aligned ------------------------------------------------------------------


def aligned(*texts: str) -> list[WrittenWord]:
    return words(*((text, number * 0.5, number * 0.5 + 0.4) for number, text in enumerate(texts)))


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r", "\n\n", "\n \t\n", "\u2028"])
def test_line_break_of_the_text_ends_a_cue(line_break: str) -> None:
    text = f"Good morning!{line_break}How are you?"

    found = subtitles.cues(as_written(text, aligned("Good", "morning!", "How", "are", "you?")))

    assert [cue.text for cue in found] == ["Good morning!", "How are you?"]


def test_long_line_of_the_text_is_divided() -> None:
    spoken = ["word"] * 40

    found = subtitles.cues(as_written(" ".join(spoken) + "\nend", aligned(*spoken, "end")))

    assert all(len(line) <= 42 for cue in found for line in cue.lines)
    assert found[-1].text == "end"


def test_line_of_punctuation_joins_the_line_before() -> None:
    found = subtitles.cues(as_written("—\nGood\n…\nbye", aligned("Good", "bye")))

    assert [cue.text for cue in found] == ["— Good …", "bye"]


SRT = """1
00:00:01,000 --> 00:00:02,000
<i>Good</i> morning,
friends & all!

2
00:00:03,000 --> 00:00:04,000
♪

3
00:00:04,000 --> 00:00:05,000
- 12 of us
"""
VTT = """WEBVTT - a title

NOTE not spoken
00 is a number

STYLE
::cue { color: red }

intro
00:01.000 --> 00:02.000 align:start position:10%
<v Fred>Good</v> <00:01.500>morning,
friends &amp; all!

00:00:03.000 --> 00:00:04.000
♪

00:00:04.000 --> 00:00:05.000
- 12 of us
"""
SPOKEN = ("Good", "morning,", "friends", "&", "all!", "12", "of", "us")
GIVEN = {
    "srt": SRT,
    "srt with a mark": "\ufeff" + SRT,
    "srt of Windows": SRT.replace("\n", "\r\n"),
    "srt with stops": SRT.replace(",000", ".000"),
    "srt without numbers": "\n".join(line for line in SRT.split("\n") if not line.isdecimal()),
    "srt without blank lines": SRT.replace("\n\n", "\n"),
    "srt with positions": SRT.replace("<i>Good", "{\\an8}<i>Good").replace("4,000\n♪", "4,000 X1:5\n♪"),
    "srt of one-digit hours": SRT.replace("00:00:0", "0:00:0"),
    "vtt": VTT,
    "vtt with a mark": "\ufeff" + VTT,
    "vtt of Windows": VTT.replace("\n", "\r\n"),
}  # fmt: skip


@pytest.mark.parametrize("given", GIVEN.values(), ids=GIVEN)
def test_only_what_subtitles_say_is_spoken(given: str) -> None:
    assert spoken_text(given).split("\n") == ["Good morning,", "friends & all!", "♪", "- 12 of us"]


@pytest.mark.parametrize("given", GIVEN.values(), ids=GIVEN)
def test_subtitles_keep_their_cues_and_lines_and_get_new_times(given: str) -> None:
    found = subtitles.cues(as_written(given, aligned(*SPOKEN)))

    assert [cue.lines for cue in found] == [
        ("Good morning,", "friends & all!"), ("♪",), ("- 12 of us",)
    ]  # fmt: skip
    assert [cue.start for cue in found] == [0.0, pytest.approx(2.4), 2.5]


def test_kept_cue_is_not_divided_however_long_it_is() -> None:
    spoken = ["word"] * 60
    text = f"1\n00:00:00,000 --> 00:00:01,000\n{' '.join(spoken)}\n"

    [cue] = subtitles.cues(as_written(text, aligned(*spoken)))

    assert cue.lines == (" ".join(spoken),)
    assert cue.end >= 29.9


def test_text_that_only_mentions_a_time_is_no_subtitle() -> None:
    text = "It runs 10:00 --> 11:00\nand on.\n12:30 --> later"

    assert spoken_text(text) == text


def test_several_words_that_are_spoken_as_one_stay_together() -> None:
    [word, rest] = as_written("1 000\u00a0000 people", aligned("1 000 000", "people"))

    assert (word.text, rest.text) == ("1 000 000", "people")
