"""Replacement rules of a client: where the model writes one text, another one is written."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from wav2vec2_app.errors import InputError
from wav2vec2_app.speech.tokenization import APOSTROPHES

MAX_RULES: Final = 1000
MAX_RULE_CHARACTERS: Final = 300

_PUNCTUATED: Final = re.compile(r"^([\W_]*)(.*?)([\W_]*)$", re.DOTALL)
_SEPARATOR: Final = re.compile(r"\s*(?:=>|->|→|=)\s*")


class Rule(NamedTuple):
    """What is replaced, as words in lower case without punctuation, and by what; nothing removes it."""

    words: tuple[str, ...]
    text: str


Rules = Mapping[str, Sequence[Rule]]
"""Rules by their first word, the longest ones first."""


def parse_rules(lines: Iterable[str]) -> tuple[Rule, ...]:
    """Rules of the form ``X = Y``; also with ``=>``, ``->`` or ``→``. Of several for one X the last counts.

    Raises:
        InputError: ``export.bad_value``.
    """
    rules: dict[tuple[str, ...], Rule] = {}
    for line in lines:
        rule = _parsed(line)
        rules[rule.words] = rule
        if len(rules) > MAX_RULES:
            raise _bad_rule(
                f"There are more than {MAX_RULES} replacement rules.",
                f"Use at most {MAX_RULES} rules.",
            )
    return tuple(rules.values())


@lru_cache(maxsize=32)
def rules_of(lines: tuple[str, ...]) -> Rules:
    """The rules as :func:`match` looks them up."""
    found: dict[str, list[Rule]] = {}
    for rule in parse_rules(lines):
        found.setdefault(rule.words[0], []).append(rule)
    return {
        word: sorted(several, key=lambda rule: -len(rule.words))
        for word, several in found.items()
    }  # fmt: skip


def match(rules: Rules, words: Sequence[str], at: int) -> Rule | None:
    """The longest rule for the words from a position on; punctuation may only stand around all of them."""
    key = plain_word(words[at])
    for rule in rules.get(key, ()):
        end = at + len(rule.words)
        part = words[at:end]
        if tuple(map(plain_word, part)) == rule.words and _is_unbroken(part):
            return rule
    return None


def split_punctuation(text: str) -> tuple[str, str, str]:
    """A word without the punctuation around it: what is before it, the word, what is after it."""
    found = _PUNCTUATED.match(text)
    return (found[1], found[2], found[3]) if found else ("", text, "")


def plain_word(word: str) -> str:
    """A word in lower case without the punctuation around it."""
    text = "".join("'" if sign in APOSTROPHES else sign for sign in word)
    return unicodedata.normalize("NFC", split_punctuation(text)[1]).lower()


def _is_unbroken(words: Sequence[str]) -> bool:
    inner_ends = (split_punctuation(word)[2] for word in words[:-1])
    inner_starts = (split_punctuation(word)[0] for word in words[1:])
    return not any(inner_ends) and not any(inner_starts)


def _parsed(line: str) -> Rule:
    if len(line) > MAX_RULE_CHARACTERS:
        raise _bad_rule(
            f"The replacement rule “{line[:20]}…” has {len(line)} characters.",
            f"Use rules of at most {MAX_RULE_CHARACTERS} characters.",
        )
    parts = _SEPARATOR.split(line.strip(), maxsplit=1)
    words = tuple(filter(None, map(plain_word, parts[0].split())))
    if len(parts) != 2 or not words:
        raise _bad_rule(
            f"“{line[:40]}” is not a replacement rule.",
            "Write one rule per line: what the model writes, an equals sign, what to write instead.",
        )
    return Rule(words, " ".join(parts[1].split()))


def _bad_rule(message: str, hint: str) -> InputError:
    return InputError(
        message, code="export.bad_value", hint=hint, metadata={"field": "replacements"}
    )
