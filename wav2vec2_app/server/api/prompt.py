"""Finds hotwords in OpenAI's ``prompt``: terms of a list, and words of prose that are spelled like names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from wav2vec2_app.speech.options import MAX_HOTWORD_CHARACTERS, MAX_HOTWORDS_CHARACTERS

MAX_TERM_WORDS: Final = 4
"""A prompt is a list of terms if none of its parts between commas has more words."""
MAX_TERM_SIGNS: Final = 16
"""Longest term of a script that is written without spaces."""
MAX_PROMPT_HOTWORDS: Final = 100
"""Largest number of hotwords taken from a prompt."""

_COMMAS: Final = ",;\n\r、，；،؛՝፣፤﹐､"
_STOPS: Final = "。！？｡．؟۔।॥։፡።፨။၊។៕།༎᠃᠉꓿﹒…"
"""Ends of sentences that need no space after them."""
_SENTENCE_END: Final = r"(?<!\bMr)(?<!\bMs)(?<!\bMrs)(?<!\bDr)(?<!\bSt)[.!?]"
_SENTENCE_START: Final = re.compile(rf"(^|{_SENTENCE_END}|[:\n{_STOPS}])[\s\"“'(「『]*$")
_CONTEXT_CHARACTERS: Final = 16
"""Number of characters before a word that decide whether it begins a sentence."""
_JOINERS: Final = "'’·•‧・･\u2010\u2011-"
"""Signs inside a word: ``DALL·E``, ``O’Brien``, ``アルベルト・アインシュタイン``."""
_WORD: Final = re.compile(rf"[^\W\d_](?:[{_JOINERS}]*\w)*")
_BRACKETS: Final = ' \t"“”„«»()[]「」『』【】〈〉《》（）'


def prompt_hotwords(prompt: str) -> Sequence[str]:
    """The terms and names in a prompt.

    All parts of a list of terms; of prose only words that are spelled like names: with a capital letter that
    does not begin a sentence, or with one inside the word (``iPhone``, ``NASA``). Scripts without capital
    letters have no such words: their text is split at commas and stops, and short parts are terms.
    """
    text = prompt[:MAX_HOTWORDS_CHARACTERS]
    parts = _split(text, _COMMAS)
    is_prose = re.search(rf"{_SENTENCE_END}(\s|$)|[{_STOPS}]", text)
    if not is_prose and all(map(_is_term, parts)):
        return _limited(parts)
    return _limited([*_names(text), *_uncased_terms(text)])


def _limited(terms: Sequence[str]) -> Sequence[str]:
    """Each term once; those that no decoder accepts are left out: a prompt is never rejected."""
    usable = [term for term in terms if max(map(len, term.split())) <= MAX_HOTWORD_CHARACTERS]
    return list(dict.fromkeys(usable))[:MAX_PROMPT_HOTWORDS]


def _split(text: str, separators: str) -> Sequence[str]:
    parts = (part.strip(_BRACKETS) for part in re.split(f"[{re.escape(separators)}]", text))
    return [part for part in parts if part]


def _is_term(part: str) -> bool:
    longest = max(map(len, part.split()))
    spaced = len(part.split()) <= MAX_TERM_WORDS
    return spaced and (longest <= MAX_TERM_SIGNS or any(map(_is_cased, part)))


def _uncased_terms(text: str) -> Iterator[str]:
    """The short parts of ``text`` that are written in a script without capital letters."""
    for part in _split(text, f"{_COMMAS}{_STOPS}.!?:"):
        letters = [letter for letter in part if letter.isalpha()]
        if letters and not any(map(_is_cased, letters)) and _is_term(part):
            yield part


def _is_cased(letter: str) -> bool:
    return letter.lower() != letter.upper()


def _names(text: str) -> Iterator[str]:
    for match in _WORD.finditer(text):
        for run in re.finditer(r"\S+", _only_cased(match.group())):
            word = run.group().strip(_JOINERS)
            if word and _is_name(word, text[: match.start() + run.start()]):
                yield word


def _only_cased(word: str) -> str:
    """``word`` with a space for each letter of a script without capital letters: ``ChatGPTと``."""
    return "".join(" " if sign.isalpha() and not _is_cased(sign) else sign for sign in word)


def _is_name(word: str, before: str) -> bool:
    if re.fullmatch(r"I(['’]\w+)?", word):
        return False
    begins_text = len(before) < _CONTEXT_CHARACTERS and not before.strip("\"“'( \n")
    if begins_text or _SENTENCE_START.search(f" {before[-_CONTEXT_CHARACTERS:]}"):
        return any(letter.isupper() for letter in word[1:])
    return any(letter.isupper() for letter in word)
