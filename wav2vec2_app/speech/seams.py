"""Where one window of long audio ends and the next one begins, and joining what they hear.

Neighbouring windows share some audio and do not hear it quite alike: a letter may be a frame or two off, and
the space between two words anywhere in the pause. A cut between such places loses it, or has it twice. So
the cut is made where both hear the same (:func:`settle`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ, Float32
from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.windows import Window

ALIKE = 12
"""Frames before and after a seam that both should hear alike; also what is left to each as context."""
REACH = 25
"""Frames by which a seam may move from the middle of what its neighbours share."""


def settle(windows: Sequence[Window], emissions: Sequence[Emission]) -> list[Window]:
    """``windows`` with each seam where its neighbours agree best, frame by frame, on the surest token.

    A seam stays within what its neighbours share and nearer to its planned place than to the next one's;
    of places alike, the planned one or the nearest to it is taken.
    """
    hop = round(emissions[0].frame_s * SAMPLE_RATE_HZ)
    firsts = [window.start // hop for window in windows]
    planned = [first + window.keep_from for first, window in zip(firsts, windows, strict=True)]
    planned.append(firsts[-1] + windows[-1].keep_to)
    edges = planned[:1]
    for left, edge in enumerate(planned[1:-1]):
        right = left + 1
        shared = firsts[left] + len(emissions[left].log_probs) - firsts[right]
        gap = min(edge - planned[left], planned[right + 1] - edge)
        reach = max(0, min(REACH, shared // 2 - ALIKE, (gap - 1) // 2))
        if reach:
            one, other = (
                emissions[number].log_probs[_around(edge - firsts[number], reach)]
                for number in (left, right)
            )
            edge += _where_alike(one, other, reach)
        edges.append(edge)
    edges.append(planned[-1])
    return [
        replace(window, keep_from=begin - first, keep_to=end - first)
        for window, first, begin, end in zip(windows, firsts, edges, edges[1:], strict=False)
    ]


def _around(frame: int, reach: int) -> slice:
    return slice(frame - reach - ALIKE, frame + reach + ALIKE)


def _where_alike(left: Float32, right: Float32, reach: int) -> int:
    """How many frames, up to ``reach``, from the middle two hear most alike around."""
    differ = left.argmax(axis=1) != right.argmax(axis=1)
    harm = np.convolve(differ, np.ones(2 * ALIKE), mode="valid")
    shifts = np.arange(-reach, reach + 1)
    return int(shifts[np.argmin(harm + 1e-3 * 2 * ALIKE * np.abs(shifts))])


def join(windows: Sequence[Window], emissions: Sequence[Emission]) -> Emission:
    """The emission of the whole from those of its windows, with each seam where it is best."""
    if len(windows) == 1:
        return emissions[0]
    pairs = list(zip(settle(windows, emissions), emissions, strict=True))
    log_probs = np.concatenate([one.log_probs[w.keep_from : w.keep_to] for w, one in pairs])
    levels = [
        one.energy_db[w.keep_from : w.keep_to] for w, one in pairs if one.energy_db is not None
    ]
    energy_db = np.concatenate(levels) if len(levels) == len(pairs) else None
    return replace(emissions[0], log_probs=log_probs, energy_db=energy_db)
