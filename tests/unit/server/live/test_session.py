from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable

import numpy as np
import pytest

from tests.unit.server.live.script import recognition, say, sound
from wav2vec2_app.errors import ModelError, WorkerDiedError
from wav2vec2_app.server.live import messages
from wav2vec2_app.server.live.captions import CaptionPolicy
from wav2vec2_app.server.live.session import LiveSession
from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ, Float32
from wav2vec2_app.speech.transcript import Recognition

SCRIPT = say("good morning to you")


class Model:
    """Recognises the script's words in audio that is long enough; can be made to fail or to wait."""

    def __init__(self) -> None:
        self.lengths_s: list[float] = []
        self.failures: list[Exception] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.called = asyncio.Event()

    async def __call__(self, samples: Float32) -> Recognition:
        length_s = len(samples) / SAMPLE_RATE_HZ
        self.lengths_s.append(length_s)
        self.called.set()
        await self.gate.wait()
        if self.failures:
            raise self.failures.pop(0)
        return recognition([word for word in SCRIPT if word.end_s <= length_s], length_s)


class Client:
    """Records the messages it receives."""

    def __init__(self) -> None:
        self.got: list[messages.LiveMessage] = []

    async def __call__(self, message: messages.LiveMessage) -> None:
        self.got.append(message)

    def of(self, kind: type) -> list[messages.LiveMessage]:
        return [message for message in self.got if isinstance(message, kind)]


@pytest.fixture
def model() -> Model:
    return Model()


@pytest.fixture
def client() -> Client:
    return Client()


MakeSession = Callable[..., LiveSession]


@pytest.fixture
def session(model: Model, client: Client) -> LiveSession:
    return LiveSession(model, client, CaptionPolicy())


async def test_session_sends_partial_then_final_captions_then_its_end(
    session: LiveSession, client: Client
) -> None:
    await session.feed(sound(SCRIPT, 2.4))
    session.finish()

    await session.run()

    [final] = client.of(messages.FinalMessage)
    assert final.text == "good morning to you"
    assert client.got[-1] == messages.EndedMessage(arrived_s=2.4, utterances=1)
    assert client.of(messages.PartialMessage)


async def test_failed_pass_is_reported_and_repeated(
    session: LiveSession, client: Client, model: Model
) -> None:
    model.failures = [WorkerDiedError("The worker died.")]
    await session.feed(sound(SCRIPT, 2.4))
    session.finish()

    await session.run()

    assert client.of(messages.NoticeMessage) == [
        messages.NoticeMessage(code="worker.died", message="The worker died.")
    ]
    [final] = client.of(messages.FinalMessage)
    assert final.text == "good morning to you"


async def test_model_error_ends_the_session(session: LiveSession, model: Model) -> None:
    model.failures = [ModelError("There is no such model.", code="model.unknown")]
    await session.feed(sound(SCRIPT, 2.4))

    with pytest.raises(ModelError):
        await session.run()


async def test_client_that_sends_too_fast_is_slowed_down_and_loses_nothing(
    client: Client, model: Model
) -> None:
    session = LiveSession(model, client, CaptionPolicy(), clock=itertools.count().__next__)
    model.gate.clear()
    work = asyncio.ensure_future(session.run())
    minute = np.tile(sound(SCRIPT, 3.0), 20)
    sending = asyncio.ensure_future(session.feed(minute))
    await model.called.wait()

    assert not sending.done()
    assert session.arrived_s < 60
    model.gate.set()
    await sending
    session.finish()
    await work

    assert session.arrived_s == 60
    assert max(model.lengths_s) <= 20
    assert " ".join(one.text for one in client.of(messages.FinalMessage)).count("good") >= 10


async def test_cancelled_session_stops_its_pass(session: LiveSession, model: Model) -> None:
    model.gate.clear()
    await session.feed(sound(SCRIPT, 2.0))
    work = asyncio.ensure_future(session.run())
    await model.called.wait()

    work.cancel()

    with pytest.raises(asyncio.CancelledError):
        await work
    assert len(model.lengths_s) == 1
