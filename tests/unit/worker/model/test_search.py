import numpy as np
import pytest

from tests.unit.worker.model.test_alignment import FRAME_S, TOKENIZER, VOCABULARY, emission
from wav2vec2_app.errors import InputError
from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.search import Hit
from wav2vec2_app.worker.model.search import find_keyword, find_sound


def typed(said: Emission, keyword: str, *, whole_words: bool = True) -> tuple[Hit, ...]:
    return find_keyword(said, keyword, TOKENIZER, whole_words=whole_words, limit=20)


def test_typed_word_is_found_at_its_frames_wherever_it_is_said() -> None:
    said = emission("__C_A_T__|__DO_G___|__C_A_T__")

    found = sorted(typed(said, "cat"), key=lambda hit: hit.start_s)

    best = [hit for hit in found if hit.score > 0.5]
    assert len(best) == 2
    for hit, first in zip(best, (2, 22), strict=True):
        assert abs(hit.start_s - first * FRAME_S) <= 3 * FRAME_S
        assert abs(hit.end_s - (first + 5) * FRAME_S) <= 3 * FRAME_S


def test_word_at_either_end_of_the_recording_is_whole() -> None:
    assert typed(emission("CAT"), "cat")[0].score > 0.8


def test_pauses_around_a_typed_word_change_neither_its_times_nor_its_score() -> None:
    close = typed(emission("|C_A_T|"), "cat")[0]
    said = emission("|" + "_" * 60 + "C_A_T" + "_" * 60 + "|")

    hit = typed(said, "cat")[0]

    assert hit.start_s == pytest.approx(61 * FRAME_S, abs=FRAME_S)
    assert hit.end_s == pytest.approx(66 * FRAME_S, abs=FRAME_S)
    assert hit.score == pytest.approx(close.score, abs=0.05)


def test_part_of_a_word_is_found_only_on_request() -> None:
    said = emission("___S_C_A_T_S___")

    assert not [hit for hit in typed(said, "cat") if hit.score > 0.5]
    assert typed(said, "cat", whole_words=False)[0].score > 0.8


def test_doubled_letter_needs_the_blank_between() -> None:
    assert typed(emission("_B_E_L_L_"), "bell")[0].score > 0.8
    assert not [hit for hit in typed(emission("_B_E_LL__"), "bell") if hit.score > 0.5]


def test_several_words_are_one_keyword() -> None:
    assert typed(emission("_A_B_|_C_D_|_E"), "ab cd")[0].score > 0.8


@pytest.mark.parametrize("keyword", ["日本", "—", "cat 日"])
def test_keyword_that_the_alphabet_cannot_spell_is_refused(keyword: str) -> None:
    with pytest.raises(InputError) as caught:
        typed(emission("CAT"), keyword)

    assert caught.value.code == "find.no_letters"
    assert caught.value.hint


def test_sound_is_found_again_at_another_pace_first() -> None:
    said = emission("__D_OO_G__|__CC__AA___TT__|__B_I_R_D__")
    query = emission("_C_A_T_").log_probs.astype(np.float32)

    best = find_sound(said, query, limit=5)[0]

    assert 10 * FRAME_S <= best.start_s <= 14 * FRAME_S
    assert 20 * FRAME_S <= best.end_s <= 26 * FRAME_S
    assert 0 < best.score <= 1


def test_hits_do_not_overlap_and_are_the_best_first() -> None:
    said = emission("_C_A_T_|_C_A_T_|_C_O_T_")
    found = find_sound(said, emission("C_A_T").log_probs.astype(np.float32), limit=10)

    assert [hit.score for hit in found] == sorted((hit.score for hit in found), reverse=True)
    times = sorted((hit.start_s, hit.end_s) for hit in found[:2])
    assert times[0][1] <= times[1][0] + FRAME_S


@pytest.mark.parametrize(
    ("query", "code"),
    [("_________", "find.silent_query"), ("C_A_T_C_A_T_C_A_T", "find.query_too_long")],
)
def test_unusable_query_is_refused_with_a_hint(query: str, code: str) -> None:
    spoken = emission(query, probability=0.99).log_probs.astype(np.float32)
    with pytest.raises(InputError) as caught:
        find_sound(emission("_C_A_T_"), spoken, limit=5)

    assert caught.value.code == code
    assert caught.value.hint


def test_query_of_another_alphabet_is_refused() -> None:
    query = np.zeros((5, len(VOCABULARY) + 3), np.float32)
    with pytest.raises(InputError) as caught:
        find_sound(emission("_C_A_T_"), query, limit=5)

    assert caught.value.code == "find.other_alphabet"


def test_empty_recording_has_no_hits() -> None:
    assert typed(emission("CAT").cut(0, 0), "cat") == ()
