"""Where in an emission nobody speaks: the blank track, with the level of the audio as a second witness."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ, Float32
from wav2vec2_app.speech.emission import Emission

SURE = 0.4
"""A letter counts where it has at least this probability; models guess letters in noise with less."""
FALL_DB = 8.0
"""In a pause the level is this far below that of the letters."""
LOUD_FACTOR = 2.0
"""Where the level does not fall (noise, music), a pause has to be so many times as long."""
LETTER_S = 0.06
"""A letter sounds for about so long behind its frame, seconds."""
EDGE_S = 1.5
"""A cut keeps away from the newest audio, where the letters are not sure yet, seconds."""
QUIET_S = 0.2
"""Length of the quietest stretch that audio is cut at where nothing was read from it, seconds."""


@dataclass(frozen=True)
class Pause:
    """Time without letters, seconds from the emission's beginning."""

    start_s: float
    end_s: float

    @property
    def duration_s(self) -> float:
        return self.end_s - self.start_s

    @property
    def middle_s(self) -> float:
        return (self.start_s + self.end_s) / 2


def first_pause(emission: Emission, at_least_s: float) -> Pause | None:
    """The first pause behind letters that lasts ``at_least_s``, be it followed by letters or not."""
    letters = letter_frames(emission)
    for pause in _pauses(letters, emission):
        factor = 1.0 if _is_quiet(pause, letters, emission) else LOUD_FACTOR
        if pause.duration_s >= at_least_s * factor:
            return pause
    return None


def best_pause(emission: Emission, not_before_s: float) -> Pause | None:
    """The longest pause from ``not_before_s`` on, the later one of equals; none near the newest audio."""
    last_s = emission.duration_s - EDGE_S
    found = [
        pause
        for pause in _pauses(letter_frames(emission), emission)
        if not_before_s <= pause.middle_s <= last_s
    ]
    return max(found, key=lambda pause: (pause.duration_s, pause.start_s), default=None)


def quietest(samples: Float32, not_before_s: float) -> float:
    """Middle of the quietest stretch of ``samples`` ``(n,)`` from ``not_before_s`` on, seconds."""
    width = round(QUIET_S * SAMPLE_RATE_HZ)
    first = min(round(not_before_s * SAMPLE_RATE_HZ), max(0, len(samples) - width))
    power = np.cumsum(np.r_[0.0, samples[first:].astype(np.float64) ** 2])
    if len(power) <= width:
        return len(samples) / SAMPLE_RATE_HZ
    return (first + int(np.argmin(power[width:] - power[:-width])) + width / 2) / SAMPLE_RATE_HZ


def letter_frames(emission: Emission) -> NDArray[np.int64]:
    """The frames whose likeliest token is a letter that the model is sure of."""
    silent = {"", emission.word_delimiter, *emission.special}
    spells = np.array([token not in silent for token in emission.vocabulary])
    spells[emission.blank_id] = False
    best = emission.log_probs.argmax(axis=1)
    sure = emission.log_probs.max(axis=1) >= np.log(SURE)
    return np.flatnonzero(spells[best] & sure)


def _pauses(letters: NDArray[np.int64], emission: Emission) -> list[Pause]:
    """The time between letters, and between the last one and the end."""
    if not len(letters):
        return []
    starts_s = (letters + 1) * emission.frame_s + LETTER_S
    ends_s = np.r_[letters[1:], len(emission.log_probs)] * emission.frame_s
    return [
        Pause(float(start_s), float(end_s))
        for start_s, end_s in zip(starts_s, ends_s, strict=True)
        if end_s > start_s
    ]


def _is_quiet(pause: Pause, letters: NDArray[np.int64], emission: Emission) -> bool:
    """Whether the level falls in the pause's later part, where the last letter has died away."""
    energy_db = emission.energy_db
    if energy_db is None:
        return True
    first, last = (round(one / emission.frame_s) for one in (pause.middle_s, pause.end_s))
    inside = energy_db[first:last].astype(np.float32)
    speech = float(np.median(energy_db[letters].astype(np.float32)))
    return not len(inside) or float(np.median(inside)) <= speech - FALL_DB
