"""Inverse text normalisation: numbers that are written in words become digits, in English.

Only what is certainly a number changes: “one” alone, “second”, “point”, “a hundred” and “three thirty”
(a time, a price, a number?) stay words, unless the words beside them say what they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from wav2vec2_app.speech.writing import number_words as said
from wav2vec2_app.speech.writing.number_words import Words, word_at

DIGIT_LANGUAGES: Final = frozenset({"", "en"})
"""Languages whose numbers are known; a model that does not name its language counts as English."""


class Digits(NamedTuple):
    """The words from ``start`` to before ``end``, written as ``text``."""

    start: int
    end: int
    text: str


Spans = tuple[list[Digits], int]
"""What was found at a position, and the position after it; nothing is written differently if it is empty."""
Pattern = Callable[[Words, int], Spans | None]

_CURRENCIES: Final[Mapping[str, str]] = {
    "dollar": "$", "dollars": "$", "euro": "€", "euros": "€", "yen": "¥", "rupee": "₹", "rupees": "₹",
}  # fmt: skip
_MONTHS: Final = frozenset({
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
    "november", "december",
})  # fmt: skip
_BEFORE_TIMES: Final = frozenset({
    "at", "by", "until", "till", "around", "before", "after", "from", "past",
})  # fmt: skip
_BEFORE_ONE: Final = frozenset({"chapter", "version", "episode", "volume"})
_NOT_AFTER_TIMES: Final = frozenset({"i", "not", "we", "he", "she"})
_MERIDIEMS: Final[Mapping[str, str]] = {
    "am": "a.m.", "a.m": "a.m.", "pm": "p.m.", "p.m": "p.m.",
}  # fmt: skip
_COUNTED: Final = frozenset({
    "seconds", "minutes", "hours", "days", "weeks", "months", "years", "people", "men", "women", "times",
    "percent", "dollars", "euros", "miles", "kilometers", "meters", "feet", "inches", "pounds", "degrees",
})  # fmt: skip
"""After two numbers, these say that it is not a year: “fifteen twenty minutes”."""
_IDIOMS: Final[Mapping[tuple[str, ...], str]] = {
    ("twenty", "four", "seven"): "24/7",
    ("fifty", "fifty"): "50/50",
}
_LIKELY_YEARS: Final = range(2000, 2100)
"""Four digits have a comma, but not these, and not “nineteen hundred”."""


def digits_in(words: Words) -> list[Digits]:
    """The numbers among the words of one clause, in lower case, without punctuation."""
    found: list[Digits] = []
    at = 0
    while at < len(words):
        for pattern in _PATTERNS:
            match = pattern(words, at)
            if match is not None:
                found += match[0]
                at = match[1]
                break
        else:
            at += 1
    return found


# --- patterns, in the order in which they are tried ---------------------------------------------


def _idiom(words: Words, at: int) -> Spans | None:
    for idiom, text in _IDIOMS.items():
        end = at + len(idiom)
        if tuple(words[at:end]) == idiom:
            return [Digits(at, end, text)], end
    return None


def _time(words: Words, at: int) -> Spans | None:
    """“three thirty p m”, “at ten fifteen”, “five o'clock”."""
    hour = said.below_hundred(words, at)
    if hour is None or not 1 <= hour[0] <= 12 or hour[1] != at + 1:
        return None
    minutes, after = _minutes(words, at + 1)
    meridiem, end = _meridiem(words, after)
    time = f"{hour[0]}:{minutes}" if minutes else str(hour[0])
    if meridiem:
        return [Digits(at, after, time), Digits(after, end, meridiem)], end
    if word_at(words, at + 1) in ("o'clock", "oclock"):
        return [Digits(at, at + 1, time)], at + 2
    counted = word_at(words, after) in _COUNTED or _continues(words, after)
    if minutes and word_at(words, at - 1) in _BEFORE_TIMES and not counted:
        return [Digits(at, after, time)], after
    return None


def _minutes(words: Words, at: int) -> tuple[str, int]:
    if word_at(words, at) in said.OH and (unit := said.DIGITS.get(word_at(words, at + 1))):
        return f"0{unit}", at + 2
    found = said.below_hundred(words, at)
    return (str(found[0]), found[1]) if found and 10 <= found[0] <= 59 else ("", at)


def _meridiem(words: Words, at: int) -> tuple[str, int]:
    word, following = word_at(words, at), word_at(words, at + 1)
    if word in ("a", "p") and following == "m":
        return f"{word}.m.", at + 2
    if word in _MERIDIEMS and following not in _NOT_AFTER_TIMES:
        return _MERIDIEMS[word], at + 1
    return "", at


def _digit_string(words: Words, at: int) -> Spans | None:
    """“five five five one two”; digits that count stay apart."""
    digits, end = said.digit_sequence(words, at)
    if word_at(words, end) in ("hundred", "point", *said.SCALES, *said.PARTS):
        return None
    least = 4 if words[at] in said.OH else 3
    if len(digits) < least:
        return None
    if said.counts(digits) and end - at == len(digits):
        return [Digits(at + n, at + n + 1, digit) for n, digit in enumerate(digits)], end
    return [Digits(at, end, digits)], end


def _decade(words: Words, at: int) -> Spans | None:
    century = said.below_hundred(words, at)
    decade = said.DECADES.get(word_at(words, at + 1))
    if century is None or decade is None or not 13 <= century[0] <= 20:
        return None
    return [Digits(at, at + 2, f"{century[0]}{decade}s")], at + 2


def _year(words: Words, at: int) -> Spans | None:
    found = said.year(words, at)
    if found is None or word_at(words, found[1]) in _COUNTED or _continues(words, found[1]):
        return None
    return [Digits(at, found[1], str(found[0]))], found[1]


