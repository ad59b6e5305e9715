import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from transformers import Wav2Vec2CTCTokenizer

from wav2vec2_app.errors import ModelError
from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.worker.model.alphabet import NO_DELIMITER, Alphabet
from wav2vec2_app.worker.model.ctc import words_of_path

Files = Mapping[str, Any]


def numbered(*tokens: str) -> dict[str, int]:
    return {token: number for number, token in enumerate(tokens)}


ROLES = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}
SQUARE = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "[UNK]", "pad_token": "[PAD]"}

FORMATS: dict[str, Files] = {
    "wav2vec2-base-960h": {
        "vocab.json": numbered(
            "<pad>", "<s>", "</s>", "<unk>", "|", *"ETAONIHSRDLUMWCFGYPBVK'XJQZ"
        ),
        "tokenizer_config.json": {**ROLES, "do_lower_case": False, "return_attention_mask": False},
        "special_tokens_map.json": ROLES,
    },
    "XLSR fine-tune, special tokens first": {
        "vocab.json": numbered("<pad>", "<s>", "</s>", "<unk>", "|", "'", "-", *"abcdefgßäöü"),
        "tokenizer_config.json": {**ROLES, "do_lower_case": False, "word_delimiter_token": "|"},
        "special_tokens_map.json": ROLES,
    },
    "XLSR fine-tune, as the tutorial makes it": {
        "vocab.json": numbered(*"abcdefgçğ", "|", "'", "[UNK]", "[PAD]"),
        "tokenizer_config.json": {**SQUARE, "do_lower_case": False, "word_delimiter_token": "|"},
        "special_tokens_map.json": SQUARE,
        "added_tokens.json": {"<s>": 13, "</s>": 14},
    },
    "special tokens named in the map alone": {
        "vocab.json": numbered("[PAD]", "[UNK]", "|", *"abc"),
        "tokenizer_config.json": {"do_lower_case": False},
        "special_tokens_map.json": {
            role: {"content": token, "lstrip": False, "normalized": True}
            for role, token in SQUARE.items()
        },
    },
    "space between words": {
        "vocab.json": numbered("<pad>", "<unk>", " ", *"abc"),
        "tokenizer_config.json": {**ROLES, "word_delimiter_token": " "},
    },
    "capitals read as small letters": {
        "vocab.json": numbered("<pad>", "<s>", "</s>", "<unk>", "|", *"ABC"),
        "tokenizer_config.json": {**ROLES, "do_lower_case": True},
    },
    "blank among the added tokens": {
        "vocab.json": numbered("|", *"abc"),
        "tokenizer_config.json": {
            **SQUARE,
            "added_tokens_decoder": {
                "4": {"content": "[UNK]", "special": True},
                "5": {"content": "[PAD]", "special": True},
                "6": {"content": "<s>", "special": True},
                "7": {"content": "</s>", "special": True},
            },
        },
    },
    "phonemes of several characters": {
        "vocab.json": numbered("<pad>", "<s>", "</s>", "<unk>", "|", "aɪ", "tʃ", "ɡ"),
        "tokenizer_config.json": ROLES,
    },
}


def write(folder: Path, files: Files) -> Path:
    for name, content in files.items():
        text = content if isinstance(content, str) else json.dumps(content)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def read(alphabet: Alphabet, ids: np.ndarray) -> str:
    log_probs = np.full((len(ids), len(alphabet.tokens)), -20, np.float32)
    log_probs[np.arange(len(ids)), ids] = 0
    emission = Emission(
        log_probs,
        alphabet.tokens,
        alphabet.blank_id,
        alphabet.word_delimiter,
        0.02,
        special=tuple(alphabet.special),
    )
    return " ".join(word.text for word in words_of_path(emission, ids))


@pytest.mark.parametrize("name", FORMATS)
def test_alphabet_is_that_of_transformers_in_every_format(tmp_path: Path, name: str) -> None:
    folder = write(tmp_path, FORMATS[name])
    tokenizer = Wav2Vec2CTCTokenizer.from_pretrained(folder)
    alphabet = Alphabet.of(folder)

    assert alphabet.tokens[alphabet.blank_id] == tokenizer.pad_token
    spoken = [n for n, token in enumerate(alphabet.tokens) if token not in alphabet.special]
    for seed in range(20):
        ids = np.random.default_rng(seed).choice([alphabet.blank_id, *spoken], 60)
        assert read(alphabet, ids) == " ".join(tokenizer.decode(ids.tolist()).split())


@pytest.mark.parametrize("name", FORMATS)
def test_special_tokens_are_those_of_transformers_and_never_spelled(
    tmp_path: Path, name: str
) -> None:
    folder = write(tmp_path, FORMATS[name])
    tokenizer = Wav2Vec2CTCTokenizer.from_pretrained(folder)
    alphabet = Alphabet.of(folder)
    special = {*tokenizer.all_special_tokens} - {"|", " "}

    assert special <= alphabet.special
    assert alphabet.word_delimiter not in alphabet.special
    ids = [n for n, token in enumerate(alphabet.tokens) if token in alphabet.special]
    assert read(alphabet, np.array(ids)) == ""


