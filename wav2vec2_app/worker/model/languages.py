"""Languages of multilingual checkpoints (MMS): names, vocabularies and adapters.

Such a checkpoint has, for each language, a vocabulary (``vocab.json`` maps the language's code to it) and
a small file with that language's attention adapters and CTC head (Pratap et al. 2023, "Scaling Speech
Technology to 1,000+ Languages", §4). Both are selected with ``model:language``, such as
``facebook/mms-1b-all:deu``; codes are the checkpoint's own (ISO 639-3, sometimes with a script:
``urd-script_arabic``).
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from wav2vec2_app.errors import ModelError
from wav2vec2_app.speech.languages import known_language
from wav2vec2_app.worker.model.checkpoint_files import (
    CONFIG,
    MODEL_CARD,
    TOKENIZER,
    VOCABULARY,
    JsonDocument,
    json_text,
    read_json,
)

ADAPTERS = ("adapter.{}.safetensors", "adapter.{}.bin")
"""Names of the files with a language's weights, best first."""
DEFAULT_LANGUAGE = "eng"
"""The language of a checkpoint whose tokenizer does not specify one."""

LANGUAGE_CODE = re.compile(r"[A-Za-z]{2,}[A-Za-z0-9_-]*")
MAX_LISTED_LANGUAGES = 40
"""Most languages that an error lists."""


def split_name(name: str) -> tuple[str, str]:
    """``model:language`` as (model, language); the language is empty if none is named."""
    model, colon, language = name.rpartition(":")
    if colon and model and LANGUAGE_CODE.fullmatch(language):
        return model, language
    return name, ""


def has_languages(folder: Path) -> bool:
    """Whether the checkpoint has adapters, by its config.json."""
    return bool(read_json(folder / CONFIG).get("adapter_attn_dim"))


def vocabularies(folder: Path) -> dict[str, JsonDocument]:
    """The vocabulary of each language; empty if vocab.json has a single one."""
    content = read_json(folder / VOCABULARY)
    nested = {language: v for language, v in content.items() if isinstance(v, dict)}
    return nested if len(nested) == len(content) else {}


def default_language(folder: Path, known: Collection[str]) -> str:
    """The language if none is named: the tokenizer's, else English, else the first."""
    chosen = json_text(read_json(folder / TOKENIZER).get("target_lang"))
    if chosen:
        return chosen
    return DEFAULT_LANGUAGE if DEFAULT_LANGUAGE in known or not known else next(iter(known))


def adapter_in(folder: Path, language: str) -> Path | None:
    """The file with the weights of ``language``; ``None`` if it is missing."""
    paths = (folder / name.format(language) for name in ADAPTERS)
    return next((path for path in paths if language and path.is_file()), None)


def choose_language(folder: Path, wanted: str) -> str:
    """The language to use; empty for a checkpoint with a single one. Its adapter may be missing.

    Raises:
        ModelError: ``model.unknown_language``: the checkpoint does not have ``wanted``;
            ``metadata["known"]`` lists up to :data:`MAX_LISTED_LANGUAGES` that it has.
    """
    known = tuple(vocabularies(folder)) if has_languages(folder) else ()
    language = wanted or default_language(folder, known)
    if language in known:
        return language
    if known or wanted:
        raise unknown_language(language, known)
    return language if adapter_in(folder, language) else ""


def unknown_language(language: str, known: tuple[str, ...]) -> ModelError:
    """The error for a language that a checkpoint does not have."""
    some = "Choose one of its languages after the colon, such as “model:eng”."
    none = "It has a single language: name it without a colon."
    return ModelError(
        f"The model does not support the language “{language[:40]}”.",
        code="model.unknown_language",
        layer="validation",
        severity="warning",
        hint=some if known else none,
        metadata={"known": sorted(known)[:MAX_LISTED_LANGUAGES], "count": len(known)},
    )


def language_of(folder: Path, *names: str) -> str:
    """The code of the language that a checkpoint with a single one transcribes; empty if unknown.

    The tokenizer says it, or the model card, or one of the checkpoint's ``names``
    (``wav2vec2-large-xlsr-53-german``; ``960h`` are the hours of LibriSpeech, which is English).
    """
    target = known_language(json_text(read_json(folder / TOKENIZER).get("target_lang")))
    if target:
        return target
    on_card = _card_languages(folder / MODEL_CARD)
    if on_card:
        return on_card[0] if len(on_card) == 1 else ""
    origin = json_text(read_json(folder / CONFIG).get("_name_or_path"))
    parts = [part for name in (*names, origin) for part in re.split(r"[^a-z0-9]+", name.lower())]
    if "960h" in parts:
        return "en"
    named = (known_language(part) for part in parts if len(part) > MAX_CODE_CHARACTERS)
    return next(filter(None, named), "")


MAX_CODE_CHARACTERS = 3
"""Parts of a name up to this length do not count as the name of a language."""
MAX_CARD_CHARACTERS = 20_000


def _card_languages(card: Path) -> tuple[str, ...]:
    """The languages in the YAML header of a model card: ``language: de``, or a list of them."""
    if not card.is_file():
        return ()
    with card.open(encoding="utf-8", errors="replace") as file:
        header = re.match(r"---\n(.*?)\n---", file.read(MAX_CARD_CHARACTERS), re.DOTALL)
    field = header and re.search(
        r"^language:[ \t]*(\S[^\n]*|(?:\n[ \t]*- [^\n]*)+)", header[1], re.MULTILINE
    )
    found = map(known_language, re.findall(r"[\w-]+", field[1])) if field else ()
    return tuple(dict.fromkeys(filter(None, found)))
