from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wav2vec2_app.errors import InputError
from wav2vec2_app.speech.alignment import Alignment
from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.tokenization import TextTokenizer
from wav2vec2_app.speech.transcript import Word
from wav2vec2_app.worker.model.alignment import align, align_words
from wav2vec2_app.worker.model.decoders import GreedyDecoder
from wav2vec2_app.worker.model.word_paths import WordPath, word_paths

VOCABULARY = ("<pad>", "<unk>", "|", *"ABCDEFGHIJKLMNOPQRSTUVWXYZ")
TOKENIZER = TextTokenizer(VOCABULARY, 0, "|", frozenset({"<unk>"}))
FRAME_S = 0.02


def emission(path: str, probability: float = 0.9) -> Emission:
    """An emission whose best token in each frame spells ``path`` (``_`` is the blank)."""
    ids = [0 if letter == "_" else VOCABULARY.index(letter) for letter in path]
    rest = (1 - probability) / (len(VOCABULARY) - 1)
    probabilities = np.full((len(path), len(VOCABULARY)), rest)
    probabilities[np.arange(len(path)), ids] = probability
    return Emission(np.log(probabilities).astype(np.float16), VOCABULARY, 0, "|", FRAME_S)


def noise(frames: int, seed: int) -> Emission:
    logits = np.random.default_rng(seed).normal(scale=3, size=(frames, len(VOCABULARY)))
    log_probs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return Emission(log_probs.astype(np.float16), VOCABULARY, 0, "|", FRAME_S)


def frames(
    said: Emission, text: str, tokenizer: TextTokenizer = TOKENIZER
) -> list[tuple[int, int]]:
    """First frame and end of each word on the path."""
    paths = word_paths(said, tokenizer.tokenize(text), tokenizer.delimiter_id)
    return [path.frames for path in paths]


def letters(alignment: Alignment) -> list[str]:
    return ["".join(letter.text for letter in word.characters) for word in alignment.words]


def test_word_starts_between_pause_and_first_letter_and_ends_before_the_next() -> None:
    said = emission("_____A_B______|_____C_D_____")

    first, second = align(said, "ab cd", TOKENIZER).words

    assert frames(said, "ab cd") == [(5, 8), (20, 23)]
    assert FRAME_S <= first.start_s < 5 * FRAME_S
    assert 8 * FRAME_S < first.end_s <= second.start_s < 20 * FRAME_S
    assert 23 * FRAME_S < second.end_s <= said.duration_s


def test_short_gap_between_words_is_shared() -> None:
    first, second = align(emission("__A_B|C_D___"), "ab cd", TOKENIZER).words

    assert first.end_s == second.start_s
    assert 4 * FRAME_S < first.end_s <= 6 * FRAME_S


def test_scores_are_the_probabilities_of_the_letters() -> None:
    sure = align(emission("_A_B_|_C__", 0.95), "ab c", TOKENIZER)
    unsure = align(emission("_A_B_|_C__", 0.4), "ab c", TOKENIZER)

    assert sure.score == pytest.approx(0.95, abs=0.01)
    assert sure.words[0].characters[1].score == pytest.approx(0.95, abs=0.01)
    assert unsure.words[0].score == pytest.approx(0.4, abs=0.01)


def test_word_that_was_not_said_scores_low() -> None:
    right, wrong = align(emission("_A_B_|_C_D__"), "ab ef", TOKENIZER).words

    assert right.score > 0.8
    assert wrong.score < 0.1


def test_number_keeps_its_text_and_has_the_letters_that_are_said() -> None:
    said = emission("_T_W_E_N_T_Y_|_O_N_E__|_A__")

    alignment = align(said, "21 a", TOKENIZER)

    assert [word.text for word in alignment.words] == ["21", "a"]
    assert letters(alignment) == ["TWENTYONE", "A"]


def test_word_that_cannot_be_spelled_is_a_wildcard_between_its_neighbours() -> None:
    said = emission("_A_B_|__X_Y_X__|_C_D___")

    first, star, last = align(said, "ab 東京 cd", TOKENIZER).words

    assert (star.wildcard, star.score, star.characters) == (True, 0.0, ())
    assert frames(said, "ab 東京 cd")[1:] == [(8, 13), (17, 20)]
    assert first.score > 0.8
    assert last.score > 0.8


def test_text_of_wildcards_alone_is_aligned() -> None:
    [word] = align(emission("__X_Y__"), "東京", TOKENIZER).words

    assert word.wildcard
    assert word.end_s > word.start_s


