"""Normalizes text for speech: numbers, amounts, times and signs become words, in English, German and French.

“$5.20”, “1984”, “3rd”, “14h30”, “m²” and “50 %” are spoken as the language says them; in other languages only
plain numbers are. The words are those of `num2words` and of :mod:`wav2vec2_app.speech.numerals`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Final

from wav2vec2_app.speech.numerals import LANGUAGES, Language, language_of, say, say_digits

SIGNS: Final = frozenset(
    sign
    for language in LANGUAGES.values()
    for sign in (*language.symbols, *language.currencies)
    if len(sign) == 1
)
"""Signs that are spoken in at least one language."""
MAX_NUMBER_DIGITS: Final = 12
"""Longer digit strings, and those that begin with a zero, are verbalized digit by digit."""
MIN_CODE_DIGITS: Final = 3
"""So many digits and more after a letter are a code (EM3985771), verbalized digit by digit."""
YEARS: Final = range(1100, 2100)
"""Four digits without a separator are a year if they lie in this range."""

_BLANK: Final = "[ \\t\u00a0\u2007\u2009\u202f]"
_JOIN: Final = "\ue000"
_SUPERSCRIPTS: Final = "⁰¹²³⁴⁵⁶⁷⁸⁹"
_SUBSCRIPTS: Final = "₀₁₂₃₄₅₆₇₈₉"
_VULGAR: Final = "½¼¾⅓⅔⅕⅖⅗⅘⅛⅜⅝⅞"
_MONTHS: Final = (
    "Januar|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember|Jahrhundert"
)


def verbalize(word: str, language: str = "en") -> str:
    """``word`` with every number and sign in it replaced by words of ``language``.

    What the language has no words for stays.
    """
    latin = "".join(str(int(sign)) if sign.isdecimal() else sign for sign in word)  # any script
    rules = _rules(language)
    negative = re.match(r"[-−](?=[\d.,$€£])", latin) is not None and rules.language.minus
    spoken = "".join(rules.spoken(latin.lstrip("-−")))
    return " ".join(f"{negative or ''} {spoken}".split())


def written_words(text: str, language: str = "en") -> list[str]:
    """``text`` split at white space, but for what is spoken as one: “1 000 000”, “5,20 €”, “12.30 Uhr”."""
    rules = _rules(language)
    return [
        word.replace(_JOIN, " ")
        for line in text.splitlines()
        for word in rules.joined(line).split()
    ]


@cache
def _rules(language: str) -> _Rules:
    return _Rules(language_of(language))


@dataclass(frozen=True)
class _Rules:
    """The patterns of one language, each with the method that says what it finds."""

    language: Language

    def spoken(self, word: str) -> Iterator[str]:
        """The parts of a word as they are spoken."""
        at = 0
        while at < len(word):
            for pattern, verbalized in self._patterns:
                found = pattern.match(word, at)
                if found:
                    yield f" {self._safe(verbalized, found)} "
                    at = found.end()
                    break
            else:
                yield word[at]
                at += 1

    def joined(self, line: str) -> str:
        """``line`` with a mark for the blanks inside what is spoken as one."""
        if not any(sign.isnumeric() for sign in line):
            return line
        blanks = re.compile(f"{_BLANK}+")
        return self._spaced.sub(lambda found: blanks.sub(_JOIN, found[0]), line)

    @staticmethod
    def _safe(verbalized: Callable[[re.Match[str]], str], found: re.Match[str]) -> str:
        try:
            return verbalized(found)
        except (NotImplementedError, ArithmeticError, KeyError, TypeError, ValueError):
            return found[0]

    # --- patterns ---------------------------------------------------------------------------------

    @property
    def _number(self) -> str:
        groups = "," if self.language.decimal == "." else r"."
        return rf"(?:\d{{1,3}}(?:[{groups}'’ \u00a0\u2007\u2009\u202f]\d{{3}})+(?!\d)|\d+)"

    @property
    def _money(self) -> str:
        """A currency symbol."""
        known = sorted(self.language.currencies, key=len, reverse=True)
        return rf"(?:(?:US|AU?|CA?|NZ|HK|S)(?=\$))?(?:{'|'.join(map(re.escape, known)) or '(?!)'})"

    @property
    def _scale(self) -> str:
        known = sorted(self.language.scales, key=len, reverse=True)
        return rf"(?:{'|'.join(map(re.escape, known)) or '(?!)'})(?!\w)"

    @cached_property
    def _patterns(self) -> list[tuple[re.Pattern[str], Callable[[re.Match[str]], str]]]:
        number, blank = self._number, f"{_BLANK}?"
        amount = rf"(?P<whole>{number})?(?P<fraction>[.,]\d+)?(?<=\d)"
        units = (
            "|".join(map(re.escape, sorted(self.language.units, key=len, reverse=True))) or "(?!)"
        )
        table: list[tuple[str, Callable[[re.Match[str]], str]]] = [
            (rf"(?P<money>{self._money}){blank}{amount}(?:{blank}(?P<scale>{self._scale}))?", self._amount),
            (rf"{amount}(?:{blank}(?P<scale>{self._scale}))?{blank}(?P<money>{self._money})", self._amount),
            *self._local_patterns(),
            (rf"(?P<whole>\d+)?{blank}(?P<vulgar>[{_VULGAR}])", self._fraction),
            (r"(?<![\d/])(?P<part>\d)/(?P<parts>\d)(?![\d/])", self._fraction),
            (rf"(?P<unit>{units})(?P<power>[²³])(?!\w)", self._area),
            (rf"(?P<power>[{_SUPERSCRIPTS}]+)", self._power),
            (rf"(?P<index>[{_SUBSCRIPTS}]+)", self._index),
            (rf"(?P<whole>{number})(?P<fraction>{re.escape(self.language.decimal)}\d+)?"
             rf"(?P<unit>{units})(?![\w²³])", self._measure),
            (rf"(?<=[^\W\d_])(?P<code>\d{{{MIN_CODE_DIGITS},}})", self._code),
            (r"(?<=[^\W\d_]-)(?P<code>\d{5,})", self._code),
            (rf"(?P<whole>{number})(?P<scale>(?:{self._scale}))(?<=\D\D)", self._scaled),
            (rf"(?P<whole>{number})?(?P<fraction>[.](?!\d{{3}}(?!\d))\d+|{re.escape(self.language.decimal)}\d+)",
             self._decimal),
            (rf"(?P<integer>{number})", self._integer),
            (rf"(?P<symbol>[{re.escape(''.join(SIGNS))}])", self._symbol),
        ]  # fmt: skip
        return [(re.compile(pattern), verbalized) for pattern, verbalized in table]

    def _local_patterns(self) -> list[tuple[str, Callable[[re.Match[str]], str]]]:
        """Times, dates and ordinals."""
        number, code = self._number, self.language.code
        clock = r"(?P<hours>\d{1,2}):(?P<minutes>[0-5]\d)(?!\d)"
        if code == "de":
            return [
                (rf"(?P<hours>\d{{1,2}})[.:](?P<minutes>[0-5]\d){_BLANK}?(?:Uhr|h)(?!\w)", self._time),
                (rf"(?P<hours>1){_BLANK}(?=Uhr)", lambda _: "ein"),
                (clock, self._time),
                (r"(?P<day>\d{1,2})\.(?P<month>\d{1,2})\.(?P<year>\d{4}|\d\d)?(?!\d)", self._date),
                (rf"(?P<ordinal>\d{{1,2}})\.{_BLANK}?(?={_MONTHS})", lambda m: f"{self._ordinal(m)}n"),
                (rf"(?P<ordinal>{number})te(?P<ending>[nrsm]?)\b",
                 lambda m: self._ordinal(m) + m["ending"]),
            ]  # fmt: skip
        if code == "fr":
            return [
                (
                    rf"(?P<hours>\d{{1,2}}){_BLANK}?[hH]{_BLANK}?(?P<minutes>[0-5]\d)?(?!\w)",
                    self._time,
                ),
                (clock, self._time),
                (r"1(?:re|ère)\b", lambda _: "première"),
                (
                    r"2(?P<gender>nde?)s?\b",
                    lambda m: "seconde" if m["gender"] == "nde" else "second",
                ),
                (rf"(?P<ordinal>{number})(?:ers?|ièmes?|èmes?|emes?|es?)\b", self._ordinal),
            ]
        return [
            (clock, self._time),
            (rf"(?i:(?P<ordinal>{number})(?:st|nd|rd|th))\b", self._ordinal),
            (r"(?P<decade>\d\d|\d{4})['’]?s\b", self._decade),
        ]

    @cached_property
    def _spaced(self) -> re.Pattern[str]:
        """What is spoken as one although there are blanks in it."""
        several = "{2,}" if self.language.decimal == "." else "+"
        thin = _BLANK.replace(" \\t", "")
        grouped = (
            rf"\d{{1,3}}(?:(?:{_BLANK}\d{{3}}){several}|(?:{thin}\d{{3}})+)(?!\d)(?!{_BLANK}\d)"
        )
        number = rf"(?<![\w.,])(?<!\d{_BLANK})(?:{grouped}|[\d.,'’]*\d)(?:[.,]\d+)?"
        after = rf"(?:{_BLANK}{self._scale})?(?:{_BLANK}?{self._money})?"
        choices = [
            rf"(?<!\w){self._money}{_BLANK}?(?:{grouped}|[\d.,'’]*\d)(?:[.,]\d+)?(?:{_BLANK}{self._scale})?",
            rf"\d{_BLANK}[{_VULGAR}]",
        ]
        if self.language.code == "de":
            choices += [rf"\d{{1,2}}[.:]\d\d{_BLANK}Uhr\b", rf"(?<!\S)1{_BLANK}Uhr\b",
                        rf"(?<!\d)\d{{1,2}}\.{_BLANK}(?:{_MONTHS})\b"]  # fmt: skip
        if self.language.code == "fr":
            choices.append(rf"\b\d{{1,2}}{_BLANK}?h{_BLANK}?[0-5]\d\b")
        return re.compile("|".join([*choices, number + after]))

    # --- what they say ----------------------------------------------------------------------------

    def _say(self, number: float, *, to: str = "cardinal") -> str:
        return say(number, self.language.code, to=to)

    def _amount(self, found: re.Match[str]) -> str:
        one, several, cent, cents = self.language.currencies[
            re.sub(r"^\w+(?=\$)", _keep_real, found["money"])
        ]
        whole, fraction = _digits(found["whole"]), (found["fraction"] or "")[1:]
        if found["scale"] or len(fraction) not in (0, 2):
            scale = f" {self._scale_word(found)}" if found["scale"] else ""
            return self._with_unit(f"{self._spoken_decimal(whole, fraction)}{scale}", several)
        hundredths = int(fraction or 0)
        if hundredths and not int(whole or 0):
            return f"{self._counted(hundredths)} {cent if hundredths == 1 else cents}"
        unit = one if int(whole) == 1 or (self.language.code == "fr" and whole == "0") else several
        spoken = self._with_unit(self._counted(int(whole)), unit)
        if not hundredths:
            return spoken
        name = f" {cent if hundredths == 1 else cents}" if self.language.code == "en" else ""
        return f"{spoken} {self._say(hundredths)}{name}"

    def _with_unit(self, number: str, unit: str) -> str:
        """A number and its unit; in French, “de” is between a million and its unit."""
        if self.language.code != "fr" or not re.search(r"(million|milliard)s?$", number):
            return f"{number} {unit}"
        return f"{number} d'{unit}" if unit[0] in "aeiouyé" else f"{number} de {unit}"

    def _counted(self, number: int) -> str:
        return self.language.one if number == 1 else self._say(number)

    def _scale_word(self, found: re.Match[str]) -> str:
        one, several = self.language.scales[found["scale"]]
        single = _digits(found["whole"]) == "1"
        exact = not found.groupdict().get("fraction")
        return one if single and (exact or self.language.code == "fr") else several

    def _scaled(self, found: re.Match[str]) -> str:
        return f"{self._spoken_decimal(_digits(found['whole']), '')} {self._scale_word(found)}"

    def _time(self, found: re.Match[str]) -> str:
        hours, minutes = int(found["hours"]), found["minutes"] or "00"
        one, several = self.language.hour
        spoken = "une" if hours == 1 and self.language.code == "fr" else ""
        spoken = spoken or (self._counted(hours) if one else self._say(hours))
        spoken = f"{spoken} {one if hours == 1 else several}"
        if minutes == "00":
            return spoken
        if one or minutes[0] != "0":
            return f"{spoken} {self._say(int(minutes))}"
        zero = "oh" if self.language.code == "en" else self._say(0)
        return f"{spoken} {zero} {self._say(int(minutes))}"

    def _date(self, found: re.Match[str]) -> str:
        day, month = (self._say(int(found[name]), to="ordinal") for name in ("day", "month"))
        year = f" {self._say(int(found['year']), to='year')}" if found["year"] else ""
        return f"{day}r {month}r{year}"

    def _ordinal(self, found: re.Match[str]) -> str:
        return self._say(int(_digits(found["ordinal"])), to="ordinal")

    def _decade(self, found: re.Match[str]) -> str:
        number = found["decade"]
        words = self._say(int(number), to="year" if len(number) == 4 else "cardinal")
        return f"{words[:-1]}ies" if words.endswith("y") else f"{words}s"

    def _fraction(self, found: re.Match[str]) -> str:
        given = found.groupdict()
        vulgar = given.get("vulgar")
        text = (
            unicodedata.normalize("NFKC", vulgar) if vulgar else f"{given['part']}/{given['parts']}"
        )
        part, parts = map(int, re.split("[/⁄]", text))
        alone, after = self.language.fractions[part, parts]
        if not given.get("whole"):
            return alone
        whole = self._say(int(given["whole"]))
        if self.language.code == "de":
            return f"{'ein' if whole == 'eins' else whole}{after if whole != 'eins' else 'ein' + after[3:]}"
        joins = "" if after.startswith("et ") else "and " if self.language.code == "en" else "et "
        return f"{whole} {joins}{after}"

    def _area(self, found: re.Match[str]) -> str:
        form = self.language.areas[unicodedata.normalize("NFKC", found["power"])]
        several = self.language.units[found["unit"]][1]
        return form.format(several.lower() if self.language.code == "de" else several)

    def _power(self, found: re.Match[str]) -> str:
        digits = unicodedata.normalize("NFKC", found["power"])
        powers = self.language.powers
        return powers.get(digits) or powers["n"].format(self._say(int(digits)))

    def _index(self, found: re.Match[str]) -> str:
        return self._say(int(unicodedata.normalize("NFKC", found["index"])))

    def _measure(self, found: re.Match[str]) -> str:
        whole, fraction = _digits(found["whole"]), (found["fraction"] or "")[1:]
        one, several = self.language.units[found["unit"]]
        if whole == "1" and not fraction:
            return f"{self.language.one} {one}"
        return f"{self._spoken_decimal(whole, fraction)} {several}"

    def _code(self, found: re.Match[str]) -> str:
        return say_digits(found["code"], self.language.code)

    def _decimal(self, found: re.Match[str]) -> str:
        return self._spoken_decimal(_digits(found["whole"]), found["fraction"][1:])

    def _spoken_decimal(self, whole: str, fraction: str) -> str:
        """``whole`` and, digit by digit, ``fraction``."""
        code, point = self.language.code, self.language.point
        spoken = "" if not whole and code == "en" else self._spoken_integer(whole or "0")
        if not fraction:
            return spoken
        if not point:
            return self._say(float(f"{whole or 0}.{fraction}"))
        if code == "fr" and fraction[0] != "0" and len(fraction) < 3:
            return f"{spoken} {point} {self._say(int(fraction))}"
        return f"{spoken} {point} {say_digits(fraction, code)}"

    def _integer(self, found: re.Match[str]) -> str:
        digits = _digits(found["integer"])
        if len(found["integer"]) == 4 and len(digits) == 4 and int(digits) in YEARS:
            return self._say(int(digits), to="year")
        return self._spoken_integer(digits)

    def _spoken_integer(self, digits: str) -> str:
        if len(digits) > MAX_NUMBER_DIGITS or (digits[0] == "0" and len(digits) > 1):
            return say_digits(digits, self.language.code)
        return self._say(int(digits))

    def _symbol(self, found: re.Match[str]) -> str:
        sign = found["symbol"]
        if sign in self.language.currencies:
            return self.language.currencies[sign][1]
        return self.language.symbols[sign]


def _digits(number: str | None) -> str:
    """The digits of a number without its separators."""
    return re.sub(r"\D", "", number or "")


def _keep_real(prefix: re.Match[str]) -> str:
    """“R” of “R$”; nothing for “US” of “US$”."""
    return "R" if prefix[0] == "R" else ""
