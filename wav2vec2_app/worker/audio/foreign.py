"""The exceptions of the decoding libraries."""

from __future__ import annotations

import av

FOREIGN = (av.FFmpegError, OSError, ValueError, RuntimeError, OverflowError)
"""What PyAV and libsndfile raise on damaged input; each is translated where it is caught."""
