"""Loading models: shared, in the background, with typed errors."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from tests.doubles import make_model_info
from wav2vec2_app.errors import ModelError, TimedOutError, Wav2Vec2Error
from wav2vec2_app.protocol.inference import (
    InferenceInfo,
    LoadRequest,
    LoadResponse,
    UnloadRequest,
    UnloadResponse,
)
from wav2vec2_app.server.adapters.base import is_fault
from wav2vec2_app.server.bridge.quarantine import quarantined
from wav2vec2_app.server.deadline import Deadline
from wav2vec2_app.server.service.limits import StepLimits
from wav2vec2_app.server.service.loading import ModelLoader
from wav2vec2_app.server.service.models import ServiceModels
from wav2vec2_app.server.service.policy import ModelPolicy
from wav2vec2_app.speech.models import ModelChoice


class FakePool:
    """Workers that load a model when ``open`` is set; notes the requests."""

    def __init__(self, error: Exception | None = None, *choices: ModelChoice) -> None:
        self.open = asyncio.Event()
        self.error = error
        self.choices = choices
        self.requests: list[LoadRequest | UnloadRequest] = []

    async def broadcast(self, request: Any, *, deadline: Deadline) -> list[Any]:
        self.requests.append(request)
        if isinstance(request, UnloadRequest):
            return [UnloadResponse(1)]
        await self.open.wait()
        if self.error:
            raise self.error
        return [LoadResponse(make_model_info(request.model))]

    def info(self, _: object) -> InferenceInfo:
        return InferenceInfo(make_model_info("embedded"), self.choices)

    async def wait_ready(self) -> None: ...


class FakeWorkers:
    def __init__(self, pool: FakePool) -> None:
        self.inference = pool
        self.downloads: list[str] = []

    def make_download(self) -> Any:
        raise AssertionError("nothing is downloaded here")


def make_loader(pool: FakePool) -> ModelLoader:
    return ModelLoader(pool, StepLimits(), lambda: 1000)  # type: ignore[arg-type]


def make_models(pool: FakePool, policy: ModelPolicy) -> ServiceModels:
    return ServiceModels(FakeWorkers(pool), make_loader(pool), policy)  # type: ignore[arg-type]


async def test_requests_for_one_model_share_one_load() -> None:
    pool = FakePool()
    loader = make_loader(pool)
    waiting = [asyncio.create_task(loader.load("a")) for _ in range(3)]
    await asyncio.sleep(0)
    assert loader.names == {"a"}
    pool.open.set()

    assert [(await task).name for task in waiting] == ["a"] * 3
    assert pool.requests == [LoadRequest("a", 1000)]
    assert loader.names == frozenset()


async def test_load_goes_on_when_its_request_is_cancelled_or_out_of_time() -> None:
    pool = FakePool()
    loader = make_loader(pool)
    cancelled = asyncio.create_task(loader.load("a"))
    await asyncio.sleep(0)
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    with pytest.raises(TimedOutError) as late:
        await loader.load("a", Deadline.after(0.0))
    pool.open.set()

    assert (await loader.load("a")).name == "a"
    assert len(pool.requests) == 1
    assert not is_fault(late.value)  # it must not pause transcription for everyone


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ModelError("broken", code="model.broken"), "model.broken"),
        (ModelError("large", code="model.too_large"), "model.too_large"),
        (quarantined("inference", 600.0), "model.crashes"),
    ],
)
async def test_model_that_cannot_be_loaded_is_a_model_error(error: Exception, code: str) -> None:
    pool = FakePool(error)
    pool.open.set()
    loader = make_loader(pool)

    for _ in range(2):
        with pytest.raises(ModelError) as refused:
            await loader.load("a")
        assert refused.value.code == code
        assert not is_fault(refused.value)


async def test_model_that_failed_is_tried_again() -> None:
    pool = FakePool(ModelError("broken", code="model.broken"))
    pool.open.set()
    loader = make_loader(pool)
    with pytest.raises(ModelError):
        await loader.load("a")
    pool.error = None

    assert (await loader.load("a")).name == "a"


async def test_failed_unloading_is_no_error() -> None:
    class Failing(FakePool):
        async def broadcast(self, request: Any, *, deadline: Deadline) -> list[Any]:
            raise Wav2Vec2Error("no worker", code="worker.down")

    await make_loader(Failing()).unload(1.0, ())


def choice(name: str, state: str = "on-disk") -> ModelChoice:
    return ModelChoice(name, name, state not in ("", "missing"), state=state)


async def test_choices_say_what_is_loaded_loading_on_disk_or_to_be_downloaded() -> None:
    offered = [
        choice("embedded", "loaded"),
        choice("folder"),
        choice("a/b", ""),
        choice("gone", ""),
    ]
    pool = FakePool(None, *offered, choice("next"))
    models = make_models(pool, ModelPolicy(download=True, preload=("next",)))
    await models.maintain()
    await asyncio.sleep(0)

    states = {one.name: one.state for one in models.choices}

    assert states == {
        "embedded": "loaded", "folder": "on-disk", "a/b": "downloadable", "gone": "missing",
        "next": "loading",
    }  # fmt: skip
    await models.stop()


async def test_nothing_can_be_downloaded_where_that_is_off() -> None:
    models = make_models(FakePool(None, choice("a/b", "")), ModelPolicy(download=False))

    assert [one.state for one in models.choices] == ["missing"]


async def test_preloaded_models_are_loaded_without_unloading_others() -> None:
    pool = FakePool(None, choice("embedded", "loaded"), choice("one"), choice("two", "loaded"))
    models = make_models(pool, ModelPolicy("embedded", preload=("one", "two"), idle_s=60.0))
    pool.open.set()

    await models.maintain()
    await asyncio.sleep(0)

    assert pool.requests == [
        UnloadRequest(60.0, ("embedded", "one", "two"), 1000),
        LoadRequest("one", 1000, unload_others=False),
    ]
    await models.stop()


async def test_nothing_is_sent_while_the_default_model_alone_is_loaded() -> None:
    pool = FakePool(None, choice("auto", "loaded"), choice("embedded", "loaded"), choice("other"))
    models = make_models(pool, ModelPolicy(idle_s=60.0))

    await models.maintain()

    assert pool.requests == []


async def test_preloaded_model_that_is_not_on_disk_is_downloaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    missing = ModelError("missing", code="model.not_on_disk", metadata={"model": "a/b"})
    pool = FakePool(missing, choice("a/b", ""))
    pool.open.set()
    models = make_models(pool, ModelPolicy(download=True, preload=("a/b",)))
    started: list[str] = []
    monkeypatch.setattr(models._downloads, "start", lambda name, client: started.append(name))

    await models.maintain()
    for _ in range(5):
        await asyncio.sleep(0)

    assert started == ["a/b"]
    await models.stop()


@pytest.mark.parametrize(
    ("name", "default"), [("auto", "fake/better"), ("other", "embedded")], ids=["auto", "other"]
)
async def test_better_default_model_answers_as_soon_as_it_is_loaded(
    name: str, default: str
) -> None:
    """A cached result of the embedded model is not repeated then."""

    class Better(FakePool):
        async def broadcast(self, request: Any, *, deadline: Deadline) -> list[Any]:
            return [LoadResponse(make_model_info("fake/better"))]

    pool = Better()
    loader = make_loader(pool)
    models = ServiceModels(FakeWorkers(pool), loader, ModelPolicy())  # type: ignore[arg-type]
    models.note_answer(make_model_info("embedded"))

    await loader.start(name)

    assert models.default == make_model_info(default)


async def test_answer_that_the_embedded_model_began_before_is_not_of_the_default_model() -> None:
    better = replace(make_model_info("fake/better"), source="cache")

    class Better(FakePool):
        def info(self, _: object) -> InferenceInfo:
            return InferenceInfo(better, self.choices)

    models = make_models(Better(), ModelPolicy())

    models.note_answer(make_model_info("embedded"))

    assert models.default == better
