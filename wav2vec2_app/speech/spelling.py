"""Any text in the letters that a checkpoint knows, word by word, without losing the words as written.

A word is first tried as it stands, then in the other case, then with accents folded. Numbers, sums
and signs are read out (`num2words`). What still cannot be spelled is left to be matched by any sound.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field

from wav2vec2_app.speech.numerals import SIGNS, read_out

APOSTROPHES = "’‘ʼ′`´＇"
DASHES = "-‐‑‒–—―−/_"
"""What joins two words into one as written."""
LETTERS_OF = str.maketrans(
    {
        "ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O",
        "đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "ł": "l", "Ł": "L", "þ": "th", "Þ": "Th", "ı": "i",
    }
)  # fmt: skip
"""Letters that are no base letter with an accent, in letters that most alphabets have."""


@dataclass(frozen=True)
class Spelling:
    """One word as written, and how it is spelled.

    Attributes:
        text: the word as written.
        parts: token ids of each word that it is read as: “1984” is three; none for a wildcard.
    """

    text: str
    parts: tuple[tuple[int, ...], ...]

    @property
    def wildcard(self) -> bool:
        """Whether the alphabet cannot spell the word."""
        return not self.parts


@dataclass(frozen=True)
class Speller:
    """Spells text with ``tokens``, the columns of an emission.

    Args:
        tokens: the vocabulary; ``blank_id``, ``word_delimiter`` and ``special`` are never spelled.
        language: in which numbers are read out, as `num2words` names it.
    """

    tokens: tuple[str, ...]
    blank_id: int
    word_delimiter: str
    special: frozenset[str] = frozenset()
    language: str = "en"
    _ids: dict[str, int] = field(init=False, repr=False, compare=False)
    _longest: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        never = {"", self.tokens[self.blank_id], self.word_delimiter, *self.special}
        ids = {token: number for number, token in enumerate(self.tokens) if token not in never}
        object.__setattr__(self, "_ids", ids)
        object.__setattr__(self, "_longest", max(map(len, ids), default=0))

    @functools.cached_property
    def delimiter_id(self) -> int | None:
        """Column of the token between words; ``None`` where the vocabulary has none."""
        known = self.word_delimiter in self.tokens
        return self.tokens.index(self.word_delimiter) if known else None

    def spell(self, text: str) -> tuple[Spelling, ...]:
        """The words of ``text``, parted by white space; mere punctuation is left out."""
        written = unicodedata.normalize("NFC", text).split()
        return tuple(self._word(word) for word in written if _is_spoken(word))

    def exactly(self, text: str) -> tuple[int, ...] | None:
        """Token ids of ``text`` as it stands, the longest tokens first; ``None`` where one lacks."""
        found: list[int] = []
        at = 0
        while at < len(text):
            for length in range(min(self._longest, len(text) - at), 0, -1):
                number = self._ids.get(text[at : at + length])
                if number is not None:
                    found.append(number)
                    at += length
                    break
            else:
                return None
        return tuple(found)

    def _word(self, word: str) -> Spelling:
        plain = "".join("'" if letter in APOSTROPHES else letter for letter in word)
        unspelled = (sign for sign in plain if sign.isnumeric() and self.exactly(sign) is None)
        if any(unspelled) or not SIGNS.keys().isdisjoint(plain):
            decodings = read_out(plain, self.language).split()
        else:
            decodings = [plain]
        return Spelling(word, self._parts(self._separated(decodings)) or ())

    def _parts(self, words: Iterable[str]) -> tuple[tuple[int, ...], ...] | None:
        """The tokens of each of ``words``; ``None`` where one cannot be spelled."""
        found = [self._tokens(word) for word in words]
        whole = tuple(tokens for tokens in found if tokens)
        return whole if None not in found else None

    def _separated(self, words: Iterable[str]) -> list[str]:
        """``words`` parted at hyphens and stops, without punctuation that is never spelled."""
        kept = "'-" if "-" in self._ids else "'"
        separate = "".join(dash for dash in DASHES if dash not in kept)
        found: list[str] = []
        for word in words:
            if not re.fullmatch(r"(\w\.)+\w?\W*", word):  # an acronym's stops part nothing
                word = re.sub(r"(?<=\w)[.,:;…](?=\w)", " ", word)
            for piece in re.split(f"[{re.escape(separate)}\\s]+", word):
                letters = "".join(sign for sign in piece if _is_word_sign(sign) or sign in kept)
                found.append(letters.strip("'-"))
        return found

    def _tokens(self, word: str) -> tuple[int, ...] | None:
        """The tokens of ``word`` in whichever case and with whichever accents the vocabulary has."""
        if "'" in word and "'" not in self._ids:
            word = word.replace("'", "")
        for form in (word, word.lower(), word.upper()):
            tokens = self.exactly(form)
            if tokens is not None:
                return tokens
        found: list[int] = []
        for letter in word:
            tokens = self._letter(letter)
            if tokens is None:
                return None
            found.extend(tokens)
        return tuple(found)

    def _letter(self, letter: str) -> tuple[int, ...] | None:
        apart = unicodedata.normalize("NFKD", letter)
        folded = "".join(sign for sign in apart if not unicodedata.combining(sign))
        for form in (letter, apart, folded, folded.translate(LETTERS_OF)):
            for cased in (form, form.lower(), form.upper()):
                tokens = self.exactly(cased)
                if tokens is not None:
                    return tokens
        return None


def _is_spoken(word: str) -> bool:
    return any(_is_word_sign(sign) or sign in SIGNS for sign in word)


def _is_word_sign(sign: str) -> bool:
    """Whether ``sign`` is a letter, a digit, or a mark that belongs to a letter."""
    return unicodedata.category(sign)[0] in "LNM"
