"""Giving memory back to the system after something large was built from parts."""

from __future__ import annotations

import ctypes
import gc
import platform


def return_memory() -> None:
    """Collect what nobody holds any more, and give it back where the system's C library lets us ask."""
    gc.collect()
    if platform.system() == "Linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
