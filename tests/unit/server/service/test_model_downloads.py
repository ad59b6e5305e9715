"""Downloads of models: the error of a request for a missing one, and their bounds."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from wav2vec2_app.errors import BusyError, ModelError
from wav2vec2_app.protocol.download import DownloadProgress
from wav2vec2_app.server.api.errors import respond, status_of
from wav2vec2_app.server.service import downloads
from wav2vec2_app.server.service.downloads import MAX_QUEUED, ModelDownloads
from wav2vec2_app.server.service.limits import StepLimits
from wav2vec2_app.server.service.loading import ModelLoader
from wav2vec2_app.server.service.models import ServiceModels
from wav2vec2_app.server.service.policy import ModelPolicy

MISSING = ModelError("missing", code="model.not_on_disk", metadata={"model": "a/b"})


class FakePool:
    """Downloads until ``done`` is set, then fails if there is an ``error``."""

    def __init__(self, error: Exception | None = None) -> None:
        self.done = asyncio.Event()
        self.error = error
        self.stopped = 0

    async def start(self) -> None:
        pass

    async def request(self, *_: object, **__: object) -> None:
        await self.done.wait()
        if self.error:
            raise self.error

    async def stop(self) -> None:
        self.stopped += 1


class FakeWorkers:
    """Workers of which only the download is used."""

    inference = None

    def __init__(self, pool: FakePool) -> None:
        self.pool = pool

    def make_download(self) -> Any:
        return self.pool


def make_models(pool: FakePool, *, download: bool = True) -> ServiceModels:
    policy = ModelPolicy(download=download)
    loader = ModelLoader(pool, StepLimits(), int)  # type: ignore[arg-type]
    return ServiceModels(FakeWorkers(pool), loader, policy)  # type: ignore[arg-type]


async def on_complete(_: str) -> None:
    pass


def make_downloads(pool: FakePool) -> ModelDownloads:
    return ModelDownloads(lambda: pool, on_complete)  # type: ignore[arg-type, return-value]


async def test_request_for_a_model_that_is_being_downloaded_reports_when_to_try_again() -> None:
    models = make_models(FakePool())

    for client in ("one", "two", "one"):
        with pytest.raises(ModelError) as rejected:
            models.download_if_missing(MISSING, client)
        response = respond(rejected.value)
        assert (rejected.value.code, status_of(rejected.value)) == ("model.downloading", 503)
        assert int(response.headers["retry-after"]) > 0
        assert rejected.value.retryable
    await models.stop()


async def test_model_that_may_not_be_downloaded_stays_unavailable() -> None:
    models = make_models(FakePool(), download=False)

    models.download_if_missing(MISSING, "one")

    assert status_of(MISSING) == 404
    await models.stop()


async def test_failed_download_is_reported_and_then_tried_again() -> None:
    pool = FakePool(ModelError("offline", code="model.hub_offline", retryable=True))
    models = make_models(pool)
    with pytest.raises(ModelError):
        models.download_if_missing(MISSING, "one")
    pool.done.set()
    await models.wait()

    codes = []
    for _ in range(2):
        with pytest.raises(ModelError) as rejected:
            models.download_if_missing(MISSING, "one")
        codes.append(rejected.value.code)

    assert codes == ["model.hub_offline", "model.downloading"]
    await models.stop()


async def test_one_client_downloads_one_model_at_a_time() -> None:
    queue = make_downloads(FakePool())
    queue.start("a", "one")

    with pytest.raises(BusyError) as rejected:
        queue.start("b", "one")
    queue.start("b", "two")
    queue.start("a", "two")

    assert rejected.value.code == "client.downloads"
    assert rejected.value.metadata["retry_after_s"] == downloads.DOWNLOAD_RETRY_AFTER_S
    await queue.stop()


async def test_downloads_that_wait_are_bounded() -> None:
    queue = make_downloads(FakePool())
    for number in range(MAX_QUEUED):
        queue.start(str(number), f"client {number}")

    with pytest.raises(BusyError):
        queue.start("one more", "another client")
    await queue.stop()


async def test_stopping_ends_the_download_and_a_cancelled_stop_stays_cancelled() -> None:
    pool = FakePool()
    queue = make_downloads(pool)
    queue.start("a")
    await asyncio.sleep(0)

    stopping = asyncio.ensure_future(queue.stop())
    await asyncio.sleep(0)
    stopping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stopping

    await queue.stop()
    assert pool.stopped == 1


async def test_progress_of_a_download_is_visible_and_ends_with_it() -> None:
    class Reporting(FakePool):
        async def request(self, *_: object, on_progress: Any, **__: object) -> None:
            on_progress(DownloadProgress(25, 100))
            await self.done.wait()

    pool = Reporting()
    queue = make_downloads(pool)
    queue.start("a/b", "one")
    queue.start("c/d", "two")
    assert queue.progress == {"a/b": 0.0, "c/d": 0.0}
    for _ in range(3):
        await asyncio.sleep(0)

    assert queue.progress == {"a/b": 0.25, "c/d": 0.0}
    pool.done.set()
    await queue.wait()
    assert queue.progress == {}