def test_vocabulary_without_a_delimiter_has_none(tmp_path: Path) -> None:
    write(
        tmp_path,
        {"vocab.json": numbered("[PAD]", "[UNK]", *"你好嗎"), "tokenizer_config.json": SQUARE},
    )

    assert Alphabet.of(tmp_path).word_delimiter == NO_DELIMITER


def test_delimiter_that_the_vocabulary_lacks_is_replaced_by_one_it_has(tmp_path: Path) -> None:
    settings = {**ROLES, "word_delimiter_token": "|"}
    write(
        tmp_path, {"vocab.json": numbered("<pad>", " ", *"ab"), "tokenizer_config.json": settings}
    )

    assert Alphabet.of(tmp_path).word_delimiter == " "


VOCABULARY = numbered("<pad>", "<unk>", "|", *"abcdefg")


@pytest.mark.parametrize(
    ("vocabulary", "code"),
    [
        ("{not json", "model.broken"),
        ("[]", "model.bad_vocabulary"),
        ("{}", "model.bad_vocabulary"),
        ({"a": "b"}, "model.bad_vocabulary"),
        ({"<pad>": 0, "a": 1.5}, "model.bad_vocabulary"),
        ({"<pad>": 0, "a": True}, "model.bad_vocabulary"),
        ({"<pad>": 0, "a": -1}, "model.bad_vocabulary"),
        ({"<pad>": 0, "a": 1, "b": 1}, "model.bad_vocabulary"),
        ({"<pad>": 0, "a": 1, "b": 40}, "model.bad_vocabulary"),
        ({"<pad>": 0, "a": 1, "b": 10**12}, "model.bad_vocabulary"),
        ({"a": 0, "b": 1}, "model.no_blank"),
        ({"eng": {"<pad>": 0, "a": 0}}, "model.bad_vocabulary"),
    ],
)
def test_broken_vocabulary_is_an_error_with_a_hint(
    tmp_path: Path, vocabulary: object, code: str
) -> None:
    write(tmp_path, {"vocab.json": vocabulary})

    with pytest.raises(ModelError) as refused:
        Alphabet.of(tmp_path)

    assert refused.value.code == code
    assert refused.value.hint


def test_few_outputs_may_have_no_token_and_are_left_out(tmp_path: Path) -> None:
    vocabulary = {token: number for token, number in VOCABULARY.items() if token != "c"}
    alphabet = Alphabet.of(write(tmp_path, {"vocab.json": vocabulary})).fitted(16)

    assert len(alphabet.tokens) == 16
    assert read(alphabet, np.arange(16)) == "abdefg"


def test_special_tokens_without_an_output_are_dropped(tmp_path: Path) -> None:
    write(tmp_path, {"vocab.json": VOCABULARY, "added_tokens.json": {"<s>": 10, "</s>": 11}})

    assert Alphabet.of(tmp_path).fitted(10).tokens == tuple(VOCABULARY)


@pytest.mark.parametrize("outputs", [0, 5, 9, 19, 400])
def test_vocabulary_of_another_size_than_the_head_is_rejected(tmp_path: Path, outputs: int) -> None:
    alphabet = Alphabet.of(write(tmp_path, {"vocab.json": VOCABULARY}))

    with pytest.raises(ModelError) as refused:
        alphabet.fitted(outputs)

    assert refused.value.code == "model.bad_vocabulary"
    assert refused.value.metadata["outputs"] == outputs


# --- the feature extractor ---

EXTRACTOR = {"do_normalize": False, "sampling_rate": 16_000, "feature_size": 1}


@pytest.mark.parametrize(
    ("files", "normalize"),
    [
        ({}, True),
        ({"preprocessor_config.json": EXTRACTOR}, False),
        ({"processor_config.json": {"feature_extractor": EXTRACTOR}}, False),
        (
            {
                "preprocessor_config.json": {"processor_class": "Wav2Vec2Processor"},
                "processor_config.json": {"feature_extractor": EXTRACTOR},
            },
            False,
        ),
        ({"processor_config.json": {"processor_class": "Wav2Vec2Processor"}}, True),
        ({"preprocessor_config.json": {"sampling_rate": 16_000}}, True),
    ],
)
def test_normalization_is_that_of_the_feature_extractor(
    tmp_path: Path, files: Files, normalize: bool
) -> None:
    write(tmp_path, {"vocab.json": VOCABULARY, **files})

    assert Alphabet.of(tmp_path).normalize is normalize


@pytest.mark.parametrize("rate_hz", [8_000, 44_100])
def test_other_sampling_rate_is_rejected(tmp_path: Path, rate_hz: int) -> None:
    settings = {**EXTRACTOR, "sampling_rate": rate_hz}
    write(tmp_path, {"vocab.json": VOCABULARY, "preprocessor_config.json": settings})

    with pytest.raises(ModelError) as refused:
        Alphabet.of(tmp_path)

    assert refused.value.code == "model.sampling_rate"
    assert refused.value.hint
    assert refused.value.metadata["sample_rate_hz"] == rate_hz
