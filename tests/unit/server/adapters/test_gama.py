"""The GAMA adapter: what is sent, how often, for how long, and what it answers."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.doubles import FakeClock, make_audio
from wav2vec2_app.errors import (
    BusyError,
    InputError,
    InternalError,
    ModelError,
    ResourceError,
    TimedOutError,
    Wav2Vec2Error,
)
from wav2vec2_app.server.adapters.base import AudioLimits, ModelAdapter
from wav2vec2_app.server.adapters.gama import GamaAdapter, GamaPolicy
from wav2vec2_app.server.deadline import Deadline
from wav2vec2_app.server.operations import Operation, Step
from wav2vec2_app.server.results import Stage
from wav2vec2_app.server.service.result import StepResult
from wav2vec2_app.server.tasks import AudioTask, ModelTask, StepInputs
from wav2vec2_app.speech.audio import Audio
from wav2vec2_app.speech.description import DEFAULT_QUESTION, Description


class FakeDemo:
    """Answers, or raises, what it was given, one after the other; the last one stays."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers) or [("info", "a dog")]
        self.sent: list[tuple[bytes, str]] = []
        self.gate: asyncio.Event | None = None
        self.called = asyncio.Semaphore(0)
        self.closed = 0

    async def ask(self, wav: bytes, question: str, limit_s: float) -> tuple[str, str]:
        self.sent.append((wav, question))
        self.called.release()
        if self.gate is not None:
            await self.gate.wait()
        await asyncio.sleep(0)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, BaseException):
            raise answer
        return answer[0], answer[1]

    async def close(self) -> None:
        self.closed += 1


class Made:
    """An adapter, and what it was used with."""

    def __init__(self, demo: FakeDemo, **policy: Any) -> None:
        self.demo = demo
        self.clock = FakeClock()
        self.encoded: list[tuple[float, float, Deadline | None, str]] = []
        self.slept: list[float] = []
        self.adapter = GamaAdapter(
            demo,
            self._encode,
            AudioLimits(600.0, 1_000_000),
            GamaPolicy(**policy),
            clock=self.clock,
            sleep=self._sleep,
        )

    async def _encode(
        self, audio: Audio, max_s: float, *, deadline: Deadline | None, request_id: str
    ) -> StepResult[bytes]:
        self.encoded.append((audio.duration_s, max_s, deadline, request_id))
        self.clock.advance(0.5)
        return StepResult(b"RIFF", (Stage("encode", 0.0, 0.5, "audio"),))

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0)

    async def describe(self, duration_s: float = 2.0, question: str = "What?") -> Description:
        result = await self.adapter.handle_task(step(duration_s, question))
        assert isinstance(result.value, Description)
        return result.value


def step(duration_s: float = 2.0, question: str = "What?") -> ModelTask:
    audio = make_audio(duration_s)
    task = AudioTask(audio=audio, question=question, id="r-1")
    inputs = StepInputs(audio=audio)
    return ModelTask(Step(Operation.DESCRIBE), task, inputs, Deadline.after(60.0))


def unreachable() -> ResourceError:
    return ResourceError("refused", code="describe.unreachable")


async def test_question_and_encoded_audio_are_sent_and_the_answer_is_returned() -> None:
    made = Made(FakeDemo(("1.0 s", "a cat")))

    assert await made.describe(question="Which animal?") == Description(
        "Which animal?", "a cat", "1.0 s", described_s=2.0, truncated=False
    )
    assert made.demo.sent == [(b"RIFF", "Which animal?")]
    [(_, max_s, deadline, request_id)] = made.encoded
    assert (max_s, request_id) == (10.0, "r-1")
    assert deadline is not None


@pytest.mark.parametrize(
    ("duration_s", "described_s", "truncated"),
    [(0.1, 0.1, False), (10.0, 10.0, False), (10.01, 10.0, True), (60.0, 10.0, True)],
)
async def test_only_the_first_ten_seconds_are_described_and_that_is_said(
    duration_s: float, described_s: float, truncated: bool
) -> None:
    found = await Made(FakeDemo()).describe(duration_s)

    assert (found.described_s, found.truncated) == (described_s, truncated)


async def test_stages_say_how_long_encoding_and_the_answer_took() -> None:
    made = Made(FakeDemo())
    result = await made.adapter.handle_task(step())

    assert [(one.name, one.process, one.start_s) for one in result.stages] == [
        ("encode", "audio", 0.0),
        ("describe", "gama", 0.5),
    ]


