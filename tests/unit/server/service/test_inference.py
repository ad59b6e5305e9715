"""Long recordings are transcribed window by window."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.doubles import FRAME_S, VOCABULARY, make_model_info
from wav2vec2_app.errors import ModelError
from wav2vec2_app.protocol.inference import (
    NOT_LOADED,
    DescribeRequest,
    DescribeResponse,
    EmitRequest,
    EmitResponse,
)
from wav2vec2_app.server.results import WAITING, Progress, Report, Stage, ignore_progress
from wav2vec2_app.server.service.inference import LOADING, EmitStep, WindowedInference
from wav2vec2_app.server.service.policy import WindowPolicy
from wav2vec2_app.server.service.priority import ShortFirst
from wav2vec2_app.server.service.result import StepResult
from wav2vec2_app.speech.audio import Audio
from wav2vec2_app.speech.emission import Emission, Emitted
from wav2vec2_app.speech.windows import FrameGrid, SampleStatistics

WINDOWS = WindowPolicy(window_s=10.0, overlap_s=2.0)


class Client:
    """Emits in each frame the token that its first sample names; notes the requests."""

    def __init__(self, batch: int = 1) -> None:
        self.batch = batch
        self.grid = FrameGrid()
        self.in_flight = self.most_in_flight = 0
        self.requests: list[tuple[str, float]] = []
        self.levels: list[SampleStatistics | None] = []

    async def request(
        self, request: DescribeRequest | EmitRequest, *, audio_s: float = 0.0, **options: Any
    ) -> StepResult[Any]:
        self.requests.append((request.op, audio_s))
        if isinstance(request, DescribeRequest):
            return StepResult(DescribeResponse(make_model_info(), self.grid, self.batch))
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        await asyncio.sleep(0)
        self.in_flight -= 1
        return StepResult(self.emit(request), (Stage("forward", 0.0, 0.5, "inference"),))

    def emit(self, request: EmitRequest) -> EmitResponse:
        self.levels.append(request.level)
        samples = request.samples
        named = samples[: FrameGrid().frames(len(samples)) * 320 : 320].astype(int)
        log_probs = np.full((len(named), len(VOCABULARY)), -20.0, np.float32)
        log_probs[np.arange(len(named)), named] = 0.0
        emission = Emission(log_probs, VOCABULARY, 0, "|", FRAME_S)
        return EmitResponse(emission, make_model_info(), 1)


class NoPriority(ShortFirst):
    """No short recordings to yield to; notes how many requests there were before each window."""

    def __init__(self, client: Client, yields_s: float = 0.0) -> None:
        super().__init__()
        self.requests_before: list[int] = []
        self._client = client
        self._yields_s = yields_s

    async def yield_to_short(self) -> float:
        self.requests_before.append(len(self._client.requests))
        return self._yields_s


class Loader:
    """Notes what is loaded."""

    def __init__(self) -> None:
        self.loaded: list[str] = []
        self.started: list[str] = []

    async def load(self, name: str, _: object) -> None:
        self.loaded.append(name)

    def start(self, name: str) -> None:
        self.started.append(name)


async def emit(
    client: Any,
    audio: Audio,
    report: Report = ignore_progress,
    priority: ShortFirst | None = None,
    loader: Any = None,
) -> StepResult[Emitted]:
    windowed = WindowedInference(
        client, WINDOWS, priority or NoPriority(client), loader or Loader()
    )
    return await windowed.emit(EmitStep(audio, "auto", report=report))


def recording(seconds: float) -> tuple[Audio, np.ndarray]:
    """Audio and the tokens that its frames name."""
    named = np.random.default_rng(1).integers(0, len(VOCABULARY), round(seconds * 50))
    samples = np.zeros(len(named) * 320 + 80, np.float32)
    samples[: len(named) * 320 : 320] = named
    return Audio(samples, 16_000, 1, "wav/pcm_s16le"), named


async def test_short_recording_is_one_request() -> None:
    client, fractions = Client(), list[Progress]()
    audio, named = recording(9.9)

    timed = await emit(client, audio, fractions.append)

    assert [op for op, _ in client.requests] == ["emit"]
    assert client.levels == [None]
    assert [one.fraction for one in fractions] == [1.0]
    assert timed.value.emission.log_probs.argmax(axis=1).tolist() == named.tolist()


@pytest.mark.parametrize(("longest", "emissions"), [(0, 1), (758, 3)])
async def test_recording_of_two_windows_is_divided_only_for_models_with_a_shorter_input(
    longest: int, emissions: int
) -> None:
    client = Client()
    client.grid = FrameGrid(longest=longest)
    audio, named = recording(19.0)

    timed = await emit(client, audio)

    assert [op for op, _ in client.requests] == ["describe", *["emit"] * emissions]
    assert timed.value.emission.log_probs.argmax(axis=1).tolist() == named.tolist()


async def test_long_recording_is_sent_in_windows_of_bounded_length() -> None:
    client, fractions = Client(), list[Progress]()
    audio, named = recording(65.0)

    timed = await emit(client, audio, fractions.append)

    operations = [op for op, _ in client.requests]
    assert operations == ["describe", *["emit"] * (len(operations) - 1)]
    assert max(seconds for _, seconds in client.requests) <= WINDOWS.window_s + 0.1
    assert timed.value.emission.log_probs.argmax(axis=1).tolist() == named.tolist()
    assert timed.value.duration_s == audio.duration_s
    steps = [one.fraction for one in fractions]
    assert steps == sorted(steps)
    assert steps[-1] == 1.0
    assert len(steps) == len(operations) - 1


@pytest.mark.parametrize("batch", [1, 4])
async def test_as_many_windows_are_sent_as_the_engine_computes_as_a_batch(batch: int) -> None:
    client, fractions = Client(batch), list[Progress]()
    audio, named = recording(65.0)

    timed = await emit(client, audio, fractions.append)

    assert client.most_in_flight == batch
    assert timed.value.emission.log_probs.argmax(axis=1).tolist() == named.tolist()
    assert fractions[-1].fraction == 1.0


async def test_long_recording_yields_before_each_window() -> None:
    client = Client()
    priority = NoPriority(client, yields_s=0.25)

    audio, _ = recording(65.0)
    timed = await emit(client, audio, priority=priority)
    waiting = timed.stages[0]
    assert (waiting.name, waiting.process) == (WAITING, "inference")
    assert waiting.duration_s == pytest.approx(0.25 * len(priority.requests_before))
    assert priority.requests_before == list(range(1, len(client.requests)))  # after "describe"

    priority.requests_before.clear()
    audio, _ = recording(15.0)
    await emit(client, audio, priority=priority)
    assert priority.requests_before == []


async def test_failed_window_cancels_the_rest_of_its_batch() -> None:
    class Failing(Client):
        cancelled = 0

        async def request(self, request: Any, **options: Any) -> StepResult[Any]:
            if isinstance(request, DescribeRequest):
                return await super().request(request, **options)
            self.in_flight += 1
            if self.in_flight == 2:
                raise RuntimeError("the worker is gone")
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.cancelled += 1
                raise
            raise AssertionError

    client = Failing(batch=3)
    audio, _ = recording(65.0)

    with pytest.raises(RuntimeError, match="gone"):
        await emit(client, audio)
    await asyncio.sleep(0)

    assert client.cancelled == 2


async def test_every_window_is_normalised_by_the_level_of_the_recording() -> None:
    client = Client()
    audio, _ = recording(65.0)

    await emit(client, audio)

    expected = SampleStatistics.of(audio.samples)
    assert all(level == expected for level in client.levels)


async def test_failure_in_a_window_ends_the_work() -> None:
    class Failing(Client):
        async def request(self, request: Any, **options: Any) -> StepResult[Any]:
            if len(self.requests) == 3:
                raise RuntimeError("the worker is gone")
            return await super().request(request, **options)

    client = Failing()
    audio, _ = recording(65.0)

    with pytest.raises(RuntimeError, match="gone"):
        await emit(client, audio)

    assert len(client.requests) == 3


class Unloaded(Client):
    """Has to load its model before each request with these numbers."""

    def __init__(self, *unloaded: int) -> None:
        super().__init__()
        self.unloaded = set(unloaded)

    async def request(self, request: Any, **options: Any) -> StepResult[Any]:
        if len(self.requests) in self.unloaded:
            self.requests.append(("refused", 0.0))
            raise ModelError("not loaded", code=NOT_LOADED)
        return await super().request(request, **options)


@pytest.mark.parametrize("seconds", [15.0, 65.0])
async def test_model_that_is_not_loaded_is_loaded_and_the_request_sent_again(
    seconds: float,
) -> None:
    client, loader = Unloaded(0), Loader()
    audio, named = recording(seconds)

    timed = await emit(client, audio, loader=loader)

    assert loader.loaded == ["auto"]
    assert timed.value.emission.log_probs.argmax(axis=1).tolist() == named.tolist()
    assert timed.stages[0].name == LOADING


async def test_model_that_is_unloaded_in_the_middle_of_a_recording_is_loaded_again() -> None:
    client, loader = Unloaded(3, 6), Loader()
    audio, named = recording(65.0)

    timed = await emit(client, audio, loader=loader)

    assert loader.loaded == [make_model_info().name] * 2
    assert timed.value.emission.log_probs.argmax(axis=1).tolist() == named.tolist()


async def test_other_errors_load_nothing() -> None:
    class Unknown(Client):
        async def request(self, request: Any, **options: Any) -> StepResult[Any]:
            raise ModelError("no such model", code="model.unknown")

    loader = Loader()
    audio, _ = recording(15.0)

    with pytest.raises(ModelError):
        await emit(Unknown(), audio, loader=loader)
    assert loader.loaded == []


async def test_all_windows_are_by_the_model_that_was_described_when_a_better_one_arrives() -> None:
    class Noting(Client):
        models: set[str]

        def emit(self, request: EmitRequest) -> EmitResponse:
            self.models = {*getattr(self, "models", set()), request.model}
            return super().emit(request)

    client = Noting()
    audio, _ = recording(65.0)

    await emit(client, audio)

    assert client.models == {make_model_info().name}


async def test_better_model_on_disk_is_loaded_beside_the_answer() -> None:
    class Better(Client):
        def emit(self, request: EmitRequest) -> EmitResponse:
            return replace(super().emit(request), better_on_disk=True)

    loader = Loader()
    audio, _ = recording(15.0)

    await emit(Better(), audio, loader=loader)

    assert (loader.started, loader.loaded) == (["auto"], [])


async def test_short_recording_has_no_priority_while_its_model_is_loaded() -> None:
    priority = ShortFirst()
    during: list[bool] = []

    class Noting(Loader):
        async def load(self, name: str, _: object) -> None:
            during.append(bool(priority._short))

    audio, _ = recording(15.0)
    await emit(Unloaded(0), audio, priority=priority, loader=Noting())

    assert during == [False]
