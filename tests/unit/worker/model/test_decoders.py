import gc
import weakref
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.checkpoints import VOCABULARY
from wav2vec2_app.server.assets import assets_path
from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.options import DEFAULT_OPTIONS, DecodingOptions
from wav2vec2_app.worker.model.decoders import (
    MAX_ALTERNATIVES,
    MAX_BEAM_THRESHOLD,
    PRUNED_MARGIN,
    BeamDecoder,
    GreedyDecoder,
    beam_threshold,
    fill_skipped_frames,
    informative_frames,
)
from wav2vec2_app.worker.model.lexicon import Lexicon

LANGUAGE_MODEL = assets_path() / "lm"
LEXICON_WORDS = frozenset((LANGUAGE_MODEL / "words.txt").read_text(encoding="utf-8").split())


def emission(
    path: str, probability: float = 0.6, second: tuple[str, int] | None = None
) -> Emission:
    """An emission whose best token in each frame spells ``path`` (``_`` is the blank).

    ``second`` is a letter that is nearly as probable in one frame.
    """
    columns = {"_": 0, **{token: index for index, token in enumerate(VOCABULARY)}}
    rest = (1 - probability) / (len(VOCABULARY) - 1)
    probabilities = np.full((len(path), len(VOCABULARY)), rest)
    for frame, letter in enumerate(path):
        probabilities[frame, columns[letter]] = probability
    if second is not None:
        letter, frame = second
        probabilities[frame, columns[letter]] = 0.9 * probability
    return Emission(np.log(probabilities).astype(np.float32), VOCABULARY, 0, "|", 0.02)


@pytest.fixture(scope="module")
def beam() -> BeamDecoder:
    pytest.importorskip(
        "flashlight.lib.text", reason="flashlight-text has no build for this system"
    )
    return BeamDecoder(Lexicon(LANGUAGE_MODEL, emission("_")), DEFAULT_OPTIONS)


def test_beam_finds_words_of_its_lexicon_where_greedy_decoding_does_not(beam: BeamDecoder) -> None:
    said = emission("_H_E_|_B_R_O_U_G_G_T_|_T_H_E_M_", second=("H", 17))

    greedy = [word.text for word in GreedyDecoder().decode(said).words]
    found = [word.text for word in beam.decode(said).words]

    assert greedy == ["HE", "BROUGGT", "THEM"]
    assert found == ["HE", "BROUGHT", "THEM"]


def test_beam_times_lie_in_order_on_the_frames(beam: BeamDecoder) -> None:
    words = beam.decode(emission("__T_H_E_||_D_O_G__")).words

    assert [word.text for word in words] == ["THE", "DOG"]
    assert words[0].start_s == pytest.approx(0.04)
    times = [time for word in words for time in (word.start_s, word.end_s)]
    assert times == sorted(times)
    assert times[-1] <= 18 * 0.02


def test_phrases_are_decoded_separately_and_keep_their_times(beam: BeamDecoder) -> None:
    dog, cat = "_T_H_E_|_D_O_G_".ljust(120, "_"), "_T_H_E_|_C_A_T_".ljust(120, "_")
    sure = {"probability": 0.9}

    whole = beam.decode(emission(dog + cat, **sure))
    alone = beam.decode(emission(cat, **sure))

    assert [word.text for word in whole.words] == ["THE", "DOG", "THE", "CAT"]
    assert whole.leads is not None
    assert len(whole.leads) == 4
    for word, same in zip(whole.words[2:], alone.words, strict=True):
        assert word.start_s == pytest.approx(same.start_s + 2.4, abs=0.02)
        assert word.end_s == pytest.approx(same.end_s + 2.4, abs=0.02)


def across_a_gap(before: str, after: str, letter: str) -> Emission:
    """``before`` and ``after`` with frames between them that are almost certainly blank.

    The last letter of the one and the first of the other are ``letter``, which the first blank frame has as
    its second most probable token: cheaper for the beam than either letter's frame without it.
    """
    said = emission(before + "_" * 6 + after, probability=0.999)
    log_probs = said.log_probs.copy()
    gap, column = len(before), VOCABULARY.index(letter)
    log_probs[gap : gap + 6, 0] = np.log(0.975)
    log_probs[gap, column] = np.log(0.02)
    return replace(said, log_probs=log_probs)


