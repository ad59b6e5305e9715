"""``python -m tools.lint_sizes``: check the sizes of the package's files and functions against their bars.

:data:`BARS` is the table of bars. A function's size is its number of lines from ``def`` on, docstring
included. ``Any`` counts where it occurs in the annotation of a parameter or of the result. Exit code 1 if
a bar is exceeded or an entry of :data:`LONG_FILES` is no longer needed.
"""

from __future__ import annotations

import ast
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = "wav2vec2_app"

FILE_LINES = 300
BARS: Mapping[str, float] = {
    "files over 300 lines": 3,
    "function lines, median": 7,
    "function lines, 90th percentile": 19,
    "function lines, longest": 50,
    "functions with Any in their signature": 39,
}
LONG_FILES: Mapping[str, str] = {
    "wav2vec2_app/server/ui/texts.py": "a table: every text of the page",
    "wav2vec2_app/server/service/wav2vec2.py": "the service's methods, one for each operation",
    "wav2vec2_app/speech/options.py": "a table: every decoding option, and the check of its values",
}
"""Files that may be longer than :data:`FILE_LINES`, each with the reason."""

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Function:
    """A function of the package; ``lines`` from ``def`` on, docstring included."""

    path: str
    line: int
    name: str
    lines: int
    any_in_signature: bool

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.name}, {self.lines} lines"


def main() -> int:
    """Print the figures and what exceeds a bar."""
    sources = {
        path.relative_to(ROOT).as_posix(): path.read_text("utf-8")
        for path in sorted((ROOT / PACKAGE).rglob("*.py"))
    }
    functions = [one for path, text in sources.items() for one in functions_of(path, text)]
    lengths = {path: len(text.splitlines()) for path, text in sources.items()}
    figures = measure(functions, lengths)
    problems = exceeded(figures) + unexplained(lengths, LONG_FILES)
    for name, value in figures.items():
        print(f"{name}: {value:g} (bar: {BARS[name]:g})")
    print("\n".join([*problems, *(worst(functions) if problems else [])]))
    return 1 if problems else 0


def measure(functions: Sequence[Function], lengths: Mapping[str, int]) -> dict[str, float]:
    """The figure for each of :data:`BARS`."""
    sizes = sorted(one.lines for one in functions)
    return {
        "files over 300 lines": sum(lines > FILE_LINES for lines in lengths.values()),
        "function lines, median": statistics.median(sizes),
        "function lines, 90th percentile": sizes[int(0.9 * (len(sizes) - 1))],
        "function lines, longest": sizes[-1],
        "functions with Any in their signature": sum(one.any_in_signature for one in functions),
    }


def exceeded(figures: Mapping[str, float]) -> list[str]:
    """The figures over their bars."""
    return [
        f"over the bar: {name}: {value:g} > {BARS[name]:g}"
        for name, value in figures.items()
        if value > BARS[name]
    ]


def unexplained(lengths: Mapping[str, int], reasons: Mapping[str, str]) -> list[str]:
    """Long files without a reason, and reasons for files that are not long."""
    long = {path for path, lines in lengths.items() if lines > FILE_LINES}
    return [
        *(
            f"{path}: {lengths[path]} lines without a reason"
            for path in sorted(long - set(reasons))
        ),
        *(f"{path}: has a reason but is not long" for path in sorted(set(reasons) - long)),
    ]


def worst(functions: Sequence[Function]) -> Iterator[str]:
    """The longest functions, and all with ``Any``: where to begin."""
    yield from (str(one) for one in functions if one.lines > BARS["function lines, longest"])
    yield from (f"{one}, Any" for one in functions if one.any_in_signature)


def functions_of(path: str, source: str) -> Iterator[Function]:
    """Every function and method of one module, nested ones included."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, FunctionNode):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            yield Function(path, node.lineno, node.name, lines, _has_any(node))


def _has_any(node: FunctionNode) -> bool:
    arguments = node.args
    parameters = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    parameters += [one for one in (arguments.vararg, arguments.kwarg) if one]
    annotations = [node.returns, *(parameter.annotation for parameter in parameters)]
    return any(
        getattr(part, "id", getattr(part, "attr", "")) == "Any"
        for annotation in annotations
        if annotation
        for part in ast.walk(annotation)
    )


if __name__ == "__main__":
    sys.exit(main())
