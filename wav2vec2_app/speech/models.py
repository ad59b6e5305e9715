"""Identifies models: the one that was used, and those that can be chosen."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from wav2vec2_app.errors import InputError
from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ
from wav2vec2_app.speech.languages import language_code, language_name

AUTO_MODEL = "auto"
"""Name with which the application chooses the model."""

EMBEDDED = "embedded"
"""Name and source of the checkpoint that is part of the application."""


@dataclass(frozen=True)
class ModelInfo:
    """A loaded model, and what it runs on.

    ``source`` is ``embedded``, ``cache`` (the hub's cache on disk) or ``folder``; ``note`` is a sentence for
    users about a fallback, or empty; ``language`` is the code of the language that it transcribes, empty if
    the checkpoint does not say it.
    """

    name: str
    source: str
    engine: str
    device: str
    precision: str
    parameters: int
    size_bytes: int
    sample_rate_hz: int = SAMPLE_RATE_HZ
    note: str = ""
    language: str = ""


@dataclass(frozen=True)
class ModelChoice:
    """A model that can be chosen; it is ``ready`` if its weights are on this machine.

    ``state`` is one of :data:`MODEL_STATES`; ``progress`` is the part that has been downloaded, 0 to 1.
    ``language`` is what it transcribes, empty if unknown; ``languages`` are those of a multilingual
    checkpoint, which can be named after a colon. ``emission``: whether it gives one, which alignment, live
    captions and decoding again start from.
    """

    name: str
    label: str
    ready: bool
    language: str = ""
    languages: tuple[str, ...] = ()
    emission: bool = True
    state: str = ""
    progress: float | None = None


MODEL_STATES: Final = ("loaded", "loading", "on-disk", "downloading", "downloadable", "missing")
"""In memory; being loaded; on disk; being downloaded; can be downloaded; cannot."""


def model_or_auto(name: str, installed: Collection[str]) -> str:
    """``name``; :data:`AUTO_MODEL` if it is empty, or one of OpenAI's names and no installed model's."""
    name = name.strip()
    if name in installed or name.rpartition(":")[0] in installed:
        return name
    return AUTO_MODEL if not name or is_openai_name(name) else name


def is_openai_name(name: str) -> bool:
    """Whether OpenAI or its Whisper has or could have a model of that name."""
    return bool(_OPENAI_NAME.fullmatch(name.strip()))


_OPENAI_NAME: Final = re.compile(
    r"(openai/)?(whisper([-_. ].*)?|(chat)?gpt[-_.].*|o\d([-_.].*)?)"
    r"|(tiny|base|small|medium)(\.en)?|large(-v\d)?|(large-v\d-)?turbo",
    re.IGNORECASE,
)


def model_for_language(
    name: str, language: str, choices: Mapping[str, ModelChoice], default: str = AUTO_MODEL
) -> str:
    """The model to use where ``name`` and a ``language`` are requested.

    A language of a multilingual model is added to its name (``model:deu``). For :data:`AUTO_MODEL` that is
    ``default``, or a model on this machine that has the language. A model whose languages are unknown is
    used as requested.

    Raises:
        InputError: ``language.unsupported``.
    """
    code = language_code(language)
    model, _, named = name.rpartition(":") if ":" in name else (name, "", "")
    if not code or (named and model in choices and language_code(named) == code):
        return name
    chosen = choices.get(default if name == AUTO_MODEL else model if model in choices else name)
    if chosen is None or not (chosen.language or chosen.languages):
        return name
    candidates = (
        [choice for choice in choices.values() if choice.ready] if name == AUTO_MODEL else []
    )
    for choice in (chosen, *candidates):
        if language_code(choice.language) == code and not named:
            return name if choice is chosen else choice.name
        if found := [one for one in choice.languages if language_code(one) == code]:
            return f"{choice.name}:{found[0]}"
    raise _unsupported(language, chosen)


def _unsupported(language: str, chosen: ModelChoice) -> InputError:
    known = sorted({*chosen.languages, chosen.language} - {""})
    some = ", ".join(map(language_name, known[:_MAX_LISTED_LANGUAGES]))
    return InputError(
        f"The model “{chosen.name}” does not transcribe “{language_name(language)[:40]}”.",
        code="language.unsupported",
        hint=f"It transcribes {some}. Choose another model, or omit `language`.",
        metadata={"language": language[:40], "known": known[:_MAX_LISTED_LANGUAGES]},
    )


_MAX_LISTED_LANGUAGES: Final = 40
