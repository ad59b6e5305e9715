"""Which decoder reads an emission, with which words, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.checkpoints import VOCABULARY
from wav2vec2_app.errors import InputError
from wav2vec2_app.server.build import assets_path
from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.options import DEFAULT_OPTIONS, DecodingOptions, hotword_list
from wav2vec2_app.worker.model.decoding import Reader

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
def reader() -> Reader:
    return Reader(LANGUAGE_MODEL)


def texts(
    reader: Reader, said: Emission, decoding: DecodingOptions, *, embedded: bool = True
) -> list[str]:
    return [word.text for word in reader.read(said, decoding, embedded=embedded).words]


@needs_beam
def test_automatic_choice_is_the_beam_for_the_embedded_model_alone(reader: Reader) -> None:
    assert texts(reader, BROUGHT, DEFAULT_OPTIONS) == ["HE", "BROUGHT"]
    assert texts(reader, BROUGHT, DEFAULT_OPTIONS, embedded=False) == ["HE", "BROUGGT"]


@needs_beam
def test_wish_for_a_decoder_is_followed(reader: Reader) -> None:
    assert texts(reader, BROUGHT, DecodingOptions(decoder="greedy")) == ["HE", "BROUGGT"]
    assert texts(reader, BROUGHT, DecodingOptions(decoder="beam"), embedded=False) == [
        "HE",
        "BROUGHT",
    ]


@needs_beam
@pytest.mark.parametrize("embedded", [True, False])
def test_hotword_outside_the_lexicon_is_found(reader: Reader, embedded: bool) -> None:
    assert "ZORKA" not in texts(reader, STRANGE, DEFAULT_OPTIONS, embedded=True)
    hot = DecodingOptions(hotwords=("Zorka",))
    assert texts(reader, STRANGE, hot, embedded=embedded) == ["MEET", "ZORKA", "HERE"]


@needs_beam
def test_hotword_that_was_not_said_changes_nothing(reader: Reader) -> None:
    assert texts(reader, BROUGHT, DecodingOptions(hotwords=("zorka", "quixotic"))) == [
        "HE",
        "BROUGHT",
    ]


@needs_beam
def test_boost_of_a_hotword_does_not_lift_its_confidence(reader: Reader) -> None:
    [_, weak, _] = reader.read(STRANGE, DecodingOptions(hotwords=("zorka",)), embedded=True).words
    [_, strong, _] = reader.read(
        STRANGE, DecodingOptions(hotwords=("zorka",), hotword_boost=20.0), embedded=True
    ).words

    assert weak == strong
    assert 0 < strong.confidence < 0.9


@needs_beam
def test_lists_of_hotwords_do_not_pile_up(reader: Reader) -> None:
    for number in range(5):
        texts(reader, BROUGHT, DecodingOptions(hotwords=(f"word{'abcde'[number]}",)))

    assert len(reader._lexicons) <= 3


def test_words_are_aligned(reader: Reader) -> None:
    said = emission("____" + "_H_E_|_D_O_G_" + "_" * 20)
    words = reader.read(said, DecodingOptions(decoder="greedy"), embedded=True).words

    assert [word.text for word in words] == ["HE", "DOG"]
    assert 0.0 < words[0].start_s < words[0].end_s <= words[1].start_s < words[1].end_s
    assert words[1].end_s <= 0.4


def test_nothing_is_read_where_nobody_speaks(reader: Reader) -> None:
    level = np.full(len(STRANGE.log_probs), -100, np.float16)
    found = reader.read(replace(STRANGE, energy_db=level), DEFAULT_OPTIONS, embedded=False)

    assert (found.words, found.reason, found.confidence) == ((), "silence", 0.0)


def test_system_without_a_language_model_reads_the_best_path_and_says_so(tmp_path: Path) -> None:
    reader = Reader(tmp_path)
    found = reader.read(BROUGHT, DEFAULT_OPTIONS, embedded=True)

    assert found.decoder == "greedy"
    assert "without a language model" in found.note
    assert reader.note == found.note
    assert reader.read(BROUGHT, DEFAULT_OPTIONS, embedded=False).note == ""
    with pytest.raises(InputError) as refused:
        reader.read(BROUGHT, DecodingOptions(decoder="beam"), embedded=True)
    assert refused.value.code == "decoder.not_available"


@needs_beam
def test_letters_that_cannot_spell_english_are_refused(reader: Reader) -> None:
    cyrillic = replace(BROUGHT, vocabulary=("<pad>", "|", *map(chr, range(0x430, 0x430 + 30))))

    with pytest.raises(InputError) as refused:
        reader.read(cyrillic, DecodingOptions(decoder="beam"), embedded=False)

    assert refused.value.code == "decoder.wrong_language"


@needs_beam
@pytest.mark.parametrize("decoder", ["greedy", "beam"])
def test_blank_penalty_yields_the_characters_below_a_likelier_blank(
    reader: Reader, decoder: str
) -> None:
    said = emission("_H_E_|_______|_", {7: "W", 9: "A", 11: "S"}, 0.6)
    plain = DecodingOptions(decoder=decoder)

    assert texts(reader, said, plain) == ["HE"]
    assert texts(reader, said, replace(plain, blank_penalty=3.0)) == ["HE", "WAS"]


def test_hotwords_are_decoded_word_by_word_and_once(reader: Reader) -> None:
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
def test_reader_rejects_options_outside_the_table(
    reader: Reader, decoding: DecodingOptions, code: str
) -> None:
    with pytest.raises(InputError) as rejected:
        reader.read(BROUGHT, decoding, embedded=True)

    assert rejected.value.code == code
