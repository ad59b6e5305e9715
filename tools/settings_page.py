"""``python -m tools.settings_page``: write ``docs/settings.md`` from :mod:`wav2vec2_app.settings`.

One row for each field: its environment variable, its default and its docstring. A test fails when the page
is not up to date.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from wav2vec2_app import settings
from wav2vec2_app.settings import Settings

PAGE = Path(__file__).parents[1] / "docs" / "settings.md"
HEAD = """# Settings

Each setting is an environment variable; lists are texts with commas between (`a,b`) or JSON lists
(`["a", "b"]`). The command line's `serve` has options for the most common ones. This page is
generated from [`wav2vec2_app/settings.py`](../wav2vec2_app/settings.py) by `python -m
tools.settings_page`.
"""
COMPUTED = {
    "host": "`127.0.0.1`; `0.0.0.0` on Spaces",
    "port": "`7860`",
    "root_path": "`GRADIO_ROOT_PATH`, else none",
    "cache_folder": "the user's cache folder",
    "storage_folder": "the user's data folder",
}
"""Defaults that depend on the machine."""
MIB = 1024 * 1024


def page() -> str:
    """The complete page."""
    lines = [HEAD]
    for title, names in sections():
        lines += [f"## {title}", "", "| variable | default | meaning |", "| --- | --- | --- |"]
        lines += [row(name, Settings.model_fields[name]) for name in names]
        lines.append("")
    return "\n".join(lines)


def row(name: str, field: FieldInfo) -> str:
    """One row of the table."""
    text = " ".join(docstrings()[name].split()).replace("``", "`").replace("|", "\\|")
    return f"| `WAV2VEC2_{name.upper()}` | {default(name, field)} | {text} |"


def default(name: str, field: FieldInfo) -> str:
    """The default in words: sizes in MiB, lists as JSON."""
    value = field.default
    if name in COMPUTED or value is PydanticUndefined:
        return COMPUTED[name]
    if name.endswith("_bytes") and value and value % MIB == 0:
        return f"{value // MIB} MiB"
    if isinstance(value, tuple):
        return f"`{json.dumps([str(item) for item in value])}`"
    return f"`{json.dumps(value)}`" if isinstance(value, bool) else f"`{value}`"


def sections() -> Iterator[tuple[str, list[str]]]:
    """The comments ``# --- title ---`` of the class, each with the fields below it."""
    title, names = "", list[str]()
    for line in inspect.getsource(Settings).splitlines():
        if heading := re.fullmatch(r" +# --- (.*?) -+", line):
            if names:
                yield title, names
            title, names = heading[1].capitalize(), []
        elif (field := re.match(r"    (\w+):", line)) and field[1] in Settings.model_fields:
            names.append(field[1])
    yield title, names


def docstrings() -> dict[str, str]:
    """The string below each field."""
    tree = ast.parse(inspect.getsource(settings))
    [body] = [
        one.body for one in tree.body if isinstance(one, ast.ClassDef) and one.name == "Settings"
    ]
    return {
        field.target.id: text.value.value
        for field, text in pairwise(body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    }


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