@pytest.mark.parametrize(
    ("before", "after", "letter", "word"),
    [
        ("_A_P_O_S", "S_T_L_E_", "S", "APOSTLE"),
        ("_D_I_F_F", "F_E_R_E_N_C_E_", "F", "DIFFERENCE"),
        ("_L_I_T", "T_L_E_", "T", "LITTLE"),
    ],
    ids=["one letter on both sides", "after a doubled letter", "doubled letter"],
)
def test_letter_on_both_sides_of_skipped_blanks_is_spelled_as_in_the_lexicon(
    beam: BeamDecoder, before: str, after: str, letter: str, word: str
) -> None:
    said = across_a_gap(before, after, letter)
    assert len(informative_frames(said)) == len(said.log_probs) - 5

    assert [found.text for found in beam.decode(said).words] == [word]


def test_skipped_frames_are_filled_with_the_token_on_both_sides_or_blank() -> None:
    said = emission("_" * 10)
    frames = np.array([0, 1, 4, 6, 9])

    path = fill_skipped_frames(np.array([3, 5, 5, 0, 7]), frames, said)

    assert path.tolist() == [3, 5, 5, 5, 5, 0, 0, 0, 0, 7]


@settings(max_examples=60, deadline=None)
@given(
    words=st.lists(
        st.sampled_from(["APOSTLE", "DIFFERENCE", "LITTLE", "THE"]), min_size=1, max_size=4
    ),
    seed=st.integers(0, 10_000),
    sharpness=st.floats(1.0, 12.0),
)
def test_words_of_a_beam_without_hotwords_are_in_its_lexicon(
    beam: BeamDecoder, words: list[str], seed: int, sharpness: float
) -> None:
    """Noisy emissions with gaps inside the words; only an incomplete last word may be none."""
    rng = np.random.default_rng(seed)
    path = "|".join("".join(letter + "_" * rng.integers(0, 5) for letter in word) for word in words)
    logits = rng.standard_normal((len(path), len(VOCABULARY)))
    for frame, token in enumerate(path):
        logits[frame, 0 if token == "_" else VOCABULARY.index(token)] += sharpness
    log_probs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    said = replace(emission(path), log_probs=log_probs.astype(np.float32))

    decoded = beam.decode(said)

    assert decoded.leads is not None
    for word, lead in zip(decoded.words, decoded.leads, strict=True):
        assert word.text.lower() in LEXICON_WORDS or lead == -PRUNED_MARGIN


def test_language_model_does_not_raise_the_confidence(beam: BeamDecoder) -> None:
    [right] = beam.decode(emission("_B_R_O_U_G_H_T_")).words
    [corrected] = beam.decode(emission("_B_R_O_U_G_G_T_", second=("H", 11))).words

    assert right.text == corrected.text == "BROUGHT"
    assert right.confidence == pytest.approx(0.6, abs=0.02)
    assert corrected.confidence < right.confidence


def test_last_word_is_whole_where_the_recording_ends_with_it(beam: BeamDecoder) -> None:
    clear = emission("_D_O_G", probability=0.9)  # else the language model would rather have "do"

    assert [word.text for word in beam.decode(clear).words] == ["DOG"]


def test_pruning_threshold_is_lower_if_the_language_model_weighs_less() -> None:
    thresholds = [
        beam_threshold(replace(DEFAULT_OPTIONS, lm_weight=weight)) for weight in (0, 1, 2, 3, 10)
    ]

    assert thresholds == [6, 8, 10, 12, MAX_BEAM_THRESHOLD]


def test_blanks_have_no_words(beam: BeamDecoder) -> None:
    assert beam.decode(emission("_" * 20, probability=0.99)).words == ()


