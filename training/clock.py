"""Time-bound runs: training time across restarts, the learning rate's schedule, checkpoints."""

import signal
import time
from pathlib import Path

import torch

LONGEST_STEP_S = 30.0  # a step counts at most this much, so that a pause does not end the run
SAVE_EVERY_S = 300.0


def schedule(progress: float, hold: float, warmup: float = 0.02, floor: float = 0.01) -> float:
    """Return the rate's scale at `progress` in [0, 1]: warm up, hold, then fall linearly."""
    if progress < warmup:
        return max(floor, progress / warmup)
    if progress < hold:
        return 1.0
    return max(floor, 1.0 - (1.0 - floor) * (progress - hold) / (1.0 - hold))


class Clock:
    """Measures training time; knows when to save and when to stop (SIGTERM saves, then stops)."""

    def __init__(self, hours: float, spent_s: float = 0.0) -> None:
        self.total_s = hours * 3600
        self.spent_s = spent_s
        self.last = self.saved = time.monotonic()
        self.stopped = False
        signal.signal(signal.SIGTERM, lambda *_: setattr(self, "stopped", True))

    def tick(self) -> float:
        """Count the time since the last call; return the progress in [0, 1]."""
        now = time.monotonic()
        self.spent_s += min(now - self.last, LONGEST_STEP_S)
        self.last = now
        return min(1.0, self.spent_s / self.total_s)

    @property
    def done(self) -> bool:
        return self.stopped or self.spent_s >= self.total_s

    def save_due(self) -> bool:
        """Return true every `SAVE_EVERY_S` seconds and at the end."""
        due = self.done or time.monotonic() - self.saved > SAVE_EVERY_S
        if due:
            self.saved = time.monotonic()
        return due

    def restart(self) -> None:
        """Leave out the time since the last tick (an evaluation, say)."""
        self.last = time.monotonic()


def save(state: dict, path: Path) -> None:
    """Write a checkpoint so that an interruption never leaves a damaged one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".new")
    torch.save(state, unfinished)
    unfinished.replace(path)
