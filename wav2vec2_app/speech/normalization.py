"""Normalizes text for speech: numbers, amounts, times and signs become words, in English, German and French.

“$5.20”, “1984”, “3rd”, “14h30”, “m²” and “50 %” are spoken as the language says them; in other languages only
plain numbers are. The words are those of `num2words` and of :mod:`wav2vec2_app.speech.numerals`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Final

from wav2vec2_app.speech.numerals import LANGUAGES, Language, language_of
from wav2vec2_app.speech.spoken_forms import SpokenForms

SIGNS: Final = frozenset(
    sign
    for language in LANGUAGES.values()
    for sign in (*language.symbols, *language.currencies)
    if len(sign) == 1
)
"""Signs that are spoken in at least one language."""
MIN_CODE_DIGITS: Final = 3
"""So many digits and more after a letter are a code (EM3985771), verbalized digit by digit."""

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

    @cached_property
    def forms(self) -> SpokenForms:
        """What the patterns' finds are spoken as."""
        return SpokenForms(self.language)

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
        scale = rf"(?:{blank}(?P<scale>{self._scale}))?"
        table: list[tuple[str, Callable[[re.Match[str]], str]]] = [
            (rf"(?P<money>{self._money}){blank}{amount}{scale}", self.forms.amount),
            (rf"{amount}{scale}{blank}(?P<money>{self._money})", self.forms.amount),
            *self._local_patterns(),
            (rf"(?P<whole>\d+)?{blank}(?P<vulgar>[{_VULGAR}])", self.forms.fraction),
            (r"(?<![\d/])(?P<part>\d)/(?P<parts>\d)(?![\d/])", self.forms.fraction),
            (rf"(?P<unit>{units})(?P<power>[²³])(?!\w)", self.forms.area),
            (rf"(?P<power>[{_SUPERSCRIPTS}]+)", self.forms.power),
            (rf"(?P<index>[{_SUBSCRIPTS}]+)", self.forms.index),
            (rf"(?P<whole>{number})(?P<fraction>{re.escape(self.language.decimal)}\d+)?"
             rf"(?P<unit>{units})(?![\w²³])", self.forms.measure),
            (rf"(?<=[^\W\d_])(?P<code>\d{{{MIN_CODE_DIGITS},}})", self.forms.code),
            (r"(?<=[^\W\d_]-)(?P<code>\d{5,})", self.forms.code),
            (rf"(?P<whole>{number})(?P<scale>(?:{self._scale}))(?<=\D\D)", self.forms.scaled),
            (rf"(?P<whole>{number})?(?P<fraction>[.](?!\d{{3}}(?!\d))\d+|{re.escape(self.language.decimal)}\d+)",
             self.forms.decimal),
            (rf"(?P<integer>{number})", self.forms.integer),
            (rf"(?P<symbol>[{re.escape(''.join(SIGNS))}])", self.forms.symbol),
        ]  # fmt: skip
        return [(re.compile(pattern), verbalized) for pattern, verbalized in table]

    def _local_patterns(self) -> list[tuple[str, Callable[[re.Match[str]], str]]]:
        """Times, dates and ordinals."""
        number, code = self._number, self.language.code
        clock = r"(?P<hours>\d{1,2}):(?P<minutes>[0-5]\d)(?!\d)"
        if code == "de":
            return [
                (rf"(?P<hours>\d{{1,2}})[.:](?P<minutes>[0-5]\d){_BLANK}?(?:Uhr|h)(?!\w)", self.forms.time),
                (rf"(?P<hours>1){_BLANK}(?=Uhr)", lambda _: "ein"),
                (clock, self.forms.time),
                (r"(?P<day>\d{1,2})\.(?P<month>\d{1,2})\.(?P<year>\d{4}|\d\d)?(?!\d)", self.forms.date),
                (rf"(?P<ordinal>\d{{1,2}})\.{_BLANK}?(?={_MONTHS})", lambda m: f"{self.forms.ordinal(m)}n"),
                (rf"(?P<ordinal>{number})te(?P<ending>[nrsm]?)\b",
                 lambda m: self.forms.ordinal(m) + m["ending"]),
            ]  # fmt: skip
        if code == "fr":
            return [
                (
                    rf"(?P<hours>\d{{1,2}}){_BLANK}?[hH]{_BLANK}?(?P<minutes>[0-5]\d)?(?!\w)",
                    self.forms.time,
                ),
                (clock, self.forms.time),
                (r"1(?:re|ère)\b", lambda _: "première"),
                (
                    r"2(?P<gender>nde?)s?\b",
                    lambda m: "seconde" if m["gender"] == "nde" else "second",
                ),
                (rf"(?P<ordinal>{number})(?:ers?|ièmes?|èmes?|emes?|es?)\b", self.forms.ordinal),
            ]
        return [
            (clock, self.forms.time),
            (rf"(?i:(?P<ordinal>{number})(?:st|nd|rd|th))\b", self.forms.ordinal),
            (r"(?P<decade>\d\d|\d{4})['’]?s\b", self.forms.decade),
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
