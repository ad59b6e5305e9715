"""DecodingOptions words, their times and confidences from a path through a CTC emission.

The best path takes the most probable token of every frame, merges repeats and drops blanks
(Graves et al. 2006, "Connectionist Temporal Classification", §3.2).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.transcript import Word


@dataclass(frozen=True)
class Token:
    """One emitted token: frames ``[start, stop)`` of its run and its mean log-probability there."""

    text: str
    start: int
    stop: int
    log_prob: float


def runs(emission: Emission, ids: NDArray[np.integer[Any]]) -> list[Token]:
    """Runs of equal tokens on the path ``ids`` ``(frames,)``, blanks dropped, delimiters kept."""
    if not len(ids):
        return []
    starts = np.r_[0, np.flatnonzero(np.diff(ids)) + 1]
    stops = np.r_[starts[1:], len(ids)]
    chosen = emission.log_probs[np.arange(len(ids)), ids].astype(np.float64)
    means = np.add.reduceat(chosen, starts) / (stops - starts)
    kept = ids[starts] != emission.blank_id
    columns = (ids[starts][kept], starts[kept], stops[kept], means[kept])
    return [
        Token(emission.vocabulary[token], start, stop, log_prob)
        for token, start, stop, log_prob in zip(*(c.tolist() for c in columns), strict=True)
    ]


def words_of_path(emission: Emission, ids: NDArray[np.integer[Any]]) -> tuple[Word, ...]:
    """The words of a path through ``emission``, with times in seconds and confidence in [0, 1].

    A word lasts from the first frame of its first token to the end of its last token's run; its
    confidence is the geometric mean of its tokens' probabilities. Special tokens (``<s>``, ``<unk>``…)
    are never spelled; where the vocabulary has no word delimiter, each token is a word.
    """
    words: list[Word] = []
    letters: list[Token] = []
    for token in runs(emission, ids):
        if token.text in emission.special or not token.text:
            continue
        if token.text == emission.word_delimiter:
            words.extend(_spell(letters, emission.frame_s))
            letters = []
        elif emission.word_delimiter:
            letters.append(token)
        else:
            words.extend(_spell([token], emission.frame_s))
    words.extend(_spell(letters, emission.frame_s))
    return tuple(words)


def _spell(letters: list[Token], frame_s: float) -> list[Word]:
    if not letters:
        return []
    return [
        Word(
            text="".join(token.text for token in letters),
            start_s=round(letters[0].start * frame_s, 6),
            end_s=round(letters[-1].stop * frame_s, 6),
            confidence=_probability(sum(token.log_prob for token in letters) / len(letters)),
        )
    ]


def _probability(log_prob: float) -> float:
    return min(1.0, exp(log_prob))
