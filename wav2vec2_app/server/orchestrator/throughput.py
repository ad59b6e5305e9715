"""Measured throughput of recent tasks, which all estimates of waiting times are based on."""

from __future__ import annotations

from collections import deque

COLD_THROUGHPUT = 4.0
"""Audio seconds per second assumed before the first task is done.

A low estimate: a base-sized model on two cores, pictures included, is faster, so that real waits
are shorter than the announced ones.
"""


CACHED_COLD_THROUGHPUT = 100.0
"""The same for tasks that start from a cached emission: no model is run, only the text worker."""


class ThroughputMeter:
    """Audio seconds processed per second in which at least one task ran, over the latest tasks.

    Time that several tasks share is counted once, so the figure is that of the whole machine at the
    concurrency that it had.

    Args:
        window: number of latest tasks that count.
        cold: throughput before the first task, audio seconds per second.
    """

    def __init__(self, *, window: int = 20, cold: float = COLD_THROUGHPUT) -> None:
        self._cold = cold
        self._latest: deque[tuple[float, float, float]] = deque(maxlen=window)

    def record(self, *, began_s: float, ended_s: float, audio_s: float) -> None:
        """Record a task of ``audio_s`` seconds of audio that ran from ``began_s`` to ``ended_s``."""
        self._latest.append((began_s, ended_s, audio_s))

    @property
    def measured(self) -> float | None:
        """The measured throughput; ``None`` before the first task."""
        busy_s = self._busy_s()
        audio_s = sum(audio_s for _, _, audio_s in self._latest)
        return audio_s / busy_s if busy_s > 0 and audio_s > 0 else None

    @property
    def throughput(self) -> float:
        """The measured throughput, or ``cold`` before the first task."""
        return self.measured or self._cold

    def _busy_s(self) -> float:
        """Length of the union of the tasks' running times."""
        busy_s, reached_s = 0.0, float("-inf")
        for began_s, ended_s, _ in sorted(self._latest):
            busy_s += max(0.0, ended_s - max(began_s, reached_s))
            reached_s = max(reached_s, ended_s)
        return busy_s
