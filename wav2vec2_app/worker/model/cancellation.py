"""How long computations notice that their result is no longer needed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")

CheckCancelled = Callable[[], None]
"""Raises CancelledError if the result is no longer needed; called between the steps of a computation."""

STEP_ITEMS = 2000
"""Items of a fast loop between two checks."""


def never_cancelled() -> None:
    """The :data:`CheckCancelled` of computations that cannot be cancelled."""


def checked(items: Iterable[T], check: CheckCancelled, every: int = STEP_ITEMS) -> Iterator[T]:
    """``items``, with a check before every ``every`` of them."""
    for number, item in enumerate(items):
        if number % every == 0:
            check()
        yield item
