"""The exceptions of the decoding libraries."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import av

FOREIGN = (av.FFmpegError, OSError, ValueError, RuntimeError, OverflowError, IndexError)
"""What PyAV and libsndfile raise on damaged input; each is translated where it is caught.

``IndexError``: PyAV, at the end of a file in which tracks appeared that its beginning did not announce.
"""


@contextmanager
def damage_ignored() -> Iterator[None]:
    """Goes on behind damaged places, but not where memory is missing.

    Raises:
        MemoryError: what the file claims to hold does not fit into the memory of the process.
    """
    try:
        yield
    except MemoryError:
        raise
    except FOREIGN:
        pass
