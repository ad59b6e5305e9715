"""Joins the emissions of overlapping windows, at seams where neighbours agree.

The emissions of two neighbours differ in the audio that they share: a letter may be a frame or two off,
and the delimiter between two words anywhere in the pause. A seam between two such places loses the token
or has it twice, so seams are moved to where both emissions agree (:func:`place_seams`).

A model may put the delimiter of a pause right before the next word, or only after a word that it contains.
If one window has the word before and the other the word after, a long pause may have none, and two words
would become one; such a pause is given its delimiter (:func:`join`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ, Float32
from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.windows import Window

SEAM_CONTEXT_FRAMES = 12
"""Frames before and after a seam in which the neighbours should agree."""
MAX_SEAM_SHIFT_FRAMES = 25
"""How far a seam may move from the middle of the shared frames."""


def place_seams(windows: Sequence[Window], emissions: Sequence[Emission]) -> list[Window]:
    """``windows`` with each seam where the most probable tokens of its neighbours agree best.

    A seam stays within the shared frames and nearer to its planned place than to the neighbouring seams'
    planned places. Of equally good places, the one nearest to the planned one is chosen.
    """
    hop = round(emissions[0].frame_s * SAMPLE_RATE_HZ)
    firsts = [window.start // hop for window in windows]
    planned = [first + window.keep_from for first, window in zip(firsts, windows, strict=True)]
    planned.append(firsts[-1] + windows[-1].keep_to)
    seams = [planned[0]]
    for number in range(1, len(windows)):
        room = min(planned[number] - planned[number - 1], planned[number + 1] - planned[number])
        seams.append(
            planned[number]
            + _shift(
                emissions[number - 1 : number + 1], firsts[number - 1 : number + 1],
                planned[number], (room - 1) // 2,
            )
        )  # fmt: skip
    seams.append(planned[-1])
    return [
        replace(window, keep_from=begin - first, keep_to=end - first)
        for window, first, begin, end in zip(windows, firsts, seams, seams[1:], strict=False)
    ]


def _shift(emissions: Sequence[Emission], firsts: Sequence[int], seam: int, max_shift: int) -> int:
    """How far to move the seam between two emissions, which begin at frames ``firsts``."""
    shared = firsts[0] + len(emissions[0].log_probs) - firsts[1]
    reach = max(0, min(MAX_SEAM_SHIFT_FRAMES, shared // 2 - SEAM_CONTEXT_FRAMES, max_shift))
    if not reach:
        return 0
    around_left, around_right = (
        emission.log_probs[_around(seam - first, reach)]
        for emission, first in zip(emissions, firsts, strict=True)
    )
    return _best_shift(around_left, around_right, reach)


def _around(frame: int, reach: int) -> slice:
    return slice(frame - reach - SEAM_CONTEXT_FRAMES, frame + reach + SEAM_CONTEXT_FRAMES)


def _best_shift(left: Float32, right: Float32, reach: int) -> int:
    """The shift from the middle, up to ``reach`` frames, around which the best tokens agree most."""
    differ = left.argmax(axis=1) != right.argmax(axis=1)
    cost = np.convolve(differ, np.ones(2 * SEAM_CONTEXT_FRAMES), mode="valid")
    shifts = np.arange(-reach, reach + 1)
    return int(shifts[np.argmin(cost + 1e-3 * 2 * SEAM_CONTEXT_FRAMES * np.abs(shifts))])


def join(windows: Sequence[Window], emissions: Sequence[Emission]) -> Emission:
    """The emission of the recording from those of its windows.

    Where a seam took the delimiter between two words, a frame of the pause gets it: the log-probabilities
    of its best token and of the delimiter are exchanged.
    """
    if len(windows) == 1:
        return emissions[0]
    placed = place_seams(windows, emissions)
    pairs = list(zip(placed, emissions, strict=True))
    log_probs = np.concatenate([one.log_probs[w.keep_from : w.keep_to] for w, one in pairs])
    for frame in _without_delimiter(placed, emissions, log_probs):
        delimiter = emissions[0].vocabulary.index(emissions[0].word_delimiter)
        exchanged = [log_probs[frame].argmax(), delimiter]
        log_probs[frame, exchanged] = log_probs[frame, exchanged[::-1]]
    levels = [
        one.energy_db[w.keep_from : w.keep_to] for w, one in pairs if one.energy_db is not None
    ]
    energy_db = np.concatenate(levels) if len(levels) == len(pairs) else None
    return replace(emissions[0], log_probs=log_probs, energy_db=energy_db)


def _without_delimiter(
    windows: Sequence[Window], emissions: Sequence[Emission], log_probs: Float32
) -> Iterator[int]:
    """A frame of each pause that lost its delimiter, where the delimiter is most probable.

    Two words are separate if a window that has both of them has a delimiter between them, or if no window
    has both.
    """
    first = emissions[0]
    if first.word_delimiter not in first.vocabulary:
        return
    delimiter = first.vocabulary.index(first.word_delimiter)
    best = [emission.log_probs.argmax(axis=1) for emission in emissions]
    letters = [np.flatnonzero(first.letter_columns[one]) for one in best]
    joined = np.concatenate(
        [one[w.keep_from : w.keep_to] for w, one in zip(windows, best, strict=True)]
    )
    joined_letters = np.flatnonzero(first.letter_columns[joined])
    seams = np.cumsum([window.keep_to - window.keep_from for window in windows])[:-1]
    for number, seam in enumerate(seams):
        pause = _pause_at(joined_letters, seam)
        if pause is None or delimiter in joined[pause]:
            continue
        places = {number: windows[number].keep_to, number + 1: windows[number + 1].keep_from}
        windowed = [(best[one], _pause_at(letters[one], place)) for one, place in places.items()]
        if all(delimiter in one[found] for one, found in windowed if found is not None):
            at = pause.start + int(log_probs[pause, delimiter].argmax())
            joined[at] = delimiter
            yield at


def _pause_at(letters: NDArray[np.int64], seam: int) -> slice | None:
    """The frames between the letters around ``seam``; ``None`` without frames, or at one of the ends."""
    after = int(np.searchsorted(letters, seam))
    if not 0 < after < len(letters):
        return None
    pause = slice(int(letters[after - 1]) + 1, int(letters[after]))
    return pause if pause.start < pause.stop else None
