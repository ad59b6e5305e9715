"""How fast tasks are got through, measured; what every estimate of waiting stands on."""

from __future__ import annotations

from collections import deque

COLD_THROUGHPUT = 4.0
"""Audio seconds per second assumed before the first task is done.

Meant to err towards waiting: a base-sized model on two cores, pictures included, does better, and a
wait that turns out shorter than promised disappoints nobody.
"""


class Pace:
    """Audio seconds per second in which anything was in work, over the latest tasks.

    Time is counted once however many tasks shared it, so the figure is that of the whole machine
    at the concurrency it really had.

    Args:
        window: tasks remembered.
    """

    def __init__(self, *, window: int = 20) -> None:
        self._latest: deque[tuple[float, float, float]] = deque(maxlen=window)

    def record(self, *, began_s: float, ended_s: float, audio_s: float) -> None:
        """Note a task that was in work from ``began_s`` to ``ended_s``."""
        self._latest.append((began_s, ended_s, audio_s))

    @property
    def measured(self) -> float | None:
        """The measured throughput, ``None`` before there is one."""
        busy_s = self._busy_s()
        audio_s = sum(audio_s for _, _, audio_s in self._latest)
        return audio_s / busy_s if busy_s > 0 and audio_s > 0 else None

    @property
    def throughput(self) -> float:
        """The measured throughput, or the one assumed before there is one."""
        return self.measured or COLD_THROUGHPUT

    def _busy_s(self) -> float:
        """Length of the union of the tasks' times in work."""
        busy_s, reached_s = 0.0, float("-inf")
        for began_s, ended_s, _ in sorted(self._latest):
            busy_s += max(0.0, ended_s - max(began_s, reached_s))
            reached_s = max(reached_s, ended_s)
        return busy_s
