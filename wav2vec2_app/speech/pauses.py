"""Finds pauses: in an emission, between decoded words, and in samples.

Every search for a pause in the package is one of these functions; who calls them chooses the
thresholds. Three kinds of evidence are used:

========  =====================================================  ====================================
evidence  functions                                              used to
========  =====================================================  ====================================
blanks    :func:`blank_runs`, :func:`longest_blank_run`,         cut an emission before decoding
          :func:`word_final_blank_runs`
letters   :func:`first_pause`, :func:`longest_pause`             end an utterance of live captions
words     :func:`word_after_longest_gap`                         cut a transcript before alignment
samples   :func:`quietest_s`                                     cut audio without any letters
========  =====================================================  ====================================

Frame spans are half-open: ``(start, stop)``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ, Float32
from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.transcript import Word

MIN_LETTER_PROBABILITY = 0.4
"""Less probable letters do not interrupt a pause: models guess letters in noise."""
LETTER_DURATION_S = 0.06
"""How long a letter is still audible after its frame, seconds."""
PAUSE_DROP_DB = 8.0
"""In a quiet pause the level is at least this far below that of the letters, dB."""
LOUD_PAUSE_FACTOR = 2.0
"""A pause whose level does not drop (noise, music) must be this many times as long."""
QUIET_WINDOW_S = 0.2
"""Length of the window whose energy :func:`quietest_s` minimises, seconds."""

FrameSpan = tuple[int, int]


@dataclass(frozen=True)
class Pause:
    """Time without letters, seconds from the beginning of the emission."""

    start_s: float
    end_s: float

    @property
    def duration_s(self) -> float:
        return self.end_s - self.start_s

    @property
    def middle_s(self) -> float:
        return (self.start_s + self.end_s) / 2


# --- blanks ------------------------------------------------------------------------------------


def blank_runs(emission: Emission) -> list[FrameSpan]:
    """Runs of frames in which the blank is the most probable token, in order.

    A run lasts from one letter to the next: CTC also places blanks between the letters of a word.
    """
    blank = emission.log_probs.argmax(axis=1) == emission.blank_id
    edges = np.flatnonzero(np.diff(np.r_[False, blank, False]))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def longest_blank_run(emission: Emission, start: int, stop: int) -> FrameSpan | None:
    """The longest blank run within frames ``[start, stop)``, the first of equals; ``None`` if none.

    Runs that reach beyond the range count only as far as they lie inside it.
    """
    runs = blank_runs(emission.cut(start, stop))
    if not runs:
        return None
    first, last = max(runs, key=lambda run: run[1] - run[0])
    return start + first, start + last


def word_final_blank_runs(
    emission: Emission, *, min_s: float, undelimited_min_s: float
) -> list[FrameSpan]:
    """Blank runs between two words, in order.

    Args:
        emission: to search.
        min_s: shortest run with a word delimiter in the frame before or after it, seconds.
        undelimited_min_s: shortest run without one, seconds; it must exceed the blanks inside a
            drawn-out word.
    """
    best = emission.log_probs.argmax(axis=1)
    delimiters = np.array([token == emission.word_delimiter for token in emission.vocabulary])[best]
    shortest, shortest_undelimited = (
        round(seconds / emission.frame_s) for seconds in (min_s, undelimited_min_s)
    )

    def is_long_enough(start: int, stop: int) -> bool:
        delimited = delimiters[max(0, start - 1) : stop + 1].any()
        return stop - start >= (shortest if delimited else shortest_undelimited)

    return [run for run in blank_runs(emission) if is_long_enough(*run)]


# --- letters and level -------------------------------------------------------------------------


def first_pause(emission: Emission, min_s: float) -> Pause | None:
    """The first pause after a letter that lasts at least ``min_s``; it may reach the end."""
    letters = letter_frames(emission)
    for pause in _letter_gaps(letters, emission):
        factor = 1.0 if _is_quiet(pause, letters, emission) else LOUD_PAUSE_FACTOR
        if pause.duration_s >= min_s * factor:
            return pause
    return None


def longest_pause(emission: Emission, not_before_s: float, not_after_s: float) -> Pause | None:
    """The longest pause whose middle lies between the two times, the last of equals."""
    pauses = [
        pause
        for pause in _letter_gaps(letter_frames(emission), emission)
        if not_before_s <= pause.middle_s <= not_after_s
    ]
    return max(pauses, key=lambda pause: (pause.duration_s, pause.start_s), default=None)


def letter_frames(emission: Emission) -> NDArray[np.int64]:
    """Frames whose best token is a letter of at least :data:`MIN_LETTER_PROBABILITY`."""
    best = emission.log_probs.argmax(axis=1)
    probable = emission.log_probs.max(axis=1) >= np.log(MIN_LETTER_PROBABILITY)
    return np.flatnonzero(emission.letter_columns[best] & probable)


def _letter_gaps(letters: NDArray[np.int64], emission: Emission) -> list[Pause]:
    """The time between neighbouring letters, and from the last one to the end."""
    if not len(letters):
        return []
    starts_s = (letters + 1) * emission.frame_s + LETTER_DURATION_S
    ends_s = np.r_[letters[1:], len(emission.log_probs)] * emission.frame_s
    return [
        Pause(float(start_s), float(end_s))
        for start_s, end_s in zip(starts_s, ends_s, strict=True)
        if end_s > start_s
    ]


def _is_quiet(pause: Pause, letters: NDArray[np.int64], emission: Emission) -> bool:
    """Whether the level drops in the second half of the pause, after the last letter has decayed."""
    energy_db = emission.energy_db
    if energy_db is None:
        return True
    first, last = (round(time_s / emission.frame_s) for time_s in (pause.middle_s, pause.end_s))
    inside = energy_db[first:last].astype(np.float32)
    speech = float(np.median(energy_db[letters].astype(np.float32)))
    return not len(inside) or float(np.median(inside)) <= speech - PAUSE_DROP_DB


# --- words -------------------------------------------------------------------------------------


def word_after_longest_gap(
    words: Sequence[Word], first: int, *, since_s: float, min_s: float, max_s: float
) -> int:
    """Index of the word after the longest gap behind word ``first``, the first of equals.

    Only words that start between ``min_s`` and ``max_s`` after ``since_s`` are considered; if there
    is none, the first later word. ``len(words)`` if there is no later word either.
    """
    found, longest_s = len(words), -1.0
    for number in range(first + 1, len(words)):
        start_s = words[number].start_s - since_s
        gap_s = words[number].start_s - words[number - 1].end_s
        if start_s > max_s and longest_s >= 0:
            break
        if start_s >= min_s and gap_s > longest_s:
            found, longest_s = number, gap_s
    return found


# --- samples -----------------------------------------------------------------------------------


def quietest_s(samples: Float32, not_before_s: float) -> float:
    """Middle of the quietest :data:`QUIET_WINDOW_S` of ``samples`` ``(n,)``, seconds.

    The window starts at ``not_before_s`` or later; of shorter audio, the end is returned.
    """
    width = round(QUIET_WINDOW_S * SAMPLE_RATE_HZ)
    first = min(round(not_before_s * SAMPLE_RATE_HZ), max(0, len(samples) - width))
    power = np.cumsum(np.r_[0.0, samples[first:].astype(np.float64) ** 2])
    if len(power) <= width:
        return len(samples) / SAMPLE_RATE_HZ
    return (first + int(np.argmin(power[width:] - power[:-width])) + width / 2) / SAMPLE_RATE_HZ
