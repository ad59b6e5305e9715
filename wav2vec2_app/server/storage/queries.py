"""Turns what users type into a search field into a full-text query."""

from __future__ import annotations

import re
from typing import Final

from wav2vec2_app.speech.signs import UNSPACED_SIGNS

MAX_TERMS: Final = 16
"""Most terms of a query; further ones are ignored."""
MIN_PREFIX_CHARACTERS: Final = 3
EXCERPT_CHARACTERS: Final = 240
LEAD_CHARACTERS: Final = 60
"""Characters of an excerpt before the first match."""
FIELDS: Final = "{name tags text}"

_TERM: Final = re.compile(r'"([^"]*)"?|(\S+)')
_UNSPACED: Final = re.compile(f"([{UNSPACED_SIGNS}])")
_UNUSABLE: Final = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_WORD_SIGN: Final = re.compile(r"\w")


def indexed(text: str) -> str:
    """``text`` as it is indexed: each sign of a script without blanks is a word."""
    return _UNSPACED.sub(r" \1 ", text)


def terms(query: str) -> list[str]:
    """The words of a query, and what is in quotes as one phrase; the first :data:`MAX_TERMS`."""
    return [quoted or plain.strip('"') for quoted, plain in _parts(query)]


def _parts(query: str) -> list[tuple[str, str]]:
    """Each term as what is in quotes, or what is not."""
    found = _TERM.findall(_UNUSABLE.sub(" ", query))
    return [one for one in found if _WORD_SIGN.search("".join(one))][:MAX_TERMS]


def full_text(owner: str, query: str) -> str:
    """The FTS5 expression for items of ``owner`` that have all terms; empty without a term.

    The last term also finds words that begin with it, since it may still be typed; not in quotes, and not
    if it is short, which would find nearly everything. Nothing in a query has a meaning for FTS5.
    """
    parts = _parts(query)
    phrases = [f'{FIELDS} : "{indexed(term).replace(chr(34), " ")}"' for term in terms(query)]
    if parts and not parts[-1][0] and len(parts[-1][1]) >= MIN_PREFIX_CHARACTERS:
        phrases[-1] += " *"
    found = " AND ".join(phrases)
    return f'owner : "{owner}" AND {found}' if found else ""


def excerpt(text: str, query: str) -> str:
    """The part of ``text`` around the first term of a query, else its beginning; on one line."""
    text = " ".join(text.split())
    at = min((found for term in terms(query) if (found := _find(text, term)) >= 0), default=0)
    start = max(0, at - LEAD_CHARACTERS)
    if start:
        start = text.find(" ", start, at) + 1 or start
    end = start + EXCERPT_CHARACTERS
    cut = text[start:end].rstrip()
    return f"{'… ' if start else ''}{cut}{' …' if end < len(text) else ''}"


def _find(text: str, term: str) -> int:
    """Where a word of ``text`` begins with ``term``, in any case; -1 if none does."""
    pattern = rf"(?<!\w){re.escape(term)}"
    match = re.search(pattern, text, re.IGNORECASE) or re.search(
        re.escape(term), text, re.IGNORECASE
    )
    return match.start() if match else -1
