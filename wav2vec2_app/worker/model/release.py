"""Returns freed memory to the system after something large was built from parts."""

from __future__ import annotations

import ctypes
import gc
import platform


def return_memory() -> None:
    """Collect garbage, and trim the heap where the system's C library can."""
    gc.collect()
    if platform.system() == "Linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