def test_vocabulary_without_delimiter() -> None:
    tokenizer = TextTokenizer((*VOCABULARY[:2], "", *VOCABULARY[3:]), 0, "|")
    said = emission("___A_B__C_D___")

    first, second = align(said, "ab cd", tokenizer).words

    assert frames(said, "ab cd", tokenizer)[0] == (3, 6)
    assert first.end_s <= second.start_s < 8 * FRAME_S


@settings(max_examples=60, deadline=None)
@given(
    words=st.lists(st.text("ABC", min_size=1, max_size=5), min_size=1, max_size=6),
    extra=st.integers(0, 60),
    seed=st.integers(0, 1000),
)
def test_letters_spell_the_text_and_times_only_go_forward(
    words: list[str], extra: int, seed: int
) -> None:
    text = " ".join(words)
    doubled = sum(a == b for a, b in pairwise(text))

    alignment = align(noise(len(text) + doubled + extra, seed), text, TOKENIZER)

    edges = [
        edge
        for word in alignment.words
        for letter in word.characters
        for edge in (letter.start_s, letter.end_s)
    ]
    assert letters(alignment) == words
    assert edges == sorted(edges)
    assert all(word.start_s < word.end_s for word in alignment.words)
    assert all(a < b for a, b in zip(edges[::2], edges[1::2], strict=True))


@pytest.mark.parametrize("text", ["", "  \n", "… — 😀 ()"])
def test_text_without_a_word_is_an_error_with_a_hint(text: str) -> None:
    with pytest.raises(InputError) as caught:
        align(emission("_A_"), text, TOKENIZER)

    assert caught.value.code == "align.empty_text"
    assert caught.value.hint


@pytest.mark.parametrize("text", ["ab cd " * 10, "ab cd " * 100, "a" * 1_000_000])
def test_text_ten_times_too_long_is_an_error_with_a_hint(text: str) -> None:
    said = emission("___A___B_______|______C_____D_____" + "_" * 200)

    with pytest.raises(InputError) as caught:
        align(said, text, TOKENIZER)

    assert caught.value.code == "align.text_too_long"
    assert caught.value.hint


def test_no_frames_cannot_hold_a_word() -> None:
    with pytest.raises(InputError) as caught:
        align(emission(""), "a", TOKENIZER)

    assert caught.value.code == "align.text_too_long"


# --- decoded words -----------------------------------------------------------------------------

SENTENCE = "__A_B_C__|__D_EF__|___" + "_" * 78
"""Two seconds, most of them a pause."""


def long_speech(sentences: int) -> tuple[Emission, tuple[Word, ...]]:
    said = emission(SENTENCE * sentences)
    return said, GreedyDecoder().decode(said).words


def test_long_audio_in_parts_gives_the_same_times_as_in_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said, words = long_speech(50)
    parts = align_words(said, words, TOKENIZER)
    monkeypatch.setattr("wav2vec2_app.worker.model.alignment.ALIGNED_PART_S", (1000.0, 2000.0))
    whole = align_words(said, words, TOKENIZER)

    assert [word.text for word in parts] == [word.text for word in whole]
    for one, other in zip(parts, whole, strict=True):
        assert one.start_s == pytest.approx(other.start_s, abs=2 * FRAME_S)
        assert one.end_s == pytest.approx(other.end_s, abs=3 * FRAME_S)


def test_parts_are_cut_in_pauses_and_are_not_too_long() -> None:
    said, words = long_speech(100)
    lengths = []

    def rate(part: Emission, aligned: Sequence[WordPath], _: object) -> list[float]:
        lengths.append(part.duration_s)
        return [word.score for word in aligned]

    found = align_words(said, words, TOKENIZER, rate)

    assert len(found) == 200

    assert sum(lengths) == pytest.approx(said.duration_s)
    assert max(lengths) < 33


def test_decoded_words_keep_their_text_and_get_new_times_and_rated_confidence() -> None:
    said = emission("_____A_B______|_____C_D_____")
    rough = GreedyDecoder().decode(said).words

    words = align_words(said, rough, TOKENIZER, lambda _, aligned, __: [0.25 for _ in aligned])

    assert [word.text for word in words] == ["AB", "CD"]
    assert [word.confidence for word in words] == [0.25, 0.25]
    assert words[1].start_s < rough[1].start_s
    assert words[1].start_s == align(said, "ab cd", TOKENIZER).words[1].start_s


def test_words_that_do_not_fit_their_part_are_unchanged() -> None:
    words = (Word("ABCDEFGHIJ", 0.0, 0.1, 0.5),)

    assert align_words(emission("_A_"), words, TOKENIZER) == words


def test_no_words_stay_no_words() -> None:
    assert align_words(emission("___"), (), TOKENIZER) == ()
