"""Words get the times of their alignment, whatever signs and numbers they have."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wav2vec2_app.server.service.word_times import with_times
from wav2vec2_app.speech.alignment import AlignedWord
from wav2vec2_app.speech.transcript import Word


def words_of(text: str) -> list[Word]:
    """Words of one second each."""
    return [Word(word, float(at), at + 0.5, 0.9) for at, word in enumerate(text.split())]


def aligned(*words: tuple[str, float, float]) -> list[AlignedWord]:
    return [AlignedWord(text, start_s, end_s, 0.9) for text, start_s, end_s in words]


def test_words_get_the_times_of_their_alignment() -> None:
    timed = with_times(words_of("Well, done."), aligned(("Well,", 0.1, 0.3), ("done.", 0.4, 0.9)))

    assert [(w.text, w.start_s, w.end_s) for w in timed] == [
        ("Well,", 0.1, 0.3),
        ("done.", 0.4, 0.9),
    ]
    assert [word.confidence for word in timed] == [0.9, 0.9]


def test_sign_that_is_not_spoken_keeps_a_time_between_its_neighbours() -> None:
    timed = with_times(words_of("so – on"), aligned(("so", 0.0, 1.4), ("on", 2.2, 2.4)))

    assert [word.text for word in timed] == ["so", "–", "on"]
    assert timed[0].end_s <= timed[1].start_s <= timed[1].end_s <= timed[2].start_s


def test_number_that_is_aligned_as_one_keeps_the_times_of_its_words() -> None:
    timed = with_times(words_of("1 000 men"), aligned(("1 000", 0.1, 1.2), ("men", 1.9, 2.4)))

    assert [(word.text, word.start_s) for word in timed] == [("1", 0.0), ("000", 1.0), ("men", 1.9)]


def test_word_that_the_vocabulary_lacks_keeps_its_time() -> None:
    unknown = AlignedWord("Ωμέγα", 0.0, 3.0, 0.0, wildcard=True)

    [word] = with_times(words_of("Ωμέγα"), [unknown])

    assert (word.start_s, word.end_s) == (0.0, 0.5)


@given(
    st.lists(st.sampled_from(["a", "–", "b,", "7"]), max_size=12),
    st.lists(
        st.tuples(st.sampled_from(["a", "b,", "7", "x", "7 a"]), st.floats(0, 9), st.floats(0, 9))
    ),
)
def test_times_are_in_order_and_no_word_is_lost(
    texts: list[str], spans: list[tuple[str, float, float]]
) -> None:
    timed = with_times(words_of(" ".join(texts)), aligned(*spans))

    assert [word.text for word in timed] == texts
    edges = [edge for word in timed for edge in (word.start_s, word.end_s)]
    assert edges == sorted(edges)
