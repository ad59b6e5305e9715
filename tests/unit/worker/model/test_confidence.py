import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.spelling import Speller
from wav2vec2_app.speech.transcript import Word
from wav2vec2_app.worker.model.alignment import align, align_words
from wav2vec2_app.worker.model.confidence import (
    FEATURES,
    LEADS,
    Calibration,
    document_of,
    features,
    rate,
    read_calibration,
    rivalry,
    transcript_confidence,
)

VOCABULARY = ("<pad>", "<unk>", "|", *"ABCDEFGH")
SPELLER = Speller(VOCABULARY, 0, "|", frozenset({"<unk>"}))


def emission(path: str, probability: float = 0.9) -> Emission:
    """An emission whose best token in each frame spells ``path`` (``_`` is the blank)."""
    ids = [0 if letter == "_" else VOCABULARY.index(letter) for letter in path]
    rest = (1 - probability) / (len(VOCABULARY) - 1)
    probabilities = np.full((len(path), len(VOCABULARY)), rest)
    probabilities[np.arange(len(path)), ids] = probability
    log_probs = np.log(probabilities).astype(np.float16)
    return Emission(log_probs, VOCABULARY, 0, "|", 0.02, ("<unk>",))


def one_map(names: tuple[str, ...], **changes: float) -> dict[str, Any]:
    """A map that judges by how pure the letters are, unless ``changes`` say otherwise."""
    weights = {"purity": 3.0, **changes}
    return {
        "bias": 0.0,
        "features": {
            name: {"mean": -1.0, "scale": 1.0, "weight": weights.get(name, 0.0)} for name in names
        },
    }


def document(**changes: float) -> dict[str, Any]:
    """A calibration with such a map for either decoder."""
    maps = {"greedy": one_map(FEATURES, **changes), "beam": one_map((*FEATURES, *LEADS), **changes)}
    return document_of(maps)


SAID = "__A_B_C_|_D_E_F___"


def test_words_that_were_said_have_the_higher_confidence() -> None:
    said = replace(emission(SAID), calibration=document())

    right, wrong = rate(said, align(said, "abc gah", SPELLER).words)

    assert right > 0.7 > 0.3 > wrong


def test_every_feature_tells_a_right_word_from_a_wrong_one() -> None:
    said = emission(SAID)
    right, wrong = features(said, align(said, "abc gah", SPELLER).words)

    for name in ("purity", "path"):
        assert right[FEATURES.index(name)] > wrong[FEATURES.index(name)], name


def test_path_is_the_log_probability_of_all_the_frames_of_a_word() -> None:
    said = emission("__A_B_C__", 0.9)
    [word] = features(said, align(said, "abc", SPELLER).words)

    quiet = np.log(0.9 + 0.1 / (len(VOCABULARY) - 1))  # the blank or the delimiter
    expected = (3 * np.log(0.9) + 6 * quiet) / 3
    assert word[FEATURES.index("path")] == pytest.approx(expected, abs=0.01)


