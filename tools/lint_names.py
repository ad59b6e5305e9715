"""``python -m tools.lint_names``: find names that the package uses for different things.

Compared are the public classes, constants and type aliases at the top level of all modules: each name is
defined once. Type variables and names in lower case (loggers, functions) are local matters. Literal
exceptions are in :data:`SHARED`. Exit code 1 if there are findings, or if an exception is not needed.
"""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = "wav2vec2_app"

QUALIFIED: Mapping[str, str] = {
    "wav2vec2_app/server/ui/texts.py": "labels of the page, always written as `texts.NAME`",
}
"""Modules whose names are not compared, each with the reason."""
SHARED: Mapping[str, str] = {
    "Ticket": "the place in a queue, and a request that was sent to a worker",
}
"""Names that may be defined more than once, each with the reason."""

Places = Mapping[str, Sequence[str]]


def main() -> int:
    """Print the names that are defined more than once."""
    sources = {
        path.relative_to(ROOT).as_posix(): path.read_text("utf-8")
        for path in sorted((ROOT / PACKAGE).rglob("*.py"))
    }
    places = places_of({path: text for path, text in sources.items() if path not in QUALIFIED})
    problems = twins(places, SHARED)
    print("\n".join(problems) or f"{len(places)} names, each defined once")
    return 1 if problems else 0


def twins(places: Places, shared: Mapping[str, str]) -> list[str]:
    """Names that are defined more than once, and exceptions that are not needed."""
    double = {name for name, where in places.items() if len(where) > 1}
    return [
        *(f"{name}: {', '.join(places[name])}" for name in sorted(double - set(shared))),
        *(f"{name}: has an exception but is defined once" for name in sorted(set(shared) - double)),
    ]


def places_of(sources: Mapping[str, str]) -> Places:
    """Where each name is defined, as ``path:line``."""
    found: dict[str, list[str]] = defaultdict(list)
    for path, source in sources.items():
        for name, line in definitions(ast.parse(source)):
            found[name].append(f"{path}:{line}")
    return found


def definitions(module: ast.Module) -> Iterator[tuple[str, int]]:
    """The public classes, constants and type aliases of a module, with their lines."""
    for node in module.body:
        if isinstance(node, ast.ClassDef):
            names = [node.name]
        elif isinstance(node, ast.Assign) and not _is_type_variable(node.value):
            names = [name for target in node.targets for name in _names_in(target)]
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            names = list(_names_in(node.target))
        else:
            continue
        yield from ((name, node.lineno) for name in names if name[0].isupper())


def _names_in(target: ast.expr) -> Iterator[str]:
    for part in ast.walk(target):
        if isinstance(part, ast.Name):
            yield part.id


def _is_type_variable(value: ast.expr) -> bool:
    return (
        isinstance(value, ast.Call)
        and isinstance(value.func, ast.Name)
        and value.func.id in {"TypeVar", "ParamSpec"}
    )


if __name__ == "__main__":
    sys.exit(main())
