"""Deadlines of requests, with a pool that answers immediately or not at all."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.doubles import make_model_info
from wav2vec2_app.protocol.inference import DescribeRequest, DescribeResponse
from wav2vec2_app.protocol.message import WorkerStage
from wav2vec2_app.server.deadline import Deadline
from wav2vec2_app.server.service.client import WorkerClient
from wav2vec2_app.server.service.limits import StepLimits
from wav2vec2_app.speech.windows import FrameGrid

LIMITS = StepLimits(operation_s=30, per_audio_s=2, model_load_s=120)
REQUEST = DescribeRequest("auto")


@dataclass
class FakePool:
    """Notes the deadlines of requests; answers when ``open`` is set."""

    role: str = "inference"
    open: asyncio.Event = field(default_factory=asyncio.Event)
    deadlines: list[Deadline] = field(default_factory=list)

    async def request(self, _: Any, *, deadline: Deadline, **options: Any) -> DescribeResponse:
        self.deadlines.append(deadline)
        await self.open.wait()
        return DescribeResponse(
            make_model_info(), FrameGrid(), 1, stages=(WorkerStage("load model", 0.0, 0.0),)
        )


@pytest.fixture
def pool() -> FakePool:
    return FakePool()


def client_of(pool: Any) -> WorkerClient:
    return WorkerClient(pool, LIMITS)


def test_limit_of_a_step_is_that_of_the_policy(pool: FakePool) -> None:
    assert client_of(pool).limit_s(10, loads_model=True) == 170


async def test_request_without_a_deadline_gets_one_from_the_policy(pool: FakePool) -> None:
    pool.open.set()
    before_s = time.monotonic()

    answer = await client_of(pool).request(REQUEST, audio_s=10)

    [deadline] = pool.deadlines
    assert before_s + 50 <= deadline.at_s <= time.monotonic() + 50
    assert answer.value.batch == 1
    assert [stage.name for stage in answer.stages if stage.name != "wait"] == ["load model"]


async def test_deadline_of_the_step_counts_if_it_is_earlier(pool: FakePool) -> None:
    pool.open.set()
    client = client_of(pool)
    early, late = Deadline.after(5), Deadline.after(5000)

    await client.request(REQUEST, deadline=early)
    await client.request(REQUEST, deadline=late)

    assert pool.deadlines[0] == early
    assert pool.deadlines[1].at_s < late.at_s


async def test_request_behind_a_long_one_has_its_time_too(pool: FakePool) -> None:
    client = client_of(pool)
    long = asyncio.ensure_future(client.request(REQUEST, audio_s=600))
    await asyncio.sleep(0)
    assert client.limit_s(5) == 30 + 2 * 600 + 30 + 2 * 5
    short = asyncio.ensure_future(client.request(REQUEST, audio_s=5))
    await asyncio.sleep(0)

    first, second = pool.deadlines
    assert second.at_s >= first.at_s + 40
    pool.open.set()
    await asyncio.gather(long, short)
    assert client.limit_s(5) == 40