def test_subtracted_prior_raises_a_rare_letter_above_blanks(beam: BeamDecoder) -> None:
    """A letter that is always improbable gains where it is more probable than usual."""
    said = emission("_D_O_G_", probability=0.8)
    faint = said.log_probs.copy()
    faint[5, 0], faint[5, VOCABULARY.index("G")] = np.log(0.7), np.log(0.1)
    faint = replace(said, log_probs=faint)
    prior = np.full(len(VOCABULARY), np.log(0.01))
    prior[0] = np.log(0.6)
    plain = DecodingOptions(lm_weight=0.0, word_score=0.0)
    decoder = BeamDecoder(Lexicon(LANGUAGE_MODEL, said), plain)

    assert [word.text for word in decoder.decode(faint).words] != ["DOG"]
    lifted = decoder.decode(replace(faint, prior=tuple(prior)))
    assert [word.text for word in lifted.words] == ["DOG"]


def test_word_with_a_close_rival_leads_by_less_than_one_without(beam: BeamDecoder) -> None:
    clear = beam.decode(emission("_D_O_G_|_H_O_U_S_E_", probability=0.9))
    close = beam.decode(emission("_D_O_G_|_H_O_U_S_E_", probability=0.9, second=("R", 13)))

    assert [word.text for word in close.words] == ["DOG", "HOUSE"]
    assert clear.leads is not None
    assert close.leads is not None
    assert len(clear.leads) == len(close.leads) == 2
    assert close.leads[1] < clear.leads[1]
    assert min(clear.leads) > 0


def test_word_has_the_words_of_close_rivals_as_alternatives(beam: BeamDecoder) -> None:
    clear = beam.decode(emission("_D_O_G_|_H_O_U_S_E_", probability=0.999))
    close = beam.decode(emission("_D_O_G_|_H_O_U_S_E_", probability=0.9, second=("R", 13)))

    assert [word.text for word in close.words] == ["DOG", "HOUSE"]
    assert close.words[1].alternatives[0] == "horse"
    for word in (*clear.words, *close.words):
        assert word.text.lower() not in word.alternatives
        assert len(word.alternatives) <= MAX_ALTERNATIVES


def test_hotword_has_no_lead_from_its_boost(beam: BeamDecoder) -> None:
    said = emission("_D_O_G_", probability=0.5, second=("K", 5))
    boosted = DecodingOptions(hotwords=("dok",), hotword_boost=30.0)
    lexicon = Lexicon(LANGUAGE_MODEL, said).with_hotwords(boosted.hotwords)

    decoded = BeamDecoder(lexicon, boosted, without_hotwords=beam).decode(said)
    boosted_alone = BeamDecoder(lexicon, boosted).decode(said)

    assert [word.text for word in decoded.words] == ["DOK"]
    assert decoded.leads is not None
    assert boosted_alone.leads is not None
    assert decoded.leads[0] < 0 < boosted_alone.leads[0]


def test_greedy_decoding_has_no_leads() -> None:
    assert GreedyDecoder().decode(emission("_D_O_G_")).leads is None


def test_incomplete_last_word_has_a_negative_lead(
    beam: BeamDecoder,
) -> None:
    """If the audio clearly ends inside a word, its letters so far are in the transcript."""
    said = emission("_D_O_G_|_P_R_O_S_A_I_", probability=0.999999)

    decoded = beam.decode(said)

    assert [word.text for word in decoded.words] == ["DOG", "PROSAI"]
    assert decoded.leads is not None
    assert decoded.leads[0] > 0 > decoded.leads[1]


def test_beam_is_freed_without_garbage_collection(beam: BeamDecoder) -> None:
    """It holds the hypotheses of its last phrase, too much memory to wait for a collection."""
    said = emission("_D_O_G_")
    one = BeamDecoder(Lexicon(LANGUAGE_MODEL, said), DEFAULT_OPTIONS)
    one.decode(said)
    reference = weakref.ref(one)
    gc.disable()
    try:
        del one
        assert reference() is None
    finally:
        gc.enable()
