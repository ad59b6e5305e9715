from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable

import numpy as np
import pytest

from tests.unit.server.live.script import recognition, say, sound
from wav2vec2_app.errors import ModelError, WorkerDiedError
from wav2vec2_app.server.live import messages
from wav2vec2_app.server.live.captioner import Rules
from wav2vec2_app.server.live.session import LiveSession
from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ, Float32
from wav2vec2_app.speech.transcript import Recognition

SCRIPT = say("good morning to you")


class Model:
    """Hears the script's words in any audio that is long enough; fails, or waits, when told to."""

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
    """Takes down what it is sent."""

    def __init__(self) -> None:
        self.got: list[messages.Message] = []

    async def __call__(self, message: messages.Message) -> None:
        self.got.append(message)

    def of(self, kind: type) -> list[messages.Message]:
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
    return LiveSession(model, client, Rules())


async def test_session_says_words_then_the_final_ones_then_that_it_has_ended(
    session: LiveSession, client: Client
) -> None:
    await session.hear(sound(SCRIPT, 2.4))
    session.finish()

    await session.run()

    [final] = client.of(messages.FinalWords)
    assert final.text == "good morning to you"
    assert client.got[-1] == messages.Ended(arrived_s=2.4, utterances=1)
    assert client.of(messages.Words)


async def test_failed_pass_is_noticed_and_done_again(
    session: LiveSession, client: Client, model: Model
) -> None:
    model.failures = [WorkerDiedError("The worker died.")]
    await session.hear(sound(SCRIPT, 2.4))
    session.finish()

    await session.run()

    assert client.of(messages.Notice) == [
        messages.Notice(code="worker.died", message="The worker died.")
    ]
    [final] = client.of(messages.FinalWords)
    assert final.text == "good morning to you"


async def test_wish_that_no_pass_can_meet_ends_the_session(
    session: LiveSession, model: Model
) -> None:
    model.failures = [ModelError("There is no such model.", code="model.unknown")]
    await session.hear(sound(SCRIPT, 2.4))

    with pytest.raises(ModelError):
        await session.run()


async def test_client_that_is_too_fast_is_held_back_and_loses_nothing(
    client: Client, model: Model
) -> None:
    session = LiveSession(model, client, Rules(), clock=itertools.count().__next__)
    model.gate.clear()
    work = asyncio.ensure_future(session.run())
    minute = np.tile(sound(SCRIPT, 3.0), 20)
    sending = asyncio.ensure_future(session.hear(minute))
    await model.called.wait()

    assert not sending.done()
    assert session.arrived_s < 60
    model.gate.set()
    await sending
    session.finish()
    await work

    assert session.arrived_s == 60
    assert max(model.lengths_s) <= 20
    assert " ".join(one.text for one in client.of(messages.FinalWords)).count("good") >= 10


async def test_cancelled_session_stops_its_pass(session: LiveSession, model: Model) -> None:
    model.gate.clear()
    await session.hear(sound(SCRIPT, 2.0))
    work = asyncio.ensure_future(session.run())
    await model.called.wait()

    work.cancel()

    with pytest.raises(asyncio.CancelledError):
        await work
    assert len(model.lengths_s) == 1