@pytest.mark.parametrize("failures", [1, 2])
async def test_failures_that_may_pass_are_tried_again_after_a_growing_pause(failures: int) -> None:
    made = Made(FakeDemo(*[unreachable()] * failures, ("info", "at last")), backoff_s=1.0)

    assert (await made.describe()).answer == "at last"
    assert len(made.demo.sent) == failures + 1
    assert len(made.slept) == failures
    for number, slept_s in enumerate(made.slept):
        assert 0.5 * 2**number <= slept_s <= 1.5 * 2**number


async def test_last_failure_is_raised_and_says_when_to_try_again() -> None:
    made = Made(FakeDemo(unreachable()), attempts=3, backoff_s=1.0)

    with pytest.raises(ResourceError) as raised:
        await made.describe()

    assert raised.value.metadata["retry_after_s"] == 4.0
    assert len(made.demo.sent) == 3


@pytest.mark.parametrize(
    "error",
    [
        ModelError("closed", code="describe.closed"),
        ResourceError("bad", code="describe.bad_answer", retryable=False),
        TimedOutError("slow", code="describe.timeout"),
        InputError("no"),
    ],
    ids=lambda error: error.code,
)
async def test_failures_that_will_not_pass_are_not_tried_again(error: Wav2Vec2Error) -> None:
    made = Made(FakeDemo(error))

    with pytest.raises(type(error)):
        await made.describe()

    assert len(made.demo.sent) == 1
    assert made.slept == []


async def test_demo_that_does_not_answer_times_out() -> None:
    made = Made(FakeDemo(), timeout_s=0.05)
    made.demo.gate = asyncio.Event()

    with pytest.raises(TimedOutError) as raised:
        await made.describe()

    assert raised.value.code == "describe.timeout"


async def test_few_questions_run_at_once_some_wait_and_the_next_is_rejected() -> None:
    made = Made(FakeDemo(), concurrency=2, waiting=1, timeout_s=30.0)
    made.demo.gate = asyncio.Event()
    limit_s = made.adapter.time_limit_s(step())
    admitted = [asyncio.create_task(made.describe()) for _ in range(3)]
    for _ in range(2):
        await made.demo.called.acquire()

    with pytest.raises(BusyError) as raised:
        await made.describe()
    assert raised.value.code == "describe.busy"
    assert raised.value.metadata["retry_after_s"] == 30.0
    assert len(made.demo.sent) == 2
    assert made.adapter.time_limit_s(step()) == limit_s + 30.0

    made.demo.gate.set()
    assert [one.answer for one in await asyncio.gather(*admitted)] == ["a dog"] * 3
    assert (await made.describe()).answer == "a dog"


async def test_cancelled_question_gives_its_slot_back() -> None:
    made = Made(FakeDemo(), concurrency=1, waiting=0)
    made.demo.gate = asyncio.Event()
    question = asyncio.create_task(made.describe())
    await made.demo.called.acquire()

    question.cancel()
    with pytest.raises(asyncio.CancelledError):
        await question

    made.demo.gate = None
    assert (await made.describe()).answer == "a dog"


async def test_answers_may_differ_and_every_question_is_sent() -> None:
    made = Made(FakeDemo(("", "a dog"), ("", "a fox")))

    assert [(await made.describe()).answer for _ in range(2)] == ["a dog", "a fox"]


async def test_step_without_audio_is_a_defect() -> None:
    made = Made(FakeDemo())
    without = ModelTask(Step(Operation.DESCRIBE), step().task)

    with pytest.raises(InternalError):
        await made.adapter.handle_task(without)


async def test_adapter_can_describe_and_nothing_else_and_measures_itself() -> None:
    made = Made(FakeDemo(("", ""), ModelError("closed"), unreachable()), attempts=1)
    adapter: ModelAdapter = made.adapter
    assert isinstance(adapter, ModelAdapter)
    await adapter.initialize()
    await made.describe()
    for error in (ModelError, ResourceError):
        with pytest.raises(error):
            await made.describe()

    can = adapter.get_capabilities()
    assert can.operations == {Operation.DESCRIBE}
    assert can.models == ()
    assert (can.samples, can.success_rate) == (2, 0.5)  # a closed Space is not a fault
    assert adapter.answering_model("auto") == ""
    assert adapter.get_status().ready

    await adapter.dispose()
    assert made.demo.closed == 1


def test_default_question_is_that_of_the_demo() -> None:
    assert AudioTask(audio=make_audio()).question == DEFAULT_QUESTION == "Describe the audio."
