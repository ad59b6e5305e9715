from dataclasses import replace

import numpy as np
import pytest

from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.transcript import Word
from wav2vec2_app.worker.model.decoders import GreedyDecoder

VOCABULARY = ("<pad>", "<unk>", "|", "A", "B", "C")


def greedy_words(said: Emission) -> tuple[Word, ...]:
    return GreedyDecoder().decode(said).words


def emission(path: str, probability: float = 0.9) -> Emission:
    """An emission whose best token in each frame spells ``path`` (``_`` is the blank)."""
    columns = {"_": 0, "?": 1, "|": 2, "A": 3, "B": 4, "C": 5}
    rest = (1 - probability) / (len(VOCABULARY) - 1)
    probabilities = np.full((len(path), len(VOCABULARY)), rest)
    for frame, letter in enumerate(path):
        probabilities[frame, columns[letter]] = probability
    return Emission(
        log_probs=np.log(probabilities).astype(np.float32),
        vocabulary=VOCABULARY,
        blank_id=0,
        word_delimiter="|",
        frame_s=0.02,
    )


def test_repeats_merge_and_blanks_separate_double_letters() -> None:
    words = greedy_words(emission("_AA_A_B|"))

    assert [word.text for word in words] == ["AAB"]


def test_words_are_split_at_delimiters_and_empty_words_vanish() -> None:
    words = greedy_words(emission("||A_B__||C|_|"))

    assert [word.text for word in words] == ["AB", "C"]


def test_word_times_run_from_first_to_last_frame_of_its_letters() -> None:
    [first, second] = greedy_words(emission("__AAB_|_C___"))

    assert (first.start_s, first.end_s) == pytest.approx((0.04, 0.10))
    assert (second.start_s, second.end_s) == pytest.approx((0.16, 0.18))


def test_confidence_is_the_probability_of_the_letters() -> None:
    [sure] = greedy_words(emission("AB", probability=0.95))
    [unsure] = greedy_words(emission("AB", probability=0.4))

    assert sure.confidence == pytest.approx(0.95, abs=0.01)
    assert unsure.confidence == pytest.approx(0.4, abs=0.01)


def test_special_tokens_are_not_spelled() -> None:
    words = greedy_words(replace(emission("A?B"), special=("<unk>",)))

    assert [word.text for word in words] == ["AB"]


def test_tokens_are_words_where_there_is_no_delimiter() -> None:
    words = greedy_words(replace(emission("AAB_C"), word_delimiter=""))

    assert [word.text for word in words] == ["A", "B", "C"]


def test_blanks_are_no_word() -> None:
    assert greedy_words(emission("______")) == ()


def test_no_frames_have_no_word() -> None:
    empty = Emission(np.zeros((0, 6), np.float32), VOCABULARY, 0, "|", 0.02)

    assert greedy_words(empty) == ()
