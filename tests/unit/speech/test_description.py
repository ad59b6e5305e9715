"""Questions about a sound as clients send them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wav2vec2_app.errors import InputError
from wav2vec2_app.speech.description import (
    DEFAULT_QUESTION,
    MAX_QUESTION_CHARACTERS,
    parse_question,
)


@pytest.mark.parametrize("empty", [None, "", "   ", "\n\t"])
def test_no_question_is_the_default_question(empty: str | None) -> None:
    assert parse_question(empty) == DEFAULT_QUESTION


@pytest.mark.parametrize(
    ("sent", "question"),
    [
        ("Who speaks?", "Who speaks?"),
        ("  Who\n speaks? ", "Who speaks?"),
        ("Wer spricht? 谁在说话", "Wer spricht? 谁在说话"),
        ("x" * MAX_QUESTION_CHARACTERS, "x" * MAX_QUESTION_CHARACTERS),
    ],
)
def test_question_is_one_line(sent: str, question: str) -> None:
    assert parse_question(sent) == question


@pytest.mark.parametrize(
    "unusable",
    [3, True, [], {}, b"x", "x" * (MAX_QUESTION_CHARACTERS + 1), "a\0b", "a\ud800", "\x1b[31m"],
)
def test_unusable_question_is_a_typed_error(unusable: object) -> None:
    with pytest.raises(InputError) as raised:
        parse_question(unusable)

    assert raised.value.code == "describe.bad_question"
    assert raised.value.hint


@given(st.text())
def test_every_text_is_a_question_or_a_typed_error(text: str) -> None:
    try:
        question = parse_question(text)
    except InputError:
        return
    assert question.isprintable()
    assert 0 < len(question) <= MAX_QUESTION_CHARACTERS
