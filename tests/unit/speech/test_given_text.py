"""Subtitles of every kind as the text to align: only what is spoken is aligned."""

from __future__ import annotations

import pytest

from wav2vec2_app.speech.given_text import as_written, spoken_text
from wav2vec2_app.speech.subtitles import WrittenWord, cues, to_srt, to_vtt

SUBSTATION = r"""[Script Info]
Title: x
[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Dialogue: 0,0:00:03.00,0:00:04.00,Default,,0,0,0,,World, again
Comment: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,not spoken
Dialogue: 0,0:00:02.00,0:00:03.00,Default,,0,0,0,,{\p1}m 0 0 l 10 10{\p0}
Dialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,{\i1}Hello{\i0},\hthere\Nfriend
"""
ROLLING = """WEBVTT

00:00:00.000 --> 00:00:02.000 align:start position:0%
 
hello<00:00:00.500><c> there</c>

00:00:02.000 --> 00:00:02.010
hello there
 

00:00:02.010 --> 00:00:04.000
hello there
my<00:00:02.500><c> friend</c>
"""  # noqa: W293 (as a video site writes them)


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        pytest.param("1\n00:00:01, 000 --> 00:00:02, 000\nHello", "Hello", id="blanks in the times"),
        pytest.param("1\n00:00:01:12 --> 00:00:02:00\nHello", "Hello", id="frames"),
        pytest.param("1\n00:00:01,000 → 00:00:02,000\nHello", "Hello", id="another arrow"),
        pytest.param("0:00:01.000,0:00:02.000\nHello\n\n0:00:03.000,0:00:04.000\nWorld",
                     "Hello\nWorld", id="SBV"),
        pytest.param("[ti:Song]\n[00:12.00]Hello there\n[00:15.30][00:20.30]<00:16.10> World\n",
                     "Hello there\nWorld", id="LRC"),
        pytest.param("[00:00:01.000 --> 00:00:02.000]  Hello\n[00:00:03.000 --> 00:00:04.000] World",
                     "Hello\nWorld", id="times in brackets"),
        pytest.param(SUBSTATION, "Hello, there\nfriend\nWorld, again", id="ASS"),
        pytest.param(ROLLING, "hello there\nmy friend", id="captions that roll up"),
        pytest.param("WEBVTT\n\nNOTE\n00:01.000 --> 00:02.000\nnot this\n\n00:03.000 --> 00:04.000\nWorld",
                     "World", id="a cue in a comment"),
        pytest.param("WEBVTT\n\n", "", id="no cue"),
    ],
)  # fmt: skip
def test_only_what_is_spoken_in_subtitles_is_aligned(text: str, spoken: str) -> None:
    for variant in (text, "\ufeff" + text, text.replace("\n", "\r\n")):
        assert spoken_text(variant) == spoken


@pytest.mark.parametrize(
    "text",
    ["He went from 10:30 --> 11:30.\nYes", "00:01 Hello\n00:05 World", "[10:30] Hello\nplain",
     "10:30,11:30\nHello", "Dialogue: a,b", "NOTE this\nand that", "WEBVTT is a format\nof subtitles"],
)  # fmt: skip
def test_text_that_resembles_subtitles_is_aligned_unchanged(text: str) -> None:
    assert spoken_text(text) == text


def test_cues_of_substation_alpha_are_kept() -> None:
    words = [WrittenWord(text, n / 2, n / 2 + 0.4)
             for n, text in enumerate(["Hello,", "there", "friend", "World,", "again"])]  # fmt: skip

    found = cues(as_written(SUBSTATION, words))

    assert [cue.lines for cue in found] == [("Hello, there", "friend"), ("World, again",)]


def test_line_break_within_a_word_does_not_end_a_cue() -> None:
    words = [WrittenWord("a\n\nb", 0.0, 0.4), WrittenWord("c\r\n", 0.5, 0.9)]

    assert to_srt(words) == "1\n00:00:00,000 --> 00:00:01,000\na b c\n"
    assert to_vtt(words).endswith("\na b c\n")
