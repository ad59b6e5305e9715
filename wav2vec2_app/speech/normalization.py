"""Normalizes text for speech: verbalizes numbers, amounts, times and symbols, with `num2words`.

“$5.20”, “1984”, “3rd”, “10:30” and “50%” become words.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal

SYMBOLS = {"%": "percent", "&": "and", "+": "plus", "=": "equals", "@": "at", "$": "dollars",
         "£": "pounds", "€": "euros", "¥": "yen"}  # fmt: skip
"""Symbols that are spoken, and their English words."""
CURRENCIES = {"$": "USD", "£": "GBP", "€": "EUR", "¥": "JPY"}
"""ISO 4217 codes of currency symbols."""
MAX_NUMBER_DIGITS = 12
"""Longer digit strings, and those that begin with a zero, are verbalized digit by digit."""
YEARS = range(1100, 2100)
"""Four digits without a separator are a year if they lie in this range."""

_NUMBER = r"\d{1,3}(?:,\d{3})+|\d+"
_PATTERN = re.compile(
    rf"(?P<currency>[$£€¥])(?P<amount>{_NUMBER})(?P<cents>\.\d\d)?(?!\d)"
    rf"|(?P<time>\d{{1,2}}:\d\d)(?!\d)"
    rf"|(?P<ordinal>{_NUMBER})(?:st|nd|rd|th)\b"
    rf"|(?P<decade>\d\d|\d{{4}})['’]?s\b"
    rf"|(?P<fraction>(?:{_NUMBER})\.\d+)"
    rf"|(?P<integer>{_NUMBER})"
    rf"|(?P<symbol>[{re.escape(''.join(SYMBOLS))}])",
    re.IGNORECASE,
)


def verbalize(word: str, language: str = "en") -> str:
    """``word`` with every number and symbol in it replaced by words of ``language``.

    Digits stay where `num2words` lacks the language, or a form in it.
    """
    latin = "".join(str(int(sign)) if sign.isdecimal() else sign for sign in word)  # any script
    negative = re.match(r"[-−](?=\d)", latin) is not None and language == "en"
    spoken = _PATTERN.sub(lambda found: f" {_verbalized(found, language)} ", latin.lstrip("-−"))
    return " ".join(f"{'minus' if negative else ''} {spoken}".split())


def _verbalized(found: re.Match[str], language: str) -> str:
    kind = str(found.lastgroup if found["currency"] is None else "currency")
    try:
        return _VERBALIZERS[kind](found, language)
    except (NotImplementedError, ArithmeticError, KeyError, TypeError, ValueError):
        return found[0]


def _currency(found: re.Match[str], language: str) -> str:
    amount = Decimal(found["amount"].replace(",", "") + (found["cents"] or ""))
    whole = amount == int(amount)
    words = _say(float(amount), language, to="currency", currency=CURRENCIES[found["currency"]])
    words = words.replace(" sterling", "")
    return re.split(r", zero |, null ", words)[0] if whole else words


def _time(found: re.Match[str], language: str) -> str:
    hours, minutes = found["time"].split(":")
    if minutes == "00":
        return _say(int(hours), language)
    zero = f"{'oh' if language == 'en' else _say(0, language)} " if minutes[0] == "0" else ""
    return f"{_say(int(hours), language)} {zero}{_say(int(minutes), language)}"


def _ordinal(found: re.Match[str], language: str) -> str:
    return _say(int(found["ordinal"].replace(",", "")), language, to="ordinal")


def _decade(found: re.Match[str], language: str) -> str:
    number = found["decade"]
    words = _say(int(number), language, to="year" if len(number) == 4 else "cardinal")
    return f"{words[:-1]}ies" if words.endswith("y") else f"{words}s"


def _fraction(found: re.Match[str], language: str) -> str:
    whole, digits = found["fraction"].replace(",", "").split(".")
    if language != "en":
        return _say(float(f"{whole}.{digits}"), language)
    return f"{_say(int(whole), language)} point {_digit_by_digit(digits, language)}"


def _integer(found: re.Match[str], language: str) -> str:
    digits = found["integer"].replace(",", "")
    if len(digits) > MAX_NUMBER_DIGITS or (digits[0] == "0" and len(digits) > 1):
        return _digit_by_digit(digits, language)
    number = int(digits)
    if len(found["integer"]) == 4 and number in YEARS:
        return _say(number, language, to="year")
    return _say(number, language)


def _symbol(found: re.Match[str], language: str) -> str:
    return SYMBOLS[found["symbol"]] if language == "en" else found["symbol"]


_VERBALIZERS: dict[str, Callable[[re.Match[str], str], str]] = {
    "currency": _currency,
    "time": _time,
    "ordinal": _ordinal,
    "decade": _decade,
    "fraction": _fraction,
    "integer": _integer,
    "symbol": _symbol,
}


def _digit_by_digit(digits: str, language: str) -> str:
    return " ".join(_say(int(digit), language) for digit in digits)


def _say(number: float, language: str, *, to: str = "cardinal", currency: str = "") -> str:
    from num2words import num2words  # imported only if a text has numbers

    options = {"currency": currency} if currency else {}
    return str(num2words(number, lang=language, to=to, **options))
