"""How languages say numbers: words from `num2words`, and one table of signs and forms for each language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True)
class Language:
    """The words of one language for what `num2words` does not say.

    Attributes:
        code: as `num2words` names it.
        decimal: the decimal sign; the other of stop and comma groups thousands.
        point: the word for the decimal sign.
        minus: before a negative number.
        symbols: signs and their words.
        currencies: symbol -> unit for one, unit for several, hundredth for one, hundredth for several.
        scales: abbreviation of a large number -> its word for one, for several.
        fractions: (numerator, denominator) -> words alone; and after a whole number.
        units: symbol -> words for one, for several.
        powers: exponent -> words after a base; ``n`` for all others.
        areas: exponent -> form of a unit, whose word is ``{}``.
        hour: word for one, for several, between hours and minutes; empty where there is none.
        one: “1” before a unit; ``ones`` says it before the units of the other gender.
        number: before a number in a series (“No. 5”).
        to: between the ends of a range (“5–10”).
        months: their names, where dates are said with them.
    """

    code: str
    decimal: str = ","
    point: str = ""
    minus: str = ""
    symbols: Mapping[str, str] = field(default_factory=dict)
    currencies: Mapping[str, tuple[str, str, str, str]] = field(default_factory=dict)
    scales: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    fractions: Mapping[tuple[int, int], tuple[str, str]] = field(default_factory=dict)
    units: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    powers: Mapping[str, str] = field(default_factory=dict)
    areas: Mapping[str, str] = field(default_factory=dict)
    hour: tuple[str, str] = ("", "")
    one: str = ""
    ones: Mapping[str, str] = field(default_factory=dict)
    number: str = ""
    to: str = ""
    months: tuple[str, ...] = ()

    def one_of(self, unit: str) -> str:
        """“1” before ``unit``."""
        return self.ones.get(unit, self.one)


ENGLISH: Final = Language(
    "en", ".", "point", "minus",
    symbols={"%": "percent", "‰": "per mille", "&": "and", "+": "plus", "=": "equals", "@": "at",
             "°": "degrees", "§": "section", "×": "times", "÷": "divided by", "±": "plus or minus",
             "№": "number"},
    currencies={"$": ("dollar", "dollars", "cent", "cents"), "£": ("pound", "pounds", "penny", "pence"),
                "€": ("euro", "euros", "cent", "cents"), "¥": ("yen", "yen", "sen", "sen"),
                "R$": ("real", "reais", "centavo", "centavos"), "₹": ("rupee", "rupees", "paisa", "paise"),
                "₽": ("rouble", "roubles", "kopeck", "kopecks"), "₩": ("won", "won", "jeon", "jeon"),
                "CHF": ("franc", "francs", "centime", "centimes"), "EUR": ("euro", "euros", "cent", "cents"),
                "USD": ("dollar", "dollars", "cent", "cents"), "¢": ("cent", "cents", "", ""),
                "GBP": ("pound", "pounds", "penny", "pence")},
    scales={"K": ("thousand",) * 2, "M": ("million",) * 2, "B": ("billion",) * 2, "T": ("trillion",) * 2,
            "bn": ("billion",) * 2, "m": ("million",) * 2, "k": ("thousand",) * 2, "tn": ("trillion",) * 2,
            "million": ("million",) * 2, "billion": ("billion",) * 2, "thousand": ("thousand",) * 2,
            "trillion": ("trillion",) * 2},
    fractions={(1, 2): ("one half", "a half"), (1, 4): ("one quarter", "a quarter"),
               (3, 4): ("three quarters",) * 2, (1, 3): ("one third", "a third"), (2, 3): ("two thirds",) * 2,
               (1, 5): ("one fifth", "a fifth"), (2, 5): ("two fifths",) * 2, (3, 5): ("three fifths",) * 2,
               (4, 5): ("four fifths",) * 2, (1, 8): ("one eighth", "an eighth"),
               (3, 8): ("three eighths",) * 2, (5, 8): ("five eighths",) * 2, (7, 8): ("seven eighths",) * 2},
    units={"m": ("meter", "meters"), "km": ("kilometer", "kilometers"), "cm": ("centimeter", "centimeters"),
           "mm": ("millimeter", "millimeters"), "kg": ("kilogram", "kilograms"), "ft": ("foot", "feet"),
           "km/h": ("kilometer per hour", "kilometers per hour"), "°C": ("degree celsius", "degrees celsius"),
           "°F": ("degree fahrenheit", "degrees fahrenheit"), "g": ("gram", "grams"),
           "mph": ("mile per hour", "miles per hour"), "°": ("degree", "degrees"),
           "ml": ("milliliter", "milliliters"),
           "l": ("liter", "liters"), "mg": ("milligram", "milligrams"), "lb": ("pound", "pounds"),
           "lbs": ("pound", "pounds"), "oz": ("ounce", "ounces"), "h": ("hour", "hours"),
           "hr": ("hour", "hours"),
           "hrs": ("hour", "hours"), "min": ("minute", "minutes"), "sec": ("second", "seconds"),
           "ms": ("millisecond", "milliseconds"), "Hz": ("hertz",) * 2, "kHz": ("kilohertz",) * 2,
           "MHz": ("megahertz",) * 2, "GHz": ("gigahertz",) * 2, "kB": ("kilobyte", "kilobytes"),
           "KB": ("kilobyte", "kilobytes"), "MB": ("megabyte", "megabytes"), "GB": ("gigabyte", "gigabytes"),
           "TB": ("terabyte", "terabytes"), "V": ("volt", "volts"), "W": ("watt", "watts"),
           "kW": ("kilowatt", "kilowatts"), "kWh": ("kilowatt hour", "kilowatt hours")},
    powers={"2": "squared", "3": "cubed", "n": "to the power of {}"},
    areas={"2": "square {}", "3": "cubic {}"},
    one="one", number="number", to="to",
    months=("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
            "November", "December"),
)  # fmt: skip

GERMAN: Final = Language(
    "de", ",", "Komma", "minus",
    symbols={"%": "Prozent", "‰": "Promille", "&": "und", "+": "plus", "=": "gleich", "@": "at", "°": "Grad",
             "§": "Paragraf", "×": "mal", "÷": "geteilt durch", "±": "plus minus", "№": "Nummer"},
    currencies={"$": ("Dollar", "Dollar", "Cent", "Cent"), "£": ("Pfund", "Pfund", "Penny", "Pence"),
                "€": ("Euro", "Euro", "Cent", "Cent"), "¥": ("Yen", "Yen", "Sen", "Sen"),
                "R$": ("Real", "Real", "Centavo", "Centavos"), "₹": ("Rupie", "Rupien", "Paisa", "Paise"),
                "₽": ("Rubel", "Rubel", "Kopeke", "Kopeken"), "₩": ("Won", "Won", "Jeon", "Jeon"),
                "CHF": ("Franken", "Franken", "Rappen", "Rappen"), "EUR": ("Euro", "Euro", "Cent", "Cent"),
                "USD": ("Dollar", "Dollar", "Cent", "Cent"), "GBP": ("Pfund", "Pfund", "Penny", "Pence"),
                "¢": ("Cent", "Cent", "", "")},
    scales={"Mio": ("Million", "Millionen"), "Mio.": ("Million", "Millionen"),
            "Mrd": ("Milliarde", "Milliarden"), "Mrd.": ("Milliarde", "Milliarden"),
            "M": ("Million", "Millionen"), "Million": ("Million", "Millionen"),
            "Millionen": ("Million", "Millionen"), "Milliarde": ("Milliarde", "Milliarden"),
            "Milliarden": ("Milliarde", "Milliarden"), "Tsd.": ("tausend", "tausend")},
    fractions={(1, 2): ("ein halb", "einhalb"), (1, 4): ("ein Viertel", "einviertel"),
               (3, 4): ("drei Viertel", "dreiviertel"), (1, 3): ("ein Drittel", "eindrittel"),
               (2, 3): ("zwei Drittel", "zweidrittel"), (1, 5): ("ein Fünftel", "einfünftel"),
               (1, 8): ("ein Achtel", "einachtel"), (3, 8): ("drei Achtel", "dreiachtel"),
               (2, 5): ("zwei Fünftel", "zweifünftel"), (3, 5): ("drei Fünftel", "dreifünftel"),
               (4, 5): ("vier Fünftel", "vierfünftel"), (5, 8): ("fünf Achtel", "fünfachtel"),
               (7, 8): ("sieben Achtel", "siebenachtel")},
    units={"m": ("Meter", "Meter"), "km": ("Kilometer", "Kilometer"), "cm": ("Zentimeter", "Zentimeter"),
           "mm": ("Millimeter", "Millimeter"), "kg": ("Kilogramm", "Kilogramm"), "g": ("Gramm", "Gramm"),
           "km/h": ("Kilometer pro Stunde",) * 2, "°C": ("Grad Celsius",) * 2,
           "°F": ("Grad Fahrenheit",) * 2, "°": ("Grad",) * 2, "ml": ("Milliliter",) * 2, "l": ("Liter",) * 2,
           "mg": ("Milligramm",) * 2, "t": ("Tonne", "Tonnen"), "h": ("Stunde", "Stunden"),
           "min": ("Minute", "Minuten"), "Min.": ("Minute", "Minuten"), "Std.": ("Stunde", "Stunden"),
           "Hz": ("Hertz",) * 2, "kHz": ("Kilohertz",) * 2, "MHz": ("Megahertz",) * 2,
           "GHz": ("Gigahertz",) * 2, "kB": ("Kilobyte",) * 2, "KB": ("Kilobyte",) * 2,
           "MB": ("Megabyte",) * 2, "GB": ("Gigabyte",) * 2, "TB": ("Terabyte",) * 2, "V": ("Volt",) * 2,
           "W": ("Watt",) * 2, "kW": ("Kilowatt",) * 2, "kWh": ("Kilowattstunde", "Kilowattstunden")},
    powers={"2": "Quadrat", "3": "hoch drei", "n": "hoch {}"},
    areas={"2": "Quadrat{}", "3": "Kubik{}"},
    hour=("Uhr", "Uhr"),
    one="ein", number="Nummer", to="bis",
    ones=dict.fromkeys(("Stunde", "Minute", "Sekunde", "Woche", "Million", "Milliarde", "Tonne",
                        "Meile", "Rupie", "Kopeke", "Kilowattstunde"), "eine"),
)  # fmt: skip

FRENCH: Final = Language(
    "fr", ",", "virgule", "moins",
    symbols={"%": "pour cent", "‰": "pour mille", "&": "et", "+": "plus", "=": "égale", "@": "arobase",
             "°": "degrés", "§": "paragraphe", "×": "fois", "÷": "divisé par", "±": "plus ou moins",
             "№": "numéro"},
    currencies={"$": ("dollar", "dollars", "cent", "cents"), "£": ("livre", "livres", "penny", "pence"),
                "€": ("euro", "euros", "centime", "centimes"), "¥": ("yen", "yens", "sen", "sen"),
                "R$": ("réal", "réaux", "centavo", "centavos"), "₹": ("roupie", "roupies", "paisa", "paisas"),
                "₽": ("rouble", "roubles", "kopeck", "kopecks"), "₩": ("won", "wons", "jeon", "jeon"),
                "CHF": ("franc", "francs", "centime", "centimes"),
                "EUR": ("euro", "euros", "centime", "centimes"),
                "USD": ("dollar", "dollars", "cent", "cents"), "GBP": ("livre", "livres", "penny", "pence"),
                "¢": ("cent", "cents", "", "")},
    scales={"M": ("million", "millions"), "Md": ("milliard", "milliards"),
            "k": ("mille", "mille"), "million": ("million", "millions"),
            "millions": ("million", "millions"), "milliard": ("milliard", "milliards"),
            "milliards": ("milliard", "milliards")},
    fractions={(1, 2): ("un demi", "et demi"), (1, 4): ("un quart", "un quart"),
               (3, 4): ("trois quarts",) * 2, (1, 3): ("un tiers",) * 2, (2, 3): ("deux tiers",) * 2,
               (1, 5): ("un cinquième",) * 2, (1, 8): ("un huitième",) * 2, (3, 8): ("trois huitièmes",) * 2,
               (2, 5): ("deux cinquièmes",) * 2, (3, 5): ("trois cinquièmes",) * 2,
               (4, 5): ("quatre cinquièmes",) * 2, (5, 8): ("cinq huitièmes",) * 2,
               (7, 8): ("sept huitièmes",) * 2},
    units={"m": ("mètre", "mètres"), "km": ("kilomètre", "kilomètres"), "cm": ("centimètre", "centimètres"),
           "mm": ("millimètre", "millimètres"), "kg": ("kilogramme", "kilogrammes"),
           "g": ("gramme", "grammes"),
           "km/h": ("kilomètre heure", "kilomètres heure"), "°C": ("degré celsius", "degrés celsius"),
           "°F": ("degré fahrenheit", "degrés fahrenheit"), "°": ("degré", "degrés"),
           "ml": ("millilitre", "millilitres"), "l": ("litre", "litres"),
           "mg": ("milligramme", "milligrammes"),
           "min": ("minute", "minutes"), "Hz": ("hertz",) * 2, "kHz": ("kilohertz",) * 2,
           "MHz": ("mégahertz",) * 2, "GHz": ("gigahertz",) * 2, "Ko": ("kilooctet", "kilooctets"),
           "ko": ("kilooctet", "kilooctets"), "Mo": ("mégaoctet", "mégaoctets"),
           "Go": ("gigaoctet", "gigaoctets"), "To": ("téraoctet", "téraoctets"), "V": ("volt", "volts"),
           "W": ("watt", "watts"), "kW": ("kilowatt", "kilowatts"),
           "kWh": ("kilowattheure", "kilowattheures")},
    powers={"2": "au carré", "3": "au cube", "n": "puissance {}"},
    areas={"2": "{} carrés", "3": "{} cubes"},
    hour=("heure", "heures"),
    one="un", number="numéro", to="à",
    ones=dict.fromkeys(("heure", "minute", "seconde", "livre", "roupie", "tonne"), "une"),
    months=("janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre",
            "novembre", "décembre"),
)  # fmt: skip

LANGUAGES: Final[Mapping[str, Language]] = {one.code: one for one in (ENGLISH, GERMAN, FRENCH)}


def language_of(code: str) -> Language:
    """The table of a language; one without words for signs if there is none."""
    return LANGUAGES.get(code) or Language(code, decimal=".")


def say(number: float, language: str, *, to: str = "cardinal") -> str:
    """A number in words.

    Raises:
        NotImplementedError: `num2words` lacks the language, or the form in it.
    """
    from num2words import num2words  # imported only if a text has numbers

    return str(num2words(number, lang=language, to=to))


def say_digits(digits: str, language: str) -> str:
    """Digits one by one."""
    return " ".join(say(int(digit), language) for digit in digits)
