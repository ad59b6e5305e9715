"""Decoded audio on disk: what is too long for memory, mapped so that only what is looked at is read."""

from __future__ import annotations

import contextlib
import mmap
import tempfile
import uuid
import weakref
from pathlib import Path

import numpy as np

from wav2vec2_app.speech.audio import Float32


class Spool:
    """A temporary folder of raw samples (float32, 16 kHz, mono), each file gone when nobody uses it."""

    def __init__(self) -> None:
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def new_path(self) -> Path:
        """Where an audio worker may put its samples."""
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(
                prefix="wav2vec2-", ignore_cleanup_errors=True
            )
        return Path(self._folder.name) / f"{uuid.uuid4()}.f32"

    def open(self, path: Path, count: int) -> Float32:
        """Map a file's ``(count,)`` samples; it has no name from then on, and goes when the array does."""
        samples: Float32 = np.memmap(path, dtype=np.float32, mode="r", shape=(count,))
        _remove(path)
        if path.exists():  # a system that keeps the names of open files
            weakref.finalize(samples, _remove, path)
        return samples

    def discard(self, path: Path) -> None:
        """Nobody will want this file."""
        _remove(path)

    def close(self) -> None:
        """Remove everything."""
        if self._folder is not None:
            self._folder.cleanup()


def release(samples: Float32) -> None:
    """Give back the memory that mapped samples took, where the system lets us; they stay readable."""
    mapping = getattr(samples, "_mmap", None)
    advice = getattr(mmap, "MADV_DONTNEED", None)
    if mapping is not None and advice is not None:
        mapping.madvise(advice)


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
