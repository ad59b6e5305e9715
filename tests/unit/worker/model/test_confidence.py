import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.tokenization import TextTokenizer
from wav2vec2_app.speech.transcript import Word
from wav2vec2_app.worker.model.alignment import align_words
from wav2vec2_app.worker.model.confidence import (
    EMISSION_FEATURES,
    LEAD_FEATURES,
    Calibration,
    document_of,
    features,
    lead_features,
    rate,
    read_calibration,
    transcript_confidence,
)
from wav2vec2_app.worker.model.word_paths import WordPath, word_paths

VOCABULARY = ("<pad>", "<unk>", "|", *"ABCDEFGH")
TOKENIZER = TextTokenizer(VOCABULARY, 0, "|", frozenset({"<unk>"}))


def emission(path: str, probability: float = 0.9) -> Emission:
    """An emission whose best token in each frame spells ``path`` (``_`` is the blank)."""
    ids = [0 if letter == "_" else VOCABULARY.index(letter) for letter in path]
    rest = (1 - probability) / (len(VOCABULARY) - 1)
    probabilities = np.full((len(path), len(VOCABULARY)), rest)
    probabilities[np.arange(len(path)), ids] = probability
    log_probs = np.log(probabilities).astype(np.float16)
    return Emission(log_probs, VOCABULARY, 0, "|", 0.02, ("<unk>",))


def one_regression(names: tuple[str, ...], **changes: float) -> dict[str, Any]:
    """A regression with weight for purity only, but for ``changes``."""
    weights = {"purity": 3.0, **changes}
    return {
        "bias": 0.0,
        "features": {
            name: {"mean": -1.0, "scale": 1.0, "weight": weights.get(name, 0.0)} for name in names
        },
    }


def document(**changes: float) -> dict[str, Any]:
    """A calibration with such a regression for each decoder."""
    maps = {
        "greedy": one_regression(EMISSION_FEATURES, **changes),
        "beam": one_regression((*EMISSION_FEATURES, *LEAD_FEATURES), **changes),
    }
    return document_of(maps)


def paths(said: Emission, text: str) -> tuple[WordPath, ...]:
    return word_paths(said, TOKENIZER.tokenize(text), TOKENIZER.delimiter_id)


SAID = "__A_B_C_|_D_E_F___"


def test_words_that_were_spoken_have_a_higher_confidence() -> None:
    said = replace(emission(SAID), calibration=document())

    right, wrong = rate(said, paths(said, "abc gah"))

    assert right > 0.7 > 0.3 > wrong


def test_each_feature_separates_right_from_wrong_words() -> None:
    said = emission(SAID)
    right, wrong = features(said, paths(said, "abc gah"))

    for name in ("purity", "path"):
        assert right[EMISSION_FEATURES.index(name)] > wrong[EMISSION_FEATURES.index(name)], name


def test_path_is_the_log_probability_of_all_the_frames_of_a_word() -> None:
    said = emission("__A_B_C__", 0.9)
    [word] = features(said, paths(said, "abc"))

    quiet = np.log(0.9 + 0.1 / (len(VOCABULARY) - 1))  # the blank or the delimiter
    expected = (3 * np.log(0.9) + 6 * quiet) / 3
    assert word[EMISSION_FEATURES.index("path")] == pytest.approx(expected, abs=0.01)


def test_doubt_is_the_entropy_of_the_words_frames_for_each_letter() -> None:
    sure, unsure = emission(SAID, 0.99), emission(SAID, 0.3)
    doubts = [
        features(said, paths(said, "abc def"))[0, EMISSION_FEATURES.index("doubt")]
        for said in (sure, unsure)
    ]

    probabilities = np.exp(unsure.log_probs[0].astype(np.float64))
    one_frame = -(probabilities * np.log(probabilities)).sum()
    assert doubts[1] == pytest.approx(
        np.log(8 * one_frame / 3), rel=0.05
    )  # eight frames, three letters
    assert doubts[0] < doubts[1]


def test_neighbours_are_two_words_on_either_side_without_the_word_itself() -> None:
    said = emission("A|B|C|D|E|__")
    found = features(said, paths(said, "a b c d g"))
    around, doubt = (
        found[:, EMISSION_FEATURES.index("doubt_around")],
        found[:, EMISSION_FEATURES.index("doubt")],
    )

    assert around[0] == pytest.approx(doubt[1:3].mean())
    assert around[2] == pytest.approx(doubt[[0, 1, 3, 4]].mean())
    assert around[4] == pytest.approx(doubt[2:4].mean())
    path, whole = (found[:, EMISSION_FEATURES.index(name)] for name in ("path", "path_whole"))
    assert whole == pytest.approx([path.mean()] * 5)


