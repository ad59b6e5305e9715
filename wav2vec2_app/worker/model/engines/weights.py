"""A checkpoint's weights, read from safetensors; float32 tensors are memory-mapped."""

from __future__ import annotations

import json
import mmap
import re
import struct
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open

from wav2vec2_app.speech.audio import Float32
from wav2vec2_app.worker.model.engines.base import UnsupportedArchitecture


class Weights:
    """Tensors of safetensors files by name, as float32.

    Float32 tensors are mapped, not copied. :meth:`release` frees their pages after an engine has packed the
    weights; a later access reads them from the file again.

    Args:
        path: the checkpoint's weights.
        adapter: a language's attention adapters and CTC head, which replace those in ``path``.

    Raises:
        ValueError: the adapter does not match this checkpoint.
    """

    def __init__(self, path: Path, adapter: Path | None = None) -> None:
        self._files: dict[str, _File] = {}
        self._add(path)
        if adapter is not None:
            replaced = {name for name in self._files if LANGUAGE_WEIGHTS.search(name)}
            if replaced != self._add(adapter):
                raise ValueError(f"{adapter.name} does not belong to {path.name}")
        self._sizes: dict[str, int] = {}

    def _add(self, path: Path) -> set[str]:
        file = _File(path)
        self._files.update(dict.fromkeys(file.names, file))
        return file.names

    @property
    def parameters(self) -> int:
        """How many numbers the tensors have that were read so far."""
        return sum(self._sizes.values())

    def __contains__(self, name: str) -> bool:
        return name in self._files

    def __call__(self, name: str) -> Float32:
        """The tensor called ``name``.

        Raises:
            KeyError: there is none of this name.
            UnsupportedArchitecture: numpy does not have its number format.
        """
        tensor = self._files[name].read(name)
        self._sizes[name] = tensor.size
        return tensor

    def release(self) -> None:
        """Free the memory of mapped tensors, if the system can."""
        for file in set(self._files.values()):
            file.release()


LANGUAGE_WEIGHTS = re.compile(r"\.adapter_layer\.|^lm_head\.")
"""Names of the weights that differ between the languages of a multilingual checkpoint."""


class _File:
    """One safetensors file: its library validates it, and reads tensors that need conversion."""

    def __init__(self, path: Path) -> None:
        self._file: Any = safe_open(path, framework="numpy")
        self.names: set[str] = set(self._file.keys())  # type: ignore[no-untyped-call]
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            self._header: dict[str, Any] = json.loads(file.read(length))
        self._begin = 8 + length
        self._bytes = np.memmap(path, np.uint8, mode="c")  # copy on write; never written

    def read(self, name: str) -> Float32:
        entry = self._header[name]
        if entry["dtype"] == "F32":
            first, last = (self._begin + offset for offset in entry["data_offsets"])
            mapped: Float32 = self._bytes[first:last].view(np.float32).reshape(entry["shape"])
            return mapped
        try:
            tensor = self._file.get_tensor(name)
        except TypeError as error:
            raise UnsupportedArchitecture(f"number format of {name}") from error
        return np.ascontiguousarray(tensor, dtype=np.float32)

    def release(self) -> None:
        mapping = getattr(self._bytes, "_mmap", None)
        advice = getattr(mmap, "MADV_DONTNEED", None)
        if mapping is not None and advice is not None:
            mapping.madvise(advice)
