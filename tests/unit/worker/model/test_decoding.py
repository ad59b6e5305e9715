"""Choice of the decoder, its words, and rejected options."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.checkpoints import VOCABULARY
from wav2vec2_app.errors import InputError
from wav2vec2_app.server.assets import assets_path
from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.options import DEFAULT_OPTIONS, DecodingOptions, hotword_list
from wav2vec2_app.worker.model.decoding import EmissionDecoder

LANGUAGE_MODEL = assets_path() / "lm"

needs_beam = pytest.mark.skipif(
    not pytest.importorskip("importlib.util").find_spec("flashlight"),
    reason="flashlight-text has no build for this system",
)


def emission(path: str, others: dict[int, str] | None = None, probability: float = 0.7) -> Emission:
    """Its best token in each frame spells ``path`` (``_`` is the blank); ``others`` are nearly as likely."""
    columns = {"_": 0, **{token: index for index, token in enumerate(VOCABULARY)}}
    probabilities = np.full((len(path), len(VOCABULARY)), 0.3 / len(VOCABULARY))
    for frame, letter in enumerate(path):
        probabilities[frame, columns[letter]] = probability
    for frame, letter in (others or {}).items():
        probabilities[frame, columns[letter]] = 0.25
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return Emission(np.log(probabilities).astype(np.float32), VOCABULARY, 0, "|", 0.02)


BROUGHT = emission("_H_E_|_B_R_O_U_G_G_T_|", {17: "H"})
STRANGE = emission("_M_E_E_T_|_Z_O_R_K_A_|_H_E_R_E_", {13: "S"}, 0.9)


@pytest.fixture(scope="module")
def decoder() -> EmissionDecoder:
    return EmissionDecoder(LANGUAGE_MODEL)


def texts(
    decoder: EmissionDecoder, said: Emission, decoding: DecodingOptions, *, embedded: bool = True
) -> list[str]:
    return [word.text for word in decoder.decode(said, decoding, embedded=embedded).words]


@needs_beam
def test_automatic_choice_is_the_beam_for_the_embedded_model_alone(
    decoder: EmissionDecoder,
) -> None:
    assert texts(decoder, BROUGHT, DEFAULT_OPTIONS) == ["HE", "BROUGHT"]
    assert texts(decoder, BROUGHT, DEFAULT_OPTIONS, embedded=False) == ["HE", "BROUGGT"]


@needs_beam
def test_chosen_decoder_is_used(decoder: EmissionDecoder) -> None:
    assert texts(decoder, BROUGHT, DecodingOptions(decoder="greedy")) == ["HE", "BROUGGT"]
    assert texts(decoder, BROUGHT, DecodingOptions(decoder="beam"), embedded=False) == [
        "HE",
        "BROUGHT",
    ]


@needs_beam
@pytest.mark.parametrize("embedded", [True, False])
def test_hotword_outside_the_lexicon_is_found(decoder: EmissionDecoder, embedded: bool) -> None:
    assert "ZORKA" not in texts(decoder, STRANGE, DEFAULT_OPTIONS, embedded=True)
    hot = DecodingOptions(hotwords=("Zorka",))
    assert texts(decoder, STRANGE, hot, embedded=embedded) == ["MEET", "ZORKA", "HERE"]


@needs_beam
def test_hotword_that_was_not_spoken_changes_nothing(decoder: EmissionDecoder) -> None:
    assert texts(decoder, BROUGHT, DecodingOptions(hotwords=("zorka", "quixotic"))) == [
        "HE",
        "BROUGHT",
    ]


@needs_beam
def test_boost_of_a_hotword_does_not_raise_its_confidence(decoder: EmissionDecoder) -> None:
    [_, weak, _] = decoder.decode(
        STRANGE, DecodingOptions(hotwords=("zorka",)), embedded=True
    ).words
    [_, strong, _] = decoder.decode(
        STRANGE, DecodingOptions(hotwords=("zorka",), hotword_boost=20.0), embedded=True
    ).words

    assert weak == strong
    assert 0 < strong.confidence < 0.9


@needs_beam
def test_cached_lexicons_are_bounded(tmp_path: Path) -> None:
    """A small lexicon: one is built for each list of hotwords."""
    (tmp_path / "words.txt").write_text("he\nbrought\n")
    (tmp_path / "lm.bin").symlink_to(LANGUAGE_MODEL / "lm.bin")
    decoder = EmissionDecoder(tmp_path)
    for number in range(5):
        texts(decoder, BROUGHT, DecodingOptions(hotwords=(f"word{'abcde'[number]}",)))

    assert len(decoder._lexicons) == 3


def test_words_are_aligned(decoder: EmissionDecoder) -> None:
    said = emission("____" + "_H_E_|_D_O_G_" + "_" * 20)
    words = decoder.decode(said, DecodingOptions(decoder="greedy"), embedded=True).words

    assert [word.text for word in words] == ["HE", "DOG"]
    assert 0.0 < words[0].start_s < words[0].end_s <= words[1].start_s < words[1].end_s
    assert words[1].end_s <= 0.4


def test_silence_has_no_words(decoder: EmissionDecoder) -> None:
    level = np.full(len(STRANGE.log_probs), -100, np.float16)
    found = decoder.decode(replace(STRANGE, energy_db=level), DEFAULT_OPTIONS, embedded=False)

    assert (found.words, found.reason, found.confidence) == ((), "silence", 0.0)


def test_system_without_a_language_model_decodes_greedily_with_a_note(tmp_path: Path) -> None:
    decoder = EmissionDecoder(tmp_path)
    found = decoder.decode(BROUGHT, DEFAULT_OPTIONS, embedded=True)

    assert found.decoder == "greedy"
    assert "without a language model" in found.note
    assert decoder.note == found.note
    assert decoder.decode(BROUGHT, DEFAULT_OPTIONS, embedded=False).note == ""
    with pytest.raises(InputError) as rejected:
        decoder.decode(BROUGHT, DecodingOptions(decoder="beam"), embedded=True)
    assert rejected.value.code == "decoder.not_available"


@needs_beam
def test_vocabulary_that_cannot_spell_english_is_rejected(decoder: EmissionDecoder) -> None:
    cyrillic = replace(BROUGHT, vocabulary=("<pad>", "|", *map(chr, range(0x430, 0x430 + 30))))

    with pytest.raises(InputError) as rejected:
        decoder.decode(cyrillic, DecodingOptions(decoder="beam"), embedded=False)

    assert rejected.value.code == "decoder.wrong_language"


@needs_beam
@pytest.mark.parametrize("name", ["greedy", "beam"])
def test_blank_penalty_yields_the_characters_below_a_likelier_blank(
    decoder: EmissionDecoder, name: str
) -> None:
    said = emission("_H_E_|_______|_", {7: "W", 9: "A", 11: "S"}, 0.6)
    plain = DecodingOptions(decoder=name)

    assert texts(decoder, said, plain) == ["HE"]
    assert texts(decoder, said, replace(plain, blank_penalty=3.0)) == ["HE", "WAS"]


def test_hotwords_are_decoded_word_by_word_and_once() -> None:
    options = DecodingOptions(hotwords=("Ada Lovelace", "ada", ""))

    assert hotword_list(options) == ("ada", "lovelace")


@pytest.mark.parametrize(
    ("decoding", "code"),
    [
        (DecodingOptions(decoder="magic"), "decoder.unknown"),
        (DecodingOptions(blank_penalty=-1), "decoder.bad_value"),
        (DecodingOptions(hotwords=("a" * 1000,)), "hotwords.too_long"),
    ],
)
def test_emission_decoder_rejects_options_outside_the_table(
    decoder: EmissionDecoder, decoding: DecodingOptions, code: str
) -> None:
    with pytest.raises(InputError) as rejected:
        decoder.decode(BROUGHT, decoding, embedded=True)

    assert rejected.value.code == code
