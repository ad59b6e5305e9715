"""When each word and letter was said: an emission aligned to a text, or to the words decoded from it.

CTC spikes: a letter's frames are few, and later than the sound. What a time is read from was chosen
on reference alignments: a word starts with the last delimiter before it and ends with the next one,
within bounds around its own first and last letter.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from wav2vec2_app.errors import InputError
from wav2vec2_app.speech.audio import Float32
from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.spelling import Speller, Spelling
from wav2vec2_app.speech.transcript import Word
from wav2vec2_app.worker.model.viterbi import STAR, best_path, text_too_long

START_LEAD = (1, 4)
"""A word starts at least and at most so many frames before its first letter's, less half a frame."""
END_LAG = (2, 5)
"""A word ends at least and at most so many frames after its last letter's last."""
PAUSE_LEAD = 3
"""How much before its first letter a word starts that nothing comes before, frames."""
USUAL_LEAD = 2
"""How much later than its sound a letter appears where nothing else tells, frames."""
LETTERS_PER_HEARD = 5
"""A text with so many times the letters of the best path (and :data:`LETTERS_SPARE`) is too long."""
LETTERS_SPARE = 10
CHARACTERS_PER_FRAME = 20
"""A longer text is refused before it is spelled."""
PART_S = (15.0, 30.0)
"""Decoded words are aligned in parts of this length, cut at the longest pause between these bounds."""


@dataclass(frozen=True)
class Character:
    """One letter as the checkpoint spells it; ``score`` is its mean probability, in [0, 1]."""

    text: str
    start_s: float
    end_s: float
    score: float


@dataclass(frozen=True)
class Letter:
    """Where the path has a letter: column ``token`` in frames ``[start, stop)``, on average ``log_prob``."""

    token: int
    start: int
    stop: int
    log_prob: float


@dataclass(frozen=True)
class AlignedWord:
    """One word as written, with its time in the audio.

    Attributes:
        score: geometric mean of its letters' probabilities, in [0, 1]; 0 for a wildcard.
        characters: its letters as they were aligned: “9” has those of “nine”; none for a wildcard.
        wildcard: the alphabet cannot spell the word; it was given what is between its neighbours.
        frames: first frame of its first letter, and the one past its last letter's last.
        letters: the path's letters, one for each character.
    """

    text: str
    start_s: float
    end_s: float
    score: float
    characters: tuple[Character, ...]
    wildcard: bool
    frames: tuple[int, int]
    letters: tuple[Letter, ...]


@dataclass(frozen=True)
class Alignment:
    """A text on its audio. ``log_prob`` is the path's; ``score`` the geometric mean over all letters."""

    words: tuple[AlignedWord, ...]
    score: float
    log_prob: float


Rate = Callable[[Emission, Sequence[AlignedWord], "Sequence[float] | None"], Sequence[float]]
"""Confidence in [0, 1] of each of some aligned words, and of their leads where a beam tells them."""


def by_score(
    _: Emission, words: Sequence[AlignedWord], __: Sequence[float] | None
) -> Sequence[float]:
    """A :data:`Rate` that takes scores as they are."""
    return [word.score for word in words]


def align(emission: Emission, text: str, speller: Speller) -> Alignment:
    """Align ``text`` to all of ``emission``.

    Raises:
        InputError: ``align.empty_text``, nothing in the text can be said; ``align.text_too_long``,
            it cannot be the text of this audio; ``align.too_long``, both are too long at once.
    """
    if len(text) > CHARACTERS_PER_FRAME * (len(emission.log_probs) + LETTERS_SPARE):
        raise text_too_long(characters=len(text))
    words = speller.spell(text)
    if not words:
        raise InputError(
            "There is no text to align.",
            code="align.empty_text",
            hint="Give the words that are said in the recording.",
        )
    letters = sum(len(part) for word in words for part in word.parts)
    if letters > LETTERS_PER_HEARD * _letters_heard(emission) + LETTERS_SPARE:
        raise text_too_long(letters=letters)
    return _aligned(emission, words, speller.delimiter_id)


