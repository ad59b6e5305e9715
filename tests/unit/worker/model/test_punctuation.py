"""Punctuation and case: marks, capitals, names, and long texts block by block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.doubles import make_emission
from wav2vec2_app.errors import CancelledError
from wav2vec2_app.server.assets import assets_path
from wav2vec2_app.speech.transcript import Word
from wav2vec2_app.worker.model import punctuation
from wav2vec2_app.worker.model.punctuation import MARK_WEIGHTS, MARK_WORDS, MARKS, Punctuator
from wav2vec2_app.worker.model.writing import Writer

FOLDER = assets_path() / "punctuation"
PUNCTUATOR = Punctuator(FOLDER)
TEXT = "hello i'm john how are you today i would like to go to london on monday thank you very much"
any_words = st.lists(
    st.one_of(
        st.sampled_from(TEXT.split()),
        st.text("abcdefghijklmnopqrstuvwxyz'", min_size=1, max_size=12),
        st.text(st.characters(categories=["Ll", "Nd"]), min_size=1, max_size=5),
    ),
    max_size=40,
)


def bare(written: Sequence[str]) -> list[str]:
    return [word.rstrip("".join(MARKS)).lower() for word in written]


@pytest.mark.parametrize(
    ("spoken", "written"),
    [
        ("how are you", "How are you?"),
        ("thank you very much", "Thank you very much."),
        ("do you live in london i live in paris", "Do you live in London? I live in Paris."),
        ("what time is it i think it's late", "What time is it? I think it's late."),
        ("yes i know", "Yes, I know."),
    ],
)
def test_sentences_are_written_with_marks_and_capitals(spoken: str, written: str) -> None:
    assert " ".join(PUNCTUATOR.written(spoken.split())) == written


@settings(deadline=None)
@given(any_words)
def test_only_marks_and_case_are_added(words: list[str]) -> None:
    written = PUNCTUATOR.written(words)

    assert bare(written) == [word.lower() for word in words]
    if words:
        assert written[-1][-1] in ".?"


@settings(deadline=None)
@given(any_words)
def test_every_sentence_begins_with_a_capital(words: list[str]) -> None:
    written = PUNCTUATOR.written([word for word in words if word[0] in TEXT])
    begins = True
    for word in written:
        if begins:
            first = next((sign for sign in word if sign.isalpha()), "X")
            assert first == first.upper()
        begins = word.endswith((".", "?"))


@settings(deadline=None)
@given(any_words)
def test_letter_case_of_the_input_does_not_matter(words: list[str]) -> None:
    ascii_words = [word for word in words if word.isascii()]
    assert PUNCTUATOR.written([word.upper() for word in ascii_words]) == PUNCTUATOR.written(
        ascii_words
    )


@pytest.mark.parametrize("length", [1, 2, 17, 18, 100])
def test_block_by_block_is_the_same_as_in_one(length: int, monkeypatch: pytest.MonkeyPatch) -> None:
    words = (TEXT.split() * 10)[:length]
    in_one = PUNCTUATOR.scores(words)
    monkeypatch.setattr(punctuation, "BLOCK_WORDS", 7)

    np.testing.assert_allclose(PUNCTUATOR.scores(words), in_one, atol=1e-4)


def test_long_text_is_cancelled_between_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(punctuation, "BLOCK_WORDS", 10)
    checks: list[int] = []

    def check() -> None:
        checks.append(1)
        if len(checks) == 3:
            raise CancelledError("The request was cancelled.")

    with pytest.raises(CancelledError):
        PUNCTUATOR.written(TEXT.split() * 10, (), check)
    assert len(checks) == 3


@pytest.mark.parametrize(
    ("names", "spoken", "written"),
    [
        (["McAllister"], "call mcallister now", "McAllister"),
        (["Deutsche Bahn"], "the deutsche bahn is late", "Deutsche Bahn"),
        (["New Deutsche Bahn", "Deutsche Bahn"], "new deutsche bahn", "New Deutsche Bahn"),
        (["iPhone"], "my iphone is new", "iPhone"),
    ],
)
def test_hotwords_are_spelled_as_they_are_given(
    names: list[str], spoken: str, written: str
) -> None:
    assert written in " ".join(PUNCTUATOR.written(spoken.split(), names))


def test_word_of_a_name_is_not_spelled_as_one_elsewhere() -> None:
    text = " ".join(PUNCTUATOR.written(["i", "saw", "the", "new", "house"], ["The New Yorker"]))
    assert "the new house" in text


# --- which words are written ---------------------------------------------------------------------


def words_of(text: str) -> list[Word]:
    return [Word(word, at, at + 0.5, 0.9) for at, word in enumerate(text.split())]


@pytest.mark.parametrize(
    ("language", "vocabulary", "text", "expected"),
    [
        ("en", (), "HELLO THERE", True),
        ("en", (), "hello there", True),
        ("en", (), "Hello there", False),
        ("en", (".",), "HELLO THERE", False),
        ("de", (), "HALLO", False),
        ("", (), "HELLO", False),
    ],
)
def test_only_english_without_punctuation_and_case_is_written(
    language: str, vocabulary: tuple[str, ...], text: str, expected: bool
) -> None:
    emission = make_emission("hello")
    log_probs = np.pad(emission.log_probs, ((0, 0), (0, len(vocabulary))), constant_values=-9.0)
    emission = replace(
        emission,
        log_probs=log_probs,
        vocabulary=emission.vocabulary + vocabulary,
        language=language,
    )

    assert Writer(FOLDER).can_write(emission, words_of(text)) is expected


def broken(folder: Path, kind: str) -> Path:
    if kind == "no folder":
        return folder / "none"
    (folder / MARK_WORDS).write_text('{"words": ["a"], "names": {}}' if kind != "no words" else "{")
    (folder / MARK_WEIGHTS).write_bytes(b"PK nonsense")
    return folder


@pytest.mark.parametrize("kind", ["no folder", "no words", "no weights"])
def test_without_a_usable_model_words_stay_as_they_are(kind: str, tmp_path: Path) -> None:
    writer = Writer(broken(tmp_path, kind))

    for _ in range(2):
        assert writer.write(["HELLO", "YOU"], ()) == ["", ""]
