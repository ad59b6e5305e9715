"""Letter case and punctuation of recognized words: models that have neither are written as sentences.

The page, the saved files, the API and the command line use this one rule; ``assets/ui/subtitles.js`` has it
for live captions.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from wav2vec2_app.speech.transcript import Word

WRITTEN_MARKS: Final = ",.?"
"""Marks that follow words in :attr:`Word.written`."""
_PRONOUN_I: Final = re.compile(r"I(?:['’][A-Z]+)?$")


def spelled(words: Sequence[str], letter_case: str) -> list[str]:
    """``words`` in the given letter case: ``sentence``, or ``raw`` for unchanged."""
    return sentence_case(words) if letter_case == "sentence" else list(words)


def spelled_words(words: Sequence[Word], letter_case: str, punctuation: str) -> list[str]:
    """The text of ``words`` in the given letter case, with the marks that were found if that is ``sentence``.

    ``letter_case`` and ``punctuation`` are export options.
    """
    texts = spelled([word.text for word in words], letter_case)
    if not has_marks(words, letter_case, punctuation):
        return texts
    return [word.written or text for word, text in zip(words, texts, strict=True)]


def has_marks(words: Sequence[Word], letter_case: str, punctuation: str) -> bool:
    """Whether :func:`spelled_words` writes marks that ``words`` do not have."""
    wanted = letter_case == "sentence" and punctuation != "off"
    return wanted and any(word.written for word in words)


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
