"""The exceptions of the decoding libraries."""

from __future__ import annotations

import av

FOREIGN = (av.FFmpegError, OSError, ValueError, RuntimeError, OverflowError, IndexError)
"""What PyAV and libsndfile raise on damaged input; each is translated where it is caught.

``IndexError``: PyAV, at the end of a file in which tracks appeared that its beginning did not announce.
"""
