"""The GAMA adapter: descriptions by a model on another server, with limits and a back-off of their own."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Final, Protocol

from wav2vec2_app.errors import BusyError, InternalError, TimedOutError, Wav2Vec2Error
from wav2vec2_app.server.adapters.base import AudioLimits, ModelAdapter, RollingMeasure
from wav2vec2_app.server.deadline import Deadline, within
from wav2vec2_app.server.operations import Operation
from wav2vec2_app.server.results import Report, Stage, TaskResult, ignore_progress
from wav2vec2_app.server.service.gama import GamaDemo, too_slow
from wav2vec2_app.server.service.result import StepResult
from wav2vec2_app.server.status import AdapterStatus, ModelCapabilities
from wav2vec2_app.server.tasks import ModelTask
from wav2vec2_app.speech.audio import Audio
from wav2vec2_app.speech.description import DESCRIBED_S, Description

GAMA: Final = "gama"
"""Name of the adapter, and of the process of its stage."""
ENCODE_MARGIN_S: Final = 30.0
"""Added to the time limit for encoding the audio, seconds."""


class Demo(Protocol):
    """What answers questions about sounds; see :class:`GamaDemo`."""

    async def ask(self, wav: bytes, question: str, limit_s: float) -> tuple[str, str]:
        """What it says about the audio, and its answer."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...


class Encode(Protocol):
    """Encodes the beginning of a recording as a WAV file; see :meth:`Wav2Vec2Service.encode_wav`."""

    def __call__(
        self, audio: Audio, max_s: float, *, deadline: Deadline | None, request_id: str
    ) -> Awaitable[StepResult[bytes]]:
        """The first ``max_s`` seconds."""
        ...


@dataclass(frozen=True)
class GamaPolicy:
    """Limits of descriptions.

    Attributes:
        timeout_s: until there is an answer, all attempts together, seconds.
        attempts: how often a question is sent if the server fails in a way that may pass.
        backoff_s: wait before the second attempt, seconds; doubles with each attempt, with jitter.
        concurrency: questions that are sent at the same time.
        waiting: questions that wait; the next one is rejected.
    """

    timeout_s: float = 120.0
    attempts: int = 3
    backoff_s: float = 1.0
    concurrency: int = 2
    waiting: int = 8


class GamaAdapter:
    """A model adapter that describes sounds.

    Args:
        demo: the server; closed with the adapter.
        encode: makes WAV files.
        audio: largest audio, for the capabilities; of longer audio than the model uses, the beginning is
            sent.
        policy: limits.
        clock: monotonic, seconds.
        sleep: waits, seconds.
    """

    name = GAMA

    def __init__(
        self,
        demo: Demo,
        encode: Encode,
        audio: AudioLimits,
        policy: GamaPolicy | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._demo = demo
        self._encode = encode
        self._audio = audio
        self._policy = policy or GamaPolicy()
        self._clock = clock
        self._sleep = sleep
        self._measure = RollingMeasure(clock=clock)
        self._slots = asyncio.Semaphore(self._policy.concurrency)
        self._admitted = 0

    async def initialize(self) -> None:
        """Nothing to start: the server is asked when there is a question."""

    async def dispose(self) -> None:
        await self._demo.close()

    async def handle_task(self, task: ModelTask, report: Report = ignore_progress) -> TaskResult:
        """Ask the question of the task about the beginning of its audio.

        Raises:
            Wav2Vec2Error: ``describe.*``, or whatever encoding the audio raises.
        """
        audio = task.inputs.audio
        if audio is None:
            raise InternalError("The step needs decoded audio.", code="task.missing_input")
        began_s = self._clock()
        encoded = await self._encode(
            audio, DESCRIBED_S, deadline=task.deadline, request_id=task.task.id
        )
        async with self._slot():
            sent_s = self._clock()
            with self._measure.timing(min(audio.duration_s, DESCRIBED_S)):
                info, answer = await self._ask(encoded.value, task.task.question)
        waited = Stage("describe", sent_s - began_s, self._clock() - sent_s, self.name)
        value = Description(
            question=task.task.question,
            answer=answer,
            audio_info=info,
            described_s=min(audio.duration_s, DESCRIBED_S),
            truncated=audio.duration_s > DESCRIBED_S,
        )
        return TaskResult(task.operation, value, (*encoded.stages, waited))

    def time_limit_s(self, task: ModelTask) -> float:
        """The limit of an answer, times the questions that are ahead, and time to encode the audio."""
        rounds = 1 + self._admitted // self._policy.concurrency
        return ENCODE_MARGIN_S + rounds * self._policy.timeout_s

    def answering_model(self, model: str) -> str:
        """It transcribes nothing."""
        return ""

    def get_capabilities(self) -> ModelCapabilities:
        operations = frozenset({Operation.DESCRIBE})
        return replace(
            self._measure.capabilities(self.name, operations, self._audio),
            features=("description",),
        )

    def get_status(self) -> AdapterStatus:
        """Always ready: that another server is down does not make this one unready."""
        return AdapterStatus(self.name, ready=True)

    @asynccontextmanager
    async def _slot(self) -> AsyncIterator[None]:
        """Wait until the question may be sent.

        Raises:
            BusyError: ``describe.busy``.
        """
        policy = self._policy
        if self._admitted >= policy.concurrency + policy.waiting:
            wait_s = self._measure.average_latency_s or policy.timeout_s
            raise BusyError(
                "Too many questions about sounds are waiting.",
                code="describe.busy",
                hint=f"Try again in {wait_s:.0f} s.",
                metadata={"retry_after_s": round(wait_s, 3)},
            )
        self._admitted += 1
        try:
            async with self._slots:
                yield
        finally:
            self._admitted -= 1

    async def _ask(self, wav: bytes, question: str) -> tuple[str, str]:
        """Send the question, again after a pause if that may help, within the time limit."""
        work = asyncio.create_task(self._attempts(wav, question))
        try:
            return await within(self._policy.timeout_s, work)
        except TimedOutError as error:
            raise too_slow() from error

    async def _attempts(self, wav: bytes, question: str) -> tuple[str, str]:
        pauses_s = [self._policy.backoff_s * 2**number for number in range(self._policy.attempts)]
        for pause_s in pauses_s[:-1]:
            try:
                return await self._demo.ask(wav, question, self._policy.timeout_s)
            except TimedOutError:
                raise
            except Wav2Vec2Error as error:
                if not error.retryable:
                    raise
            await self._sleep(pause_s * random.uniform(0.5, 1.5))
        try:
            return await self._demo.ask(wav, question, self._policy.timeout_s)
        except Wav2Vec2Error as error:
            if error.retryable:  # it was tried often enough: the caller learns when to try again
                error.metadata.setdefault("retry_after_s", pauses_s[-1])
            raise


def gama_adapters(
    address: str, encode: Encode, audio: AudioLimits, policy: GamaPolicy
) -> list[ModelAdapter]:
    """The adapter for the demo at ``address``; none if it is empty. See :class:`GamaAdapter`."""
    return [GamaAdapter(GamaDemo(address), encode, audio, policy)] if address else []
