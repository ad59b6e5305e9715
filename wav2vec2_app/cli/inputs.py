"""The audio files that commands are given: names, folders, patterns that no shell expanded, and stdin."""

from __future__ import annotations

import glob
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from wav2vec2_app.errors import InputError
from wav2vec2_app.speech.audio import FORMAT_NAMES, AudioSource

STDIN: Final = Path("-")
"""Stands for the audio that is piped in."""


def audio_inputs(files: Sequence[Path], max_bytes: int) -> list[tuple[Path, AudioSource]]:
    """Each file and its source; a name that finds nothing stays, and is reported when its turn comes.

    Raises:
        InputError: ``batch.no_files``: a folder has no audio files.
    """
    found = dict.fromkeys(path for file in files for path in _found(file))
    return [(path, audio_source(path, max_bytes)) for path in found]


def audio_source(file: Path, max_bytes: int) -> AudioSource:
    """The source of one file; ``-`` is stdin, of which no more is read than shows that it is too large."""
    if file == STDIN:
        return AudioSource(data=sys.stdin.buffer.read(max_bytes + 1), name="stdin")
    return AudioSource(path=file, name=file.name)


def files_of(folder: Path) -> list[Path]:
    """The files of a folder with the endings of audio and video."""
    endings = {f".{ending}" for ending in FORMAT_NAMES}
    return sorted(
        path for path in folder.rglob("*") if path.suffix.lower() in endings and path.is_file()
    )


def no_files(pattern: str) -> InputError:
    """The error of a file, folder or pattern that finds nothing."""
    return InputError(
        f"“{pattern}” finds no audio files.",
        code="batch.no_files",
        hint="Name files, folders, or patterns such as 'talks/**/*.mp3'.",
    )


def _found(file: Path) -> Iterator[Path]:
    if file.is_dir():
        paths = files_of(file)
        if not paths:
            raise no_files(str(file))
        yield from paths
    elif glob.has_magic(str(file)) and not file.exists():
        names = sorted(glob.glob(str(file), recursive=True))  # noqa: PTH207 - absolute ones, too
        yield from [path for path in map(Path, names) if path.is_file()] or [file]
    else:
        yield file
