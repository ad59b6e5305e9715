"""What a checkpoint's tokens mean, read from its own tokenizer and feature extractor files."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from wav2vec2_app.errors import ModelError
from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ
from wav2vec2_app.worker.model.languages import (
    TOKENIZER,
    VOCABULARY,
    default_language,
    read_json,
    unknown_language,
    vocabularies,
)

log = logging.getLogger(__name__)

UNNAMED = ""
"""Stands for an output of the model that the tokenizer does not name; never spelled."""
UNNAMED_LIMIT = 8
"""More unnamed outputs than this, and the vocabulary is that of another model. Some are usual: a head is
rounded up to a multiple of eight, or has room for tokens that the tokenizer lost."""

DELIMITERS = ("|", " ")
"""What separates words where the tokenizer does not say, or says what its vocabulary has not."""
NO_DELIMITER = ""
"""The delimiter of a vocabulary that has none: each token is a word by itself (Chinese, Japanese)."""

SPECIAL = {"pad_token": "<pad>", "unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>"}
"""Special tokens, and what Wav2Vec2CTCTokenizer takes them to be if its files do not say."""


@dataclass(frozen=True)
class Alphabet:
    """What the columns of an emission mean.

    Attributes:
        tokens: the token of each column; :data:`UNNAMED` where the tokenizer has none.
        blank_id: column of the CTC blank.
        word_delimiter: the token between words, :data:`NO_DELIMITER` if there is none.
        special: tokens that are never spelled.
        normalize: whether audio is brought to zero mean and unit variance first.
    """

    tokens: tuple[str, ...]
    blank_id: int
    word_delimiter: str
    special: frozenset[str]
    normalize: bool

    @classmethod
    def of(cls, folder: Path, language: str = "") -> Alphabet:
        """Read vocab.json, the tokenizer's files and the feature extractor's.

        Args:
            folder: a checkpoint's.
            language: which of the vocabularies; by default that of the tokenizer. Without meaning for a
                checkpoint with one vocabulary.

        Raises:
            ModelError: ``model.bad_vocabulary``, ``model.no_blank``, ``model.unknown_language``,
                ``model.sampling_rate``, or ``model.broken`` where a file is not JSON.
        """
        settings = read_json(folder / TOKENIZER)
        vocabulary = _checked(_vocabulary(folder, language))
        special = _special_tokens(folder, settings)
        blank = special["pad_token"]
        named = {**_added_tokens(folder, settings, vocabulary), **vocabulary}
        if blank not in named:
            raise ModelError(
                "The model's vocabulary has no blank.",
                code="model.no_blank",
                hint="The tokenizer's pad_token has to be in vocab.json.",
            )
        delimiter = _delimiter(settings, named)
        extractor = _extractor(folder)
        alphabet = cls(
            tokens=_in_order(named),
            blank_id=named[blank],
            word_delimiter=delimiter,
            special=frozenset(special.values()) - {delimiter} | {UNNAMED},
            normalize=bool(extractor.get("do_normalize", True)),
        )
        return alphabet._in_lower_case() if settings.get("do_lower_case") is True else alphabet

    def fitted(self, outputs: int) -> Alphabet:
        """The same for a model with this many outputs, which its tokenizer may name more or less of.

        Raises:
            ModelError: ``model.bad_vocabulary``: the blank or letters are none of the outputs, or too many
                outputs have no name.
        """
        beyond = [token for token in self.tokens[outputs:] if token not in self.special]
        tokens = (*self.tokens, *(UNNAMED,) * (outputs - len(self.tokens)))[:outputs]
        unnamed = tokens.count(UNNAMED)
        if self.blank_id >= outputs or beyond or unnamed > UNNAMED_LIMIT:
            raise ModelError(
                "The model and its vocabulary do not belong together.",
                code="model.bad_vocabulary",
                hint="Take vocab.json and the weights from the same checkpoint.",
                metadata={"outputs": outputs, "tokens": len(self.tokens), "unnamed": unnamed},
            )
        if unnamed:
            log.warning("%d of the model's %d outputs have no token", unnamed, outputs)
        return replace(self, tokens=tokens)

    def _in_lower_case(self) -> Alphabet:
        """As Wav2Vec2CTCTokenizer decodes with ``do_lower_case``."""
        kept = self.special | {self.tokens[self.blank_id], self.word_delimiter}
        lower = (token if token in kept else token.lower() for token in self.tokens)
        return replace(self, tokens=tuple(lower))


def _vocabulary(folder: Path, language: str) -> Mapping[str, Any]:
    nested = vocabularies(folder)
    if not nested:
        return read_json(folder / VOCABULARY)
    language = language or default_language(folder, nested)
    if language not in nested:
        raise unknown_language(language, tuple(nested))
    return nested[language]


def _checked(vocabulary: Mapping[str, Any]) -> dict[str, int]:
    """``vocabulary`` if it maps tokens to different numbers from 0 on."""
    numbers = list(vocabulary.values())
    if not numbers or not all(type(number) is int and number >= 0 for number in numbers):
        raise _bad_vocabulary("vocab.json maps each token to its number.")
    if len(set(numbers)) < len(numbers):
        raise _bad_vocabulary("Two tokens of vocab.json have the same number.")
    if max(numbers) >= len(numbers) + UNNAMED_LIMIT + len(SPECIAL):
        raise _bad_vocabulary("Numbers are missing in vocab.json: it is not whole.")
    return dict(vocabulary)


def _bad_vocabulary(hint: str) -> ModelError:
    return ModelError(
        "The model's vocabulary cannot be read.", code="model.bad_vocabulary", hint=hint
    )


def _in_order(named: Mapping[str, int]) -> tuple[str, ...]:
    tokens = [UNNAMED] * (max(named.values()) + 1)
    for token, number in named.items():
        tokens[number] = token
    return tuple(tokens)


def _special_tokens(folder: Path, settings: Mapping[str, Any]) -> dict[str, str]:
    """Special tokens by their role; a special_tokens_map.json counts as it does for transformers."""
    told = dict(settings)
    if "added_tokens_decoder" not in settings:
        told.update(read_json(folder / "special_tokens_map.json"))
    found = {role: _text(told.get(role)) or usual for role, usual in SPECIAL.items()}
    for key in ("additional_special_tokens", "extra_special_tokens"):
        more = told.get(key)
        texts = [_text(token) for token in more] if isinstance(more, list) else []
        found.update({f"{key}.{number}": text for number, text in enumerate(texts) if text})
    return found


def _added_tokens(
    folder: Path, settings: Mapping[str, Any], vocabulary: Mapping[str, int]
) -> dict[str, int]:
    """Tokens that the tokenizer adds to its vocabulary, at numbers that this leaves free."""
    decoder = settings.get("added_tokens_decoder")
    if isinstance(decoder, dict):
        pairs = [(_text(token), number) for number, token in decoder.items()]
    else:
        pairs = list(read_json(folder / "added_tokens.json").items())
    taken = set(vocabulary.values())
    whole = [(token, int(number)) for token, number in pairs if str(number).isdecimal()]
    return {
        token: number
        for token, number in whole
        if token and token not in vocabulary and number not in taken
    }


def _text(token: object) -> str:
    """A token as files have it: plain, or an object with its content."""
    if isinstance(token, dict):
        token = token.get("content")
    return token if isinstance(token, str) else ""


def _delimiter(settings: Mapping[str, Any], named: Mapping[str, int]) -> str:
    wanted = _text(settings.get("word_delimiter_token"))
    return next(
        (token for token in (wanted, *DELIMITERS) if token and token in named), NO_DELIMITER
    )


def _extractor(folder: Path) -> Mapping[str, Any]:
    """The feature extractor's settings, in whichever file they are; empty if in none.

    Raises:
        ModelError: ``model.sampling_rate``: the model was trained at another than ours.
    """
    settings: Mapping[str, Any] = {}
    for name in ("preprocessor_config.json", "processor_config.json"):
        content = read_json(folder / name)
        settings = content.get("feature_extractor", content)
        if isinstance(settings, dict) and {"do_normalize", "sampling_rate"} & set(settings):
            break
    else:
        return {}
    rate_hz = settings.get("sampling_rate", SAMPLE_RATE_HZ)
    if rate_hz != SAMPLE_RATE_HZ:
        raise ModelError(
            f"The model was trained on audio at {rate_hz} Hz.",
            code="model.sampling_rate",
            hint=f"Choose a checkpoint for {SAMPLE_RATE_HZ} Hz.",
            metadata={"sample_rate_hz": rate_hz, "supported_hz": SAMPLE_RATE_HZ},
        )
    return settings
