"""Quantities as text: seconds, bytes, shares, speeds."""

from __future__ import annotations

import math
from typing import Final

from wav2vec2_app.server.ui import texts

_WAITING_STEPS: Final = ((10, 1), (30, 5), (math.inf, 10))
"""(up to seconds, in steps of seconds)."""


def seconds(value: float) -> str:
    """``0.42`` becomes ``420 ms``, ``12.3`` becomes ``12.3 s``, ``75`` becomes ``1 min 15 s``."""
    if not math.isfinite(value) or value < 0:
        return "–"
    if value < 0.9995:
        milliseconds = value * 1000
        if milliseconds >= 0.95:
            return f"{milliseconds:.0f} ms"
        return f"{milliseconds:.1f} ms" if milliseconds >= 0.05 else "0 ms"
    if value < 9.995:
        return f"{value:.2f} s"
    if value < 59.95:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest} s" if rest else f"{minutes} min"


def waiting(value: float) -> str:
    """A time to wait, rounded up to steps as coarse as the estimate is: ``43`` becomes ``50 s``."""
    if not math.isfinite(value):
        return texts.A_MOMENT
    step = next(step for limit, step in _WAITING_STEPS if value <= limit)
    whole = max(1, math.ceil(value / step) * step)
    return f"{whole} s" if whole < 90 else f"{math.ceil(whole / 60)} min"


def memory(count: float) -> str:
    """Bytes in binary megabytes or gigabytes, as memory is counted."""
    mebibytes = count / 2**20
    if mebibytes < 0.95:
        return f"{count / 1024:.0f} KB"
    if mebibytes < 9.95:
        return f"{mebibytes:.1f} MB"
    return f"{mebibytes:.0f} MB" if mebibytes < 1000 else f"{mebibytes / 1024:.2f} GB"


def percent(share: float) -> str:
    """``0.934`` becomes ``93 %``; only 0.9995 and more becomes ``100 %``."""
    whole = round(share * 100)
    return f"{99 if whole == 100 and share < 0.9995 else whole} %"


def count(number: int) -> str:
    """``5123456`` becomes ``5.1 million``."""
    if number >= 1_000_000:
        return f"{number / 1_000_000:.{0 if number >= 100_000_000 else 1}f} million"
    return f"{number:,}"


def speed(real_time_factor: float) -> str:
    """A real-time factor in words: ``0.04`` becomes ``25 times faster than real time``."""
    if real_time_factor <= 0 or not math.isfinite(real_time_factor):
        return texts.SPEED_UNKNOWN
    faster = 1 / real_time_factor
    if faster >= 1.05:
        return texts.SPEED_FASTER.format(times=_times(faster))
    if faster > 0.95:
        return texts.SPEED_EQUAL
    return texts.SPEED_SLOWER.format(times=_times(real_time_factor))


def _times(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"
