"""Skipped, mispronounced and inserted words of an aligned text."""

from __future__ import annotations

import pytest

from wav2vec2_app.errors import InputError
from wav2vec2_app.speech.alignment import AlignedWord
from wav2vec2_app.speech.cues import WrittenWord
from wav2vec2_app.speech.given_text import lines_of
from wav2vec2_app.speech.text_check import (
    CheckedWord,
    check_text,
    require_spelled,
    words_within,
)
from wav2vec2_app.speech.transcript import Word

GOOD, POOR = 0.9, 0.001


def aligned(text: str, scores: dict[str, float] | None = None) -> list[AlignedWord]:
    """Words of half a second; those in ``scores`` have these, the others a good score."""
    return [
        AlignedWord(word, at / 2, at / 2 + 0.4, (scores or {}).get(word, GOOD))
        for at, word in enumerate(text.split())
    ]


def said(text: str, places: list[float] | None = None, confidence: float = 0.9) -> list[Word]:
    words = text.split()
    starts = places or [at / 2 for at in range(len(words))]
    return [Word(word, at, at + 0.4, confidence) for word, at in zip(words, starts, strict=True)]


def marks(found: tuple[CheckedWord, ...]) -> list[str]:
    return [one.mark for one in found]


def test_text_that_was_said_has_no_marks_whatever_its_capitals_and_signs() -> None:
    check = check_text(
        aligned("Hello, WORLD: in 1984!"), said("HELLO WORLD IN NINETEEN EIGHTY FOUR")
    )

    assert marks(check.words) == ["said"] * 4
    assert check.inserted == ()


def test_word_that_the_transcript_lacks_was_skipped_if_its_score_is_poor() -> None:
    text = "the very old man"

    poor = check_text(aligned(text, {"very": POOR}), said("THE OLD MAN", [0.0, 1.0, 1.5]))
    good = check_text(aligned(text), said("THE OLD MAN", [0.0, 1.0, 1.5]))

    assert marks(poor.words) == ["said", "skipped", "said", "said"]
    assert marks(good.words) == ["said"] * 4


def test_word_with_another_in_its_place_was_mispronounced_if_its_score_is_poor() -> None:
    check = check_text(aligned("the cat sat", {"cat": POOR}), said("THE DOG SAD"))

    assert marks(check.words) == ["said", "mispronounced", "said"]
    assert check.words[1].said == "DOG"


def test_poor_score_alone_marks_a_word_unless_its_neighbour_was_skipped() -> None:
    alone = check_text(aligned("a bright morning", {"bright": POOR}), said("A BRIGHT MORNING"))
    beside = check_text(
        aligned("a bright big morning", {"bright": POOR, "big": POOR}),
        said("A BRIGHT MORNING", [0.0, 0.5, 1.5]),
    )

    assert marks(alone.words) == ["said", "mispronounced", "said"]
    assert marks(beside.words) == ["said", "said", "skipped", "said"]


def test_inserted_words_have_their_place_and_times() -> None:
    check = check_text(
        aligned("come here"), said("WELL COME RIGHT HERE NOW", [0.0, 0.1, 0.3, 0.5, 0.9])
    )

    assert [(one.text, one.before) for one in check.inserted] == [
        ("WELL", 0), ("RIGHT", 1), ("NOW", 2),
    ]  # fmt: skip
    assert check.inserted[1].start_s == pytest.approx(0.3)


def test_word_that_the_recogniser_is_unsure_of_is_not_inserted() -> None:
    uncertain = [
        Word("COME", 0.0, 0.4, 0.9),
        Word("UH", 0.42, 0.48, 0.2),
        Word("HERE", 0.5, 0.9, 0.9),
    ]

    assert check_text(aligned("come here"), uncertain).inserted == ()


def test_words_divided_otherwise_are_the_same_words() -> None:
    check = check_text(
        aligned("everyone saw the every day", {"everyone": POOR}),
        said("EVERY ONE SAW THE EVERYDAY", [0.0, 0.2, 0.5, 1.0, 1.5]),
    )

    assert check.inserted == ()
    assert marks(check.words)[1:] == ["said"] * 4


def test_part_of_a_word_that_was_transcribed_as_two_is_not_inserted() -> None:
    check = check_text(
        aligned("mister woodchuck left"), said("MISTER WOULD CHUCK LEFT", [0.0, 0.35, 0.55, 1.0])
    )

    assert check.inserted == ()


def test_what_the_vocabulary_cannot_spell_is_not_judged() -> None:
    words = aligned("hello 日本 there")
    words[1] = AlignedWord("日本", 0.5, 0.9, 0.0, wildcard=True)

    check = check_text(words, said("HELLO NEAR JAPAN THERE", [0.0, 0.5, 0.7, 1.0]))

    assert marks(check.words) == ["said", "unchecked", "said"]
    assert check.inserted == ()


def test_without_a_transcript_only_poor_words_were_skipped() -> None:
    check = check_text(aligned("hello there", {"hello": POOR}), [])

    assert marks(check.words) == ["skipped", "said"]
    assert check_text([], said("HELLO")).inserted[0].before == 0


def test_text_in_another_script_is_rejected() -> None:
    unspelled = [AlignedWord("猫", 0.0, 1.0, 0.0, wildcard=True)]

    with pytest.raises(InputError) as caught:
        require_spelled(unspelled)

    assert caught.value.code == "align.other_script"
    assert "script" in caught.value.hint
    require_spelled([*unspelled, *aligned("cat")])
    require_spelled([])


def test_only_the_words_of_a_part_are_compared_with_its_text() -> None:
    assert [word.text for word in words_within(said("A B C D"), 0.5, 1.5)] == ["B", "C"]


# --- the lines of a text ------------------------------------------------------------------------


def spoken(text: str) -> list[WrittenWord]:
    return [WrittenWord(word, float(at), at + 0.5) for at, word in enumerate(text.split())]


def test_lines_of_a_text_have_its_words_and_their_times() -> None:
    lines = lines_of("Good morning!\n\n— I was\n", spoken("Good morning! I was"))

    assert [(line.text, line.first, line.last) for line in lines] == [
        ("Good morning!", 0, 2), ("— I was", 2, 4),
    ]  # fmt: skip
    assert [(line.start, line.end) for line in lines] == [(0.0, 1.5), (2.0, 3.5)]


def test_lines_of_subtitles_are_kept_even_where_nothing_is_spoken() -> None:
    text = (
        "1\n00:00:00,000 --> 00:00:01,000\nGood\n♪ ♪\n\n2\n00:00:01,000 --> 00:00:02,000\nmorning\n"
    )

    lines = lines_of(text, spoken("Good morning"))

    assert [(line.text, line.first, line.last) for line in lines] == [
        ("Good", 0, 1), ("♪ ♪", 1, 1), ("morning", 1, 2),
    ]  # fmt: skip
