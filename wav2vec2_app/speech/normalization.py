"""Normalizes text for speech: numbers, amounts, times and signs become words, in English, German and French.

“$5.20”, “1984”, “3rd”, “14h30”, “m²” and “50 %” are spoken as the language says them; in other languages only
plain numbers are. The words are those of `num2words` and of :mod:`wav2vec2_app.speech.numerals`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
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
_AFTER_ORDINAL: Final = (
    "Januar|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember|Jahrhundert|"
    "Mal|Weltkrieg|Stock|Stockwerk|Etage|Klasse|Platz|Runde|Liga|Bundesliga|Tag|Woche|Monat|Jahr|Quartal|"
    "Kapitel|Teil|Akt|Jahrestag|Geburtstag|Lebensjahr|Auflage|Halbzeit|Minute|Semester|Advent|Grad"
)
"""German words before which a number with a stop is an ordinal, not the end of a sentence."""
_AFTER_ONE: Final = (
    "Uhr|Euro|Cent|Dollar|Pfund|Franken|Prozent|Meter|Kilometer|Zentimeter|Liter|Kilo|Kilogramm|Gramm|Jahr|Tag|"
    "Monat|Mal|Grad|Stunde|Minute|Sekunde|Woche|Million|Milliarde|Tonne"
)
"""German words before which “1” is “ein” or “eine”."""
_ROMAN: Final = re.compile(r"(?<!\w)(?P<roman>[IVX]+)(?:er|re|e|ème|ième)(?!\w)")
_CLOCK: Final = r"(?P<hours>\d{1,2}):(?P<minutes>[0-5]\d)(?!\d)"
_PHONE: Final = (
    r"(?<![\w.,$€£-])(?:\+\d{1,3}(?:[ \u00a0.-]\d+)+|(?:\+?\d{1,3}[-. ])?(?:\d{3}[-.]|\(\d{3}\)[-. ]?)"
    r"\d{3}[-. ]\d{4}|\d{3}-\d{3}[1-9])(?![\w-])"
)
"""A telephone number as it is written in the United States, or with the code of a country."""


def verbalize(word: str, language: str = "en") -> str:
    """``word`` with every number and sign in it replaced by words of ``language``.

    What the language has no words for stays.
    """
    latin = "".join(str(int(sign)) if sign.isdecimal() else sign for sign in word)  # any script
    return " ".join("".join(_rules(language).spoken(latin)).split())


def has_signs(word: str, language: str = "en") -> bool:
    """Whether ``word`` has signs that are not spelled but spoken: “&”, and in French “XXe”."""
    return not SIGNS.isdisjoint(word) or (language == "fr" and _ROMAN.search(word) is not None)


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
        indian = r"\d{1,2}(?:,\d\d)+,\d{3}(?!\d)|" if groups == "," else ""
        spaced = rf"\d{{1,3}}(?:[{groups}'’ \u00a0\u2007\u2009\u202f]\d{{3}})+(?!\d)"
        return rf"(?:{indian}{spaced}|\d+)"

    @property
    def _money(self) -> str:
        """A currency symbol."""
        known = sorted(self.language.currencies, key=len, reverse=True)
        names = [rf"(?<![^\W\d_]){name}(?![^\W\d_])" for name in known if name.isalpha()]
        signs = [re.escape(name) for name in known if not name.isalpha()]
        return rf"(?:(?:US|AU?|CA?|NZ|HK|S)(?=\$))?(?:{'|'.join([*names, *signs]) or '(?!)'})"

    @property
    def _scale(self) -> str:
        known = sorted(self.language.scales, key=len, reverse=True)
        return rf"(?:{'|'.join(map(re.escape, known)) or '(?!)'})(?!\w)"

    @cached_property
    def _patterns(self) -> list[tuple[re.Pattern[str], Callable[[re.Match[str]], str]]]:
        number, blank = self._number, f"{_BLANK}?"
        amount = rf"(?P<whole>{number})?(?P<fraction>[.,]\d+)?(?<=\d)"
        units = _any_of(self.language.units)
        long_scale = _any_of(name for name in self.language.scales if len(name) > 1)
        scale = rf"(?:{blank}(?P<scale>{self._scale}))?"
        decimal = rf"{re.escape(self.language.decimal)}\d+"
        table: list[tuple[str, Callable[[re.Match[str]], str]]] = [
            (rf"(?<![\w.,)%°/])[-−–](?=[\d.,{_VULGAR}]|{self._money})", self.forms.minus),
            (rf"(?P<money>{self._money}){blank}{amount}{scale}", self.forms.amount),
            (rf"{amount}{scale}{blank}(?P<money>{self._money})", self.forms.amount),
            *self._local_patterns(),
            (r"(?<=[\d%°€$£])[-–—](?=[\d$€£])", self.forms.to),
            (r"#(?=\d)", self.forms.number),
            (rf"(?P<whole>\d+)?{blank}(?P<vulgar>[{_VULGAR}])", self.forms.fraction),
            (rf"(?<![\d/])(?:(?P<whole>\d+){_BLANK})?(?P<part>\d)/(?P<parts>\d)(?![\d/])",
             self.forms.fraction),
            (rf"(?P<unit>{units})(?P<power>[²³])(?!\w)", self.forms.area),
            (rf"(?P<power>[{_SUPERSCRIPTS}]+)", self.forms.power),
            (r"\^(?P<power>\d{1,12})(?![\d.,])", self.forms.power),
            (rf"(?P<index>[{_SUBSCRIPTS}]+)", self.forms.index),
            (rf"(?P<whole>{number})(?P<fraction>{decimal})?{blank}(?P<unit>{units})(?![\w²³])",
             self.forms.measure),
            (rf"(?<=[^\W\d_])(?P<code>\d{{{MIN_CODE_DIGITS},}})", self.forms.code),
            (r"(?<=[^\W\d_]-)(?P<code>\d{5,})", self.forms.code),
            (rf"(?P<whole>{number})(?P<fraction>{decimal})?{blank}(?P<scale>{long_scale})(?!\w)",
             self.forms.scaled),
            (rf"(?P<whole>{number})(?P<fraction>{decimal})(?P<scale>{self._scale})", self.forms.scaled),
            (rf"(?P<whole>{number})?(?P<fraction>[.](?!\d{{3}}(?!\d))\d+|{decimal})", self.forms.decimal),
            (rf"(?P<integer>{number})", self.forms.integer),
            (rf"(?P<symbol>[{re.escape(''.join(SIGNS))}])", self.forms.symbol),
        ]  # fmt: skip
        return [(re.compile(pattern), verbalized) for pattern, verbalized in table]

    def _local_patterns(self) -> list[tuple[str, Callable[[re.Match[str]], str]]]:
        """Dates, telephone numbers, times and ordinals."""
        day, month = r"(?P<day>3[01]|[12]\d|0?[1-9])", r"(?P<month>1[0-2]|0?[1-9])"
        iso = [(rf"(?<![\d-])(?P<year>\d{{4}})-{month}-{day}(?![\d-])", self.forms.date)]
        local = {"de": self._german, "fr": self._french, "en": self._english}.get(
            self.language.code
        )
        return [*iso, *local(day, month)] if local else []

    def _german(self, day: str, month: str) -> list[tuple[str, Callable[[re.Match[str]], str]]]:
        forms = self.forms
        return [
            (r"(?P<phone>\+\d{1,3}(?:[ \u00a0/-]\d+)+)", forms.phone),
            (rf"(?P<hours>\d{{1,2}})[.:](?P<minutes>[0-5]\d){_BLANK}?(?:Uhr|h)(?!\w)", forms.time),
            (rf"(?<![\d.,])1{_BLANK}(?=(?P<unit>{_AFTER_ONE})\b)", lambda m: self.language.one_of(m["unit"])),
            (_CLOCK, forms.time),
            (rf"{day}\.{_BLANK}?{month}\.(?:{_BLANK}?(?P<year>\d{{4}}|\d\d))?(?!\d)", forms.date),
            (rf"(?P<ordinal>\d{{1,3}})\.{_BLANK}?(?=(?:{_AFTER_ORDINAL})\b)",
             lambda m: f"{forms.ordinal(m)}n"),
            (rf"(?P<ordinal>{self._number})te(?P<ending>[nrsm]?)\b",
             lambda m: forms.ordinal(m) + m["ending"]),
            (rf"(?P<integer>{self._number})er(?![^\W\d_])", lambda m: f"{forms.integer(m)}er"),
            (rf"(?<!\w)Nr\.{_BLANK}?(?=\d)", forms.number),
        ]  # fmt: skip

    def _french(self, day: str, month: str) -> list[tuple[str, Callable[[re.Match[str]], str]]]:
        forms = self.forms
        return [
            (rf"(?P<hours>\d{{1,2}}){_BLANK}?[hH]{_BLANK}?(?P<minutes>[0-5]\d)?(?!\w)", forms.time),
            (_CLOCK, forms.time),
            (rf"(?<![\d/.]){day}(?P<dash>[/.]){month}(?P=dash)(?P<year>\d{{4}}|\d\d)(?![\d/])", forms.date),
            (r"1(?:re|ère)\b", lambda _: "première"),
            (r"2(?P<gender>nde?)s?\b", lambda m: "seconde" if m["gender"] == "nde" else "second"),
            (rf"(?P<ordinal>{self._number})(?:ers?|ièmes?|èmes?|emes?|es?)\b", forms.ordinal),
            (rf"(?<!\w)[nN][°º]{_BLANK}?(?=\d)", forms.number),
            (_ROMAN.pattern, forms.roman),
        ]  # fmt: skip

    def _english(self, day: str, month: str) -> list[tuple[str, Callable[[re.Match[str]], str]]]:
        forms = self.forms
        british = r"(?P<day>1[3-9]|2\d|3[01])"
        year = r"(?P<year>\d{4}|\d\d)(?![\d/])"
        return [
            (_PHONE, forms.phone),
            (rf"(?<![\d/]){british}/{month}/{year}", forms.date),
            (rf"(?<![\d/]){month}/{day}/{year}", forms.date),
            (_CLOCK, forms.time),
            (rf"(?i:(?P<ordinal>{self._number})(?:st|nd|rd|th))\b", forms.ordinal),
            (r"(?P<decade>\d\d|\d{4})['’]?s\b", forms.decade),
            (rf"(?<!\w)No\.{_BLANK}?(?=\d)", forms.number),
        ]

    @cached_property
    def _spaced(self) -> re.Pattern[str]:
        """What is spoken as one although there are blanks in it."""
        several = (
            rf"(?:{_BLANK}\d{{3}}){{2,}}|{_BLANK}000"
            if self.language.decimal == "."
            else rf"(?:{_BLANK}\d{{3}})+"
        )
        thin = _BLANK.replace(" \\t", "")
        end = rf"(?!\d)(?!{_BLANK}\d)"
        grouped = rf"\d{{1,3}}(?:{several}|(?:{thin}\d{{3}})+){end}"
        amount = rf"(?:\d{{1,3}}(?:{_BLANK}\d{{3}})+{end}|[\d.,'’]*\d)(?:[.,]\d+)?"
        number = rf"(?<![\w.,])(?<!\d{_BLANK})(?:{grouped}|[\d.,'’]*\d)(?:[.,]\d+)?"
        units = _any_of(name for name in self.language.units if len(name) > 1 or name in "mglht")
        after = rf"(?:{_BLANK}(?:{units})(?![\w²³'’])|(?:{_BLANK}{self._scale})?(?:{_BLANK}?{self._money})?)"
        choices = [
            rf"(?<!\w){self._money}{_BLANK}?{amount}(?:{_BLANK}{self._scale})?",
            rf"\d{_BLANK}[{_VULGAR}]",
            rf"(?<![\w/.,–-])\d{_BLANK}\d/\d(?![\d/])",
            *self._spaced_locally(),
        ]
        return re.compile("|".join([*choices, number + after]))

    def _spaced_locally(self) -> list[str]:
        """Telephone numbers, times, dates and ordinals with blanks in them."""
        phone = rf"\+(?=(?:{_BLANK}?\d){{8,15}}(?!{_BLANK}?\d))\d{{1,3}}(?:{_BLANK}\d+)+"
        if self.language.code == "de":
            return [phone, rf"\d{{1,2}}[.:]\d\d{_BLANK}Uhr\b", rf"(?<!\S)1{_BLANK}(?:{_AFTER_ONE})\b",
                    rf"(?<!\d)\d{{1,2}}\.{_BLANK}\d{{1,2}}\.{_BLANK}?\d{{4}}\b",
                    rf"(?<!\d)\d{{1,3}}\.{_BLANK}(?:{_AFTER_ORDINAL})\b", rf"\bNr\.{_BLANK}\d"]  # fmt: skip
        if self.language.code == "fr":
            return [rf"\b\d{{1,2}}{_BLANK}?h(?:{_BLANK}?[0-5]\d)?\b", rf"\b[nN][°º]{_BLANK}\d"]
        if self.language.code == "en":
            return [phone, rf"(?:\+\d{{1,3}}{_BLANK})?\(\d{{3}}\){_BLANK}?\d{{3}}[-. ]\d{{4}}\b",
                    rf"\bNo\.{_BLANK}\d"]  # fmt: skip
        return []


def _any_of(names: Iterable[str]) -> str:
    return "|".join(map(re.escape, sorted(names, key=len, reverse=True))) or "(?!)"
