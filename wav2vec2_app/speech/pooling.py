"""Pools emissions over time into one vector, by which recordings are compared.

Each sequence of :data:`SEQUENCE` letters on the most probable path has a place of the vector (found by
hashing, as in Weinberger et al. 2009), which its probability is added to. No lexicon is needed, and models
with the same letters can be compared.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from wav2vec2_app.speech.audio import Float16
from wav2vec2_app.speech.emission import Emission

DIMENSIONS: Final = 2048
SEQUENCE: Final = 4
"""Letters of a sequence; the delimiter between words is one."""


def pooled(emissions: Sequence[Emission]) -> Float16 | None:
    """The vector ``(2048,)`` of a recording, of length 1; ``None`` where hardly anything is spoken.

    Args:
        emissions: one, or those of its channels.
    """
    sums = np.zeros(DIMENSIONS)
    for emission in emissions:
        letters = list(_letters(emission))
        for at in range(len(letters) - SEQUENCE + 1):
            part = letters[at : at + SEQUENCE]
            place = zlib.crc32("".join(letter for letter, _ in part).encode()) % DIMENSIONS
            sums[place] += math.prod(probability for _, probability in part)
    if not sums.any():
        return None
    found: Float16 = np.sqrt(sums / sums.sum()).astype(np.float16)
    return found


def _letters(emission: Emission) -> Iterator[tuple[str, float]]:
    """The letters and delimiters of the most probable path, with their probabilities."""
    if not len(emission.log_probs):
        return
    best = emission.log_probs.argmax(axis=1)
    firsts = np.flatnonzero(np.diff(best, prepend=-1))
    peaks = np.exp(np.maximum.reduceat(emission.log_probs.max(axis=1), firsts))
    for token, probability in zip(best[firsts].tolist(), peaks.tolist(), strict=True):
        text = emission.vocabulary[token]
        if token != emission.blank_id and text not in emission.special:
            yield (" " if text == emission.word_delimiter else text.lower()), probability
