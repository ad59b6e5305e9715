"""Names of files in an archive or folder: no paths out of it, and no two alike."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import PurePosixPath
from typing import Final

MAX_PART_CHARACTERS: Final = 120
MAX_FOLDERS: Final = 8
"""Most folders of a name; further ones are left out."""
_FORBIDDEN: Final = re.compile(r'[\x00-\x1f\x7f-\x9f<>:"|?*\u2028\u2029\ud800-\udfff]+')
_RESERVED: Final = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)
"""Names that Windows does not allow."""


def safe_path(name: str) -> str:
    """A file's name with its folders, relative and without ``..``; ``recording`` if nothing is left."""
    parts = [_safe_part(part) for part in re.split(r"[/\\]+", name)]
    kept = [part for part in parts if part]
    return "/".join(kept[-MAX_FOLDERS:]) or "recording"


def _safe_part(part: str) -> str:
    if re.fullmatch(r"[A-Za-z]:", part):
        return ""  # a drive
    plain = " ".join(_FORBIDDEN.sub(" ", part).split()).strip(". ")
    if len(plain) > MAX_PART_CHARACTERS:
        plain = f"{plain[: MAX_PART_CHARACTERS - 20]}{plain[-20:]}"
    return f"_{plain}" if _RESERVED.match(plain) else plain


class FileNames:
    """Gives each recording the name of its files without an ending; no two alike, whatever their case.

    Args:
        taken: names that other files have.
    """

    def __init__(self, taken: Collection[str] = ()) -> None:
        self._taken = {PurePosixPath(name).with_suffix("").as_posix().casefold() for name in taken}

    def stem_for(self, name: str) -> str:
        """The name for a recording: ``talk.wav`` is ``talk``, and the second one ``talk (2)``."""
        path = PurePosixPath(safe_path(name))
        stem = path.with_suffix("").as_posix() if len(path.suffix) <= 6 else path.as_posix()
        found, number = stem, 1
        while found.casefold() in self._taken:
            number += 1
            found = f"{stem} ({number})"
        self._taken.add(found.casefold())
        return found
