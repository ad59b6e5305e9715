"""Which language a multilingual checkpoint (MMS) speaks: names, vocabularies and adapters.

Such a checkpoint has, for each language, a vocabulary of its own (``vocab.json`` maps the language's code
to it) and a small file with that language's attention adapters and CTC head (Pratap et al. 2023, "Scaling
Speech Technology to 1,000+ Languages", §4). A person names both with ``model:language``, such as
``facebook/mms-1b-all:deu``; codes are the checkpoint's own (ISO 639-3, at times with a script:
``urd-script_arabic``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

from wav2vec2_app.errors import ModelError

CONFIG = "config.json"
VOCABULARY = "vocab.json"
TOKENIZER = "tokenizer_config.json"
ADAPTERS = ("adapter.{}.safetensors", "adapter.{}.bin")
"""Names of the files with a language's weights, best first."""
USUAL = "eng"
"""The language of a checkpoint whose tokenizer does not choose one."""

CODE = re.compile(r"[A-Za-z]{2,}[A-Za-z0-9_-]*")
SHOWN = 40
"""Languages that an error lists at most."""


def split_name(name: str) -> tuple[str, str]:
    """``model:language`` as (model, language); the language is empty where none is named."""
    model, colon, language = name.rpartition(":")
    if colon and model and CODE.fullmatch(language):
        return model, language
    return name, ""


def read_json(path: Path) -> dict[str, Any]:
    """The object in a checkpoint's file; empty where there is no file or no object.

    Raises:
        ModelError: ``model.broken``: it is not JSON.
    """
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


def has_languages(folder: Path) -> bool:
    """Whether the checkpoint's weights have a place for adapters; reads the small config.json only."""
    return bool(read_json(folder / CONFIG).get("adapter_attn_dim"))


def vocabularies(folder: Path) -> dict[str, dict[str, Any]]:
    """The vocabulary of each language; empty where vocab.json holds a single one."""
    content = read_json(folder / VOCABULARY)
    return content if content and all(isinstance(v, dict) for v in content.values()) else {}


def default_language(folder: Path, known: Collection[str]) -> str:
    """The language that answers where none is named: the tokenizer's, else English, else the first."""
    chosen = read_json(folder / TOKENIZER).get("target_lang")
    if isinstance(chosen, str) and chosen:
        return chosen
    return USUAL if USUAL in known or not known else next(iter(known))


def adapter_in(folder: Path, language: str) -> Path | None:
    """The file with the weights of ``language``, or None where they are not beside the others."""
    paths = (folder / name.format(language) for name in ADAPTERS)
    return next((path for path in paths if language and path.is_file()), None)


def choose_language(folder: Path, wanted: str) -> str:
    """The language to speak; empty for a checkpoint that has one only. Its adapter may be missing yet.

    Raises:
        ModelError: ``model.unknown_language``: the checkpoint does not know ``wanted``;
            ``metadata["known"]`` lists (some of) those it knows.
    """
    known = tuple(vocabularies(folder)) if has_languages(folder) else ()
    language = wanted or default_language(folder, known)
    if language in known:
        return language
    if known or wanted:
        raise unknown_language(language, known)
    return language if adapter_in(folder, language) else ""


def unknown_language(language: str, known: tuple[str, ...]) -> ModelError:
    """The error for a language that a checkpoint cannot speak."""
    some = "Choose one of its languages after the colon, such as “model:eng”."
    none = "It has one language only: name it without a colon."
    return ModelError(
        f"The model does not speak “{language[:40]}”.",
        code="model.unknown_language",
        layer="validation",
        severity="warning",
        hint=some if known else none,
        metadata={"known": sorted(known)[:SHOWN], "count": len(known)},
    )
