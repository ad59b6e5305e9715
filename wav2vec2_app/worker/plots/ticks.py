"""Round values for the labels of axes."""

from __future__ import annotations

import math
from collections.abc import Sequence

_TIME_STEPS_S = (
    0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600,
)  # fmt: skip


def time_ticks(duration_s: float, most: int = 8) -> list[tuple[float, str]]:
    """Times and their labels, from 0: seconds with their unit, or ``m:ss`` from two minutes on."""
    step = next((s for s in _TIME_STEPS_S if duration_s / s <= most), duration_s / most)
    times = [round(i * step, 6) for i in range(math.floor(duration_s / step + 1e-6) + 1)]
    if duration_s >= 120:
        return [(time, f"{int(time) // 60}:{int(time) % 60:02d} min") for time in times]
    return [(time, f"{time:g} s") for time in times]


def value_ticks(low: float, high: float, most: int = 5) -> Sequence[float]:
    """Round values from ``low`` to ``high``, at most ``most`` steps apart."""
    rough = (high - low) / most
    scale = 10 ** math.floor(math.log10(rough))
    step = next(scale * factor for factor in (1, 2, 5, 10) if scale * factor >= rough * 0.999)
    first = math.ceil(low / step - 1e-6)
    return [round(i * step, 10) for i in range(first, math.floor(high / step + 1e-6) + 1)]


def signed(value: float) -> str:
    """A number with a true minus sign."""
    return f"{value:g}".replace("-", "−")
