"""Round values for the labels of axes."""

from __future__ import annotations

import math
from collections.abc import Sequence

_TIME_STEPS_S = (
    0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600,
)  # fmt: skip


def time_ticks(start_s: float, end_s: float, most: int = 8) -> list[tuple[float, str]]:
    """Round times and their labels: seconds with their unit, or ``m:ss`` from two minutes on."""
    span_s = end_s - start_s
    step = next((s for s in _TIME_STEPS_S if span_s / s <= most), span_s / most)
    first, last = math.ceil(start_s / step - 1e-6), math.floor(end_s / step + 1e-6)
    times = [round(i * step, 6) for i in range(first, last + 1)]
    if end_s >= 120:
        digits = 0 if step >= 1 else 1 if step >= 0.1 else 2
        width = digits + 3 if digits else 2
        return [(t, f"{int(t // 60)}:{t % 60:0{width}.{digits}f} min") for t in times]
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
