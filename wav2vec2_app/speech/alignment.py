"""A given text aligned with the audio."""

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

    ``score`` is the geometric mean of its letters' probabilities, in [0, 1]. A ``wildcard`` is a word
    that the model's letters cannot spell: it has no characters, and the time between its neighbours.
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
