"""Languages by their codes and English names, as clients and checkpoints write them."""

from __future__ import annotations

import re
from typing import Final

_TABLE: Final = """
af afr afrikaans|am amh amharic|ar ara arabic|as asm assamese|az aze azerbaijani|ba bak bashkir
be bel belarusian|bg bul bulgarian|bn ben bengali|bo bod tibetan|br bre breton|bs bos bosnian
ca cat catalan|ckb ckb sorani|cs ces czech|cv chv chuvash|cy cym welsh|da dan danish|de deu german
dv div dhivehi|el ell greek|en eng english|eo epo esperanto|es spa spanish|et est estonian
eu eus basque|fa fas persian|fi fin finnish|fo fao faroese|fr fra french|fy fry frisian
ga gle irish|gl glg galician|gn grn guarani|gu guj gujarati|ha hau hausa|haw haw hawaiian
he heb hebrew|hi hin hindi|hr hrv croatian|ht hat haitian creole|hu hun hungarian|hy hye armenian
ia ina interlingua|id ind indonesian|ig ibo igbo|is isl icelandic|it ita italian|ja jpn japanese
jv jav javanese|ka kat georgian|kab kab kabyle|kk kaz kazakh|km khm khmer|kn kan kannada
ko kor korean|ku kur kurdish|ky kir kyrgyz|la lat latin|lb ltz luxembourgish|lg lug luganda
ln lin lingala|lo lao lao|lt lit lithuanian|lv lav latvian|mg mlg malagasy|mi mri maori
mk mkd macedonian|ml mal malayalam|mn mon mongolian|mr mar marathi|ms msa malay|mt mlt maltese
my mya myanmar|ne nep nepali|nl nld dutch|nn nno nynorsk|no nor norwegian|oc oci occitan
or ori odia|pa pan punjabi|pl pol polish|ps pus pashto|pt por portuguese|rm roh romansh
ro ron romanian|ru rus russian|rw kin kinyarwanda|sa san sanskrit|sd snd sindhi|si sin sinhala
sk slk slovak|sl slv slovenian|sn sna shona|so som somali|sq sqi albanian|sr srp serbian
su sun sundanese|sv swe swedish|sw swa swahili|ta tam tamil|te tel telugu|tg tgk tajik
th tha thai|ti tir tigrinya|tk tuk turkmen|tl tgl tagalog|tr tur turkish|tt tat tatar
ug uig uyghur|uk ukr ukrainian|ur urd urdu|uz uzb uzbek|vi vie vietnamese|wo wol wolof
xh xho xhosa|yi yid yiddish|yo yor yoruba|yue yue cantonese|zh zho chinese|zu zul zulu
"""
"""ISO 639-1 code (or the one that Whisper uses), ISO 639-3 code, English name."""

_SYNONYMS: Final = """
alb sq|ara ar|arb ar|arm hy|baq eu|bur my|burmese my|castilian es|chi zh|cmn zh|cze cs|dut nl
ekk et|farsi fa|fil tl|filipino tl|flemish nl|fre fr|geo ka|ger de|gre el|haitian ht|ice is
in id|iw he|jw jv|khk mn|lvs lv|mac mk|mandarin zh|mao mi|may ms|moldavian ro|nb no|nob no
npi ne|ory or|panjabi pa|per fa|pes fa|pushto ps|rum ro|sinhalese si|slo sk|swh sw|tib bo
uig-script_arabic ug|urd-script_arabic ur|uzb-script_latin uz|azj-script_latin az|valencian ca
wel cy|zlm ms|zsm ms|letzeburgesch lb
"""

_ROWS: Final = [row.split(" ", 2) for row in re.split(r"[|\n]", _TABLE.strip())]
_CODES: Final[dict[str, str]] = {
    **{spelling: short for short, long, name in _ROWS for spelling in (short, long, name)},
    **dict(row.split(" ") for row in re.split(r"[|\n]", _SYNONYMS.strip())),
}
_NAMES: Final = {short: name for short, _, name in _ROWS}

_ANY: Final = frozenset({"", "auto", "automatic", "detect", "multi", "mul", "und", "unknown"})
"""How clients request the detection of the language."""


def language_code(language: str) -> str:
    """The code of a language: ``en`` for ``EN``, ``eng``, ``English``, ``en-US`` and ``en_GB.UTF-8``.

    A language that the table lacks is returned in lower case; empty if any language is meant.
    """
    spelling = language.strip().lower()
    if spelling in _ANY:
        return ""
    if spelling in _CODES:
        return _CODES[spelling]
    return _CODES.get(re.split(r"[-_.@ (]", spelling)[0], spelling)


def language_name(code: str) -> str:
    """The English name of a language in lower case, as OpenAI's API has it; else the code."""
    return _NAMES.get(language_code(code), code)


def known_language(text: str) -> str:
    """The code of the language whose code or English name ``text`` is; empty if it is none."""
    code = language_code(text)
    return code if code in _NAMES else ""
