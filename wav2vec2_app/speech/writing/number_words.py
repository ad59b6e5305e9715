"""English number words and their values: cardinals, ordinals, digits, fractions.

The parsers take the words of one clause in lower case and a position, and return a value with the position
after it, or ``None``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

Words = Sequence[str]
Parsed = tuple[int, int] | None
"""A value, and the position after its words."""

DIGITS: Final[Mapping[str, int]] = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8,
    "nine": 9,
}  # fmt: skip
SMALL: Final[Mapping[str, int]] = {
    **DIGITS, "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15,
    "sixteen": 16, "seventeen": 17, "eighteen": 18, "nineteen": 19,
}  # fmt: skip
TENS: Final[Mapping[str, int]] = {
    "twenty": 20, "thirty": 30, "forty": 40, "fourty": 40, "fifty": 50, "sixty": 60, "seventy": 70,
    "eighty": 80, "ninety": 90,
}  # fmt: skip
SCALES: Final[Mapping[str, int]] = {
    "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12,
}  # fmt: skip
OH: Final = frozenset({"oh", "o"})
"""Zero in digit sequences and years."""
MULTIPLES: Final[Mapping[str, int]] = {"double": 2, "triple": 3}
ORDINALS: Final[Mapping[str, str]] = {
    "first": "one", "second": "two", "third": "three", "fourth": "four", "fifth": "five", "sixth": "six",
    "seventh": "seven", "eighth": "eight", "ninth": "nine", "tenth": "ten", "eleventh": "eleven",
    "twelfth": "twelve", "thirteenth": "thirteen", "fourteenth": "fourteen", "fifteenth": "fifteen",
    "sixteenth": "sixteen", "seventeenth": "seventeen", "eighteenth": "eighteen",
    "nineteenth": "nineteen", "twentieth": "twenty", "thirtieth": "thirty", "fortieth": "forty",
    "fiftieth": "fifty", "sixtieth": "sixty", "seventieth": "seventy", "eightieth": "eighty",
    "ninetieth": "ninety", "hundredth": "hundred", "thousandth": "thousand", "millionth": "million",
    "billionth": "billion",
}  # fmt: skip
"""Ordinal -> cardinal word."""
PARTS: Final[Mapping[str, int]] = {
    "half": 2, "halves": 2, "third": 3, "quarter": 4, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7,
    "eighth": 8, "ninth": 9, "tenth": 10,
    "thirds": 3, "quarters": 4, "fourths": 4, "fifths": 5, "sixths": 6, "sevenths": 7, "eighths": 8,
    "ninths": 9, "tenths": 10,
}  # fmt: skip
"""Denominators of fractions."""
DECADES: Final[Mapping[str, int]] = {
    "twenties": 20, "thirties": 30, "forties": 40, "fifties": 50, "sixties": 60, "seventies": 70,
    "eighties": 80, "nineties": 90,
}  # fmt: skip
NUMBER_WORDS: Final = frozenset({*SMALL, *TENS, *SCALES, "hundred"})
_LONGEST_ORDINAL: Final = 12
"""Words in which the ordinal of a number is looked for."""


def word_at(words: Words, at: int) -> str:
    """The word at a position; empty outside."""
    return words[at] if 0 <= at < len(words) else ""


def below_hundred(words: Words, at: int) -> Parsed:
    """“five”, “nineteen”, “twenty one”."""
    word = word_at(words, at)
    if word in SMALL:
        return SMALL[word], at + 1
    if word not in TENS:
        return None
    unit = DIGITS.get(word_at(words, at + 1), 0)
    return TENS[word] + unit, at + (2 if unit else 1)


def cardinal(words: Words, at: int) -> Parsed:
    """“zero”, “twenty five hundred”, “two million three hundred and five thousand and one”."""
    total, scale_before = 0, 10**15
    start = at
    while (group := _below_thousand(words, at)) is not None:
        value, after = group
        scale = SCALES.get(word_at(words, after))
        if scale is None:
            return (total + value, after) if value < scale_before else _if_any(total, start, at)
        if scale >= scale_before:
            break
        total, scale_before, at = total + value * scale, scale, after + 1
        rest = cardinal_tail(words, at)
        if rest is not None:
            return total + rest[0], rest[1]
    return _if_any(total, start, at)


def cardinal_tail(words: Words, at: int) -> Parsed:
    """What follows a scale after “and”: “one thousand and five”."""
    tail = _and_tail(words, at)
    return None if tail is None or word_at(words, tail[1]) in SCALES else tail


def _and_tail(words: Words, at: int) -> Parsed:
    """What follows hundreds after “and”: “five hundred and seven thousand”."""
    return _unscaled(words, at + 1) if word_at(words, at) == "and" else None


def _if_any(total: int, start: int, at: int) -> Parsed:
    return (total, at) if at > start else None


def _below_thousand(words: Words, at: int) -> Parsed:
    """Up to “nine hundred and ninety nine”, and “twenty five hundred”."""
    if word_at(words, at) == "a" and word_at(words, at + 1) in ("hundred", *SCALES):
        return _with_article(words, at)
    first = below_hundred(words, at)
    if first is None or word_at(words, first[1]) != "hundred" or first[0] == 0:
        return first
    hundreds, at = first[0] * 100, first[1] + 1
    rest = _and_tail(words, at) or _unscaled(words, at)
    return (hundreds + rest[0], rest[1]) if rest else (hundreds, at)


def _unscaled(words: Words, at: int) -> Parsed:
    """A number below a hundred, other than zero, that does not count hundreds itself."""
    found = below_hundred(words, at)
    if found is None or found[0] == 0 or word_at(words, found[1]) == "hundred":
        return None
    return found


def _with_article(words: Words, at: int) -> Parsed:
    """“a” for “one”, where more of the number follows: “a hundred and five”, “a thousand and one”."""
    unit = word_at(words, at + 1)
    tail = _and_tail(words, at + 2) or _unscaled(words, at + 2)
    if tail is None:
        return None
    return (100 if unit == "hundred" else SCALES[unit]) + tail[0], tail[1]


def ordinal(words: Words, at: int) -> Parsed:
    """“fifth”, “twenty first”, “one hundred and third”."""
    for end in range(at, min(len(words), at + _LONGEST_ORDINAL)):
        word = words[end]
        if word in ORDINALS:
            spelled = [*words[at:end], ORDINALS[word]]
            if spelled in (["hundred"], ["thousand"], ["million"], ["billion"]):
                return None
            found = cardinal(spelled, 0)
            return (found[0], end + 1) if found and found[1] == len(spelled) else None
        if word not in NUMBER_WORDS and word not in ("and", "a"):
            return None
    return None


def fraction(words: Words, at: int) -> tuple[str, int] | None:
    """“two thirds” as ``2/3``; “one half” as ``1/2``."""
    count = SMALL.get(word_at(words, at), 0)
    part = word_at(words, at + 1)
    plural = part.endswith(("s", "ves"))
    if not count or part not in PARTS or (count > 1) != plural or count >= PARTS[part]:
        return None
    return f"{count}/{PARTS[part]}", at + 2


def digit_sequence(words: Words, at: int) -> tuple[str, int]:
    """The digits that are said one by one from a position: “oh two double seven” is ``0277``."""
    digits = ""
    while at < len(words):
        word = words[at]
        times = MULTIPLES.get(word, 1)
        digit = word_at(words, at + 1) if times > 1 else word
        if digit in DIGITS:
            digits += str(DIGITS[digit]) * times
        elif digit in OH:
            digits += "0" * times
        else:
            break
        at += 2 if times > 1 else 1
    return digits, at


def counts(digits: str) -> bool:
    """Whether the digits count up or down by one: “one two three”."""
    steps = {int(right) - int(left) for left, right in pairwise(digits)}
    return steps in ({1}, {-1})


def year(words: Words, at: int) -> Parsed:
    """“nineteen eighty four”, “twenty oh five”; 1300 to 2099."""
    century = below_hundred(words, at)
    if century is None or century[1] != at + 1 or not 13 <= century[0] <= 20:
        return None
    after = at + 1
    if word_at(words, after) in OH:
        unit = DIGITS.get(word_at(words, after + 1), 0)
        return (century[0] * 100 + unit, after + 2) if unit else None
    rest = below_hundred(words, after)
    if rest is None or rest[0] < 10:
        return None
    return century[0] * 100 + rest[0], rest[1]
