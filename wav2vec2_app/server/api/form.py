"""Fields of a form that say how to read: OpenAI's where they have a meaning here, and ours."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Final

from wav2vec2_app.errors import InputError
from wav2vec2_app.server.api.uploads import Upload
from wav2vec2_app.speech import options
from wav2vec2_app.speech.options import DecodingOptions

NUMBERS: Final = ("beam_width", "lm_weight", "word_score", "hotword_boost")
LISTED_WORDS: Final = 4
"""A prompt whose parts between commas have at most so many words is a list of terms, not prose."""
MOST_FROM_PROMPT: Final = 100
"""Hotwords taken from a prompt at most."""


def decoding(upload: Upload) -> DecodingOptions:
    """The form's settings; words come from ``hotwords``, or else from ``prompt``."""
    hotwords = upload.all("hotwords", "hotwords[]") or words_of_prompt(upload.get("prompt", ""))
    return options.parse_options(
        decoder=upload.get("decoder", ""),
        hotwords=list(hotwords),
        **{name: upload.get(name, "") for name in NUMBERS},
    )


def words_of_prompt(prompt: str) -> Sequence[str]:
    """What a prompt names.

    A list of terms is taken whole. Of prose, only words that are written as names are: with a capital
    letter although no sentence begins there, or with one further in (``iPhone``, ``NASA``).
    """
    text = prompt[: options.MAX_HOTWORDS_CHARACTERS]
    listed = [part.strip() for part in re.split(r"[,;\n]", text) if part.strip()]
    prose = re.search(rf"{_STOP}(\s|$)", text)
    if not prose and all(len(part.split()) <= LISTED_WORDS for part in listed):
        return listed[:MOST_FROM_PROMPT]
    names = (
        found.group()
        for found in re.finditer(r"[^\W\d_][\w'’-]*", text)
        if _is_name(found.group(), text[: found.start()])
    )
    return list(dict.fromkeys(names))[:MOST_FROM_PROMPT]


_STOP: Final = r"(?<!\bMr)(?<!\bMs)(?<!\bMrs)(?<!\bDr)(?<!\bSt)[.!?]"
_BEGINS: Final = re.compile(rf"(^|{_STOP}|[:\n])[\s\"“'(]*$")
_LOOKED_BACK: Final = 16
"""So many characters before a word tell whether a sentence begins with it."""


def _is_name(word: str, before: str) -> bool:
    if re.fullmatch(r"I(['’]\w+)?", word):
        return False
    begins = len(before) < _LOOKED_BACK and not before.strip("\"“'( \n")
    if begins or _BEGINS.search(f" {before[-_LOOKED_BACK:]}"):
        return any(letter.isupper() for letter in word[1:])
    return any(letter.isupper() for letter in word)


def refuse_what_is_not_here(upload: Upload) -> None:
    """Refuse a stream, and a temperature that OpenAI's API would refuse.

    Raises:
        InputError: ``request.bad_value``.
    """
    if upload.get("stream", "false").lower() not in ("false", "0"):
        raise InputError(
            "Answers are not streamed here.",
            code="request.bad_value",
            hint="Leave `stream` out; the whole answer comes at once.",
            metadata={"field": "stream", "allowed": ["false"]},
        )
    try:
        temperature = float(upload.get("temperature", "0"))
    except ValueError:
        temperature = math.nan
    if not 0 <= temperature <= 1:
        raise InputError(
            "`temperature` is no number between 0 and 1.",
            code="request.bad_value",
            hint="Leave it out: nothing is drawn at random here.",
            metadata={"field": "temperature"},
        )
