"""Filler words: hesitations without a meaning, by language. Words that also mean something are not listed.

“um” is a filler in English and a word in German; “er” likewise. Sounds that agree (“mhm”, “uh-huh”) stay.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from wav2vec2_app.speech.replacement_rules import plain_word

_EVERYWHERE: Final = "h+m+|m{2,}"
_FILLERS: Final[Mapping[str, str]] = {
    "": "u+m+|u+h+m*|e+r+m+|er|e+h+m+",
    "en": "u+m+|u+h+m*|e+r+m+|er|e+h+m+",
    "de": "ä+h+m*|ö+h+m*|ä+m+|ö+m+|e+h+m+",
    "fr": "e+u+h+|h+e+u+|e+h+m+",
    "es": "e+h+m+|e{2,}h*",
    "it": "e+h+m+|u+h+m+",
    "nl": "u+h+m*|e+h+m+",
}
_PATTERNS: Final = {
    language: re.compile(f"(?:{_EVERYWHERE}|{own})") for language, own in _FILLERS.items()
}
_OTHERS: Final = re.compile(f"(?:{_EVERYWHERE})")
_AGREES: Final = frozenset({"huh", "hm", "hmm", "mhm", "hum", "mm"})
"""After “uh” or “mm”, these make it a word: “uh huh”."""


def is_filler(words: Sequence[str], at: int, language: str) -> bool:
    """Whether the word at a position is a filler of a language."""
    word = plain_word(words[at])
    if not _PATTERNS.get(language, _OTHERS).fullmatch(word):
        return False
    before = words[at - 1] if at else ""
    if word == "mm" and before[-1:].isdecimal():  # millimetres
        return False
    return not (_agrees(words, at, at + 1) or _agrees(words, at - 1, at))


def is_abbreviation(word: str) -> bool:
    """Whether a word is spelled in capitals: “ER” in a text that is not."""
    return len(word) > 1 and word.isupper()


def _agrees(words: Sequence[str], first: int, second: int) -> bool:
    if first < 0 or second >= len(words):
        return False
    return plain_word(words[first]) in ("uh", "mm", "m") and plain_word(words[second]) in _AGREES
