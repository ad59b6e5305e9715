"""Long decoded audio on disk, memory-mapped so that only the parts in use take memory."""

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
    """A temporary folder of raw samples (float32, 16 kHz, mono), each removed when no longer used."""

    def __init__(self) -> None:
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def new_path(self) -> Path:
        """A path where an audio worker may write samples."""
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(
                prefix="wav2vec2-", ignore_cleanup_errors=True
            )
        return Path(self._folder.name) / f"{uuid.uuid4()}.f32"

    def open(self, path: Path, count: int) -> Float32:
        """Map a file's ``(count,)`` samples; the file is removed when the array is."""
        samples: Float32 = np.memmap(path, dtype=np.float32, mode="r", shape=(count,))
        _remove(path)
        if path.exists():  # a system that cannot remove open files
            weakref.finalize(samples, _remove, path)
        return samples

    def discard(self, path: Path) -> None:
        """Remove a file that is not needed, and the files of separate channels beside it."""
        for one in (path, *path.parent.glob(f"{path.name}.*")):
            _remove(one)

    def close(self) -> None:
        """Remove everything."""
        if self._folder is not None:
            self._folder.cleanup()


def release(samples: Float32) -> None:
    """Return the memory of mapped samples to the system, where it can; they stay readable."""
    mapping = getattr(samples, "_mmap", None)
    advice = getattr(mmap, "MADV_DONTNEED", None)
    if mapping is not None and advice is not None:
        mapping.madvise(advice)


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
