from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.server.live.script import say
from wav2vec2_app.server.live.agreement import LocalAgreement, match_committed
from wav2vec2_app.speech.transcript import Word


def texts(words: object) -> list[str]:
    return [word.text for word in words]  # type: ignore[attr-defined]


ANY_WORDS = st.lists(
    st.tuples(st.sampled_from("abcd"), st.floats(0.05, 0.6), st.floats(0.0, 0.5)), max_size=8
)


def timed(parts: list[tuple[str, float, float]]) -> list[Word]:
    words, at_s = [], 0.0
    for text, word_s, gap_s in parts:
        words.append(Word(text, at_s + gap_s, at_s + gap_s + word_s, 0.5))
        at_s += gap_s + word_s
    return words


@given(st.lists(ANY_WORDS, max_size=12), ANY_WORDS)
def test_committed_words_never_change_whatever_the_passes_say(
    passes: list[list[tuple[str, float, float]]], last: list[tuple[str, float, float]]
) -> None:
    agreement, committed = LocalAgreement(), []
    for number, parts in enumerate(passes):
        committed += texts(agreement.add_pass(timed(parts), until_s=0.7 * number))
        assert texts(agreement.committed) == committed
    assert texts(agreement.finish(timed(last)))[: len(committed)] == committed


def test_word_is_committed_when_two_consecutive_passes_agree() -> None:
    agreement = LocalAgreement()

    assert agreement.add_pass(say("good morning"), 9.0) == ()
    assert texts(agreement.tentative) == ["good", "morning"]
    assert texts(agreement.add_pass(say("good mourning all"), 9.0)) == ["good"]
    assert texts(agreement.tentative) == ["mourning", "all"]
    assert texts(agreement.add_pass(say("good mourning all"), 9.0)) == ["mourning", "all"]


def test_newest_words_are_not_committed_yet() -> None:
    words = say("good morning")  # they end at 0.8 and 1.2 s
    agreement = LocalAgreement()
    agreement.add_pass(words, 1.5)

    assert texts(agreement.add_pass(words, 1.5)) == ["good"]
    assert texts(agreement.add_pass(words, 1.9)) == ["morning"]


def test_later_passes_add_words_after_the_committed_ones_however_they_spell_those() -> None:
    agreement = LocalAgreement(say("the apple tree", start_s=0.0))

    agreement.add_pass(say("the apple three falls", start_s=0.0), 9.0)
    assert texts(agreement.tentative) == ["falls"]
    agreement.add_pass(say("apple tree fell down", start_s=0.4), 9.0)
    assert texts(agreement.tentative) == ["fell", "down"]


def test_pass_over_the_newest_seconds_adds_words_after_the_committed_ones() -> None:
    agreement = LocalAgreement(say("the apple tree the apple", start_s=0.0))

    agreement.add_pass(say("the apple falls", start_s=1.2), 9.0, skipped=3)

    assert texts(agreement.tentative) == ["falls"]


def test_last_pass_adds_the_rest_and_its_confidence_for_the_same_words() -> None:
    committed = [Word("the", 0.0, 0.3, 0.5), Word("tree", 0.4, 0.7, 0.5)]
    last = [Word("the", 0.0, 0.3, 0.8), Word("three", 0.4, 0.7, 0.8), Word("falls", 0.8, 1.1, 0.8)]

    final = LocalAgreement(committed).finish(last)

    assert texts(final) == ["the", "tree", "falls"]
    assert [word.confidence for word in final] == [0.8, 0.5, 0.8]


def test_of_equally_good_matches_the_one_closest_in_time_is_chosen() -> None:
    committed = [Word("good", 0.0, 0.3, 1), Word("morning", 0.3, 0.8, 1)]
    words = [Word("goodmorning", 0.0, 0.8, 1), Word("to", 0.9, 1.0, 1), Word("you", 1.0, 1.2, 1)]

    assert match_committed(committed, words)[0] == 1
    assert match_committed((), words) == (0, ())
    assert match_committed(committed, ()) == (0, (None, None))
