"""Words compared in one place: the one that the emission spells fits best."""

from __future__ import annotations

import pytest

from tests.doubles import FRAME_S, make_emission
from wav2vec2_app.server.assets import assets_path
from wav2vec2_app.speech.exploration import Explanation
from wav2vec2_app.speech.options import DEFAULT_OPTIONS
from wav2vec2_app.worker.model.decoding import EmissionDecoder
from wav2vec2_app.worker.model.explanation import explain


def compare(text: str, *words: str) -> Explanation:
    return explain(make_emission(text), 2.0, words, (), DEFAULT_OPTIONS, None)


def test_the_spelled_word_fits_best_and_its_letters_are_in_their_frames() -> None:
    found = compare("house", "house", "mouse", "hose")
    house, mouse, hose = found.candidates

    assert found.letters == "HOUSE"
    assert house.log_prob is not None
    assert mouse.log_prob is not None
    assert hose.log_prob is not None
    assert house.log_prob > max(mouse.log_prob, hose.log_prob)
    assert house.score > mouse.score
    first = house.characters[0]
    assert (first.text, first.start_s, first.end_s) == ("H", 2.02, pytest.approx(2.06))
    assert [one.text for one in house.characters] == list("HOUSE")
    assert all(0.8 < one.score <= 1 for one in house.characters)


def test_delimiters_around_the_word_cost_nothing() -> None:
    inside = compare("a", "a").candidates[0].log_prob
    around = compare(" a ", "a").candidates[0].log_prob
    assert inside is not None
    assert around is not None
    frames_s = 6 * FRAME_S
    assert around == pytest.approx(inside - 0.105 * frames_s / FRAME_S, abs=0.05)


@pytest.mark.parametrize("word", ["x" * 50, "…", "漢字"])
def test_what_does_not_fit_has_no_letters_and_no_probability(word: str) -> None:
    candidate = compare("ab", word).candidates[0]
    assert (candidate.characters, candidate.log_prob) == ((), None)


def test_the_language_model_rates_a_word_after_those_before_it() -> None:
    pytest.importorskip("flashlight.lib.text", reason="not built for every system")
    decoder = EmissionDecoder(assets_path() / "lm")

    def log10(word: str, *before: str) -> float | None:
        emission = make_emission(word)
        found = explain(emission, 0.0, [word], before, DEFAULT_OPTIONS, decoder)
        assert (found.lm_weight, found.word_score) == (3.0, -1.0)
        return found.candidates[0].language_log10

    known = log10("time", "at", "the", "same")
    rare = log10("thyme", "at", "the", "same")
    assert known is not None
    assert known > (rare or -9.0)
    assert log10("Time,", "at", "the", "same") == pytest.approx(known)
    assert log10("xqzwv") is None
