"""``python -m tools.json_schemas [--check]``: write ``docs/schemas``, the published schemas of exported JSON.

With ``--check`` nothing is written; exit code 1 if a file differs.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from wav2vec2_app.server import schema

FOLDER = Path(__file__).parents[1] / "docs" / "schemas"


def files() -> dict[Path, str]:
    """The content of each file."""
    return {
        FOLDER / f"{name}.schema.json": json.dumps(schema.json_schema(name), indent=2) + "\n"
        for name in schema.PUBLISHED
    }


def main(arguments: Sequence[str]) -> int:
    """Write or check the files."""
    outdated = [path for path, text in files().items() if _content(path) != text]
    if "--check" not in arguments:
        FOLDER.mkdir(exist_ok=True)
        for path in outdated:
            path.write_text(files()[path], "utf-8")
        return 0
    for path in outdated:
        sys.stderr.write(f"{path.name} is out of date: run python -m tools.json_schemas\n")
    return int(bool(outdated))


def _content(path: Path) -> str:
    return path.read_text("utf-8") if path.is_file() else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
