"""Turns any text into the tokens of a checkpoint's vocabulary, word by word.

Each word keeps its written form. It is tried unchanged, then in the other case, then without accents;
numbers, amounts and symbols are verbalized first (:mod:`wav2vec2_app.speech.normalization`). A word that
still cannot be encoded becomes a wildcard, which alignment matches with any sound.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field

from wav2vec2_app.speech.normalization import SIGNS, has_signs, verbalize, written_words

APOSTROPHES = "’‘ʼ′`´＇"
"""Characters that are written for an apostrophe."""
DASHES = "-‐‑‒–—―−/_"
"""Characters that join two spoken words into a written one."""
BASE_LETTERS = str.maketrans(
    {
        "ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O",
        "đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "ł": "l", "Ł": "L", "þ": "th", "Þ": "Th", "ı": "i",
    }
)  # fmt: skip
"""Replacements of letters that Unicode does not decompose into a base letter and an accent."""


@dataclass(frozen=True)
class TokenizedWord:
    """One word as written, and its tokens.

    Attributes:
        text: the word as written.
        parts: token ids of each spoken word: three for “1984”, none for a wildcard.
    """

    text: str
    parts: tuple[tuple[int, ...], ...]

    @property
    def wildcard(self) -> bool:
        """Whether the vocabulary cannot spell the word."""
        return not self.parts


@dataclass(frozen=True)
class TextTokenizer:
    """Tokenizes text with ``tokens``, the columns of an emission.

    Args:
        tokens: the vocabulary; ``blank_id``, ``word_delimiter`` and ``special`` are excluded.
        language: in which numbers are verbalized, as `num2words` names it.
    """

    tokens: tuple[str, ...]
    blank_id: int
    word_delimiter: str
    special: frozenset[str] = frozenset()
    language: str = "en"
    _ids: dict[str, int] = field(init=False, repr=False, compare=False)
    _longest: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        excluded = {"", self.tokens[self.blank_id], self.word_delimiter, *self.special}
        ids = {token: number for number, token in enumerate(self.tokens) if token not in excluded}
        object.__setattr__(self, "_ids", ids)
        object.__setattr__(self, "_longest", max(map(len, ids), default=0))

    @functools.cached_property
    def delimiter_id(self) -> int | None:
        """Column of the token between words; ``None`` if the vocabulary has none."""
        known = self.word_delimiter in self.tokens
        return self.tokens.index(self.word_delimiter) if known else None

    def tokenize(self, text: str) -> tuple[TokenizedWord, ...]:
        """The words of ``text``, split at white space; those of punctuation alone are left out.

        What is spoken as one (“1 000 000”) is one word.
        """
        written = written_words(unicodedata.normalize("NFC", text), self.language)
        return tuple(self._word(word) for word in written if _is_spoken(word))

    def encode(self, text: str) -> tuple[int, ...] | None:
        """Token ids of exactly ``text``, longest tokens first; ``None`` if it cannot be encoded."""
        ids: list[int] = []
        position = 0
        while position < len(text):
            for length in range(min(self._longest, len(text) - position), 0, -1):
                number = self._ids.get(text[position : position + length])
                if number is not None:
                    ids.append(number)
                    position += length
                    break
            else:
                return None
        return tuple(ids)

    def _word(self, word: str) -> TokenizedWord:
        plain = "".join("'" if sign in APOSTROPHES else sign for sign in word)
        missing_digits = (s for s in plain if s.isnumeric() and self.encode(s) is None)
        if any(missing_digits) or has_signs(plain, self.language):
            spoken = verbalize(plain, self.language).split()
        else:
            spoken = [plain]
        return TokenizedWord(word, self._parts(self._split(spoken)) or ())

    def _parts(self, words: Iterable[str]) -> tuple[tuple[int, ...], ...] | None:
        """The tokens of each of ``words``; ``None`` if one cannot be encoded."""
        encoded = [self._encode_folded(word) for word in words]
        parts = tuple(tokens for tokens in encoded if tokens)
        return parts if None not in encoded else None

    def _split(self, words: Iterable[str]) -> list[str]:
        """``words`` split at hyphens and stops, without punctuation."""
        inside_words = "'-" if "-" in self._ids else "'"
        separators = "".join(dash for dash in DASHES if dash not in inside_words)
        found: list[str] = []
        for word in words:
            if not re.fullmatch(r"(\w\.)+\w?\W*", word):  # the stops of an acronym do not split it
                word = re.sub(r"(?<=\w)[.,:;…](?=\w)", " ", word)
            for piece in re.split(f"[{re.escape(separators)}\\s]+", word):
                letters = "".join(s for s in piece if _is_word_character(s) or s in inside_words)
                found.append(letters.strip("'-"))
        return found

    def _encode_folded(self, word: str) -> tuple[int, ...] | None:
        """The tokens of ``word``, in whichever case and with whichever accents the vocabulary has."""
        if "'" in word and "'" not in self._ids:
            word = word.replace("'", "")
        for form in (word, word.lower(), word.upper()):
            tokens = self.encode(form)
            if tokens is not None:
                return tokens
        found: list[int] = []
        for letter in word:
            tokens = self._encode_letter(letter)
            if tokens is None:
                return None
            found.extend(tokens)
        return tuple(found)

    def _encode_letter(self, letter: str) -> tuple[int, ...] | None:
        decomposed = unicodedata.normalize("NFKD", letter)
        folded = "".join(sign for sign in decomposed if not unicodedata.combining(sign))
        for form in (letter, decomposed, folded, folded.translate(BASE_LETTERS)):
            for cased in (form, form.lower(), form.upper()):
                tokens = self.encode(cased)
                if tokens is not None:
                    return tokens
        return None


def _is_spoken(word: str) -> bool:
    return any(_is_word_character(sign) or sign in SIGNS for sign in word)


def _is_word_character(sign: str) -> bool:
    """Whether ``sign`` is a letter, a digit, or a mark that belongs to a letter."""
    return unicodedata.category(sign)[0] in "LNM"
