"""Free disk space for uploads."""

from __future__ import annotations

import shutil
import tempfile
from typing import Final

from wav2vec2_app.errors import ResourceError

MIN_FREE_BYTES: Final = 64 * 1024 * 1024
"""Space that uploads leave free."""
CHECKED_BYTES: Final = 1024 * 1024
"""Smaller requests are not checked."""


def check_free_space(size: int) -> None:
    """Reject a request of ``size`` bytes that would fill the disk, before it is read.

    Raises:
        ResourceError: ``resource.disk``.
    """
    if (
        size < CHECKED_BYTES
        or shutil.disk_usage(tempfile.gettempdir()).free > size + MIN_FREE_BYTES
    ):
        return
    raise ResourceError(
        "The disk of the server is full.",
        code="resource.disk",
        hint="Free disk space on the server, then try again.",
    )
