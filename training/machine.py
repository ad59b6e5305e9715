"""What the machine gives: idle cores (on a shared one, a thread too many stalls all) and its fastest type."""

import os
import time
from pathlib import Path

import torch


def fast_type(device: str) -> torch.dtype:
    """Return bfloat16 where the machine computes with it, float32 where it would only imitate it."""
    native = device != "cpu" or torch.cpu._is_avx512_bf16_supported()
    return torch.bfloat16 if native else torch.float32


class IdleCores:
    """Watches what other processes use and sets torch's thread count to what is left."""

    def __init__(self, every_s: float = 4.0) -> None:
        self.every_s = every_s
        self.cores = os.cpu_count() or 1
        self.last = self._clocks()

    @staticmethod
    def _clocks() -> tuple[float, float, float]:
        """Return wall time, all processes' processor time and this process's, in seconds."""
        user, nice, system = Path("/proc/stat").read_text().split()[1:4]
        everyone = (int(user) + int(nice) + int(system)) / os.sysconf("SC_CLK_TCK")
        own = os.times()
        return time.monotonic(), everyone, own.user + own.system

    def adapt(self) -> int:
        """Call once a step; returns the number of threads now in use."""
        if time.monotonic() - self.last[0] > self.every_s:
            now = self._clocks()
            wall, everyone, own = (b - a for a, b in zip(self.last, now, strict=True))
            others = max(0.0, everyone - own) / wall
            self.last = now
            torch.set_num_threads(max(1, round(self.cores - others - 0.1)))
        return torch.get_num_threads()
