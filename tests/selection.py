"""Tests that run: with ``--thorough`` all, else no slow ones, and of a matrix the first variant."""

from __future__ import annotations

from collections.abc import Sequence

import pytest


def first_variants(items: Sequence[pytest.Item]) -> tuple[list[pytest.Item], list[pytest.Item]]:
    """The items to run and those to leave out.

    Tests marked ``slow`` are left out; of tests marked ``matrix`` the first variant runs.
    """
    seen: set[str] = set()
    chosen, left_out = [], []
    for item in items:
        test = item.nodeid.split("[")[0]
        is_later = item.get_closest_marker("matrix") is not None and test in seen
        is_slow = item.get_closest_marker("slow") is not None
        (left_out if is_later or is_slow else chosen).append(item)
        seen.add(test)
    return chosen, left_out
