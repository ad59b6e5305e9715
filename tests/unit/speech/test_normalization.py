"""What numbers and signs of English, German and French are spoken as."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wav2vec2_app.speech.normalization import verbalize, written_words

ENGLISH = {
    "$1.5M": "one point five million dollars",
    "$1.5 million": "one point five million dollars",
    "$3K": "three thousand dollars",
    "£2bn": "two billion pounds",
    "$5.2": "five point two dollars",
    "$5.20": "five dollars twenty cents",
    "$0.50": "fifty cents",
    "$1": "one dollar",
    "US$5": "five dollars",
    "-$5": "minus five dollars",
    "£1,000": "one thousand pounds",
    "5 €": "five euros",
    "R$5,20": "five reais twenty centavos",
    "R$ 5,20": "five reais twenty centavos",
    "₹500": "five hundred rupees",
    "CO₂": "CO two",
    "H₂O": "H two O",
    "m²": "square meters",
    "km²": "square kilometers",
    "cm³": "cubic centimeters",
    "x²": "x squared",
    "10⁶": "ten to the power of six",
    "½": "one half",
    "2½": "two and a half",
    "2 ½": "two and a half",
    "¾": "three quarters",
    "1/2": "one half",
    ".5": "point five",
    "0.5": "zero point five",
    "3.141": "three point one four one",
    "1 000 000": "one million",
    "1\u202f000": "one thousand",
    "1,000,000.5": "one million point five",
    "EM3985771": "EM three nine eight five seven seven one",
    "MH370": "MH three seven zero",
    "mp3": "mp three",
    "10:05": "ten oh five",
    "1980s": "nineteen eighties",
    "22nd": "twenty-second",
    "50%": "fifty percent",
    "20°C": "twenty degrees celsius",
    "7kg": "seven kilograms",
    "100km/h": "one hundred kilometers per hour",
    "1.2.3": "one point two point three",
    "12 100 seats": "twelve one hundred seats",
    "5 000": "five thousand",
    "$1 000": "one thousand dollars",
    "₹1,00,000": "one hundred thousand rupees",
    "2-3": "two to three",
    "5-10%": "five to ten percent",
    "1914–18": "nineteen fourteen to eighteen",
    "$5–$10": "five dollars to ten dollars",
    "4-4-2": "four - four - two",
    "3-1": "three - one",
    "555-1234": "five five five one two three four",
    "+1 (555) 123-4567": "plus one five five five one two three four five six seven",
    "800-1000": "eight hundred to one thousand",
    "2024-05-17": "May seventeenth twenty twenty-four",
    "5/17/2024": "May seventeenth twenty twenty-four",
    "17/05/2024": "seventeenth of May twenty twenty-four",
    "(-5)": "( minus five )",
    "–5 °C": "minus five degrees celsius",
    "1°": "one degree",
    "5 km": "five kilometers",
    "1.5 km": "one point five kilometers",
    "1 km/h": "one kilometer per hour",
    "16 GB": "sixteen gigabytes",
    "10 min": "ten minutes",
    "5/6": "five sixths",
    "1/9": "one ninth",
    "1 1/2": "one and a half",
    "#1": "number one",
    "No. 5": "number five",
    "C#": "C#",
    "50¢": "fifty cents",
    "20 EUR": "twenty euros",
    "USD 5": "five dollars",
    "5 EUROPE": "five EUROPE",
    "1.2M": "one point two million",
    "2^10": "two to the power of ten",
    "24/7": "twenty-four / seven",
    "I'm 5": "I'm five",
}
GERMAN = {
    "3.500 Euro": "dreitausendfünfhundert Euro",
    "1.000.000": "eine Million",
    "1 000 000": "eine Million",
    "1,5": "eins Komma fünf",
    "-1,5": "minus eins Komma fünf",
    "3,14": "drei Komma eins vier",
    ",5": "null Komma fünf",
    ".5": "null Komma fünf",
    "12.30 Uhr": "zwölf Uhr dreißig",
    "12:30": "zwölf Uhr dreißig",
    "12.00 Uhr": "zwölf Uhr",
    "8 Uhr": "acht Uhr",
    "1 Uhr": "ein Uhr",
    "50 %": "fünfzig Prozent",
    "50%": "fünfzig Prozent",
    "5,20 €": "fünf Euro zwanzig",
    "€5,20": "fünf Euro zwanzig",
    "1 €": "ein Euro",
    "0,50 €": "fünfzig Cent",
    "3.500 €": "dreitausendfünfhundert Euro",
    "1,5 Mio. €": "eins Komma fünf Millionen Euro",
    "$1.5M": "eins Komma fünf Millionen Dollar",
    "R$5,20": "fünf Real zwanzig",
    "3. Mai": "dritten Mai",
    "12.03.2024": "zwölfter dritter zweitausendvierundzwanzig",
    "½": "ein halb",
    "2½": "zweieinhalb",
    "1½": "eineinhalb",
    "m²": "Quadratmeter",
    "km³": "Kubikkilometer",
    "CO₂": "CO zwei",
    "10⁶": "zehn hoch sechs",
    "20°C": "zwanzig Grad Celsius",
    "1 Mio. €": "eine Million Euro",
    "2,5 Mio.": "zwei Komma fünf Millionen",
    "1 Mrd.": "eine Milliarde",
    "1 Euro": "ein Euro",
    "1 Stunde": "eine Stunde",
    "1 km": "ein Kilometer",
    "5 kg": "fünf Kilogramm",
    "20 EUR": "zwanzig Euro",
    "90er": "neunziger",
    "1990er-Jahre": "neunzehnhundertneunziger -Jahre",
    "zum 3. Mal": "zum dritten Mal",
    "Es sind 3. Dann": "Es sind drei . Dann",
    "11. 9. 2001": "elfter neunter zweitausendeins",
    "8-10 Uhr": "acht bis zehn Uhr",
    "Nr. 5": "Nummer fünf",
    "5/6": "fünf Sechstel",
    "1 1/2": "eineinhalb",
    "+49 30 123456": "plus vier neun drei null eins zwei drei vier fünf sechs",
    "2024-05-17": "siebzehnter fünfter zweitausendvierundzwanzig",
    "EM3985771": "EM drei neun acht fünf sieben sieben eins",
}
FRENCH = {
    "1er": "premier",
    "1re": "première",
    "2e": "deuxième",
    "2nde": "seconde",
    "21e": "vingt et unième",
    "1,5": "un virgule cinq",
    "3,14": "trois virgule quatorze",
    "3,05": "trois virgule zéro cinq",
    ".5": "zéro virgule cinq",
    "€": "euros",
    "5,20 €": "cinq euros vingt",
    "1 €": "un euro",
    "0,50 €": "cinquante centimes",
    "1 000 000": "un million",
    "1 000 000 €": "un million d'euros",
    "1,5 M€": "un virgule cinq million d'euros",
    "3 500 euros": "trois mille cinq cents euros",
    "R$5,20": "cinq réaux vingt",
    "$1.5M": "un virgule cinq million de dollars",
    "14h30": "quatorze heures trente",
    "14 h 30": "quatorze heures trente",
    "14:30": "quatorze heures trente",
    "1h": "une heure",
    "50 %": "cinquante pour cent",
    "½": "un demi",
    "2½": "deux et demi",
    "m²": "mètres carrés",
    "cm³": "centimètres cubes",
    "x²": "x au carré",
    "CO₂": "CO deux",
    "20°C": "vingt degrés celsius",
    "10 h": "dix heures",
    "0h30": "zéro heure trente",
    "5 £": "cinq livres",
    "1 £": "une livre",
    "n° 5": "numéro cinq",
    "3/5/2024": "trois mai deux mille vingt-quatre",
    "01/02/2024": "premier février deux mille vingt-quatre",
    "17.05.2024": "dix-sept mai deux mille vingt-quatre",
    "2024-05-17": "dix-sept mai deux mille vingt-quatre",
    "2-3": "deux à trois",
    "5 km": "cinq kilomètres",
    "16 Go": "seize gigaoctets",
    "5/6": "cinq sixièmes",
    "XXe siècle": "vingtième siècle",
    "XIXe": "dix-neuvième",
    "Le": "Le",
    "01 23 45 67 89": "zéro un vingt-trois quarante-cinq soixante-sept quatre-vingt-neuf",
    "EM3985771": "EM trois neuf huit cinq sept sept un",
}
TABLE = [
    pytest.param(language, text, spoken, id=f"{language} {text}")
    for language, rows in (("en", ENGLISH), ("de", GERMAN), ("fr", FRENCH))
    for text, spoken in rows.items()
]
SIGNS = "0123456789.,:/ -−$€£R%°²³₂½¼'’hkmMgEUhrste\u00a0\u202f&+=@№§"


def spoken(text: str, language: str) -> str:
    return " ".join(verbalize(word, language) for word in written_words(text, language))


@pytest.mark.parametrize(("language", "text", "expected"), TABLE)
def test_numbers_and_signs_are_spoken_as_the_language_says_them(
    language: str, text: str, expected: str
) -> None:
    assert spoken(text, language) == expected


@pytest.mark.parametrize("language", ["en", "de", "fr"])
@pytest.mark.parametrize("before", ["", "(", "“", "in ", "from\n"])
@pytest.mark.parametrize("after", ["", ".", ",", ")", "!", "…", " more", "\nmore"])
def test_number_is_the_same_within_a_text(language: str, before: str, after: str) -> None:
    text = {"en": "$1.5M", "de": "3.500", "fr": "14h30"}[language]

    assert spoken(text, language) in " ".join(spoken(before + text + after, language).split())


@pytest.mark.parametrize("language", ["en", "de", "fr", "es", "xx"])
@given(st.text(SIGNS, max_size=20))
def test_any_text_of_numbers_and_signs_can_be_spoken(language: str, text: str) -> None:
    words = written_words(text, language)

    assert " ".join(words).split() == text.split()
    for word in words:
        assert isinstance(verbalize(word, language), str)


@pytest.mark.parametrize("text", ["555 123 4567", "2020 100 seats", "a 1 b 2 c", "10\n000"])
def test_numbers_side_by_side_stay_apart(text: str) -> None:
    assert written_words(text) == text.split()


def test_other_languages_say_plain_numbers() -> None:
    assert spoken("21", "es") == "veintiuno"
