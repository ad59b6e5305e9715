"""Reads decoding options from a form: our fields, and OpenAI's where they have a meaning here."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Final

from wav2vec2_app.errors import InputError
from wav2vec2_app.server.api.uploads import Upload
from wav2vec2_app.speech.audio import DecodeAudioOptions, parse_audio_options
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
    """The form's decoding options; hotwords come from ``hotwords``, otherwise from ``prompt``.

    Raises:
        InputError: see :func:`parse_options`.
    """
    values: dict[str, object] = {option.name: upload.get(option.name, "") for option in OPTIONS}
    hotwords = upload.all("hotwords", "hotwords[]") or prompt_hotwords(upload.get("prompt", ""))
    return parse_options(**{**values, "hotwords": list(hotwords)})


def audio_options(upload: Upload, *, channels: bool = True) -> DecodeAudioOptions:
    """The form's track, and whether its channels are transcribed separately.

    Raises:
        InputError: see :func:`parse_audio_options`.
    """
    wanted = upload.get("channels", "") if channels else ""
    return parse_audio_options(upload.get("track", ""), wanted)


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


def reject_unsupported(upload: Upload) -> None:
    """Reject ``stream=true``, and a ``temperature`` that OpenAI's API rejects as well.

    Raises:
        InputError: ``request.bad_value``.
    """
    if upload.get("stream", "false").lower() not in ("false", "0"):
        raise InputError(
            "Streamed responses are not supported.",
            code="request.bad_value",
            hint="Omit `stream`: the response is sent in one piece.",
            metadata={"field": "stream", "allowed": ["false"]},
        )
    if not 0 <= _temperature(upload) <= 1:
        raise InputError(
            "`temperature` is not a number from 0 to 1.",
            code="request.bad_value",
            hint="Omit it: decoding is deterministic.",
            metadata={"field": "temperature"},
        )


def _temperature(upload: Upload) -> float:
    try:
        return float(upload.get("temperature", "0"))
    except ValueError:
        return math.nan
