"""Hotwords as callers send them: splits text into words and phrases, and checks their number and length."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from wav2vec2_app.errors import InputError

MAX_HOTWORDS: Final = 1000
MAX_HOTWORD_CHARACTERS: Final = 50
MAX_HOTWORDS_CHARACTERS: Final = 200_000
"""Longest list of hotwords as text; longer ones are rejected before they are split."""


def parse_hotwords(value: object) -> tuple[str, ...]:
    """Hotwords from text with commas or line breaks between them, or from a list of such texts.

    Raises:
        InputError: ``decoder.bad_value``, ``hotwords.too_many``.
    """
    given = [value] if isinstance(value, str) else value
    if not isinstance(given, Iterable) or isinstance(given, Mapping | bytes):
        raise _not_text()
    items: list[object] = list(given)
    lines = [line for line in items if isinstance(line, str)]
    if len(lines) != len(items):
        raise _not_text()
    if sum(map(len, lines)) > MAX_HOTWORDS_CHARACTERS:
        raise _too_many(f"The list of hotwords has more than {MAX_HOTWORDS_CHARACTERS} characters.")
    words = (word.strip() for line in lines for word in re.split(r"[,;\r\n]", line))
    return tuple(dict.fromkeys(word for word in words if word))


def check_hotwords(hotwords: tuple[str, ...]) -> None:
    """Check the number and the length of hotwords.

    Raises:
        InputError: ``hotwords.too_many``, ``hotwords.too_long``.
    """
    words = single_words(hotwords)
    if len(words) > MAX_HOTWORDS:
        raise _too_many(f"There are {len(words)} hotwords; the limit is {MAX_HOTWORDS}.")
    too_long = next((word for word in words if len(word) > MAX_HOTWORD_CHARACTERS), None)
    if too_long is not None:
        raise InputError(
            f"The hotword “{too_long[:20]}…” has {len(too_long)} characters.",
            code="hotwords.too_long",
            hint=f"Use hotwords of at most {MAX_HOTWORD_CHARACTERS} characters.",
        )


def single_words(hotwords: Iterable[str]) -> tuple[str, ...]:
    """The words of all hotwords, in lower case, each once."""
    return tuple(dict.fromkeys(word for phrase in hotwords for word in phrase.lower().split()))


def _too_many(message: str) -> InputError:
    return InputError(
        message,
        code="hotwords.too_many",
        hint=f"Send at most {MAX_HOTWORDS}. Fewer hotwords are favoured more reliably.",
    )


def _not_text() -> InputError:
    return InputError(
        "The hotwords are neither text nor a list of texts.",
        code="decoder.bad_value",
        hint="Send text with commas or line breaks between the words, or a list of texts.",
        metadata={"field": "hotwords"},
    )
