"""The alphabet of a checkpoint: what its outputs mean, from the tokenizer's and feature extractor's files."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from wav2vec2_app.errors import ModelError
from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ
from wav2vec2_app.worker.model.checkpoint_files import (
    TOKENIZER,
    VOCABULARY,
    json_object,
    json_text,
    read_json,
)
from wav2vec2_app.worker.model.languages import (
    default_language,
    unknown_language,
    vocabularies,
)

log = logging.getLogger(__name__)

UNNAMED = ""
"""Token of a model output that the tokenizer does not name; it is left out of transcripts."""
MAX_UNNAMED = 8
"""With more unnamed outputs, the vocabulary belongs to another model. Some are common: a head is rounded
up to a multiple of eight, or has outputs for tokens that the tokenizer lacks."""

DELIMITERS = ("|", " ")
"""Word delimiters to try if the tokenizer names none, or one that its vocabulary lacks."""
NO_DELIMITER = ""
"""Delimiter of a vocabulary that has none: each token is a word (Chinese, Japanese)."""

DEFAULT_SPECIAL_TOKENS = {
    "pad_token": "<pad>",
    "unk_token": "<unk>",
    "bos_token": "<s>",
    "eos_token": "</s>",
}
"""Roles of special tokens, and the defaults of Wav2Vec2CTCTokenizer."""


@dataclass(frozen=True)
class Alphabet:
    """What the columns of an emission mean.

    Attributes:
        tokens: the token of each column, or :data:`UNNAMED`.
        blank_id: column of the CTC blank.
        word_delimiter: the token between words, :data:`NO_DELIMITER` if there is none.
        special: tokens that are not part of a transcript.
        normalize: whether audio is normalized to zero mean and unit variance.
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
            folder: of the checkpoint.
            language: selects a vocabulary, by default the tokenizer's; ignored if there is a single one.

        Raises:
            ModelError: ``model.bad_vocabulary``, ``model.no_blank``, ``model.unknown_language``,
                ``model.sampling_rate``, or ``model.broken`` if a file is not JSON.
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
                hint="Add the tokenizer's pad_token to vocab.json.",
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
        return alphabet._lower_case() if settings.get("do_lower_case") is True else alphabet

    def fitted(self, outputs: int) -> Alphabet:
        """The alphabet for a model with ``outputs`` outputs: tokens are added or dropped at the end.

        Raises:
            ModelError: ``model.bad_vocabulary``: the blank or a letter has no output, or more than
                :data:`MAX_UNNAMED` outputs have no token.
        """
        beyond = [token for token in self.tokens[outputs:] if token not in self.special]
        tokens = (*self.tokens, *(UNNAMED,) * (outputs - len(self.tokens)))[:outputs]
        unnamed = tokens.count(UNNAMED)
        if self.blank_id >= outputs or beyond or unnamed > MAX_UNNAMED:
            raise ModelError(
                "The model and its vocabulary do not belong together.",
                code="model.bad_vocabulary",
                hint="Use vocab.json and the weights of the same checkpoint.",
                metadata={"outputs": outputs, "tokens": len(self.tokens), "unnamed": unnamed},
            )
        if unnamed:
            log.warning("%d of the model's %d outputs have no token", unnamed, outputs)
        return replace(self, tokens=tokens)

    def _lower_case(self) -> Alphabet:
        """The alphabet in lower case, like Wav2Vec2CTCTokenizer with ``do_lower_case``."""
        unchanged = self.special | {self.tokens[self.blank_id], self.word_delimiter}
        lower = (token if token in unchanged else token.lower() for token in self.tokens)
        return replace(self, tokens=tuple(lower))


def _vocabulary(folder: Path, language: str) -> Mapping[str, object]:
    nested = vocabularies(folder)
    if not nested:
        return read_json(folder / VOCABULARY)
    language = language or default_language(folder, nested)
    if language not in nested:
        raise unknown_language(language, tuple(nested))
    return nested[language]


