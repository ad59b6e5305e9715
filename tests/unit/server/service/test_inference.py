"""Long recordings are heard window by window."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest

from tests.doubles import FRAME_S, VOCABULARY, make_model_info
from wav2vec2_app.protocol.emissions import pack_emission
from wav2vec2_app.protocol.frame import Arrays
from wav2vec2_app.server.bridge.process import Answer
from wav2vec2_app.server.service.inference import emit, summed
from wav2vec2_app.server.service.timed import Timed
from wav2vec2_app.server.tasks import WAITING, Progress, Stage
from wav2vec2_app.settings import Settings
from wav2vec2_app.speech.audio import Audio
from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.windows import FrameGrid, Level

SETTINGS = Settings(fetch_models=False)


class Worker:
    """Hears in each frame the token that its first sample names; notes what it was asked."""

    def __init__(self, together: int = 1) -> None:
        self.together = together
        self.in_flight = self.most_in_flight = 0
        self.asked: list[tuple[str, float]] = []
        self.levels: list[Any] = []

    async def __call__(
        self, op: str, meta: Mapping[str, Any], arrays: Arrays, audio_s: float
    ) -> Timed[Answer]:
        self.asked.append((op, audio_s))
        told: dict[str, Any] = {"model": asdict(make_model_info())}
        if op == "load":
            geometry = asdict(FrameGrid())
            return Timed(Answer({**told, "grid": geometry, "together": self.together}, {}), ())
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        await asyncio.sleep(0)
        self.in_flight -= 1
        self.levels.append(meta.get("level"))
        samples = arrays["samples"]
        named = samples[: FrameGrid().frames(len(samples)) * 320 : 320].astype(int)
        log_probs = np.full((len(named), len(VOCABULARY)), -20.0, np.float32)
        log_probs[np.arange(len(named)), named] = 0.0
        packed, out = pack_emission(Emission(log_probs, VOCABULARY, 0, "|", FRAME_S))
        stage = Stage("forward", 0.0, 0.5, "inference")
        return Timed(Answer({**told, "emission": packed}, out), (stage,))


async def nobody_else() -> float:
    """There is nobody to stand aside for."""
    return 0.0


def recording(seconds: float) -> tuple[Audio, np.ndarray]:
    """Audio and the tokens that its frames name."""
    named = np.random.default_rng(1).integers(0, len(VOCABULARY), round(seconds * 50))
    samples = np.zeros(len(named) * 320 + 80, np.float32)
    samples[: len(named) * 320 : 320] = named
    return Audio(samples, 16_000, 1, "wav/pcm_s16le"), named


async def test_short_recording_is_one_request() -> None:
    worker, fractions = Worker(), list[Progress]()
    audio, named = recording(15.0)

    timed = await emit(worker, audio, "auto", SETTINGS, fractions.append, nobody_else)

    assert [op for op, _ in worker.asked] == ["emit"]
    assert worker.levels == [None]
    assert [one.fraction for one in fractions] == [1.0]
    assert timed.value.emission.log_probs.argmax(axis=1).tolist() == named.tolist()


async def test_long_recording_is_heard_in_windows_of_bounded_length() -> None:
    worker, fractions = Worker(), list[Progress]()
    audio, named = recording(65.0)

    timed = await emit(worker, audio, "auto", SETTINGS, fractions.append, nobody_else)

    operations = [op for op, _ in worker.asked]
    assert operations == ["load", *["emit"] * (len(operations) - 1)]
    assert max(seconds for _, seconds in worker.asked) <= SETTINGS.window_s + 0.1
    assert timed.value.emission.log_probs.argmax(axis=1).tolist() == named.tolist()
    assert timed.value.duration_s == audio.duration_s
    steps = [one.fraction for one in fractions]
    assert steps == sorted(steps)
    assert steps[-1] == 1.0
    assert len(steps) == len(operations) - 1


@pytest.mark.parametrize("together", [1, 4])
async def test_as_many_windows_are_asked_for_as_the_engine_hears_at_once(together: int) -> None:
    worker, fractions = Worker(together), list[Progress]()
    audio, named = recording(65.0)

    timed = await emit(worker, audio, "auto", SETTINGS, fractions.append, nobody_else)

    assert worker.most_in_flight == together
    assert timed.value.emission.log_probs.argmax(axis=1).tolist() == named.tolist()
    assert fractions[-1].fraction == 1.0


async def test_before_each_window_a_long_recording_stands_aside() -> None:
    worker = Worker()
    asked_before: list[int] = []

    async def yield_to_short() -> float:
        asked_before.append(len(worker.asked))
        return 0.25

    audio, _ = recording(65.0)
    timed = await emit(worker, audio, "auto", SETTINGS, lambda _: None, yield_to_short)
    waiting = timed.stages[0]
    assert (waiting.name, waiting.process) == (WAITING, "inference")
    assert waiting.duration_s == pytest.approx(0.25 * len(asked_before))
    assert asked_before == list(range(1, len(worker.asked)))  # "load" is the first that is asked

    asked_before.clear()
    audio, _ = recording(15.0)
    await emit(worker, audio, "auto", SETTINGS, lambda _: None, yield_to_short)
    assert asked_before == []


async def test_one_failed_window_cancels_those_asked_for_with_it() -> None:
    class Failing(Worker):
        cancelled = 0

        async def __call__(
            self, op: str, meta: Mapping[str, Any], arrays: Arrays, audio_s: float
        ) -> Timed[Answer]:
            if op == "load":
                return await super().__call__(op, meta, arrays, audio_s)
            self.in_flight += 1
            if self.in_flight == 2:
                raise RuntimeError("the worker is gone")
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.cancelled += 1
                raise
            raise AssertionError

    worker = Failing(together=3)
    audio, _ = recording(65.0)

    with pytest.raises(RuntimeError, match="gone"):
        await emit(worker, audio, "auto", SETTINGS, lambda _: None, nobody_else)
    await asyncio.sleep(0)

    assert worker.cancelled == 2


async def test_every_window_is_normalised_by_the_level_of_the_whole() -> None:
    worker = Worker()
    audio, _ = recording(65.0)

    await emit(worker, audio, "auto", SETTINGS, lambda _: None, nobody_else)

    expected = asdict(Level.of(audio.samples))
    assert all(level == expected for level in worker.levels)


async def test_failure_in_a_window_ends_the_work() -> None:
    class Failing(Worker):
        async def __call__(self, *asked: Any) -> Timed[Answer]:
            if len(self.asked) == 3:
                raise RuntimeError("the worker is gone")
            return await super().__call__(*asked)

    worker = Failing()
    audio, _ = recording(65.0)

    with pytest.raises(RuntimeError, match="gone"):
        await emit(worker, audio, "auto", SETTINGS, lambda _: None, nobody_else)

    assert len(worker.asked) == 3


def test_stages_of_many_requests_are_one_of_each_name_in_turn() -> None:
    parts = [
        (Stage("wait", 0.0, 0.25, "inference"), Stage("forward", 0.25, 1.0, "inference")),
        (Stage("forward", 0.0, 2.0, "inference"),),
    ]

    assert summed(parts) == (
        Stage("wait", 0.0, 0.25, "inference"),
        Stage("forward", 0.25, 3.0, "inference"),
    )
    assert summed([(Stage("forward", 0.0, 2.0, "inference"),)]) == (
        Stage("forward", 0.0, 2.0, "inference"),
    )
