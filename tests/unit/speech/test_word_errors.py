from __future__ import annotations

from itertools import pairwise

import jiwer
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wav2vec2_app.speech.word_errors import Difference, WordErrors, differences, word_errors

TEXTS = st.lists(st.sampled_from(["a", "cat", "sat", "on", "mat", "hat"]), max_size=12).map(
    " ".join
)


@given(TEXTS.filter(bool), TEXTS)
def test_rate_is_that_of_jiwer(reference: str, text: str) -> None:
    assert word_errors(reference, text).rate == pytest.approx(jiwer.wer(reference, text))


def test_edits_are_counted() -> None:
    errors = word_errors("the cat sat on it today", "the hat sat it today now")

    assert errors == WordErrors(substitutions=1, deletions=1, insertions=1, words=6)


@pytest.mark.parametrize(
    ("reference", "text"),
    [
        ("The cat SAT.", "the cat sat"),
        ("It cost $5.20", "it cost five dollars twenty cents"),
        ("twenty-one", "21"),
        ("well-known", "Well known"),
        ("don't", "don’t"),
        ("Mister Smith", "Mr. Smith"),
    ],
)
def test_way_of_writing_is_no_error(reference: str, text: str) -> None:
    errors = word_errors(reference, text)

    assert (errors.substitutions, errors.deletions, errors.insertions) in {(0, 0, 0)}, errors


def test_reference_without_words_has_no_rate() -> None:
    assert word_errors("", "a cat").rate is None


def test_differences_are_in_place() -> None:
    assert differences("the old cat sat on the mat", "The cat sit on a the mat.") == (
        Difference("same", "The"),
        Difference("missing", "old"),
        Difference("same", "cat"),
        Difference("changed", "sit"),
        Difference("same", "on"),
        Difference("added", "a"),
        Difference("same", "the mat."),
    )


@given(TEXTS, TEXTS)
def test_differences_contain_the_whole_text(expected: str, text: str) -> None:
    parts = differences(expected, text)

    assert " ".join(part.text for part in parts if part.kind != "missing") == text
    assert all(one.kind != other.kind for one, other in pairwise(parts))


@given(TEXTS)
def test_text_does_not_differ_from_itself(text: str) -> None:
    assert {part.kind for part in differences(text, text)} <= {"same"}
