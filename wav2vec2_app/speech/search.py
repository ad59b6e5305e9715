"""What is searched for in a recording, and where it was found."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from wav2vec2_app.errors import InputError
from wav2vec2_app.speech.emission import Emission

MAX_KEYWORD_CHARACTERS: Final = 200
MAX_HITS: Final = 50
MIN_STRETCH_S: Final = 0.1
"""A shorter stretch has hardly a letter."""
MAX_STRETCH_S: Final = 10.0
"""A longer one is a passage, which no other recording repeats sound by sound."""


@dataclass(frozen=True)
class Search:
    """What is searched for: a keyword, the sound of ``query``, or a stretch of the recording itself.

    Attributes:
        keyword: a word or several, as written.
        query: the emission of a recorded query.
        stretch: start and end in the recording, seconds.
        whole_words: whether a keyword may not be a part of a word.
        limit: most hits.
    """

    keyword: str = ""
    query: Emission | None = None
    stretch: tuple[float, float] | None = None
    whole_words: bool = True
    limit: int = 20


@dataclass(frozen=True)
class Hit:
    """A place in a recording, and how well it matches, in [0, 1]."""

    start_s: float
    end_s: float
    score: float
    channel: int | None = None


@dataclass(frozen=True)
class Hits:
    """The places that match a search, the best first."""

    hits: tuple[Hit, ...]


def parse_keyword(value: object) -> str:
    """A keyword as a client sends it.

    Raises:
        InputError: ``find.no_query``, ``find.too_long``.
    """
    keyword = " ".join(value.split()) if isinstance(value, str) else ""
    if not keyword:
        raise no_query()
    if len(keyword) > MAX_KEYWORD_CHARACTERS:
        raise InputError(
            f"The keyword is longer than {MAX_KEYWORD_CHARACTERS} characters.",
            code="find.too_long",
            hint="Search for a word or a few; a whole text can be aligned.",
            metadata={"limit": MAX_KEYWORD_CHARACTERS},
        )
    return keyword


def parse_stretch(start: object, end: object) -> tuple[float, float]:
    """Start and end of a stretch, seconds.

    Raises:
        InputError: ``find.bad_stretch``, they are not two times of which the second is later;
            ``find.stretch_length``, the stretch is too short or too long to be searched for.
    """
    start_s, end_s = _number(start), _number(end)
    if not (math.isfinite(start_s) and math.isfinite(end_s) and 0 <= start_s < end_s):
        raise InputError(
            "The selection has no length.",
            code="find.bad_stretch",
            hint="Select a stretch whose end is later than its start, in seconds from 0.",
        )
    if not MIN_STRETCH_S <= round(end_s - start_s, 6) <= MAX_STRETCH_S:
        raise InputError(
            f"The selection is {end_s - start_s:.2f} s long.",
            code="find.stretch_length",
            hint=f"Select {MIN_STRETCH_S:g} to {MAX_STRETCH_S:g} seconds: a word or a few.",
            metadata={"min_s": MIN_STRETCH_S, "max_s": MAX_STRETCH_S},
        )
    return start_s, end_s


def cut_stretch(emission: Emission, stretch: tuple[float, float]) -> Emission:
    """The emission of a stretch, seconds.

    Raises:
        InputError: ``find.bad_stretch``: the stretch is not inside the recording.
    """
    first, last = (round(time_s / emission.frame_s) for time_s in stretch)
    if last > len(emission.log_probs) + 1:
        raise InputError(
            "The selection is not inside the recording.",
            code="find.bad_stretch",
            hint=f"Select a stretch of its {emission.duration_s:.2f} seconds.",
            metadata={"duration_s": emission.duration_s},
        )
    return emission.cut(first, last)


def parse_limit(value: object) -> int:
    """Most hits of an answer; 20 where nothing is given.

    Raises:
        InputError: ``request.bad_value``.
    """
    if value in (None, ""):
        return Search().limit
    number = _number(value)
    if not (number.is_integer() and 1 <= number <= MAX_HITS):
        raise InputError(
            "`limit` is not a number of hits.",
            code="request.bad_value",
            hint=f"Use a whole number from 1 to {MAX_HITS}.",
            metadata={"field": "limit"},
        )
    return int(number)


def no_query() -> InputError:
    """The error for a search without anything to search for."""
    return InputError(
        "There is nothing to search for.",
        code="find.no_query",
        hint="Give a word, a recorded query, or the start and end of a stretch.",
    )


def other_alphabet() -> InputError:
    """The error for a query whose emission has other columns than that of the recording."""
    return InputError(
        "The query was computed by another model than the recording.",
        code="find.other_alphabet",
        hint="Transcribe both with one model.",
    )


def _number(value: object) -> float:
    try:
        return float(str(value))
    except ValueError:
        return math.nan
