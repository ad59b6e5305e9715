"""Letter case of recognized words: models that have capital letters only are written in sentence case.

The page, the saved files, the API and the command line use this one rule; ``assets/ui/subtitles.js`` has it
for live captions.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

_PRONOUN_I: Final = re.compile(r"I(?:['’][A-Z]+)?$")


def spelled(words: Sequence[str], letter_case: str) -> list[str]:
    """``words`` in the given letter case: ``sentence``, or ``raw`` for unchanged."""
    return sentence_case(words) if letter_case == "sentence" else list(words)


def spelled_text(text: str, letter_case: str) -> str:
    """``text`` in the given letter case, see :func:`spelled`; blanks and line breaks are unchanged."""
    parts = re.split(r"(\s+)", text)
    parts[::2] = spelled(parts[::2], letter_case)
    return "".join(parts)


def sentence_case(words: Sequence[str]) -> list[str]:
    """Words of a model with capital letters only in sentence case; others unchanged."""
    if not "".join(words).isupper():
        return list(words)
    first, *rest = words
    return [
        _capitalized(first),
        *(_capitalized(word) if _PRONOUN_I.match(word) else word.lower() for word in rest),
    ]


def _capitalized(word: str) -> str:
    """``word`` in lower case but for its first letter, which an apostrophe may precede."""
    lower = word.lower()
    at = next((index for index, sign in enumerate(lower) if sign.isalpha()), 0)
    return lower[:at] + lower[at : at + 1].upper() + lower[at + 1 :]
