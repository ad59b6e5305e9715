"""Fetching a better model in the background, in a process of its own, with visible progress."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from wav2vec2_app.errors import Wav2Vec2Error
from wav2vec2_app.server.bridge.process import WorkerBridge

log = logging.getLogger(__name__)

FETCH_LIMIT_S = 6 * 3600.0
"""A download that takes longer than this is given up."""


class ModelFetcher:
    """Brings models onto this machine, one at a time, and says how far it is.

    Args:
        make_bridge: starts a bridge to a ``fetch`` worker; stopped again after each download.
        on_fetched: awaited with the model's name once it is complete on disk.
    """

    def __init__(
        self,
        make_bridge: Callable[[], WorkerBridge],
        on_fetched: Callable[[str], Awaitable[None]],
    ) -> None:
        self._make_bridge = make_bridge
        self._on_fetched = on_fetched
        self._task: asyncio.Task[None] | None = None
        self._wanted: dict[str, None] = {}
        self.notice = ""
        """What to tell people at this moment; empty when there is nothing to tell."""

    def start(self, name: str) -> None:
        """Fetch ``name``, after what is being fetched already."""
        self._wanted[name] = None
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="fetch models")

    async def wait(self) -> None:
        """Wait for the download under way, if any."""
        if self._task is not None:
            await asyncio.wait({self._task})

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        while self._wanted:
            name = next(iter(self._wanted))
            try:
                await self._fetch(name)
            finally:
                del self._wanted[name]

    async def _fetch(self, name: str) -> None:
        self.notice = f"Looking for {name} on the model hub."
        bridge = self._make_bridge()

        def on_progress(meta: Mapping[str, Any], _: object) -> None:
            total = max(1, int(meta["total_bytes"]))
            percent = 100 * int(meta["done_bytes"]) // total
            self.notice = f"Fetching {name}: {percent} % of {total / 1e6:.0f} MB."

        try:
            await bridge.start()
            await bridge.request(
                "fetch",
                {"model": name},
                timeout_s=FETCH_LIMIT_S,
                idempotent=True,
                on_progress=on_progress,
            )
            await self._on_fetched(name)
            self.notice = ""
        except Wav2Vec2Error as error:
            log.info("fetching %s failed: %s", name, error.code)
            self.notice = f"{error.message} {error.hint}".strip()
        finally:
            await bridge.stop()
