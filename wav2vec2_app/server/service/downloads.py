"""Downloads models in the background, in a process of its own, with visible progress."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

from wav2vec2_app.errors import Wav2Vec2Error
from wav2vec2_app.protocol.download import DownloadProgress, DownloadRequest
from wav2vec2_app.server.bridge.pool import WorkerPool
from wav2vec2_app.server.deadline import Deadline

log = logging.getLogger(__name__)

MAX_DOWNLOAD_S = 6 * 3600.0
"""Longest time that a download may take, seconds."""


class ModelDownloads:
    """Downloads models to this machine, one at a time.

    Args:
        make_pool: makes a pool of one ``download`` worker; it is stopped after each download.
        on_complete: awaited with the model's name when its files are complete on disk.
    """

    def __init__(
        self,
        make_pool: Callable[[], WorkerPool],
        on_complete: Callable[[str], Awaitable[None]],
    ) -> None:
        self._make_pool = make_pool
        self._on_complete = on_complete
        self._task: asyncio.Task[None] | None = None
        self._queue: dict[str, None] = {}
        self.notice = ""
        """A sentence for users about the download in progress; empty if there is none."""

    def start(self, name: str) -> None:
        """Download ``name``, after the downloads that were started before."""
        self._queue[name] = None
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="download models")

    async def wait(self) -> None:
        """Wait until all downloads have ended."""
        if self._task is not None:
            await asyncio.wait({self._task})

    async def stop(self) -> None:
        """Cancel all downloads."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        while self._queue:
            name = next(iter(self._queue))
            try:
                await self._download(name)
            finally:
                del self._queue[name]

    async def _download(self, name: str) -> None:
        self.notice = f"Looking for {name} on the model hub."
        pool = self._make_pool()

        def on_progress(progress: DownloadProgress) -> None:
            total = max(1, progress.total_bytes)
            percent = 100 * progress.done_bytes // total
            self.notice = f"Downloading {name}: {percent} % of {total / 1e6:.0f} MB."

        try:
            await pool.start()
            await pool.request(
                DownloadRequest(name),
                deadline=Deadline.after(MAX_DOWNLOAD_S),
                on_progress=on_progress,
            )
            await self._on_complete(name)
            self.notice = ""
        except Wav2Vec2Error as error:
            log.info("downloading %s failed: %s", name, error.code)
            self.notice = f"{error.message} {error.hint}".strip()
        finally:
            await pool.stop()
