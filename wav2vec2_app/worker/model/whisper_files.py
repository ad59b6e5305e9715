"""Finds the files of Whisper checkpoints in CTranslate2's format: in folders or in the hub's cache."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import BinaryIO, Final

from huggingface_hub import try_to_load_from_cache

from wav2vec2_app.errors import ModelError

MODEL: Final = "model.bin"
WHISPER_TOKENIZER: Final = "tokenizer.json"
VOCABULARIES: Final = ("vocabulary.json", "vocabulary.txt")
WHISPER_FILES: Final = ("config.json", "preprocessor_config.json", WHISPER_TOKENIZER, *VOCABULARIES)
"""Small files, downloaded before :data:`MODEL`: a checkpoint with that one is complete."""

MAX_VARIABLES: Final = 100_000


@dataclass(frozen=True)
class WhisperCheckpoint:
    """A complete checkpoint on disk; ``source`` is ``cache`` or ``folder``."""

    name: str
    path: Path
    source: str


def resolve_whisper(
    name: str, allowed: Sequence[str], folders: Sequence[Path]
) -> WhisperCheckpoint:
    """The checkpoint called ``name``: that of a folder, or of the hub's cache.

    Raises:
        ModelError: the name is unknown or not allowed, the model is not on this machine, or the folder
            has no usable checkpoint.
    """
    for folder in folders:
        if name in (folder.name, str(folder)):
            return WhisperCheckpoint(folder.name, _checked(folder), "folder")
    if name not in allowed:
        raise ModelError(
            f"There is no Whisper model called “{name[:80]}” on this server.",
            code="model.unknown",
            layer="validation",
            severity="warning",
            hint="Choose one of the listed models; the server's settings define them.",
        )
    path = cached_whisper(name)
    if path is None:
        raise ModelError(
            f"The model {name} is not on this machine yet.",
            code="model.not_on_disk",
            severity="warning",
            hint="It is downloaded if the model hub can be reached; until then use “auto”.",
            metadata={"model": name},
        )
    return WhisperCheckpoint(name, path, "cache")


def cached_whisper(repository: str) -> Path | None:
    """The folder of ``repository`` in the hub's cache; ``None`` if not all of it is there."""
    found = [
        try_to_load_from_cache(repository, file)
        for file in ("config.json", WHISPER_TOKENIZER, MODEL)
    ]
    if not all(isinstance(path, str) for path in found):
        return None
    return Path(str(found[0])).parent


def _checked(folder: Path) -> Path:
    """``folder`` if it has a checkpoint.

    Raises:
        ModelError: ``model.no_config``, ``model.no_weights``, ``model.no_vocabulary``.
    """
    if not (folder / "config.json").is_file():
        raise _incomplete("config.json", "model.no_config")
    if not (folder / MODEL).is_file():
        raise _incomplete(MODEL, "model.no_weights")
    if not (folder / WHISPER_TOKENIZER).is_file():
        raise _incomplete(WHISPER_TOKENIZER, "model.no_vocabulary")
    if not any((folder / name).is_file() for name in VOCABULARIES):
        raise _incomplete(VOCABULARIES[0], "model.no_vocabulary")
    return folder


def _incomplete(file: str, code: str) -> ModelError:
    return ModelError(
        f"The folder of the Whisper model has no {file}.",
        code=code,
        hint="Convert the model again with ct2-transformers-converter --copy_files tokenizer.json.",
    )


def broken_model() -> ModelError:
    """The error of a checkpoint that cannot be loaded."""
    return ModelError(
        "The files of the Whisper model are damaged.",
        code="model.broken",
        hint="Download or convert the model again.",
    )


def count_parameters(path: Path) -> int:
    """Number of weights in CTranslate2's :data:`MODEL`, without the scales of quantized ones.

    Raises:
        ModelError: ``model.broken``.
    """
    try:
        with path.open("rb") as file:
            return sum(_variable_sizes(file))
    except (struct.error, UnicodeDecodeError, ValueError) as error:
        raise broken_model() from error


def _variable_sizes(file: BinaryIO) -> list[int]:
    """Sizes of the variables; the format is that of CTranslate2's ``model_spec.py``, version 6."""
    _read(file, "<I")
    _text(file)
    _, count = _read(file, "<II")
    if count > MAX_VARIABLES:
        raise ValueError("no model has so many variables")
    sizes = []
    for _ in range(count):
        name = _text(file)
        (rank,) = _read(file, "<B")
        shape = _read(file, f"<{rank}I")
        _, size_bytes = _read(file, "<BI")
        file.seek(size_bytes, 1)
        if rank and not name.endswith("_scale"):
            sizes.append(prod(shape))
    return sizes


def _text(file: BinaryIO) -> str:
    (length,) = _read(file, "<H")
    return file.read(length).rstrip(b"\0").decode("utf-8")


def _read(file: BinaryIO, layout: str) -> tuple[int, ...]:
    return struct.unpack(layout, file.read(struct.calcsize(layout)))
