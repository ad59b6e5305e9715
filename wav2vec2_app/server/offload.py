"""Keeps the event loop free: what takes long for long recordings runs in a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

OFFLOAD_S = 300.0
"""Work on the transcript or emission of longer audio goes to a thread, seconds."""


async def off_loop(audio_s: float, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """The result of ``work``, computed in a thread if it is about more than :data:`OFFLOAD_S` of audio.

    Other requests (a health check, a live pass) are answered meanwhile. Short work is faster here.
    """
    if audio_s <= OFFLOAD_S:
        return work(*args, **kwargs)
    return await asyncio.to_thread(work, *args, **kwargs)
