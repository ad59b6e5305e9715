"""How long an operation may take: its own limit, and those of what stands before it at its worker.

A worker does one thing after the other. Without the second part a short request behind a long one
would run out of time while it waits, and be taken for a fault of the worker.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


class TimeLimits:
    """Limits in seconds: ``operation_s`` plus ``per_audio_s`` for each second of audio."""

    def __init__(self, *, operation_s: float, per_audio_s: float) -> None:
        self._operation_s = operation_s
        self._per_audio_s = per_audio_s
        self._granted: dict[str, float] = defaultdict(float)

    @contextmanager
    def grant(self, role: str, audio_s: float, *, extra_s: float = 0.0) -> Iterator[float]:
        """The limit of one operation at the workers of ``role``, while it lasts."""
        own_s = self._operation_s + self._per_audio_s * audio_s + extra_s
        limit_s = self._granted[role] + own_s
        self._granted[role] += own_s
        try:
            yield limit_s
        finally:
            self._granted[role] -= own_s


@dataclass(frozen=True)
class StepLimits:
    """Policy: how long one step may take, on ``audio_s`` seconds of audio.

    Attributes:
        operation_s: of every step, seconds.
        per_audio_s: added for each second of audio, seconds.
        model_load_s: added where a model other than the default may have to be loaded, seconds.
    """

    operation_s: float = 30.0
    per_audio_s: float = 2.0
    model_load_s: float = 120.0

    def limit_s(self, audio_s: float, *, loads_model: bool = False) -> float:
        """The limit of one step, seconds."""
        return self.operation_s + self.per_audio_s * audio_s + loads_model * self.model_load_s
