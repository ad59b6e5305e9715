"""A checkpoint's weights: read from safetensors, in place where they are float32 already."""

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
    """Tensors of safetensors files by name, as float32; ``parameters`` counts what was read.

    Float32 tensors are mapped, not copied. An engine that has packed them for itself needs the pages no
    more: :meth:`release` gives them back, and whoever reads them after all gets them from the file again.

    Args:
        path: the checkpoint's weights.
        adapter: a language's attention adapters and CTC head, which take the place of those in ``path``.

    Raises:
        ValueError: the adapter is not one for this checkpoint.
    """

    def __init__(self, path: Path, adapter: Path | None = None) -> None:
        self._files: dict[str, _File] = {}
        self._add(path)
        if adapter is not None:
            replaced = {name for name in self._files if ADAPTED.search(name)}
            if replaced != self._add(adapter):
                raise ValueError(f"{adapter.name} does not belong to {path.name}")
        self.parameters = 0

    def _add(self, path: Path) -> set[str]:
        file = _File(path)
        self._files.update(dict.fromkeys(file.names, file))
        return file.names

    def __contains__(self, name: str) -> bool:
        return name in self._files

    def __call__(self, name: str) -> Float32:
        """Read one.

        Raises:
            KeyError: there is none of this name.
            UnsupportedArchitecture: its number format is not one that numpy has.
        """
        tensor = self._files[name].read(name)
        self.parameters += tensor.size
        return tensor

    def release(self) -> None:
        """Give back the memory of mapped tensors, where the system lets us."""
        for file in set(self._files.values()):
            file.release()


ADAPTED = re.compile(r"\.adapter_layer\.|^lm_head\.")
"""Names of the weights that each language of a multilingual checkpoint has of its own."""


class _File:
    """One safetensors file: its library checks it and reads what has to be converted."""

    def __init__(self, path: Path) -> None:
        self._file: Any = safe_open(path, framework="numpy")
        self.names: set[str] = set(self._file.keys())  # type: ignore[no-untyped-call]
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            self._header: dict[str, Any] = json.loads(file.read(length))
        self._begin = 8 + length
        self._bytes = np.memmap(path, np.uint8, mode="c")  # copied on write, and nobody writes

    def read(self, name: str) -> Float32:
        about = self._header[name]
        if about["dtype"] == "F32":
            first, last = (self._begin + offset for offset in about["data_offsets"])
            mapped: Float32 = self._bytes[first:last].view(np.float32).reshape(about["shape"])
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
