"""The stored recordings: files beside the database, named after the numbers of their items."""

from __future__ import annotations

import re
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import BinaryIO, Final

COPY_BYTES: Final = 1 << 20
_SUFFIX: Final = re.compile(r"\.[A-Za-z0-9]{1,8}$")


class Recordings:
    """The recordings of items; for the threads of the database.

    Args:
        folder: where they lie; made when it is needed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, number: int, suffix: str) -> Path:
        """Where the recording of an item lies."""
        return self._folder / f"{number}{suffix}"

    def store(self, number: int, suffix: str, audio: BinaryIO) -> int:
        """Copy the recording of an item; returns its size. A failure leaves nothing behind."""
        path = self.path(number, suffix)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with path.open("wb") as copy:
                shutil.copyfileobj(audio, copy, COPY_BYTES)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return path.stat().st_size

    def delete(self, numbers: Collection[int]) -> None:
        """Delete the recordings of items."""
        for number, path in self._files():
            if number in numbers:
                path.unlink(missing_ok=True)

    def keep_only(self, numbers: Collection[int]) -> None:
        """Delete all other recordings: the server was stopped while it stored one."""
        for number, path in self._files():
            if number not in numbers:
                path.unlink(missing_ok=True)

    def _files(self) -> Iterator[tuple[int | None, Path]]:
        for path in list(self._folder.iterdir()) if self._folder.is_dir() else []:
            yield int(path.stem) if path.stem.isdigit() else None, path


def suffix_of(name: str) -> str:
    """The ending of a file's name, with its dot; ``.audio`` if it has none that is plain."""
    match = _SUFFIX.search(name)
    return match.group().lower() if match else ".audio"
