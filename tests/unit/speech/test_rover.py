from __future__ import annotations

import math
import random
from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.speech.transcripts import make_transcript, named_transcripts, transcripts
from wav2vec2_app.errors import InputError
from wav2vec2_app.speech import confusion_network
from wav2vec2_app.speech.rover import synthesize
from wav2vec2_app.speech.synthesis import (
    CONFLICT_RESOLUTIONS,
    HIGHEST_CONFIDENCE,
    LATEST,
    WEIGHTED,
    SynthesisOptions,
)
from wav2vec2_app.speech.transcript import Transcript
from wav2vec2_app.speech.word_pieces import keys_of

LETTERS = [f"{one}{other}" for one in "abcd" for other in "efghk"]
WEIGHTS = st.lists(st.floats(0.01, 100), min_size=5, max_size=5).map(
    lambda numbers: dict(zip("abcde", numbers, strict=True))
)


def text_of(transcripts: dict[str, Transcript], **options: object) -> str:
    return synthesize(transcripts, SynthesisOptions(**options)).text  # type: ignore[arg-type]


# --- the vote -----------------------------------------------------------------------------------


def test_most_transcripts_win_a_word() -> None:
    three = {
        "a": make_transcript("the cat sat on the mat"),
        "b": make_transcript("the cart sat on the mat"),
        "c": make_transcript("a cat sat on the hat"),
    }

    assert text_of(three) == "the cat sat on the mat"


def test_weights_decide_the_vote() -> None:
    """Without the weights in the vote, two would always outvote one."""
    three = {
        "a": make_transcript("the cat sat", 0.8),
        "b": make_transcript("the hat sat", 0.8),
        "c": make_transcript("the hat sat", 0.8),
    }

    assert text_of(three) == "the hat sat"
    assert text_of(three, weights={"a": 3.0}) == "the cat sat"
    assert text_of(three, weights={"a": 3.0, "b": 2.0, "c": 2.0}) == "the hat sat"


def test_weight_of_zero_has_no_vote() -> None:
    two = {"a": make_transcript("the cat", 0.1), "b": make_transcript("the hat", 0.99)}

    synthesis = synthesize(two, SynthesisOptions(weights={"a": 2, "b": 0}))

    assert synthesis.text == "the cat"
    assert synthesis.weights == {"a": 1.0, "b": 0.0}


def test_weights_may_name_models() -> None:
    two = {
        "first": make_transcript("the cat", 0.8, model="small"),
        "second": make_transcript("the hat", 0.8, model="large"),
    }

    assert text_of(two, weights={"small": 1, "large": 2}) == "the hat"
    assert text_of(two, weights={"small": 1, "large": 2, "first": 3}) == "the cat"


def test_certain_word_wins_against_an_uncertain_one() -> None:
    two = {
        "a": make_transcript("the cat sat", [0.9, 0.3, 0.9]),
        "b": make_transcript("the hat sat", [0.9, 0.6, 0.9]),
    }

    assert text_of(two) == "the hat sat"
    assert text_of(two, weights={"a": 5}) == "the cat sat"


def test_word_that_most_do_not_have_is_omitted_and_kept_as_such() -> None:
    three = {
        "a": make_transcript("the cat sat"),
        "b": make_transcript("the cat sat"),
        "c": make_transcript("the old cat sat", step_s=0.3),
    }

    synthesis = synthesize(three, SynthesisOptions())

    assert synthesis.text == "the cat sat"
    [omitted] = synthesis.omitted
    assert (omitted.text, omitted.origins) == ("old", ("c",))


def test_origins_and_rejected_alternatives_are_kept() -> None:
    three = {
        "a": make_transcript("the cat sat"),
        "b": make_transcript("the cat sat"),
        "c": make_transcript("the cart", 0.5),
    }

    _, cat, sat = synthesize(three, SynthesisOptions()).words

    assert cat.origins == ("a", "b")
    assert [(one.text, one.origins) for one in cat.alternatives] == [("cart", ("c",))]
    assert [(one.text, one.origins) for one in sat.alternatives] == [("", ("c",))]
    assert 0 < cat.alternatives[0].score < 0.5