def test_wildcard_is_not_a_neighbour_and_a_single_word_is_its_own() -> None:
    said = emission(SAID)
    word, wildcard = features(said, paths(said, "abc 東京"))

    assert word[EMISSION_FEATURES.index("doubt_around")] == word[EMISSION_FEATURES.index("doubt")]
    assert not wildcard.any()


def test_without_a_calibration_confidence_is_the_score() -> None:
    said = emission(SAID)
    words = paths(said, "abc def")

    assert rate(said, words) == [word.score for word in words]


@pytest.mark.parametrize(
    "change",
    [{"maps": {}}, {"version": 3}, {"maps": {"greedy": {"bias": "much"}}}, {"maps": None}],
)
def test_broken_calibration_is_ignored(change: Mapping[str, Any]) -> None:
    said = replace(emission(SAID), calibration={**document(), **change})
    words = paths(said, "abc")

    assert rate(said, words) == [word.score for word in words]


def test_rivals_lower_the_confidence_and_a_lead_does_not_raise_it() -> None:
    said = replace(emission(SAID), calibration=document(lead=1.0, purity=0.0))
    words = paths(said, "abc def")

    none, far, close, behind = (
        rate(said, words, [value, value])[0] for value in (1e6, 20.0, 0.5, -3.0)
    )

    assert none >= far > close > behind
    assert none == pytest.approx(far, abs=1e-3)


def test_lead_features_are_not_positive_and_include_the_neighbours() -> None:
    own, near = lead_features([1e9, 1e9, 1e9, 0.0, 1e9, -5.0]).T

    assert own.tolist()[:3] == [0.0, 0.0, 0.0]
    assert own[5] < own[3] < 0
    assert near[:2].tolist() == [0.0, 0.0]
    assert near[2] == near[3] == own[3]
    assert near[4] == near[5] == own[5]


def test_wildcard_has_no_confidence() -> None:
    said = replace(emission(SAID), calibration=document())

    assert rate(said, paths(said, "abc 東京"))[1] == 0.0


def test_confidence_does_not_depend_on_how_the_words_were_found() -> None:
    """A language model changes the words and their approximate scores; only the emission counts."""
    said = replace(emission(SAID), calibration=document())
    boosted = [Word("ABC", 0.0, 0.16, 1.0), Word("GAH", 0.18, 0.32, 1.0)]
    unsure_words = [replace(word, confidence=0.1) for word in boosted]

    words = align_words(said, boosted, TOKENIZER, rate)

    assert words == align_words(said, unsure_words, TOKENIZER, rate)
    assert words[0].confidence > 0.7 > 0.3 > words[1].confidence


def test_letters_of_one_frame_and_neighbours_without_a_gap() -> None:
    said = replace(emission("A|B|CC"), calibration=document())
    words = paths(said, "a b c")

    assert np.isfinite(features(said, words)).all()
    assert all(0 <= value <= 1 for value in rate(said, words))


def test_confidence_is_the_logistic_function_of_the_weighted_features() -> None:
    settings = document(doubt=-1.0)
    settings["maps"]["greedy"]["bias"] = 0.25
    calibration = Calibration.of(settings, "greedy")
    values = np.zeros((1, len(EMISSION_FEATURES)))
    values[0, [EMISSION_FEATURES.index("purity"), EMISSION_FEATURES.index("doubt")]] = -0.75, -1.25

    expected = 1 / (1 + np.exp(-(0.25 + 3 * (-0.75 + 1) - 1 * (-1.25 + 1))))
    assert calibration.confidences(values) == pytest.approx([expected])


@pytest.mark.parametrize("decoder", ["greedy", "beam"])
def test_calibration_is_read_as_it_was_written(tmp_path: Path, decoder: str) -> None:
    settings = document(doubt=1.5)
    calibration = Calibration.of(settings, decoder)
    settings["maps"][decoder] = calibration.document({"words": 3})
    (tmp_path / "confidence.json").write_text(json.dumps(settings))

    found = read_calibration(tmp_path)

    assert found is not None
    assert found["maps"][decoder]["fitted"] == {"words": 3}
    assert np.array_equal(Calibration.of(found, decoder).weights, calibration.weights)


@pytest.mark.parametrize("content", [None, "not json", "[]", "{}", '{"version": 4, "maps": {}}'])
def test_missing_or_broken_file_gives_no_calibration(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "confidence.json").write_text(content)

    assert read_calibration(tmp_path) is None


def test_embedded_checkpoint_brings_a_calibration() -> None:
    assert read_calibration(Path(__file__).parents[4] / "assets" / "model") is not None


def test_transcript_confidence_is_the_expected_share_of_right_words() -> None:
    words = [Word("a", 0, 1, 0.9), Word("b", 1, 2, 0.5)]

    assert transcript_confidence(words) == pytest.approx(0.7)
    assert transcript_confidence([]) == 0.0
