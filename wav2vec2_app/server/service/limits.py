"""How long a step may take: its own limit, and the limits of the requests ahead of it at its workers.

A worker answers one request after the other. Without the second part a short request behind a long one
would run out of time while it waits, which would count as a fault of the worker.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class StepLimits:
    """The policy of time limits.

    Attributes:
        operation_s: of a step, seconds.
        per_audio_s: added for each second of its audio, seconds.
        model_load_s: added if the step may have to load a model, seconds.
    """

    operation_s: float = 30.0
    per_audio_s: float = 2.0
    model_load_s: float = 120.0

    def limit_s(self, audio_s: float = 0.0, *, loads_model: bool = False) -> float:
        """The limit of a step on ``audio_s`` seconds of audio, seconds."""
        return self.operation_s + self.per_audio_s * audio_s + self.model_load_s * loads_model


class Backlog:
    """The time limits of the requests that the workers of one role have."""

    def __init__(self) -> None:
        self.total_s = 0.0

    @contextmanager
    def add(self, limit_s: float) -> Iterator[float]:
        """Add a request with its own limit; the value is the limit with what is ahead of it, seconds."""
        self.total_s += limit_s
        try:
            yield self.total_s
        finally:
            self.total_s -= limit_s
