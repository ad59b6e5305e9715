"""What clients may explore, and how values that cannot be used are rejected."""

from __future__ import annotations

import pytest

from tests.doubles import make_emission
from wav2vec2_app.errors import InputError
from wav2vec2_app.speech.exploration import (
    COLUMN_BOUNDS,
    MAX_COMPARED_WORDS,
    MAX_PART_S,
    frames_between,
    parse_part,
    parse_word,
)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ((None, 1), "start"),
        (("x", 1), "start"),
        ((True, 2), "start"),
        ((0, float("nan")), "end"),
        ((0, [1]), "end"),
        ((2, 2), "end"),
        ((3, 1), "end"),
        ((0, 1, "many"), "columns"),
        ((0, 1, 600, -1), "channel"),
        ((0, 1, 600, 1.5), "channel"),
    ],
)
def test_an_unusable_part_is_rejected_with_the_name_of_its_field(values: tuple, field: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_part(*values)

    assert caught.value.code == "explore.bad_value"
    assert caught.value.metadata == {"field": field}


def test_a_part_is_bounded() -> None:
    long = parse_part(10, 10_000, 10**9)
    assert (long.window.end_s, long.columns) == (10 + MAX_PART_S, COLUMN_BOUNDS[1])
    assert parse_part("1", "2.5", 0).columns == COLUMN_BOUNDS[0]


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ((0, 1, ""), "words"),
        ((0, 1, "x" * 61), "words"),
        ((0, 1, [1]), "words"),
        ((0, 1, "a", 5), "before"),
        ((0, 11, "a"), "end"),
        ((-1, 1, "a"), "end"),
    ],
)
def test_unusable_words_are_rejected(values: tuple, field: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_word(*values)

    assert caught.value.metadata == {"field": field}


def test_words_are_compared_once_each_and_not_too_many() -> None:
    word = parse_word(0, 1, " one one two ", ["a", "b", "c", "d", "e"])
    assert word.words == ("one", "two")
    assert word.before == ("b", "c", "d", "e")
    assert len(parse_word(0, 1, [str(number) for number in range(99)]).words) == MAX_COMPARED_WORDS


def test_frames_of_a_part_stay_inside_the_emission() -> None:
    emission = make_emission("hello")
    assert frames_between(emission, 0.04, 0.1) == (2, 5)
    assert frames_between(emission, 0.0, 99.0) == (0, len(emission.log_probs))
    assert frames_between(emission, 50.0, 99.0) == (len(emission.log_probs),) * 2
