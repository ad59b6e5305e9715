"""Forced alignment: the frames in which the most probable CTC path spells each word and letter.

CTC emits a letter in few frames, and later than it is spoken. The rules that turn frames into word edges
were chosen on reference alignments: a word starts with the last delimiter frame before it and ends with the
first one after it, within bounds around its own first and last letter.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wav2vec2_app.speech.audio import Float32
from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.tokenization import TokenizedWord
from wav2vec2_app.worker.model.cancellation import CheckCancelled, checked, never_cancelled
from wav2vec2_app.worker.model.viterbi import STAR, viterbi_path

START_LEAD_FRAMES = (1, 4)
"""A word starts at least and at most this long before its first letter, less half a frame."""
END_LAG_FRAMES = (2, 5)
"""A word ends at least and at most this long after the last frame of its last letter."""
FIRST_WORD_LEAD_FRAMES = 3
"""How long before its first letter the first word starts."""
TYPICAL_LEAD_FRAMES = 2
"""How much later than its sound a letter is emitted, where no delimiter tells."""


@dataclass(frozen=True)
class LetterPath:
    """One letter on the path: column ``token`` in frames ``[start, stop)``, mean ``log_prob`` there."""

    token: int
    start: int
    stop: int
    log_prob: float


@dataclass(frozen=True)
class WordPath:
    """One word on the path.

    Attributes:
        frames: ``[start, stop)`` from the first to the last label of the word.
        edges: start and end of the word in frames, with fractions.
        letters: its letters in order; none for a wildcard.
    """

    frames: tuple[int, int]
    edges: tuple[float, float]
    letters: tuple[LetterPath, ...]

    @property
    def wildcard(self) -> bool:
        """Whether the vocabulary cannot spell the word, so that any sound matches it."""
        return not self.letters

    @property
    def score(self) -> float:
        """Geometric mean of the letters' probabilities, in [0, 1]; 0 for a wildcard."""
        return mean_probability([letter.log_prob for letter in self.letters])

    def letter_edges(self) -> list[float]:
        """Where each letter starts and the last one ends, frames: each lasts until the next one.

        All are moved ahead of their frames by the same lead, as far as the word's start allows.
        """
        start, end = self.edges
        lead = min(TYPICAL_LEAD_FRAMES, self.letters[0].start - start)
        return [start, *(letter.start - lead for letter in self.letters[1:]), end]


def word_paths(
    emission: Emission,
    words: Sequence[TokenizedWord],
    delimiter_id: int | None,
    check: CheckCancelled = never_cancelled,
) -> tuple[WordPath, ...]:
    """Align ``words`` with all of ``emission``; a delimiter is expected between two of them.

    Raises:
        InputError: ``align.text_too_long``, ``align.too_long``; see :func:`viterbi_path`.
    """
    labels, spans = _labels(words, delimiter_id)
    log_probs = emission.log_probs.astype(np.float32)
    path = viterbi_path(log_probs, labels, emission.blank_id, check)
    runs = _LabelRuns.of(path.states, labels, log_probs)
    edges = _word_edges(runs, spans, len(log_probs), delimited=delimiter_id is not None)
    return tuple(
        WordPath(
            frames=(int(runs.first[span[0]]), int(runs.last[span[1] - 1]) + 1),
            edges=edge,
            letters=() if word.wildcard else _letters(labels, runs, span, emission),
        )
        for word, span, edge in checked(zip(words, spans, edges, strict=True), check)
    )


def mean_probability(log_probs: Sequence[float]) -> float:
    """Geometric mean in [0, 1] of probabilities given as logarithms; 0 for none."""
    return min(1.0, math.exp(sum(log_probs) / len(log_probs))) if log_probs else 0.0


def _labels(
    words: Sequence[TokenizedWord], delimiter_id: int | None
) -> tuple[NDArray[np.int32], list[tuple[int, int]]]:
    """The labels of all ``words``, and the range ``[first, last)`` of them that each word has."""
    labels: list[int] = []
    spans = []
    between = [] if delimiter_id is None else [delimiter_id]
    for word in words:
        labels += between if labels else []
        first = len(labels)
        for number, part in enumerate(word.parts or ((STAR,),)):
            labels += between if number else []
            labels += part
        spans.append((first, len(labels)))
    return np.array(labels, dtype=np.int32), spans


@dataclass(frozen=True)
class _LabelRuns:
    """Frames ``[first, last]`` of each label on a path, and its mean log-probability there."""

    first: NDArray[np.int64]
    last: NDArray[np.int64]
    log_prob: Float32

    @classmethod
    def of(
        cls, states: NDArray[np.int32], labels: NDArray[np.int32], log_probs: Float32
    ) -> _LabelRuns:
        frames = np.flatnonzero(states % 2)
        owner = states[frames] // 2
        first = np.searchsorted(owner, np.arange(len(labels)), side="left")
        stop = np.searchsorted(owner, np.arange(len(labels)), side="right")
        values = log_probs[frames, labels[owner]]
        mean = np.add.reduceat(values, first) / (stop - first) if len(labels) else values
        return cls(frames[first], frames[stop - 1], mean.astype(np.float32))


def _word_edges(
    runs: _LabelRuns, spans: Sequence[tuple[int, int]], frames: int, *, delimited: bool
) -> list[tuple[float, float]]:
    """Start and end of each word in frames; words that would overlap meet half-way."""
    firsts = runs.first[[first for first, _ in spans]]
    lasts = runs.last[[last - 1 for _, last in spans]]
    before, after = firsts - TYPICAL_LEAD_FRAMES, lasts + TYPICAL_LEAD_FRAMES
    if delimited:
        before[1:] = runs.last[[first - 1 for first, _ in spans[1:]]]
        after[:-1] = runs.first[[last for _, last in spans[:-1]]]
    before[0], after[-1] = firsts[0] - FIRST_WORD_LEAD_FRAMES, lasts[-1] + END_LAG_FRAMES[1]
    starts = np.clip(before, firsts - START_LEAD_FRAMES[1], firsts - START_LEAD_FRAMES[0]) - 0.5
    ends = np.clip(after, lasts + END_LAG_FRAMES[0], lasts + END_LAG_FRAMES[1]).astype(np.float64)
    middle = (ends[:-1] + starts[1:]) / 2
    overlap = ends[:-1] > starts[1:]
    ends[:-1][overlap] = starts[1:][overlap] = middle[overlap]
    bounded = np.clip([starts, ends], 0, frames)
    return [(float(start), float(end)) for start, end in bounded.T]


def _letters(
    labels: NDArray[np.int32], runs: _LabelRuns, span: tuple[int, int], emission: Emission
) -> tuple[LetterPath, ...]:
    """The letters of the labels in ``span``, without the delimiters inside a word of several parts."""
    return tuple(
        LetterPath(
            int(labels[at]), int(runs.first[at]), int(runs.last[at]) + 1, float(runs.log_prob[at])
        )
        for at in range(*span)
        if emission.vocabulary[labels[at]] != emission.word_delimiter
    )
