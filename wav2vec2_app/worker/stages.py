"""What an operation's steps took, as its answer tells it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def in_turn(seconds: Mapping[str, float]) -> list[dict[str, Any]]:
    """Steps one after the other, by name and seconds, as stages; those that took no time are left out."""
    stages: list[dict[str, Any]] = []
    start_s = 0.0
    for name, duration_s in seconds.items():
        if duration_s > 0:
            stages.append({"name": name, "start_s": start_s, "duration_s": duration_s})
        start_s += duration_s
    return stages
