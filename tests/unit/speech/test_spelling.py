"""Letter case and punctuation of words, as export options request them."""

from __future__ import annotations

import pytest

from wav2vec2_app.speech.export_options import ExportOptions
from wav2vec2_app.speech.models import ModelInfo
from wav2vec2_app.speech.spelling import spelled_words
from wav2vec2_app.speech.transcript import Transcript, Word
from wav2vec2_app.speech.writing.transcripts import written

MODEL = ModelInfo("embedded", "embedded", "openvino", "CPU", "fp32", 0, 0, language="en")
FORMS = ("Yes,", "Mr", "Smith", "knows.", "Do", "you?")


def words(channels: tuple[int | None, ...] = (None,) * 6, *, marked: bool = True) -> list[Word]:
    return [
        Word(
            form.rstrip(",.?").upper(),
            float(at),
            at + 0.5,
            0.9,
            channel,
            written=form if marked else "",
        )
        for at, (form, channel) in enumerate(zip(FORMS, channels, strict=True))
    ]


def transcript(found: list[Word]) -> Transcript:
    text = " ".join(word.text for word in found)
    return Transcript(text, tuple(found), 0.9, 6.0, MODEL)


@pytest.mark.parametrize(
    ("letter_case", "punctuation", "expected"),
    [
        ("sentence", "auto", "Yes, Mr Smith knows. Do you?"),
        ("sentence", "off", "Yes mr smith knows do you"),
        ("raw", "auto", "YES MR SMITH KNOWS DO YOU"),
        ("raw", "off", "YES MR SMITH KNOWS DO YOU"),
    ],
)
def test_marks_follow_the_options_and_are_never_in_raw_text(
    letter_case: str, punctuation: str, expected: str
) -> None:
    options = ExportOptions(letter_case=letter_case, punctuation=punctuation)
    found = written(transcript(words()), options)

    assert found.text == expected
    assert [word.text for word in found.words] == expected.split()
    assert [word.start_s for word in found.words] == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]


def test_words_that_are_written_already_are_left_alone() -> None:
    given = [Word("Hi,", 0, 1, 0.9), Word("IBM.", 1, 2, 0.9)]
    assert spelled_words(given, "sentence", "auto") == ["Hi,", "IBM."]


def test_words_without_marks_among_others_are_in_sentence_case() -> None:
    given = [*words()[:4], *words(marked=False)[4:]]
    assert spelled_words(given, "sentence", "auto")[3:] == ["knows.", "do", "you"]


def test_each_turn_of_channels_is_a_line_with_its_marks() -> None:
    found = written(transcript(words((1, 1, 1, 1, 2, 2))), ExportOptions())
    assert found.text == "Yes, Mr Smith knows.\nDo you?"


def test_written_words_are_not_written_twice() -> None:
    once = written(transcript(words()), ExportOptions())
    assert written(once, ExportOptions()) == once


def test_digits_keep_the_mark_of_their_last_word() -> None:
    spoken = [
        Word(form.rstrip(".").upper(), at, at + 0.5, 0.9, written=form)
        for at, form in enumerate(["I", "saw", "twenty", "one.", "Good."])
    ]
    found = written(transcript(spoken), ExportOptions(numbers="digits"))
    assert found.text == "I saw 21. Good."
