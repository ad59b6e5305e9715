"""The spoken forms of numbers: what a language says for an amount, a time, an ordinal, a fraction…"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from wav2vec2_app.speech.numerals import Language, say, say_digits

MAX_NUMBER_DIGITS: Final = 12
"""Longer digit strings, and those that begin with a zero, are verbalized digit by digit."""
YEARS: Final = range(1100, 2100)
"""Four digits without a separator are a year if they lie in this range."""


RANGE: Final = re.compile(
    r"\W*(?P<low>\d+(?:[.,]\d+)?)\W{0,2}[-–—]\W{0,1}(?P<high>\d+(?:[.,]\d+)?)(?:[^\w-]+|[^\W\d]{1,3}\W*)?"
)
"""Two numbers with a dash between them and nothing else but signs and a unit."""


@dataclass(frozen=True)
class SpokenForms:
    """The forms of one language; each method says what one pattern of ``normalization`` found."""

    language: Language

    def _say(self, number: float, *, to: str = "cardinal") -> str:
        return say(number, self.language.code, to=to)

    def amount(self, found: re.Match[str]) -> str:
        """An amount of money: “five dollars twenty cents”."""
        one, several, cent, cents = self.language.currencies[
            re.sub(r"^\w+(?=\$)", _keep_real, found["money"])
        ]
        whole, fraction = _digits(found["whole"]), (found["fraction"] or "")[1:]
        if found["scale"] or len(fraction) not in (0, 2):
            number = self.scaled(found) if found["scale"] else self._spoken_decimal(whole, fraction)
            return self._with_unit(number, several)
        hundredths = int(fraction or 0)
        if hundredths and not int(whole or 0):
            return f"{self._counted(hundredths, cent)} {cent if hundredths == 1 else cents}"
        unit = one if int(whole) == 1 or (self.language.code == "fr" and whole == "0") else several
        spoken = self._with_unit(self._counted(int(whole), unit), unit)
        if not hundredths:
            return spoken
        name = f" {cent if hundredths == 1 else cents}" if self.language.code == "en" else ""
        return f"{spoken} {self._say(hundredths)}{name}"

    def _with_unit(self, number: str, unit: str) -> str:
        """A number and its unit; in French, “de” is between a million and its unit."""
        if self.language.code != "fr" or not re.search(r"(million|milliard)s?$", number):
            return f"{number} {unit}"
        return f"{number} d'{unit}" if unit[0] in "aeiouyé" else f"{number} de {unit}"

    def _counted(self, number: int, unit: str) -> str:
        return self.language.one_of(unit) if number == 1 else self._say(number)

    def _scale_word(self, found: re.Match[str]) -> str:
        one, several = self.language.scales[found["scale"]]
        single = _digits(found["whole"]) == "1"
        exact = not found.groupdict().get("fraction")
        return one if single and (exact or self.language.code == "fr") else several

    def scaled(self, found: re.Match[str]) -> str:
        """A number and an abbreviated million."""
        whole, fraction = _digits(found["whole"]), (found["fraction"] or "")[1:]
        word = self._scale_word(found)
        single = whole == "1" and not fraction
        number = self.language.one_of(word) if single else self._spoken_decimal(whole, fraction)
        return f"{number} {word}"

    def time(self, found: re.Match[str]) -> str:
        """A time of day."""
        hours, minutes = int(found["hours"]), found["minutes"] or "00"
        one, several = self.language.hour
        spoken = self._counted(hours, one) if one else self._say(hours)
        spoken = f"{spoken} {one if hours < 2 else several}"
        if minutes == "00":
            return spoken
        if one or minutes[0] != "0":
            return f"{spoken} {self._say(int(minutes))}"
        zero = "oh" if self.language.code == "en" else self._say(0)
        return f"{spoken} {zero} {self._say(int(minutes))}"

    def date(self, found: re.Match[str]) -> str:
        """A date in numbers; in English, what begins with a day over 12 is British."""
        day, month = int(found["day"]), int(found["month"])
        year = f" {self._say(int(found['year']), to='year')}" if found["year"] else ""
        ordinal = self._say(day, to="ordinal")
        if self.language.code == "de":
            return f"{ordinal}r {self._say(month, to='ordinal')}r{year}"
        name = self.language.months[month - 1]
        if self.language.code == "fr":
            return f"{'premier' if day == 1 else self._say(day)} {name}{year}"
        british = found.start("day") < found.start("month") < found.start("year")
        return f"{ordinal} of {name}{year}" if british else f"{name} {ordinal}{year}"

    def ordinal(self, found: re.Match[str]) -> str:
        """“third”."""
        return self._say(int(_digits(found["ordinal"])), to="ordinal")

    def decade(self, found: re.Match[str]) -> str:
        """“nineteen eighties”."""
        number = found["decade"]
        words = self._say(int(number), to="year" if len(number) == 4 else "cardinal")
        return f"{words[:-1]}ies" if words.endswith("y") else f"{words}s"

    def fraction(self, found: re.Match[str]) -> str:
        """“½”, “2½” or “1/2”."""
        given = found.groupdict()
        vulgar = given.get("vulgar")
        text = (
            unicodedata.normalize("NFKC", vulgar) if vulgar else f"{given['part']}/{given['parts']}"
        )
        part, parts = map(int, re.split("[/⁄]", text))
        alone, after = self.language.fractions.get((part, parts)) or self._parts(part, parts)
        if not given.get("whole"):
            return alone
        whole = self._say(int(given["whole"]))
        if self.language.code == "de":
            return f"{'ein' if whole == 'eins' else whole}{after if whole != 'eins' else 'ein' + after[3:]}"
        joins = "" if after.startswith("et ") else "and " if self.language.code == "en" else "et "
        return f"{whole} {joins}{after}"

    def _parts(self, part: int, parts: int) -> tuple[str, str]:
        """A fraction that is said by the rule: “five sixths”; others are two numbers."""
        if parts < 3 or not part or self.language.code not in ("en", "de", "fr"):
            return (f"{self._say(part)} {self._say(parts)}",) * 2
        ordinal = self._say(parts, to="ordinal")
        if self.language.code == "de":
            number = "ein" if part == 1 else self._say(part)
            return f"{number} {ordinal.capitalize()}l", f"{number}{ordinal}l"
        return (f"{self._say(part)} {ordinal}{'s' if part > 1 else ''}",) * 2

    def area(self, found: re.Match[str]) -> str:
        """A square or cubic unit."""
        form = self.language.areas[unicodedata.normalize("NFKC", found["power"])]
        several = self.language.units[found["unit"]][1]
        return form.format(several.lower() if self.language.code == "de" else several)

    def power(self, found: re.Match[str]) -> str:
        """An exponent."""
        digits = unicodedata.normalize("NFKC", found["power"])
        powers = self.language.powers
        return powers.get(digits) or powers["n"].format(self._say(int(digits)))

    def index(self, found: re.Match[str]) -> str:
        """A subscript."""
        return self._say(int(unicodedata.normalize("NFKC", found["index"])))

    def measure(self, found: re.Match[str]) -> str:
        """A number and its unit."""
        whole, fraction = _digits(found["whole"]), (found["fraction"] or "")[1:]
        one, several = self.language.units[found["unit"]]
        if whole == "1" and not fraction:
            return f"{self.language.one_of(one)} {one}"
        return f"{self._spoken_decimal(whole, fraction)} {several}"

    def code(self, found: re.Match[str]) -> str:
        """Digits one by one."""
        return say_digits(found["code"], self.language.code)

    def phone(self, found: re.Match[str]) -> str:
        """A telephone number, digit by digit."""
        plus = f"{self.language.symbols['+']} " if found[0].startswith("+") else ""
        return plus + say_digits(_digits(found[0]), self.language.code)

    def minus(self, found: re.Match[str]) -> str:
        """The sign of a negative number."""
        return self.language.minus or found[0]

    def number(self, _: re.Match[str]) -> str:
        """The word before a number in a series: “No. 5”, “#5”."""
        return self.language.number

    def to(self, found: re.Match[str]) -> str:
        """The dash of a range: “5–10”, “1914–18”; that of a score or a code is not spoken."""
        ends = RANGE.fullmatch(found.string)
        if ends is None or not self.language.to:
            return found[0]
        low, high = (float(end.replace(",", ".")) for end in (ends["low"], ends["high"]))
        years = len(ends["low"]) == 4 and len(ends["high"]) == 2
        return self.language.to if low < high or years else found[0]

    def roman(self, found: re.Match[str]) -> str:
        """A Roman ordinal: “XXe”."""
        values = [{"I": 1, "V": 5, "X": 10}[sign] for sign in found["roman"]]
        following = [*values[1:], 0]
        number = sum(-value if value < after else value
                     for value, after in zip(values, following, strict=True))  # fmt: skip
        return self._say(number, to="ordinal")

    def decimal(self, found: re.Match[str]) -> str:
        """A number with a decimal sign."""
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

    def integer(self, found: re.Match[str]) -> str:
        """A whole number; four digits are a year."""
        digits = _digits(found["integer"])
        if len(found["integer"]) == 4 and len(digits) == 4 and int(digits) in YEARS:
            return self._say(int(digits), to="year")
        return self._spoken_integer(digits)

    def _spoken_integer(self, digits: str) -> str:
        if len(digits) > MAX_NUMBER_DIGITS or (digits[0] == "0" and len(digits) > 1):
            return say_digits(digits, self.language.code)
        return self._say(int(digits))

    def symbol(self, found: re.Match[str]) -> str:
        """A sign."""
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
