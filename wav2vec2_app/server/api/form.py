"""Reads decoding options from a form: our fields, and OpenAI's where they have a meaning here."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Final

from wav2vec2_app.errors import InputError
from wav2vec2_app.server.api.uploads import Upload
from wav2vec2_app.speech.options import (
    MAX_HOTWORDS_CHARACTERS,
    OPTIONS,
    DecodingOptions,
    parse_options,
)

MAX_TERM_WORDS: Final = 4
"""A prompt is a list of terms if none of its parts between commas has more words."""
MAX_PROMPT_HOTWORDS: Final = 100
"""Largest number of hotwords taken from a prompt."""


def decoding_options(upload: Upload) -> DecodingOptions:
    """The form's decoding options; hotwords are ``hotwords`` or ``keywords``, else names in ``prompt``.

    Raises:
        InputError: see :func:`parse_options`.
    """
    values: dict[str, object] = {option.name: upload.get(option.name, "") for option in OPTIONS}
    hotwords = upload.all("hotwords", "keywords") or prompt_hotwords(upload.text("prompt"))
    return parse_options(**{**values, "hotwords": list(hotwords)})


def prompt_hotwords(prompt: str) -> Sequence[str]:
    """The terms and names in a prompt.

    All parts of a list of terms; of prose only words that are spelled like names: with a capital letter that
    does not begin a sentence, or with one inside the word (``iPhone``, ``NASA``).
    """
    text = prompt[:MAX_HOTWORDS_CHARACTERS]
    terms = [part.strip() for part in re.split(r"[,;\n]", text) if part.strip()]
    is_prose = re.search(rf"{_SENTENCE_END}(\s|$)", text)
    if not is_prose and all(len(term.split()) <= MAX_TERM_WORDS for term in terms):
        return terms[:MAX_PROMPT_HOTWORDS]
    names = (
        word.group()
        for word in re.finditer(r"[^\W\d_][\w'’-]*", text)
        if _is_name(word.group(), text[: word.start()])
    )
    return list(dict.fromkeys(names))[:MAX_PROMPT_HOTWORDS]


_SENTENCE_END: Final = r"(?<!\bMr)(?<!\bMs)(?<!\bMrs)(?<!\bDr)(?<!\bSt)[.!?]"
_SENTENCE_START: Final = re.compile(rf"(^|{_SENTENCE_END}|[:\n])[\s\"“'(]*$")
_CONTEXT_CHARACTERS: Final = 16
"""Number of characters before a word that decide whether it begins a sentence."""


def _is_name(word: str, before: str) -> bool:
    if re.fullmatch(r"I(['’]\w+)?", word):
        return False
    begins_text = len(before) < _CONTEXT_CHARACTERS and not before.strip("\"“'( \n")
    if begins_text or _SENTENCE_START.search(f" {before[-_CONTEXT_CHARACTERS:]}"):
        return any(letter.isupper() for letter in word[1:])
    return any(letter.isupper() for letter in word)


def one_of(value: str, allowed: Sequence[str], field: str) -> str:
    """The member of ``allowed`` that ``value`` spells, in any case.

    Raises:
        InputError: ``request.bad_value``.
    """
    found = value.lower().replace("-", "_")
    if found not in allowed:
        raise InputError(
            f"`{field}` has an unknown value.",
            code="request.bad_value",
            hint=f"Use one of {', '.join(allowed)}.",
            metadata={"field": field, "allowed": list(allowed)},
        )
    return found


def several_of(upload: Upload, allowed: Sequence[str], field: str) -> frozenset[str]:
    """The members of ``allowed`` in a field: repeated, in a list, or separated by commas or spaces.

    Raises:
        InputError: ``request.bad_value``.
    """
    values = (value for item in upload.all(field) for value in re.split(r"[,;\s]+", item))
    return frozenset(
        one_of(plain, allowed, field) for value in values if (plain := value.strip("\"'[]"))
    )


def wants_stream(upload: Upload) -> bool:
    """Whether the response is to be a stream of events.

    Raises:
        InputError: ``request.bad_value``.
    """
    value = upload.get("stream", "false").lower()
    if value not in _TRUE | _FALSE:
        raise InputError(
            "`stream` is neither true nor false.",
            code="request.bad_value",
            hint="Send `true` for a stream of events, or omit `stream`.",
            metadata={"field": "stream", "allowed": ["true", "false"]},
        )
    return value in _TRUE


_TRUE: Final = frozenset({"true", "1", "yes", "on", "y", "t"})
_FALSE: Final = frozenset({"false", "0", "no", "off", "n", "f"})


def check_temperature(upload: Upload) -> None:
    """Reject a ``temperature`` that OpenAI's API rejects as well; the others have no effect.

    Raises:
        InputError: ``request.bad_value``.
    """
    if not all(0 <= _number(value) <= 1 for value in upload.all("temperature")):
        raise InputError(
            "`temperature` is not a number from 0 to 1.",
            code="request.bad_value",
            hint="Omit it: decoding is deterministic.",
            metadata={"field": "temperature"},
        )


def _number(text: str) -> float:
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return math.nan
