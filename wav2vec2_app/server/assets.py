"""Where the package and its assets are."""

from __future__ import annotations

from pathlib import Path

PACKAGE_FOLDER = Path(__file__).parents[1]


def assets_path() -> Path:
    """The folder of checkpoint, examples and page assets: inside the package, or beside it."""
    packaged = PACKAGE_FOLDER / "assets"
    return packaged if packaged.is_dir() else PACKAGE_FOLDER.parent / "assets"
