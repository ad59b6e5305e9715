"""A given text aligned with audio: each word and letter with its time and score."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class AlignedCharacter:
    """One letter as the model spells it; ``score`` is its mean probability, in [0, 1]."""

    text: str
    start_s: float
    end_s: float
    score: float


@dataclass(frozen=True)
class AlignedWord:
    """One word of a given text with its time in the audio.

    Attributes:
        text: the word as written.
        score: geometric mean of its letters' probabilities, in [0, 1]; 0 for a wildcard.
        characters: the letters that were aligned (“9” has those of “nine”); none for a wildcard.
        wildcard: the vocabulary cannot spell the word; it gets the time between its neighbours.
    """

    text: str
    start_s: float
    end_s: float
    score: float
    characters: tuple[AlignedCharacter, ...] = ()
    wildcard: bool = False


@dataclass(frozen=True)
class Alignment:
    """A given text aligned with an emission; ``score`` is the geometric mean over its letters."""

    words: tuple[AlignedWord, ...]
    score: float
