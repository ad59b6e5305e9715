"""How figures are gathered and shown: medians with spread, and the machine they come from."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Figure:
    """One measured figure against its bar: at most ``limit``, or at least ``at_least``, or none."""

    name: str
    value: float
    unit: str
    limit: float | None = None
    spread: tuple[float, float] | None = None
    at_least: float | None = None

    @property
    def holds(self) -> bool:
        enough = self.at_least is None or self.value >= self.at_least
        return enough and (self.limit is None or self.value <= self.limit)

    @property
    def bar(self) -> str:
        """The bar in words; empty where there is none."""
        if self.at_least is not None:
            return f"at least {self.at_least:g} {self.unit}"
        return "" if self.limit is None else f"at most {self.limit:g} {self.unit}"


def median_ms(name: str, seconds: Sequence[float], limit_ms: float | None = None) -> Figure:
    """The median of ``seconds`` in milliseconds, with the fastest and slowest."""
    ms = [1000 * value for value in seconds]
    return Figure(name, statistics.median(ms), "ms", limit_ms, (min(ms), max(ms)))


def show(title: str, figures: Sequence[Figure]) -> bool:
    """Print a table, write ``results/<title>.json``; whether every bar holds."""
    print(f"\n## {title}\n\nmachine: {machine()}\n")
    print("| figure | value | spread | bar | holds |\n| --- | --- | --- | --- | --- |")
    for figure in figures:
        spread = f"{figure.spread[0]:.0f} to {figure.spread[1]:.0f}" if figure.spread else ""
        holds = ("yes" if figure.holds else "NO") if figure.bar else ""
        value = f"{figure.value:.1f} {figure.unit}"
        print(f"| {figure.name} | {value} | {spread} | {figure.bar} | {holds} |")
    RESULTS.mkdir(exist_ok=True)
    document = {"machine": machine(), "figures": [asdict(figure) for figure in figures]}
    (RESULTS / f"{title}.json").write_text(json.dumps(document, indent=1) + "\n")
    return all(figure.holds for figure in figures)


def machine() -> str:
    """The machine in general terms: cores, and the instruction sets that matter."""
    flags = Path("/proc/cpuinfo")
    words = flags.read_text().split() if flags.exists() else []
    vector = "AVX-512" if "avx512f" in words else "AVX2" if "avx2" in words else "no AVX2"
    return f"{os.cpu_count()} cores, {platform.machine()}, {vector}, Python {platform.python_version()}"