def test_doubt_is_the_entropy_of_the_words_frames_for_each_letter() -> None:
    sure, unsure = emission(SAID, 0.99), emission(SAID, 0.3)
    doubts = [
        features(said, align(said, "abc def", SPELLER).words)[0, FEATURES.index("doubt")]
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
    found = features(said, align(said, "a b c d g", SPELLER).words)
    around, doubt = found[:, FEATURES.index("doubt_around")], found[:, FEATURES.index("doubt")]

    assert around[0] == pytest.approx(doubt[1:3].mean())
    assert around[2] == pytest.approx(doubt[[0, 1, 3, 4]].mean())
    assert around[4] == pytest.approx(doubt[2:4].mean())
    path, whole = (found[:, FEATURES.index(name)] for name in ("path", "path_whole"))
    assert whole == pytest.approx([path.mean()] * 5)


def test_a_wildcard_is_nobodys_neighbour_and_a_lone_word_its_own() -> None:
    said = emission(SAID)
    word, wildcard = features(said, align(said, "abc 東京", SPELLER).words)

    assert word[FEATURES.index("doubt_around")] == word[FEATURES.index("doubt")]
    assert not wildcard.any()


def test_without_a_calibration_confidence_is_the_score() -> None:
    said = emission(SAID)
    words = align(said, "abc def", SPELLER).words

    assert rate(said, words) == [word.score for word in words]


@pytest.mark.parametrize(
    "change",
    [{"maps": {}}, {"version": 3}, {"maps": {"greedy": {"bias": "much"}}}, {"maps": None}],
)
def test_broken_calibration_is_as_good_as_none(change: Mapping[str, Any]) -> None:
    said = replace(emission(SAID), calibration={**document(), **change})
    words = align(said, "abc", SPELLER).words

    assert rate(said, words) == [word.score for word in words]


def test_rivals_take_away_and_a_lead_gives_nothing() -> None:
    said = replace(emission(SAID), calibration=document(lead=1.0, purity=0.0))
    words = align(said, "abc def", SPELLER).words

    none, far, close, behind = (
        rate(said, words, [value, value])[0] for value in (1e6, 20.0, 0.5, -3.0)
    )

    assert none >= far > close > behind
    assert none == pytest.approx(far, abs=1e-3)


def test_rivalry_never_exceeds_nothing_and_spreads_to_the_neighbours() -> None:
    own, near = rivalry([1e9, 1e9, 1e9, 0.0, 1e9, -5.0]).T

    assert own.tolist()[:3] == [0.0, 0.0, 0.0]
    assert own[5] < own[3] < 0
    assert near[:2].tolist() == [0.0, 0.0]
    assert near[2] == near[3] == own[3]
    assert near[4] == near[5] == own[5]


def test_wildcard_has_no_confidence() -> None:
    said = replace(emission(SAID), calibration=document())

    assert rate(said, align(said, "abc 東京", SPELLER).words)[1] == 0.0


def test_confidence_does_not_depend_on_how_the_words_were_found() -> None:
    """A language model changes the words and their rough scores; only the emission is asked."""
    said = replace(emission(SAID), calibration=document())
    boosted = [Word("ABC", 0.0, 0.16, 1.0), Word("GAH", 0.18, 0.32, 1.0)]
    meek = [replace(word, confidence=0.1) for word in boosted]

    words = align_words(said, boosted, SPELLER, rate)

    assert words == align_words(said, meek, SPELLER, rate)
    assert words[0].confidence > 0.7 > 0.3 > words[1].confidence


def test_letters_of_one_frame_and_neighbours_without_a_gap() -> None:
    said = replace(emission("A|B|CC"), calibration=document())
    words = align(said, "a b c", SPELLER).words

    assert np.isfinite(features(said, words)).all()
    assert all(0 <= value <= 1 for value in rate(said, words))


def test_confidence_is_the_logistic_function_of_the_weighted_features() -> None:
    told = document(doubt=-1.0)
    told["maps"]["greedy"]["bias"] = 0.25
    calibration = Calibration.of(told, "greedy")
    values = np.zeros((1, len(FEATURES)))
    values[0, [FEATURES.index("purity"), FEATURES.index("doubt")]] = -0.75, -1.25

    expected = 1 / (1 + np.exp(-(0.25 + 3 * (-0.75 + 1) - 1 * (-1.25 + 1))))
    assert calibration.confidences(values) == pytest.approx([expected])


@pytest.mark.parametrize("decoder", ["greedy", "beam"])
def test_calibration_survives_its_file(tmp_path: Path, decoder: str) -> None:
    told = document(doubt=1.5)
    calibration = Calibration.of(told, decoder)
    told["maps"][decoder] = calibration.document({"words": 3})
    (tmp_path / "confidence.json").write_text(json.dumps(told))

    found = read_calibration(tmp_path)

    assert found is not None
    assert found["maps"][decoder]["fitted"] == {"words": 3}
    assert np.array_equal(Calibration.of(found, decoder).weights, calibration.weights)


@pytest.mark.parametrize("content", [None, "no json", "[]", "{}", '{"version": 4, "maps": {}}'])
def test_missing_or_broken_file_is_no_calibration(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "confidence.json").write_text(content)

    assert read_calibration(tmp_path) is None


def test_embedded_checkpoint_brings_a_calibration() -> None:
    assert read_calibration(Path(__file__).parents[4] / "assets" / "model") is not None


def test_transcript_confidence_is_the_expected_share_of_right_words() -> None:
    words = [Word("a", 0, 1, 0.9), Word("b", 1, 2, 0.5)]

    assert transcript_confidence(words) == pytest.approx(0.7)
    assert transcript_confidence([]) == 0.0
