"""``python -m tools.check_coverage REPORT``: compare coverage of lines and branches with their bars.

``REPORT`` is the output of ``coverage json``. Coverage's own ``fail_under`` has one bar for both together.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

LINES_PERCENT = 95.0
BRANCHES_PERCENT = 90.0


def main(report: Path) -> int:
    """Print both figures; 1 if one is below its bar."""
    figures = measure(json.loads(report.read_text("utf-8"))["totals"])
    for name, (percent, bar) in figures.items():
        print(f"{name}: {percent:.1f} % (bar: {bar:g} %)")
    return 0 if all(percent >= bar for percent, bar in figures.values()) else 1


def measure(totals: Mapping[str, float]) -> dict[str, tuple[float, float]]:
    """Per cent of lines and branches, each with its bar."""
    return {
        "lines": (_percent(totals["covered_lines"], totals["num_statements"]), LINES_PERCENT),
        "branches": (
            _percent(totals["covered_branches"], totals["num_branches"]),
            BRANCHES_PERCENT,
        ),
    }


def _percent(covered: float, total: float) -> float:
    return 100 * covered / total if total else 100.0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
