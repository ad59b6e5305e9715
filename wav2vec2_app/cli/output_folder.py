"""The folder of ``--to``: one file for each recording and format."""

from __future__ import annotations

from pathlib import Path

from wav2vec2_app.errors import ResourceError
from wav2vec2_app.speech.exports import ExportedFile


class OutputFolder:
    """Saves files under their names; two recordings of one name get numbers.

    Args:
        path: created if it does not exist.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._used: set[str] = set()

    def save(self, file: ExportedFile) -> Path:
        """Write a file and return its path; a file of an earlier run is replaced.

        Raises:
            ResourceError: ``export.unwritable``.
        """
        path = self._path / self._free(file.name)
        try:
            self._path.mkdir(parents=True, exist_ok=True)
            path.write_bytes(file.content)
        except OSError as error:
            raise ResourceError(
                f"{path.name} cannot be written: {error.strerror or error}.",
                code="export.unwritable",
                hint="Choose a folder in which you may write, with free space.",
            ) from error
        return path

    def _free(self, name: str) -> str:
        stem, _, ending = name.rpartition(".")
        free, number = name, 1
        while free.lower() in self._used:
            number += 1
            free = f"{stem} {number}.{ending}"
        self._used.add(free.lower())
        return free
