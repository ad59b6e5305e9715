"""How callers ask for a decoding: their settings as they arrive, checked, as a :class:`DecodingOptions`.

The page, the routes and the command line share it. The worker checks again (``model/decoding.py``, by the
same bounds); here a mistake is refused before the audio has waited and the model has run.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from wav2vec2_app.errors import InputError

DECODERS: Final = ("auto", "greedy", "beam")
MAX_HOTWORDS: Final = 1000
MAX_HOTWORDS_CHARACTERS: Final = 200_000
"""A longer list is refused before it is split."""
MAX_TEXT_CHARACTERS: Final = 100_000
"""Longest text to align; nobody says more in the longest recording."""


@dataclass(frozen=True)
class DecodingOptions:
    """How an emission is read.

    Attributes:
        decoder: ``greedy`` (the best path), ``beam`` (a lexicon and a language model), or ``auto``: the
            beam for the embedded model and wherever there are hotwords, the best path otherwise.
        beam_width: hypotheses kept from frame to frame.
        lm_weight: of the language model's log10 probability, added to the emission's natural logarithm.
        word_score: added for each word; above 0 favours more and shorter words.
        hotwords: words or names to favour, also such as no lexicon has.
        hotword_boost: added for each hotword, natural logarithm.
    """

    decoder: str = "auto"
    beam_width: int = 300
    lm_weight: float = 3.0
    word_score: float = -1.0
    hotwords: tuple[str, ...] = ()
    hotword_boost: float = 6.0


DEFAULT_OPTIONS = DecodingOptions()
"""How an emission is read if nobody says otherwise."""


@dataclass(frozen=True)
class Bounds:
    """What a number may be, both ends included."""

    low: float
    high: float
    whole: bool = False


BOUNDS: Final[Mapping[str, Bounds]] = {
    "beam_width": Bounds(1, 500, whole=True),
    "lm_weight": Bounds(0, 10),
    "word_score": Bounds(-10, 10),
    "hotword_boost": Bounds(0, 50),
}


def parse_options(
    decoder: object = None,
    beam_width: object = None,
    lm_weight: object = None,
    word_score: object = None,
    hotwords: object = None,
    hotword_boost: object = None,
) -> DecodingOptions:
    """Settings as a form, JSON or a component gives them; ``None`` and ``""`` are the defaults.

    Numbers may be text; ``hotwords`` is text with commas or lines between them, or a list.

    Raises:
        InputError: ``decoder.unknown``, ``decoder.bad_value``, ``hotwords.too_many``.
    """
    return DecodingOptions(
        decoder=_decoder(decoder),
        beam_width=int(_number("beam_width", beam_width)),
        lm_weight=_number("lm_weight", lm_weight),
        word_score=_number("word_score", word_score),
        hotwords=_hotwords(hotwords),
        hotword_boost=_number("hotword_boost", hotword_boost),
    )


def text_to_align(text: object) -> str:
    """The text that somebody wants aligned.

    Raises:
        InputError: ``align.empty_text``, ``align.text_too_long``.
    """
    given = text if isinstance(text, str) else ""
    if not given.strip():
        raise InputError(
            "There is no text to align.",
            code="align.empty_text",
            hint="Give the words that are said in the recording.",
        )
    if len(given) > MAX_TEXT_CHARACTERS:
        raise InputError(
            f"The text has {len(given)} characters, more than any recording here can hold.",
            code="align.text_too_long",
            hint="Give only what is said in this recording.",
            metadata={"characters": len(given), "most": MAX_TEXT_CHARACTERS},
        )
    return given


def _decoder(value: object) -> str:
    asked = DEFAULT_OPTIONS.decoder if value in (None, "") else str(value)
    if asked not in DECODERS:
        raise InputError(
            f"There is no decoder called “{asked[:40]}”.",
            code="decoder.unknown",
            hint=f"Choose one of: {', '.join(DECODERS)}.",
        )
    return asked


def _number(name: str, value: object) -> float:
    """A finite number within its bounds."""
    bounds = BOUNDS[name]
    number = _as_number(getattr(DEFAULT_OPTIONS, name) if value in (None, "") else value)
    if number is None or (bounds.whole and number != int(number)):
        raise _bad(name, value, "is no whole number" if bounds.whole else "is no number")
    if not bounds.low <= number <= bounds.high:
        raise _bad(name, value, "is out of range")
    return number


def _as_number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _bad(name: str, value: object, what: str) -> InputError:
    bounds = BOUNDS[name]
    return InputError(
        f"{name} is “{str(value)[:20]}”, which {what}.",
        code="decoder.bad_value",
        hint=f"{name} lies between {bounds.low:g} and {bounds.high:g}.",
        metadata={"field": name, "low": bounds.low, "high": bounds.high},
    )


def _hotwords(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    lines = [value] if isinstance(value, str) else value
    if not isinstance(lines, Iterable) or isinstance(lines, Mapping | bytes):
        raise _bad_hotwords()
    given: list[Any] = list(lines)
    if not all(isinstance(line, str) for line in given):
        raise _bad_hotwords()
    if sum(map(len, given)) > MAX_HOTWORDS_CHARACTERS:
        raise _too_many("That list of hotwords is too long.")
    found = (word.strip() for line in given for word in re.split(r"[,;\r\n]", line))
    words = tuple(dict.fromkeys(word for word in found if word))
    count = len({word.lower() for line in words for word in line.split()})
    if count > MAX_HOTWORDS:
        raise _too_many(f"{count} hotwords are too many.")
    return words


def _too_many(message: str) -> InputError:
    return InputError(
        message,
        code="hotwords.too_many",
        hint=f"Give at most {MAX_HOTWORDS}: the more are favoured, the less each one is.",
    )


def _bad_hotwords() -> InputError:
    return InputError(
        "The hotwords are no text.",
        code="decoder.bad_value",
        hint="Give them as text with commas or line breaks between them, or as a list of texts.",
        metadata={"field": "hotwords"},
    )
