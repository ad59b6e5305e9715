"""Words, their times and confidences, from a path through a CTC emission.

A path has one token for each frame. Its words are found by merging repeated tokens and dropping blanks
(Graves et al. 2006, "Connectionist Temporal Classification", §3.1).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp

import numpy as np
from numpy.typing import NDArray

from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.transcript import Word


@dataclass(frozen=True)
class TokenRun:
    """A run of one token on a path: frames ``[start, stop)``, mean ``log_prob`` in them."""

    text: str
    start: int
    stop: int
    log_prob: float


def token_runs(emission: Emission, ids: NDArray[np.integer]) -> list[TokenRun]:
    """Runs of tokens on the path ``ids`` ``(frames,)``, without those of the blank."""
    if not len(ids):
        return []
    starts = np.r_[0, np.flatnonzero(np.diff(ids)) + 1]
    stops = np.r_[starts[1:], len(ids)]
    chosen = emission.log_probs[np.arange(len(ids)), ids].astype(np.float64)
    means = np.add.reduceat(chosen, starts) / (stops - starts)
    spelled = ids[starts] != emission.blank_id
    columns = (ids[starts][spelled], starts[spelled], stops[spelled], means[spelled])
    return [
        TokenRun(emission.vocabulary[token], start, stop, log_prob)
        for token, start, stop, log_prob in zip(*(c.tolist() for c in columns), strict=True)
    ]


def words_of_path(emission: Emission, ids: NDArray[np.integer]) -> tuple[Word, ...]:
    """The words of a path through ``emission``, with times in seconds and confidence in [0, 1].

    A word lasts from the first frame of its first token to the end of its last token's run; its
    confidence is the geometric mean of its tokens' probabilities. Special tokens (``<s>``, ``<unk>``…)
    are left out; if the vocabulary has no word delimiter, each token is a word.
    """
    words: list[Word] = []
    letters: list[TokenRun] = []
    for token in token_runs(emission, ids):
        if token.text in emission.special or not token.text:
            continue
        if token.text == emission.word_delimiter:
            words.extend(_word(letters, emission.frame_s))
            letters = []
        elif emission.word_delimiter:
            letters.append(token)
        else:
            words.extend(_word([token], emission.frame_s))
    words.extend(_word(letters, emission.frame_s))
    return tuple(words)


def _word(letters: list[TokenRun], frame_s: float) -> list[Word]:
    """The word of ``letters``; none if there are none."""
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