def align_words(
    emission: Emission,
    words: Sequence[Word],
    speller: Speller,
    rate: Rate = by_score,
    leads: Sequence[float] | None = None,
) -> tuple[Word, ...]:
    """Decoded ``words``, with the times and confidences of their exact alignment.

    Args:
        emission: what the words were decoded from.
        words: in order, with rough times within ``emission``; long audio is cut in their pauses,
            so that the cost grows with its length alone.
        speller: spells with the emission's vocabulary.
        rate: tells each word's confidence.
        leads: what ``rate`` is told of each word besides.

    A part whose frames cannot hold its words keeps them as they are.
    """
    found: list[Word] = []
    for first, last, start, stop in _parts(words, emission):
        part = replace(emission, log_probs=emission.log_probs[start:stop])
        offset_s = start * emission.frame_s
        ahead = None if leads is None else leads[first:last]
        spellings = [_as_decoded(word.text, speller) for word in words[first:last]]
        try:
            aligned = _aligned(part, spellings, speller.delimiter_id).words
        except InputError:
            found.extend(words[first:last])
            continue
        found.extend(
            Word(word.text, _seconds(new.start_s + offset_s), _seconds(new.end_s + offset_s), sure)
            for word, new, sure in zip(
                words[first:last], aligned, rate(part, aligned, ahead), strict=True
            )
        )
    return tuple(found)


def _aligned(emission: Emission, words: Sequence[Spelling], delimiter_id: int | None) -> Alignment:
    labels, spans = _labels(words, delimiter_id)
    log_probs = emission.log_probs.astype(np.float32)
    path = best_path(log_probs, labels, emission.blank_id)
    runs = Runs.of(path.states, labels, log_probs)
    edges = _word_edges(runs, spans, len(log_probs), delimiter_id is not None)
    aligned = tuple(
        _word(word, labels, runs, span, edge, emission)
        for word, span, edge in zip(words, spans, edges, strict=True)
    )
    heard = [letter.log_prob for word in aligned for letter in word.letters]
    return Alignment(aligned, _probability(heard), path.log_prob)


def _labels(
    words: Sequence[Spelling], delimiter_id: int | None
) -> tuple[NDArray[np.int32], list[tuple[int, int]]]:
    """The labels of ``words``, and which of them ``[first, last)`` are each word's."""
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
class Runs:
    """Where each label of a path is: frames ``[first, last]``, and its mean log-probability there."""

    first: NDArray[np.int64]
    last: NDArray[np.int64]
    log_prob: Float32

    @classmethod
    def of(cls, states: NDArray[np.int32], labels: NDArray[np.int32], log_probs: Float32) -> Runs:
        frames = np.flatnonzero(states % 2)
        owner = states[frames] // 2
        first = np.searchsorted(owner, np.arange(len(labels)), side="left")
        stop = np.searchsorted(owner, np.arange(len(labels)), side="right")
        values = log_probs[frames, labels[owner]]
        mean = np.add.reduceat(values, first) / (stop - first) if len(labels) else values
        return cls(frames[first], frames[stop - 1], mean.astype(np.float32))


def _word_edges(
    runs: Runs, spans: Sequence[tuple[int, int]], frames: int, delimited: bool
) -> list[tuple[float, float]]:
    """Start and end of each word in frames; neighbours that would overlap meet half-way."""
    begins = runs.first[[first for first, _ in spans]]
    lasts = runs.last[[last - 1 for _, last in spans]]
    before, after = begins - USUAL_LEAD, lasts + USUAL_LEAD
    if delimited:
        before[1:] = runs.last[[first - 1 for first, _ in spans[1:]]]
        after[:-1] = runs.first[[last for _, last in spans[:-1]]]
    before[0], after[-1] = begins[0] - PAUSE_LEAD, lasts[-1] + END_LAG[1]
    starts = np.clip(before, begins - START_LEAD[1], begins - START_LEAD[0]) - 0.5
    ends = np.clip(after, lasts + END_LAG[0], lasts + END_LAG[1]).astype(np.float64)
    middle = (ends[:-1] + starts[1:]) / 2
    overlap = ends[:-1] > starts[1:]
    ends[:-1][overlap] = starts[1:][overlap] = middle[overlap]
    bounded = np.clip([starts, ends], 0, frames)
    return [(float(start), float(end)) for start, end in bounded.T]


