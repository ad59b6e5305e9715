"""Levels of confidence, by which words are coloured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Level:
    """A range of confidence, from ``at_least`` up to the next level; ``name`` selects its style."""

    name: str
    at_least: float


LEVELS: Final = (Level("high", 0.80), Level("fair", 0.50), Level("low", 0.0))
"""From high to low; the same as in the pictures (``worker/plots/words.py``)."""


def level_of(confidence: float) -> Level:
    """The level of a confidence."""
    return next((level for level in LEVELS if confidence >= level.at_least), LEVELS[-1])