def test_highest_confidence_takes_the_most_certain_word_of_all() -> None:
    three = {
        "a": make_transcript("the cat sat", [0.9, 0.5, 0.9]),
        "b": make_transcript("the cat sat", [0.9, 0.5, 0.9]),
        "c": make_transcript("the hat sat", [0.1, 0.95, 0.1]),
    }

    assert text_of(three) == "the cat sat"
    assert text_of(three, conflict_resolution=HIGHEST_CONFIDENCE) == "the hat sat"


def test_latest_takes_the_transcript_that_was_finished_last() -> None:
    first = {"a": make_transcript("the cat sat down", 0.99), "b": make_transcript("a hat sat", 0.1)}
    second = dict(reversed(first.items()))

    assert text_of(first, conflict_resolution=LATEST) == "a hat sat"
    assert text_of(second, conflict_resolution=LATEST) == "the cat sat down"


# --- what is compared and how it is written -----------------------------------------------------


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("The cat, sat.", "the cat sat"),
        ("Mr. Smith paid $20.", "mister smith paid twenty dollars"),
        ("A well-known man", "a well known man"),
        ("It’s 1984!", "it's nineteen eighty four"),
        ("“Stop,” he said", "stop he said"),
        ("She has 21 cats", "SHE HAS TWENTY ONE CATS"),
    ],
)
def test_same_words_written_differently_agree(written: str, spoken: str) -> None:
    two = {
        "ctc": make_transcript(spoken, 0.9, step_s=0.2),
        "whisper": make_transcript(
            written, 0.3, step_s=0.2 * len(spoken.split()) / len(written.split())
        ),
    }

    synthesis = synthesize(two, SynthesisOptions(weights={"ctc": 10}))

    assert synthesis.text == written
    assert all(word.origins == ("ctc", "whisper") for word in synthesis.words)


def test_part_of_a_written_number_is_spelled_out() -> None:
    two = {
        "ctc": make_transcript("she has thirty one cats", 0.9, step_s=0.2),
        "whisper": make_transcript("She has 21 cats.", 0.3, step_s=0.25),
    }

    assert text_of(two) == "She has thirty one cats."


def test_word_of_a_model_without_punctuation_gets_that_of_the_word_it_replaces() -> None:
    two = {
        "ctc": make_transcript("THE CAT SAT HERE", [0.5, 0.9, 0.9, 0.5]),
        "whisper": make_transcript("A hat, sit. Here", [0.9, 0.1, 0.1, 0.9]),
    }

    assert text_of(two) == "A cat, sat. Here"


def test_transcript_without_word_times_takes_part() -> None:
    three = {
        "a": make_transcript("the cat sat on the mat", 0.8),
        "b": make_transcript("The hat sat on the mat.", timed=False, confidence=0.8),
        "c": make_transcript("The cat sat on a mat.", timed=False, confidence=0.8),
    }

    synthesis = synthesize(three, SynthesisOptions())

    assert synthesis.text == "The cat sat on the mat."
    assert synthesis.words[0].end_s == pytest.approx(0.3)  # measured times count more


# --- silence, thresholds and errors ---------------------------------------------------------------


def test_silence_of_all_is_an_empty_text() -> None:
    synthesis = synthesize({"a": make_transcript(""), "b": make_transcript("")}, SynthesisOptions())

    assert (synthesis.text, synthesis.words, synthesis.confidence) == ("", (), 0.0)


def test_transcripts_below_the_threshold_are_not_used() -> None:
    two = {
        "a": make_transcript("the cat", 0.9, confidence=0.4),
        "b": make_transcript("the hat", 0.1, confidence=0.6),
    }

    synthesis = synthesize(two, SynthesisOptions(quality_threshold=0.5))

    assert synthesis.text == "the hat"
    assert synthesis.rejected == ("a",)
    assert synthesis.weights == {"b": 1.0}


def test_threshold_that_nothing_meets_is_an_error() -> None:
    two = {"a": make_transcript("x", confidence=0.4), "b": make_transcript("y", confidence=0.6)}

    with pytest.raises(InputError) as caught:
        synthesize(two, SynthesisOptions(quality_threshold=0.7))

    assert caught.value.code == "synthesis.below_threshold"
    assert caught.value.metadata == {"threshold": 0.7, "best": 0.6}


