"""What a checkpoint's tokens mean, read from its own tokenizer and feature extractor files."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from wav2vec2_app.errors import ModelError
from wav2vec2_app.model.resolve import VOCABULARY


@dataclass(frozen=True)
class Alphabet:
    """What the columns of an emission mean, read from the checkpoint's own tokenizer files."""

    tokens: tuple[str, ...]
    blank_id: int
    word_delimiter: str
    special: frozenset[str]
    normalize: bool

    @classmethod
    def of(cls, folder: Path) -> Alphabet:
        """Read vocab.json, tokenizer_config.json and the feature extractor's configuration."""
        vocabulary = _read_json(folder / VOCABULARY)
        if not vocabulary or not all(isinstance(index, int) for index in vocabulary.values()):
            raise ModelError(
                "The model's vocabulary cannot be read.",
                code="model.bad_vocabulary",
                hint="vocab.json maps each token to its number.",
            )
        tokens = [UNNAMED] * (max(vocabulary.values()) + 1)
        for token, index in vocabulary.items():
            tokens[index] = token
        settings = _read_json(folder / "tokenizer_config.json")
        special = _special_tokens(settings)
        blank = special.get("pad_token", "<pad>")
        if blank not in vocabulary:
            raise ModelError(
                "The model's vocabulary has no blank.",
                code="model.no_blank",
                hint="The tokenizer's pad_token has to be in vocab.json.",
            )
        return cls(
            tokens=tuple(tokens),
            blank_id=vocabulary[blank],
            word_delimiter=special.get("word_delimiter_token", "|"),
            special=frozenset({UNNAMED, *special.values()})
            - {special.get("word_delimiter_token", "|")},
            normalize=_normalizes(folder),
        )

    def fitted(self, outputs: int) -> Alphabet:
        """The same for a model with this many outputs, which its tokenizer may name more or less of.

        Raises:
            ModelError: the blank is none of the outputs.
        """
        if self.blank_id >= outputs:
            raise ModelError(
                "The model and its vocabulary do not belong together.",
                code="model.bad_vocabulary",
                hint="Take vocab.json and the weights from the same checkpoint.",
            )
        missing = outputs - len(self.tokens)
        return replace(self, tokens=(*self.tokens, *(UNNAMED,) * missing)[:outputs])


UNNAMED = ""
"""Stands for an output of the model that the tokenizer does not name; never spelled."""


def _special_tokens(settings: dict[str, Any]) -> dict[str, str]:
    names = ("pad_token", "unk_token", "bos_token", "eos_token", "word_delimiter_token")
    defaults = {"pad_token": "<pad>", "unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>"}
    found: dict[str, str] = {}
    for name in names:
        token = settings.get(name, defaults.get(name, "|"))
        if isinstance(token, dict):
            token = token.get("content")
        if isinstance(token, str):
            found[name] = token
    return found


def _normalizes(folder: Path) -> bool:
    for name in ("preprocessor_config.json", "processor_config.json"):
        settings = _read_json(folder / name)
        settings = settings.get("feature_extractor", settings)
        if "do_normalize" in settings:
            return bool(settings["do_normalize"])
    return True


def _read_json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelError(
            f"The model's file {path.name} is not valid JSON.",
            code="model.broken",
            hint="Fetch or save the checkpoint again.",
        ) from error
    return content if isinstance(content, dict) else {}
