"""Figures and their output: medians with spread, bars, and the machine in general terms.

Every benchmark writes ``<title>.json`` to ``benchmarks/results``, or to the folder in the environment
variable ``BENCHMARKS_RESULTS``.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

RESULTS = Path(os.environ.get("BENCHMARKS_RESULTS") or Path(__file__).parent / "results")
ALL = "all"
"""The title of the document with every figure."""


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
            return f"at least {with_unit(self.at_least, self.unit)}"
        return "" if self.limit is None else f"at most {with_unit(self.limit, self.unit)}"


def number(value: float) -> str:
    """``value`` with a sensible number of digits: ``1056``, ``26.3``, ``0.0651``, ``0.99994``."""
    digits = ".0f" if abs(value) >= 100 else ".5g" if 0.99 < value < 1 else ".3g"
    return f"{value:{digits}}".replace("-", "−")


def with_unit(value: float, unit: str) -> str:
    return f"{number(value)} {unit}".strip()


def median_ms(name: str, seconds: Sequence[float], limit_ms: float | None = None) -> Figure:
    """The median of ``seconds`` in milliseconds, with the fastest and slowest."""
    ms = [1000 * value for value in seconds]
    return Figure(name, statistics.median(ms), "ms", limit_ms, (min(ms), max(ms)))


def show(title: str, figures: Sequence[Figure]) -> bool:
    """Print a table and write ``<title>.json``, if there are figures; whether every bar holds."""
    if not figures:
        return True
    print(f"\n## {title}\n\nmachine: {machine()}\n")
    print("| figure | value | spread | bar | holds |\n| --- | --- | --- | --- | --- |")
    for figure in figures:
        spread = " to ".join(map(number, figure.spread)) if figure.spread else ""
        holds = ("yes" if figure.holds else "NO") if figure.bar else ""
        value = with_unit(figure.value, figure.unit)
        print(f"| {figure.name} | {value} | {spread} | {figure.bar} | {holds} |", flush=True)
    RESULTS.mkdir(parents=True, exist_ok=True)
    _write(title, {"machine": machine(), "figures": [asdict(figure) for figure in figures]})
    return all(figure.holds for figure in figures)


def read(titles: Sequence[str]) -> dict[str, list[Figure]]:
    """The latest figures of each of ``titles``, in this order; titles without results are omitted."""
    found = {}
    for title in titles:
        path = RESULTS / f"{title}.json"
        if path.exists():
            document = json.loads(path.read_text(encoding="utf-8"))
            found[title] = [_figure(one) for one in document["figures"]]
    return found


def gather(titles: Sequence[str]) -> None:
    """Write ``all.json``: the machine and the latest figures of all benchmarks."""
    groups = {
        title: [{**asdict(one), "holds": one.holds if one.bar else None} for one in figures]
        for title, figures in read(titles).items()
    }
    _write(ALL, {"machine": machine(), "benchmarks": groups})


def _figure(document: dict[str, object]) -> Figure:
    spread = document.pop("spread", None)
    pair = (spread[0], spread[1]) if isinstance(spread, list) else None
    return Figure(**document, spread=pair)  # type: ignore[arg-type]


def _write(title: str, document: object) -> None:
    (RESULTS / f"{title}.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def machine() -> str:
    """The machine in general terms: cores, and the instruction sets that matter to a model."""
    path = Path("/proc/cpuinfo")
    flags = path.read_text(encoding="utf-8").split() if path.exists() else []
    processor = ", ".join([platform.machine(), *instruction_sets(frozenset(flags))])
    return f"{os.cpu_count()} cores, {processor}, Python {platform.python_version()}"


def instruction_sets(flags: frozenset[str]) -> list[str]:
    """Vector, bfloat16 and 8-bit instruction sets among the flags of Linux's ``/proc/cpuinfo``."""
    if "asimd" in flags:
        extensions = {"bf16": "bfloat16", "i8mm": "int8 products"}
        return ["NEON", *(name for flag, name in extensions.items() if flag in flags)]
    if not flags:
        return []
    widest = "AVX-512" if "avx512f" in flags else "AVX2" if "avx2" in flags else "no AVX2"
    more = {
        "bfloat16": {"avx512_bf16", "amx_bf16", "avx_ne_convert"},
        "VNNI": {"avx512_vnni", "avx_vnni"},
        "AMX": {"amx_tile"},
    }
    return [widest, *(name if flags & any_of else f"no {name}" for name, any_of in more.items())]