def test_no_transcripts_is_an_error() -> None:
    with pytest.raises(InputError) as caught:
        synthesize({}, SynthesisOptions())

    assert caught.value.code == "synthesis.no_transcripts"


def test_weight_of_an_unknown_model_is_an_error() -> None:
    with pytest.raises(InputError) as caught:
        synthesize({"a": make_transcript("x")}, SynthesisOptions(weights={"whisper": 1}))

    assert caught.value.code == "synthesis.unknown_model"
    assert "a, model" in caught.value.hint


def test_weights_that_leave_no_vote_are_an_error() -> None:
    two = {"a": make_transcript("x", confidence=0.4), "b": make_transcript("y", confidence=0.6)}

    for options in (
        SynthesisOptions(weights={"a": 1, "b": 0}, quality_threshold=0.5),
        SynthesisOptions(weights={"a": 1, "model": 0}, quality_threshold=0.5),
    ):
        with pytest.raises(InputError) as caught:
            synthesize(two, options)
        assert caught.value.code == "synthesis.zero_weights"


@pytest.mark.parametrize(
    "weight", [-1, -0.001, math.nan, math.inf, -math.inf, "2", None, True, 10**400, [1]]
)
def test_weight_that_is_no_weight_is_an_error(weight: object) -> None:
    with pytest.raises(InputError) as caught:
        SynthesisOptions(weights={"a": weight})  # type: ignore[dict-item]

    assert caught.value.code == "synthesis.bad_weight"


def test_weights_of_zero_are_an_error() -> None:
    with pytest.raises(InputError) as caught:
        SynthesisOptions(weights={"a": 0, "b": 0.0})

    assert caught.value.code == "synthesis.zero_weights"


@pytest.mark.parametrize("value", [-0.1, 1.1, math.nan, math.inf, "0.5", None, True])
@pytest.mark.parametrize("field", ["quality_threshold", "confidence_share", "absence_share"])
def test_share_outside_0_to_1_is_an_error(field: str, value: object) -> None:
    with pytest.raises(InputError) as caught:
        SynthesisOptions(**{field: value})  # type: ignore[arg-type]

    assert caught.value.code == "synthesis.bad_value"
    assert caught.value.metadata["field"] == field


@pytest.mark.parametrize("resolution", ["", "newest", None, "WEIGHTED", 3])
def test_unknown_conflict_resolution_is_an_error(resolution: object) -> None:
    with pytest.raises(InputError) as caught:
        SynthesisOptions(conflict_resolution=resolution)  # type: ignore[arg-type]

    assert caught.value.code == "synthesis.unknown_resolution"


# --- properties -----------------------------------------------------------------------------------


@given(transcripts(), st.integers(1, 4), st.sampled_from(CONFLICT_RESOLUTIONS), WEIGHTS)
def test_equal_transcripts_give_themselves(
    one: Transcript, copies: int, resolution: str, weights: dict[str, float]
) -> None:
    names = "abcde"[:copies]
    options = SynthesisOptions(
        weights={name: weights[name] for name in names}, conflict_resolution=resolution
    )

    synthesis = synthesize(dict.fromkeys(names, one), options)

    assert [word.text for word in synthesis.words] == one.text.split()
    assert all(word.origins and not word.alternatives for word in synthesis.words)
    for word, given_word in zip(synthesis.words, one.words, strict=False):
        assert (word.start_s, word.end_s) == pytest.approx((given_word.start_s, given_word.end_s))
        assert word.confidence == pytest.approx(given_word.confidence)


@given(
    named_transcripts(),
    st.sampled_from([WEIGHTED, HIGHEST_CONFIDENCE]),
    WEIGHTS,
    st.randoms(use_true_random=False),
)
def test_order_of_the_transcripts_does_not_matter(
    given_ones: dict[str, Transcript],
    resolution: str,
    weights: dict[str, float],
    shuffle: random.Random,
) -> None:
    options = SynthesisOptions(
        weights={name: weights[name] for name in given_ones}, conflict_resolution=resolution
    )
    shuffled = list(given_ones.items())
    shuffle.shuffle(shuffled)

    expected = synthesize(given_ones, options)
    found = synthesize(dict(shuffled), options)

    assert (found.words, found.omitted) == (expected.words, expected.omitted)