def _fraction(words: Words, at: int) -> Spans | None:
    found = said.fraction(words, at)
    return ([Digits(at, found[1], found[0])], found[1]) if found else None


def _ordinal(words: Words, at: int) -> Spans | None:
    found = said.ordinal(words, at)
    if found is None:
        return None
    value, end = found
    if end == at + 1 and value < 10 and not _is_date(words, at, end):
        return None
    return [Digits(at, end, f"{value:,}{_ending(value)}")], end


def _is_date(words: Words, at: int, end: int) -> bool:
    """Whether an ordinal stands in a date: “march third”, “the third of march”."""
    month = word_at(words, at - 1)
    if word_at(words, end) == "of" and word_at(words, end + 1) in _MONTHS:
        return True
    return month in _MONTHS and not (month == "may" and words[at] in ("first", "second"))


def _ending(value: int) -> str:
    if value % 100 in (11, 12, 13):
        return "th"
    return {1: "st", 2: "nd", 3: "rd"}.get(value % 10, "th")


def _quantity(words: Words, at: int) -> Spans | None:
    """A cardinal or a decimal with what belongs to it: minus, a half, million, percent, a currency."""
    begin = at
    minus = words[at] == "minus" and word_at(words, at - 1) not in said.NUMBER_WORDS
    at += minus
    number = said.cardinal(words, at)
    if number is None:
        return None
    value, end = number
    text, end = _with_fraction(words, at, value, end)
    scale = _scale(words, at, end, text)
    if scale is not None:
        text, number_end, end = scale
    else:
        number_end = end
    text = f"-{text}" if minus else text
    unit = _unit(words, begin, number_end, end, text)
    if unit is not None:
        return unit
    if value == 1 and end == at + 1 and not _is_one_a_number(words, at, minus=minus):
        return [], end
    if _is_ambiguous(words, at, value, end):
        return [], end
    return [Digits(begin, number_end, text)], end


def _with_fraction(words: Words, at: int, value: int, end: int) -> tuple[str, int]:
    """“three point one four”, “two and a half”; otherwise the whole number."""
    if word_at(words, end) == "point":
        digits, after = said.digit_sequence(words, end + 1)
        tens = said.below_hundred(words, end + 1)
        if not digits and tens is not None and tens[0] >= 10:
            digits, after = str(tens[0]), tens[1]
        if digits:
            return f"{value:,}.{digits}", after
    if words[end : end + 3] == ["and", "a", "half"]:
        return f"{value:,}½", end + 3
    is_century = word_at(words, at + 1) == "hundred" and value < 2100
    return str(value) if is_century or value in _LIKELY_YEARS else f"{value:,}", end


def _scale(words: Words, at: int, end: int, text: str) -> tuple[str, int, int] | None:
    """“two million”, “one point five billion”: the scale stays a word; its number, the ends of both."""
    if word_at(words, end) in said.SCALES and not text.isdecimal():
        return text, end, end + 1
    last = word_at(words, end - 1)
    small = said.cardinal(words[: end - 1], at)
    if last in ("million", "billion", "trillion") and small and small[1] == end - 1:
        return f"{small[0]:,}", end - 1, end
    return None


def _unit(words: Words, begin: int, number_end: int, end: int, text: str) -> Spans | None:
    """Percent and currencies, whose sign is written at the number."""
    word = word_at(words, end)
    scale = [Digits(number_end, end, " ".join(words[number_end:end]))] if number_end < end else []
    if word == "percent" or (word == "per" and word_at(words, end + 1) == "cent"):
        after = end + (1 if word == "percent" else 2)
        if not scale:
            return [Digits(begin, after, f"{text}%")], after
    if word not in _CURRENCIES:
        return None
    sign, after = _CURRENCIES[word], end + 1
    cents = None if scale else _cents(words, after)
    if cents is not None:
        return [Digits(begin, cents[1], f"{sign}{text}.{cents[0]:02}")], cents[1]
    amount = f"-{sign}{text[1:]}" if text.startswith("-") else f"{sign}{text}"
    if scale:
        return [Digits(begin, number_end, amount), scale[0]._replace(end=after)], after
    return [Digits(begin, after, amount)], after


def _cents(words: Words, at: int) -> said.Parsed:
    """“and twenty cents” after an amount."""
    at += word_at(words, at) == "and"
    found = said.below_hundred(words, at)
    if found is None or word_at(words, found[1]) not in ("cent", "cents"):
        return None
    return found[0], found[1] + 1


def _is_one_a_number(words: Words, at: int, *, minus: bool) -> bool:
    """Whether “one” is a number and not a pronoun."""
    joined = word_at(words, at + 1) in ("or", "to") and said.cardinal(words, at + 2) is not None
    return minus or joined or word_at(words, at - 1) in _BEFORE_ONE


def _is_ambiguous(words: Words, at: int, value: int, end: int) -> bool:
    """Whether two numbers stand side by side that may be one: “three thirty”."""
    after = said.below_hundred(words, end)
    before = word_at(words, at - 1) in said.NUMBER_WORDS
    return (value <= 12 and after is not None and after[0] >= 10) or (before and value >= 10 and (
        said.SMALL.get(word_at(words, at - 1), 99) <= 12))  # fmt: skip


def _continues(words: Words, at: int) -> bool:
    """Whether a larger number goes on at a position."""
    return word_at(words, at) in said.NUMBER_WORDS or word_at(words, at) == "point"


_PATTERNS: Final[Sequence[Pattern]] = (
    _idiom, _time, _digit_string, _decade, _year, _ordinal, _fraction, _quantity,
)  # fmt: skip
