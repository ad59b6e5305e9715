"""One live session: audio comes in, the model hears it through the orchestrator, messages go out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from wav2vec2_app.errors import CancelledError, InputError, ModelError, Wav2Vec2Error
from wav2vec2_app.server.deadline import cancel_all
from wav2vec2_app.server.live import messages
from wav2vec2_app.server.live.captioner import Captioner, Final, Pass, Rules
from wav2vec2_app.server.tasks import AudioTask
from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ, Audio, Float32
from wav2vec2_app.speech.models import AUTO_MODEL
from wav2vec2_app.speech.options import DEFAULT_OPTIONS, DecodingOptions
from wav2vec2_app.speech.transcript import Recognition

STATUS_S = 1.0
"""How often a session says how it goes, seconds."""

Recognize = Callable[[Float32], Awaitable[Recognition]]
"""Hears samples ``(n,)`` at 16 kHz."""
Send = Callable[[messages.Message], Awaitable[None]]


@dataclass(frozen=True)
class Wish:
    """What a client wants of its session."""

    model: str = AUTO_MODEL
    decoding: DecodingOptions = DEFAULT_OPTIONS

    def task(self, samples: Float32, session: str) -> AudioTask:
        """One pass over ``samples``."""
        audio = Audio(samples, SAMPLE_RATE_HZ, 1, "pcm/s16le")
        return AudioTask(
            audio=audio, live=True, model=self.model, decoding=self.decoding, session=session
        )


class LiveSession:
    """Runs passes one at a time, as the captioner asks for them.

    Args:
        recognize: hears one pass; its failure costs that pass, not the session.
        send: delivers a message; what it raises ends the session.
        rules: how captions are made.
        clock: monotonic, seconds.
    """

    def __init__(
        self,
        recognize: Recognize,
        send: Send,
        rules: Rules,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._recognize = recognize
        self._send = send
        self._captioner = Captioner(rules, clock)
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._finals = 0

    @property
    def arrived_s(self) -> float:
        """Audio that has arrived so far, seconds."""
        return self._captioner.arrived_s

    async def hear(self, samples: Float32) -> None:
        """Take in ``samples`` ``(n,)``; waits while there is no room, which holds back a client that
        sends faster than it can be heard.
        """
        while len(samples):
            now = samples[: self._captioner.room]
            self._captioner.hear(now)
            samples = samples[len(now) :]
            self._news.set()
            if len(samples):
                self._room.clear()
                await self._room.wait()

    def finish(self) -> None:
        """No more will be said; :meth:`run` returns once all is answered."""
        self._captioner.finish()
        self._news.set()

    async def run(self) -> None:
        """Hear and answer until :meth:`finish`; cancelling it stops a pass under way.

        Raises:
            Wav2Vec2Error: the session's wishes cannot be met by any pass.
        """
        status = asyncio.ensure_future(self._tell_status())
        try:
            while not self._captioner.done:
                asked = self._captioner.next_pass()
                self._room.set()
                if asked is not None:
                    await self._do(asked)
                elif not self._captioner.done:
                    await self._wait()
        finally:
            await cancel_all({status})
        await self._send(
            messages.Ended(arrived_s=round(self.arrived_s, 3), utterances=self._finals)
        )

    async def _do(self, asked: Pass) -> None:
        try:
            heard = await self._recognize(asked.samples)
        except (InputError, ModelError, CancelledError):
            raise
        except Wav2Vec2Error as error:
            captions = self._captioner.failed(asked)
            await self._send(messages.Notice(code=error.code, message=error.message))
        else:
            captions = self._captioner.answered(asked, heard)
        self._room.set()
        for caption in captions:
            self._finals += isinstance(caption, Final) and bool(caption.words)
            await self._send(messages.of_caption(caption, self._captioner))
        if not captions:
            await self._send(messages.status(self._captioner))

    async def _wait(self) -> None:
        """Until something arrives or it is time for the next pass."""
        wait_s = self._captioner.wait_s()
        timer = asyncio.get_running_loop().call_later(wait_s, self._news.set) if wait_s else None
        try:
            await self._news.wait()
        finally:
            if timer is not None:
                timer.cancel()
        self._news.clear()

    async def _tell_status(self) -> None:
        while True:
            await asyncio.sleep(STATUS_S)
            await self._send(messages.status(self._captioner))