def _checked(vocabulary: Mapping[str, object]) -> dict[str, int]:
    """``vocabulary`` if it maps tokens to different numbers from 0 on."""
    numbers = {token: n for token, n in vocabulary.items() if type(n) is int and n >= 0}
    if not numbers or len(numbers) < len(vocabulary):
        raise _bad_vocabulary("vocab.json must map each token to its number.")
    if len(set(numbers.values())) < len(numbers):
        raise _bad_vocabulary("Two tokens of vocab.json have the same number.")
    if max(numbers.values()) >= len(numbers) + MAX_UNNAMED + len(DEFAULT_SPECIAL_TOKENS):
        raise _bad_vocabulary("Numbers are missing in vocab.json: it is incomplete.")
    return numbers


def _bad_vocabulary(hint: str) -> ModelError:
    return ModelError("The model's vocabulary is invalid.", code="model.bad_vocabulary", hint=hint)


def _in_order(named: Mapping[str, int]) -> tuple[str, ...]:
    tokens = [UNNAMED] * (max(named.values()) + 1)
    for token, number in named.items():
        tokens[number] = token
    return tuple(tokens)


def _special_tokens(folder: Path, settings: Mapping[str, object]) -> dict[str, str]:
    """Special tokens by their role; special_tokens_map.json has the precedence of transformers."""
    roles = dict(settings)
    if "added_tokens_decoder" not in settings:
        roles.update(read_json(folder / "special_tokens_map.json"))
    found = {
        role: _text(roles.get(role)) or default for role, default in DEFAULT_SPECIAL_TOKENS.items()
    }
    for key in ("additional_special_tokens", "extra_special_tokens"):
        more = roles.get(key)
        texts = [_text(token) for token in more] if isinstance(more, list) else []
        found.update({f"{key}.{number}": text for number, text in enumerate(texts) if text})
    return found


def _added_tokens(
    folder: Path, settings: Mapping[str, object], vocabulary: Mapping[str, int]
) -> dict[str, int]:
    """Tokens that the tokenizer adds to its vocabulary, at numbers without a token."""
    decoder = settings.get("added_tokens_decoder")
    if isinstance(decoder, dict):
        pairs = [(_text(token), str(number)) for number, token in decoder.items()]
    else:
        added = read_json(folder / "added_tokens.json")
        pairs = [(token, str(number)) for token, number in added.items()]
    used = set(vocabulary.values())
    numbered = [(token, int(number)) for token, number in pairs if number.isdecimal()]
    return {
        token: number
        for token, number in numbered
        if token and token not in vocabulary and number not in used
    }


def _text(token: object) -> str:
    """The text of a token in a file: a string, or an object with its content."""
    return json_text(token.get("content") if isinstance(token, dict) else token)


def _delimiter(settings: Mapping[str, object], named: Mapping[str, int]) -> str:
    wanted = _text(settings.get("word_delimiter_token"))
    return next(
        (token for token in (wanted, *DELIMITERS) if token and token in named), NO_DELIMITER
    )


def _extractor(folder: Path) -> Mapping[str, object]:
    """The feature extractor's settings, from either file; empty if there are none.

    Raises:
        ModelError: ``model.sampling_rate``: the model was not trained at :data:`SAMPLE_RATE_HZ`.
    """
    settings: Mapping[str, object] = {}
    for name in ("preprocessor_config.json", "processor_config.json"):
        content = read_json(folder / name)
        settings = json_object(content.get("feature_extractor", content))
        if {"do_normalize", "sampling_rate"} & settings.keys():
            break
    else:
        return {}
    rate_hz = settings.get("sampling_rate", SAMPLE_RATE_HZ)
    if rate_hz != SAMPLE_RATE_HZ:
        raise ModelError(
            f"The model was trained on audio at {rate_hz} Hz, not {SAMPLE_RATE_HZ} Hz.",
            code="model.sampling_rate",
            hint=f"Choose a checkpoint that was trained at {SAMPLE_RATE_HZ} Hz.",
            metadata={"sample_rate_hz": rate_hz, "supported_hz": SAMPLE_RATE_HZ},
        )
    return settings