def _word(
    word: Spelling,
    labels: NDArray[np.int32],
    runs: Runs,
    span: tuple[int, int],
    edge: tuple[float, float],
    emission: Emission,
) -> AlignedWord:
    spelled = () if word.wildcard else range(*span)
    delimiter = emission.word_delimiter
    kept = [at for at in spelled if emission.vocabulary[labels[at]] != delimiter]
    letters = tuple(
        Letter(
            int(labels[at]), int(runs.first[at]), int(runs.last[at]) + 1, float(runs.log_prob[at])
        )
        for at in kept
    )
    return AlignedWord(
        text=word.text,
        start_s=_seconds(edge[0] * emission.frame_s),
        end_s=_seconds(edge[1] * emission.frame_s),
        score=_probability([letter.log_prob for letter in letters]),
        characters=_characters(letters, edge, emission),
        wildcard=word.wildcard,
        frames=(int(runs.first[span[0]]), int(runs.last[span[1] - 1]) + 1),
        letters=letters,
    )


def _characters(
    letters: Sequence[Letter], edge: tuple[float, float], emission: Emission
) -> tuple[Character, ...]:
    """The letters of a word: each lasts until the next, all as early as the word's start allows."""
    if not letters:
        return ()
    lead = min(USUAL_LEAD, letters[0].start - edge[0])
    edges = [edge[0], *(letter.start - lead for letter in letters[1:]), edge[1]]
    return tuple(
        Character(
            text=emission.vocabulary[letter.token],
            start_s=_seconds(start * emission.frame_s),
            end_s=_seconds(end * emission.frame_s),
            score=_probability([letter.log_prob]),
        )
        for letter, start, end in zip(letters, edges, edges[1:], strict=False)
    )


def _parts(words: Sequence[Word], emission: Emission) -> list[tuple[int, int, int, int]]:
    """Words ``[first, last)`` and frames ``[start, stop)`` of parts to be aligned by themselves."""
    frames = len(emission.log_probs)
    parts = []
    first, start, start_s = 0, 0, 0.0
    while first < len(words):
        last = _end_of_part(words, first, start_s)
        stop = frames
        if last < len(words):
            stop = round((words[last - 1].end_s + words[last].start_s) / 2 / emission.frame_s)
        parts.append((first, last, start, stop))
        first, start, start_s = last, stop, stop * emission.frame_s
    return parts


def _end_of_part(words: Sequence[Word], first: int, start_s: float) -> int:
    """Number of the word that the next part begins with; all the rest if it is short enough."""
    if words[-1].end_s - start_s <= PART_S[1]:
        return len(words)
    best, longest = len(words), -1.0
    for number in range(first + 1, len(words)):
        here_s = words[number].start_s - start_s
        pause_s = words[number].start_s - words[number - 1].end_s
        if here_s > PART_S[1] and longest >= 0:
            break
        if here_s >= PART_S[0] and pause_s > longest:
            best, longest = number, pause_s
    return best


def _as_decoded(text: str, speller: Speller) -> Spelling:
    """``text`` in the very tokens that a decoder joined, else however it can be spelled."""
    tokens = speller.exactly(text)
    if tokens:
        return Spelling(text, (tokens,))
    parts = tuple(part for word in speller.spell(text) for part in word.parts)
    return Spelling(text, parts)


def _letters_heard(emission: Emission) -> int:
    """How many letters the best path has."""
    ids = emission.log_probs.argmax(axis=1)
    changed = np.r_[True, ids[1:] != ids[:-1]] if len(ids) else np.zeros(0, bool)
    return int(np.count_nonzero(changed & (ids != emission.blank_id)))


def _probability(log_probs: Sequence[float]) -> float:
    return min(1.0, math.exp(sum(log_probs) / len(log_probs))) if log_probs else 0.0


def _seconds(value: float) -> float:
    return round(float(value), 6)
