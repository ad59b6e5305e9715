"""Downloads models in the background, in a process of its own, with visible progress."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from wav2vec2_app.errors import BusyError, ModelError, Wav2Vec2Error
from wav2vec2_app.protocol.download import DownloadProgress, DownloadRequest
from wav2vec2_app.server.bridge.backend import Backend
from wav2vec2_app.server.clients import LOCAL
from wav2vec2_app.server.deadline import Deadline, cancel_all
from wav2vec2_app.speech.models import ModelChoice

log = logging.getLogger(__name__)

MAX_DOWNLOAD_S = 6 * 3600.0
"""Longest time that a download may take, seconds."""

MAX_QUEUED = 4
"""Downloads in progress or waiting."""
DOWNLOAD_RETRY_AFTER_S = 30
"""When a request for a model that is being downloaded should be sent again, seconds."""


def downloading(name: str) -> ModelError:
    """The error of a request for a model that is being downloaded."""
    return ModelError(
        f"The model {name} is being downloaded.",
        code="model.downloading",
        severity="warning",
        retryable=True,
        hint=f"Try again in {DOWNLOAD_RETRY_AFTER_S} s; until then use “auto” or “embedded”.",
        metadata={"model": name, "retry_after_s": DOWNLOAD_RETRY_AFTER_S},
    )


class ModelDownloads:
    """Downloads models to this machine, one at a time.

    Args:
        make_pool: makes a pool of one ``download`` worker; it is stopped after each download.
        on_complete: awaited with the model's name when its files are complete on disk.
        request: makes the request to download a model.
    """

    def __init__(
        self,
        make_pool: Callable[[], Backend],
        on_complete: Callable[[str], Awaitable[None]],
        request: Callable[[str], DownloadRequest] = DownloadRequest,
    ) -> None:
        self._make_pool = make_pool
        self._on_complete = on_complete
        self._request = request
        self._task: asyncio.Task[None] | None = None
        self._queue: dict[str, str] = {}  # name -> client
        self._failures: dict[str, Wav2Vec2Error] = {}
        self.notice = ""
        """A sentence for users about the download in progress; empty if there is none."""
        self._done = 0.0

    def start(self, name: str, client: str = LOCAL) -> None:
        """Download ``name``, after the downloads that were started before.

        Raises:
            Wav2Vec2Error: the previous download of it failed; the next call tries again.
            BusyError: ``client.downloads``, the client has another download in progress.
        """
        if name not in self._queue:
            if failure := self._failures.pop(name, None):
                raise failure
            self._check(client)
        self._queue.setdefault(name, client)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="download models")

    @property
    def progress(self) -> Mapping[str, float]:
        """How much of each model that is being downloaded, or waits for that, has arrived, 0 to 1."""
        current = next(iter(self._queue), "")
        return {name: self._done if name == current else 0.0 for name in self._queue}

    def with_state(self, choice: ModelChoice, *, may_download: bool) -> ModelChoice:
        """``choice`` with its state: on disk, being downloaded, or to be downloaded."""
        progress = self.progress.get(choice.name)
        if progress is not None:
            state = "downloading"
        elif choice.ready:
            state = "on-disk"
        else:
            state = "downloadable" if may_download else "missing"
        return replace(choice, state=state, progress=progress)

    def _check(self, client: str) -> None:
        if (client != LOCAL and client in self._queue.values()) or len(self._queue) >= MAX_QUEUED:
            raise BusyError(
                "Another model is being downloaded.",
                code="client.downloads",
                hint="Try again when it has arrived.",
                metadata={"retry_after_s": DOWNLOAD_RETRY_AFTER_S},
            )

    async def wait(self) -> None:
        """Wait until all downloads have ended."""
        if self._task is not None:
            await asyncio.wait({self._task})

    async def stop(self) -> None:
        """Cancel all downloads."""
        if self._task is not None:
            await cancel_all([self._task])

    async def _run(self) -> None:
        while self._queue:
            name = next(iter(self._queue))
            try:
                await self._download(name)
            finally:
                del self._queue[name]

    async def _download(self, name: str) -> None:
        self.notice = f"Looking for {name} on the model hub."
        self._done = 0.0
        pool = self._make_pool()

        def on_progress(progress: DownloadProgress) -> None:
            total = max(1, progress.total_bytes)
            percent = 100 * progress.done_bytes // total
            self._done = min(1.0, progress.done_bytes / total)
            self.notice = f"Downloading {name}: {percent} % of {total / 1e6:.0f} MB."

        try:
            await pool.start()
            await pool.request(
                self._request(name),
                deadline=Deadline.after(MAX_DOWNLOAD_S),
                on_progress=on_progress,
            )
            await self._on_complete(name)
            self.notice = ""
        except Wav2Vec2Error as error:
            log.info("downloading %s failed: %s", name, error.code)
            self.notice = f"{error.message} {error.hint}".strip()
            while len(self._failures) >= MAX_QUEUED:
                del self._failures[next(iter(self._failures))]
            self._failures[name] = error
        finally:
            await pool.stop()
