"""Coverage has a bar for lines and one for branches."""

import json
from pathlib import Path

import pytest

from tools.check_coverage import main


@pytest.mark.parametrize(("lines", "branches", "code"), [(95, 90, 0), (94, 100, 1), (100, 89, 1)])
def test_each_figure_has_to_reach_its_bar(
    tmp_path: Path, lines: int, branches: int, code: int
) -> None:
    report = tmp_path / "coverage.json"
    totals = {
        "covered_lines": lines, "num_statements": 100,
        "covered_branches": branches, "num_branches": 100,
    }  # fmt: skip
    report.write_text(json.dumps({"totals": totals}), "utf-8")

    assert main(report) == code
