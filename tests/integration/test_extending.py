"""The page on extending the application: its code is applied to a copy of the package and run.

A block of Python that begins with a path is a new file; a diff changes a file; every other block of Python
is a program.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "extending.md"
BLOCK = re.compile(r"^```(python|diff)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PATH = re.compile(r"# (wav2vec2_app/\S+\.py)\n")


def sections() -> dict[str, list[tuple[str, str]]]:
    """The blocks of each section: language and code."""
    parts = re.split(r"^## (.+)$", PAGE.read_text("utf-8"), flags=re.MULTILINE)
    return {
        title: BLOCK.findall(text) for title, text in zip(parts[1::2], parts[2::2], strict=True)
    }


def add_file(folder: Path, code: str) -> None:
    path = PATH.match(code)
    assert path is not None
    file = folder / path[1]
    assert not file.exists(), f"{path[1]} is not a new file"
    file.write_text(code[path.end() :], "utf-8")


def apply_diff(folder: Path, diff: str) -> None:
    first, changes = diff.split("\n", 1)
    file = folder / first.removeprefix("--- ")
    text = file.read_text("utf-8")
    for hunk in re.split(r"^@@\n", changes, flags=re.MULTILINE):
        before, after = side(hunk, " -"), side(hunk, " +")
        assert text.count(before) == 1, f"{file.name} does not have these lines once:\n{before}"
        text = text.replace(before, after)
    file.write_text(text, "utf-8")


def side(hunk: str, signs: str) -> str:
    """The lines before (``" -"``) or after (``" +"``) a change."""
    return "".join(line[1:] for line in hunk.splitlines(keepends=True) if line[0] in signs)


def apply(folder: Path, blocks: list[tuple[str, str]]) -> Iterator[str]:
    """Apply new files and diffs to ``folder``; returns the programs."""
    for language, code in blocks:
        if language == "diff":
            apply_diff(folder, code)
        elif PATH.match(code):
            add_file(folder, code)
        else:
            yield code


def test_the_page_has_the_six_additions() -> None:
    titles = (
        "a picture", "a metric", "an adapter", "a recogniser", "an endpoint", "an operation",
    )  # fmt: skip

    assert list(sections()) == [f"Adding {title}" for title in titles]
    assert all(len(blocks) >= 3 for blocks in sections().values())


@pytest.mark.parametrize("title", sections())
def test_the_code_of_the_page_works(title: str, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "wav2vec2_app", tmp_path / "wav2vec2_app")
    (tmp_path / "assets").symlink_to(ROOT / "assets")

    programs = list(apply(tmp_path, sections()[title]))

    assert programs
    for program in programs:
        ran = run(tmp_path, program)
        assert ran.returncode == 0, ran.stderr
        assert ran.stdout


def run(folder: Path, program: str) -> subprocess.CompletedProcess[str]:
    """Run a program on the copy; coverage would look for the copy when it is gone."""
    environment = {key: value for key, value in os.environ.items() if "COVERAGE" not in key}
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        env={**environment, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