@given(named_transcripts(), st.sampled_from(CONFLICT_RESOLUTIONS), WEIGHTS)
def test_words_are_never_invented_nor_lost(
    given_ones: dict[str, Transcript], resolution: str, weights: dict[str, float]
) -> None:
    options = SynthesisOptions(
        weights={name: weights[name] for name in given_ones}, conflict_resolution=resolution
    )

    synthesis = synthesize(given_ones, options)

    for word in synthesis.words:
        for origin in word.origins:
            assert Counter(keys_of(word.text)) <= Counter(keys_of(given_ones[origin].text))
    for name, one in given_ones.items():
        found = Counter[str]()
        for word in synthesis.words:
            found += Counter(keys_of(word.text) if name in word.origins else ())
            for alternative in word.alternatives:
                found += Counter(keys_of(alternative.text) if name in alternative.origins else ())
        for alternative in synthesis.omitted:
            found += Counter(keys_of(alternative.text) if name in alternative.origins else ())
        assert found == Counter(keys_of(one.text))


@given(named_transcripts(), st.sampled_from(CONFLICT_RESOLUTIONS))
def test_times_do_not_overlap_and_confidences_are_probabilities(
    given_ones: dict[str, Transcript], resolution: str
) -> None:
    words = synthesize(given_ones, SynthesisOptions(conflict_resolution=resolution)).words

    assert all(0 <= word.start_s <= word.end_s for word in words)
    assert all(before.end_s <= after.start_s for before, after in pairwise(words))
    assert all(0 <= word.confidence <= 1 + 1e-9 for word in words)


@given(named_transcripts(), st.floats(1e-300, 1e300), WEIGHTS)
def test_only_the_ratio_of_the_weights_matters(
    given_ones: dict[str, Transcript], factor: float, weights: dict[str, float]
) -> None:
    chosen = {name: 2.0 ** round(math.log2(weights[name])) for name in given_ones}
    power = 2.0 ** round(math.log2(factor) / 2)
    scaled = {name: weight * power for name, weight in chosen.items()}

    expected = synthesize(given_ones, SynthesisOptions(weights=chosen))

    assert synthesize(given_ones, SynthesisOptions(weights=scaled)) == expected


@given(transcripts(), transcripts())
def test_transcript_with_all_the_weight_wins_everywhere(one: Transcript, other: Transcript) -> None:
    sure = replace(one, words=tuple(replace(word, confidence=1.0) for word in one.words))

    synthesis = synthesize(
        {"a": replace(sure, confidence=1.0), "b": other},
        SynthesisOptions(weights={"a": 1, "b": 0}, absence_share=1.0),
    )

    assert keys_of(synthesis.text) == keys_of(one.text)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, -5.0])
def test_broken_times_and_confidences_are_survived(bad: float) -> None:
    good = make_transcript("the cat sat")
    words = tuple(replace(word, start_s=bad, end_s=bad, confidence=bad) for word in good.words)
    broken = replace(good, words=words, confidence=bad, duration_s=bad)

    synthesis = synthesize({"a": good, "b": broken}, SynthesisOptions())

    assert synthesis.text == "the cat sat"
    assert all(math.isfinite(word.end_s) for word in synthesis.words)


def test_long_recording_is_aligned_by_its_times() -> None:
    words = LETTERS * 60
    other = [word for number, word in enumerate(words) if number % 50]
    one = make_transcript(" ".join(words))
    two = make_transcript(" ".join(other), 0.5, step_s=0.4 * len(words) / len(other))

    synthesis = synthesize({"a": one, "b": two}, SynthesisOptions(weights={"a": 3}))

    assert synthesis.text == one.text


def test_long_recording_without_times_is_aligned_near_the_diagonal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(confusion_network, "MAX_ALIGNED_CELLS", 50_000)
    words = LETTERS * 60
    one = make_transcript(" ".join(words), timed=False)
    two = make_transcript(" ".join(words[:400] + words[410:]), timed=False)

    synthesis = synthesize({"a": one, "b": two}, SynthesisOptions(weights={"a": 3}))

    assert synthesis.text == one.text
