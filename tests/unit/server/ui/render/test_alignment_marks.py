"""Marks of aligned words on the page: a sign and words for each, never colour alone."""

from __future__ import annotations

import re
from dataclasses import replace

from tests.doubles import make_alignment, make_audio, make_recognition
from wav2vec2_app.server.results import AudioResult
from wav2vec2_app.server.ui import texts
from wav2vec2_app.server.ui.render import alignment

POOR = 0.0001


def shown(text: str, transcript: str, poor: str = "") -> str:
    found = make_alignment(text)
    words = tuple(replace(one, score=POOR if one.text == poor else 0.9) for one in found.words)
    result = AudioResult(
        "id", make_audio(2.0), (), recognition=make_recognition(transcript),
        alignment=replace(found, words=words),
    )  # fmt: skip
    return alignment.words(result, text, "a.wav")


def tile(html: str, mark: str) -> str:
    """The label, and what is visible of the first word with a mark."""
    found = re.search(rf'<span class="w-word[^>]*data-mark="{mark}".*?w-tile-facts', html)
    assert found
    label = re.search('aria-label="([^"]*)"', found[0])
    assert label
    return label[1] + " | " + re.sub("<[^>]*>", " ", found[0])


def test_every_mark_has_a_sign_a_label_and_an_entry_in_the_legend() -> None:
    skipped = shown("hello very world", "HELLO WORLD", "very")
    other = shown("hello cat world", "HELLO DOG WORLD", "cat")
    inserted = shown("hello world", "HELLO BIG WORLD")

    for html, mark, sign in ((skipped, "skipped", "−"), (other, "mispronounced", "≠"),
                             (inserted, "inserted", "+")):  # fmt: skip
        label, _, visible = tile(html, mark).partition(" | ")
        assert texts.MARK[mark] in label
        assert sign in visible
        assert texts.MARKS[mark] in html
    assert texts.SAID_INSTEAD.format(word="dog") in tile(other, "mispronounced")
    assert texts.MARKS["inserted"] not in skipped


def test_inserted_words_stand_where_they_were_said() -> None:
    html = shown("hello world", "HELLO BIG WORLD AGAIN")

    found = re.findall(r'w-tile-text">([^<]*)<', html)
    assert found == ["hello", "big", "world", "again"]


def test_text_without_differences_says_so() -> None:
    html = shown("hello world", "HELLO WORLD")

    assert texts.NO_MARKS in html
    assert "w-marks-none" in html


def test_text_of_several_lines_is_shown_line_by_line_with_a_button_each() -> None:
    several, one = shown("hello\nbig <b>\nworld", "HELLO BIG B WORLD"), shown("hello", "HELLO")

    assert 'data-view="lines"' in several
    assert several.count('class="w-line-play"') == 3
    assert "big &lt;b&gt;" in several
    assert "<b>\n" not in several
    assert 'data-view="words"' in one
