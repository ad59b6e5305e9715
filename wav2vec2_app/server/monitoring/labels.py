"""Bounds the values of a label: a metric has one time series for each."""

from __future__ import annotations

from typing import Final

OTHER: Final = "other"
"""Stands for all values above the limit."""


class BoundedLabel:
    """The first values that it is given, unchanged; later ones are :data:`OTHER`.

    Args:
        limit: number of different values.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._known: set[str] = set()

    def __call__(self, value: str) -> str:
        """``value``, or :data:`OTHER`."""
        if value not in self._known and len(self._known) >= self._limit:
            return OTHER
        self._known.add(value)
        return value
