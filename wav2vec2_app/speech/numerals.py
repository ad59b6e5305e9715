"""Numbers, sums and signs read out in words, with `num2words`: “$5.20”, “1984”, “3rd”, “10:30”, “50%”."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

SIGNS = {"%": "percent", "&": "and", "+": "plus", "=": "equals", "@": "at", "$": "dollars",
         "£": "pounds", "€": "euros", "¥": "yen"}  # fmt: skip
"""Signs that are spoken, and how in English."""
COINS = {"$": "USD", "£": "GBP", "€": "EUR", "¥": "JPY"}
LONGEST_NUMBER = 12
"""Longer rows of digits, and those that begin with a zero, are read digit by digit."""
YEARS = range(1100, 2100)
"""Four digits without a separator are read as a year in this range."""

_NUMBER = r"\d{1,3}(?:,\d{3})+|\d+"
_PATTERN = re.compile(
    rf"(?P<coin>[$£€¥])(?P<sum>{_NUMBER})(?P<cents>\.\d\d)?(?!\d)"
    rf"|(?P<clock>\d{{1,2}}:\d\d)(?!\d)"
    rf"|(?P<nth>{_NUMBER})(?:st|nd|rd|th)\b"
    rf"|(?P<decade>\d\d|\d{{4}})['’]?s\b"
    rf"|(?P<fraction>(?:{_NUMBER})\.\d+)"
    rf"|(?P<whole>{_NUMBER})"
    rf"|(?P<sign>[{re.escape(''.join(SIGNS))}])",
    re.IGNORECASE,
)


def read_out(word: str, language: str = "en") -> str:
    """``word`` with every number and sign in it replaced by words of ``language``.

    Where `num2words` does not know the language, or how it says such a thing, digits stay.
    """
    latin = "".join(str(_digit(sign)) if sign.isdecimal() else sign for sign in word)
    negative = re.match(r"[-−](?=\d)", latin) is not None and language == "en"
    spoken = _PATTERN.sub(lambda found: f" {_spoken(found, language)} ", latin.lstrip("-−"))
    return " ".join(f"{'minus' if negative else ''} {spoken}".split())


def _spoken(found: re.Match[str], language: str) -> str:
    kind = str(found.lastgroup if found["coin"] is None else "coin")
    try:
        return _READERS[kind](found, language)
    except (NotImplementedError, ArithmeticError, KeyError, TypeError, ValueError):
        return found[0]


def _coin(found: re.Match[str], language: str) -> str:
    amount = Decimal(found["sum"].replace(",", "") + (found["cents"] or ""))
    whole = amount == int(amount)
    words = _say(float(amount), language, to="currency", currency=COINS[found["coin"]])
    words = words.replace(" sterling", "")
    return re.split(r", zero |, null ", words)[0] if whole else words


def _clock(found: re.Match[str], language: str) -> str:
    hours, minutes = found["clock"].split(":")
    if minutes == "00":
        return _say(int(hours), language)
    early = f"{'oh' if language == 'en' else _say(0, language)} " if minutes[0] == "0" else ""
    return f"{_say(int(hours), language)} {early}{_say(int(minutes), language)}"


def _nth(found: re.Match[str], language: str) -> str:
    return _say(int(found["nth"].replace(",", "")), language, to="ordinal")


def _decade(found: re.Match[str], language: str) -> str:
    number = found["decade"]
    words = _say(int(number), language, to="year" if len(number) == 4 else "cardinal")
    return f"{words[:-1]}ies" if words.endswith("y") else f"{words}s"


def _fraction(found: re.Match[str], language: str) -> str:
    whole, digits = found["fraction"].replace(",", "").split(".")
    if language != "en":
        return _say(float(f"{whole}.{digits}"), language)
    return f"{_say(int(whole), language)} point {_one_by_one(digits, language)}"


def _whole(found: re.Match[str], language: str) -> str:
    digits = found["whole"].replace(",", "")
    if len(digits) > LONGEST_NUMBER or (digits[0] == "0" and len(digits) > 1):
        return _one_by_one(digits, language)
    number = int(digits)
    if len(found["whole"]) == 4 and number in YEARS:
        return _say(number, language, to="year")
    return _say(number, language)


def _sign(found: re.Match[str], language: str) -> str:
    return SIGNS[found["sign"]] if language == "en" else found["sign"]


_READERS: dict[str, Callable[[re.Match[str], str], str]] = {
    "coin": _coin,
    "clock": _clock,
    "nth": _nth,
    "decade": _decade,
    "fraction": _fraction,
    "whole": _whole,
    "sign": _sign,
}


def _one_by_one(digits: str, language: str) -> str:
    return " ".join(_say(int(digit), language) for digit in digits)


def _say(number: float, language: str, **how: Any) -> str:
    from num2words import num2words  # needed only where there is a number

    return str(num2words(number, lang=language, **how))


def _digit(sign: str) -> int:
    return int(sign)  # of any script
