"""The signs of scripts: how wide they are, and where text may be divided without blanks."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

UNSPACED_SIGNS: Final = (
    "\u2e80-\u2fdf\u3000-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\uff00-\uffef\U00020000-\U0003ffff"
)
"""Han, Kana and their punctuation, as a class of a regular expression: written without blanks between words,
and a line may end after any of them."""
WIDE_SIGNS: Final = (
    "\u1100-\u115f\u2e80-\u303e\u3040-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7a3"
    "\uf900-\ufaff\ufe30-\ufe4f\uff01-\uff60\uffe0-\uffe6\U0001f300-\U0001faff\U00020000-\U0003ffff"
)
"""Signs as wide as two letters: those, Hangul and pictographs."""
NEVER_FIRST: Final = (
    "、。，．・：；？！゛゜ヽヾゝゞ々ー’”）〕］｝〉》」』】…‥ぁぃぅぇぉっゃゅょゎ"
    "ァィゥェォッャュョヮ"
)
"""Signs that do not begin a line."""
NEVER_LAST: Final = "‘“（〔［｛〈《「『【"
"""Signs that do not end a line."""

_UNSPACED: Final = re.compile(f"[{UNSPACED_SIGNS}]")
_WIDE: Final = re.compile(f"[{WIDE_SIGNS}]")
_JOINER: Final = "\u200d"


def width(text: str) -> int:
    """Columns that ``text`` takes: two for Han, Kana and Hangul, none for a combining mark."""
    return sum(
        0 if unicodedata.category(sign) in ("Mn", "Me", "Cf") else 2 if _WIDE.match(sign) else 1
        for sign in text
    )


def blank_between(left: str, right: str) -> bool:
    """Whether there is a blank between two parts of a line."""
    if not left or not right:
        return False
    return not (_UNSPACED.match(left[-1]) and _UNSPACED.match(right[0]))


def has_unspaced(text: str) -> bool:
    """Whether there is a sign in ``text`` after which a line may end."""
    return _UNSPACED.search(text) is not None


def divided(text: str) -> list[str]:
    """``text`` divided at its Han and Kana signs and at blanks; punctuation stays with its sign."""
    found: list[str] = []
    for sign in _signs(text):
        joins = bool(found) and (
            sign[0] in NEVER_FIRST
            or found[-1][-1] in NEVER_LAST
            or not (_UNSPACED.match(sign) or _UNSPACED.match(found[-1][-1]))
        )
        if joins:
            found[-1] += sign
        else:
            found.append(sign)
    return found


def cut(text: str, limit: int) -> Iterator[str]:
    """``text`` in parts of at most ``limit`` columns."""
    part = ""
    for sign in _signs(text):
        if part and width(part + sign) > limit:
            yield part
            part = ""
        part += sign
    yield part


def _signs(text: str) -> Iterator[str]:
    """Each sign with the combining marks that follow it."""
    sign = ""
    for one in text:
        if sign and not (width(one) == 0 or sign.endswith(_JOINER)):
            yield sign
            sign = ""
        sign += one
    if sign:
        yield sign
