"""Words that were corrected get their times from the recording: the stretch around them is aligned again."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from wav2vec2_app.errors import InputError
from wav2vec2_app.speech.alignment import AlignedWord, Alignment
from wav2vec2_app.speech.emission import Emission, Emitted
from wav2vec2_app.speech.transcript import Recognition


@dataclass(frozen=True)
class AudioStretch:
    """The part of a recording that a text is aligned with.

    Attributes:
        start_s, end_s: where it begins and ends, seconds.
        channel: from 1, where channels were transcribed separately; 0 for the mix of all.
    """

    start_s: float
    end_s: float
    channel: int = 0


@dataclass(frozen=True)
class RetimedWord:
    """When a word of a corrected stretch is spoken; ``score`` is 0 where the model cannot spell it."""

    start_s: float
    end_s: float
    score: float


def parse_stretch(start: object, end: object, channel: object = 0) -> AudioStretch | None:
    """A stretch as a client sends it; ``None`` if neither its start nor its end is given.

    Raises:
        InputError: ``align.bad_part``.
    """
    if start in (None, "") and end in (None, ""):
        return None
    start_s, end_s = _number(start, 0.0), _number(end, math.nan)
    number = _number(channel, 0.0)
    if not 0 <= start_s < end_s or not number >= 0 or not number.is_integer():
        raise _bad_part()
    return AudioStretch(start_s, end_s, int(number))


def cut_stretch(recognition: Recognition, stretch: AudioStretch | None) -> tuple[Emitted, float]:
    """The emission that a text is aligned with, and where it begins in the recording, seconds.

    Raises:
        InputError: ``align.bad_part``, ``model.no_emission``, ``channels.separate``.
    """
    if stretch is None:
        return recognition.emitted, 0.0
    emitted = _channel(recognition, stretch.channel).emitted
    start, stop = _frames(emitted.emission, stretch)
    part = emitted.emission.cut(start, stop)
    found = replace(emitted, emission=part, duration_s=part.duration_s)
    return found, start * part.frame_s


def shifted(alignment: Alignment, by_s: float) -> Alignment:
    """``alignment`` with its times ``by_s`` seconds later."""
    if not by_s:
        return alignment
    return replace(alignment, words=tuple(_later(word, by_s) for word in alignment.words))


def retimed(texts: Sequence[str], alignment: Alignment, stretch: AudioStretch) -> list[RetimedWord]:
    """The time of each of ``texts`` in the alignment of all of them, joined by blanks.

    A text may hold several aligned words (“1 000”), or none (a dash): then it has the moment between its
    neighbours. Times never decrease.
    """
    found: list[RetimedWord] = []
    before = stretch.start_s
    for words in _words_of(texts, alignment.words):
        start_s = max(before, words[0].start_s) if words else before
        end_s = max(start_s, words[-1].end_s) if words else before
        score = min((word.score for word in words), default=0.0)
        found.append(RetimedWord(start_s, end_s, score))
        before = end_s
    return found


def _words_of(
    texts: Sequence[str], aligned: Sequence[AlignedWord]
) -> Iterator[Sequence[AlignedWord]]:
    """The aligned words in each text, found by the signs that both have in common."""
    signs = [_signs(text) for text in texts]
    ends = [sum(map(len, signs[: number + 1])) for number in range(len(signs))]
    everything, at, taken = "".join(signs), 0, 0
    places = []
    for word in aligned:
        place = everything.find(_signs(word.text), at)
        at = place if place >= 0 else at
        places.append(at)
        at += len(_signs(word.text)) if place >= 0 else 0
    for end in ends:
        first = taken
        while taken < len(places) and places[taken] < end:
            taken += 1
        yield aligned[first:taken]


def _signs(text: str) -> str:
    return "".join(unicodedata.normalize("NFC", text).split())


def _later(word: AlignedWord, by_s: float) -> AlignedWord:
    characters = tuple(
        replace(one, start_s=one.start_s + by_s, end_s=one.end_s + by_s) for one in word.characters
    )
    return replace(
        word, start_s=word.start_s + by_s, end_s=word.end_s + by_s, characters=characters
    )


def _channel(recognition: Recognition, channel: int) -> Recognition:
    if not channel:
        return recognition
    if channel > len(recognition.channels):
        raise _bad_part()
    return recognition.channels[channel - 1]


def _frames(emission: Emission, stretch: AudioStretch) -> tuple[int, int]:
    start = math.floor(stretch.start_s / emission.frame_s + 1e-6)
    stop = min(math.ceil(stretch.end_s / emission.frame_s - 1e-6), len(emission.log_probs))
    if start >= stop:
        raise _bad_part()
    return start, stop


def _number(value: object, default: float) -> float:
    """A finite number, also as text; NaN for anything else, which fails every comparison."""
    if value in (None, ""):
        return default
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return math.nan
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return math.nan
    return number if math.isfinite(number) else math.nan


def _bad_part() -> InputError:
    return InputError(
        "This is not a part of the recording.",
        code="align.bad_part",
        hint="Send `start` and `end` in seconds, the end after the start, and both in the recording.",
    )
