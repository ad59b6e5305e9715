"""Progress of a run across restarts, the learning rate's schedule, checkpoints."""

import signal
import time
from pathlib import Path

import torch

SAVE_EVERY_S = 300.0


def schedule(progress: float, hold: float, warmup: float = 0.02, floor: float = 0.01) -> float:
    """Return the rate's scale at `progress` in [0, 1]: warm up, hold, then fall linearly."""
    if progress < warmup:
        return max(floor, progress / warmup)
    if progress < hold:
        return 1.0
    return max(floor, 1.0 - (1.0 - floor) * (progress - hold) / (1.0 - hold))


class Clock:
    """Measures progress in audio and training time; SIGTERM saves, then stops."""

    def __init__(self, total_s: float, heard_s: float = 0.0, spent_s: float = 0.0) -> None:
        self.total_s, self.heard_s, self.spent_s = total_s, heard_s, spent_s
        self.last = self.saved = time.monotonic()
        self.stopped = False
        signal.signal(signal.SIGTERM, lambda *_: setattr(self, "stopped", True))

    def tick(self, heard_s: float) -> float:
        """Count the time since the last call; return the progress in [0, 1]."""
        now = time.monotonic()
        self.spent_s += now - self.last
        self.last, self.heard_s = now, heard_s
        return min(1.0, heard_s / self.total_s)

    @property
    def done(self) -> bool:
        return self.stopped or self.heard_s >= self.total_s

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
