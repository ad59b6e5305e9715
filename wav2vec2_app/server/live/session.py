"""One live session: sends audio to the orchestrator in passes, and captions to the client."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from wav2vec2_app.errors import CancelledError, InputError, ModelError, Wav2Vec2Error
from wav2vec2_app.server.deadline import cancel_all
from wav2vec2_app.server.live.captioner import Captioner
from wav2vec2_app.server.live.captions import CaptionPolicy, FinalCaption, Pass
from wav2vec2_app.server.live.messages import (
    EndedMessage,
    LiveMessage,
    NoticeMessage,
    caption_message,
    status_message,
)
from wav2vec2_app.server.tasks import AudioTask
from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ, Audio, Float32
from wav2vec2_app.speech.models import AUTO_MODEL
from wav2vec2_app.speech.options import DEFAULT_OPTIONS, DecodingOptions
from wav2vec2_app.speech.transcript import Recognition

STATUS_INTERVAL_S = 1.0

Recognize = Callable[[Float32], Awaitable[Recognition]]
"""Transcribes samples ``(n,)`` at 16 kHz."""
SendMessage = Callable[[LiveMessage], Awaitable[None]]


@dataclass(frozen=True)
class SessionOptions:
    """The model and the decoding options of a session."""

    model: str = AUTO_MODEL
    decoding: DecodingOptions = DEFAULT_OPTIONS

    def task(self, samples: Float32, session: str) -> AudioTask:
        """The task of one pass over ``samples``."""
        audio = Audio(samples, SAMPLE_RATE_HZ, 1, "pcm/s16le")
        return AudioTask(
            audio=audio, live=True, model=self.model, decoding=self.decoding, session=session
        )


class LiveSession:
    """Runs the captioner's passes one at a time.

    Args:
        recognize: transcribes the audio of one pass; if it fails, the pass is repeated.
        send: delivers a message; its exceptions end the session.
        policy: how captions are made.
        clock: monotonic, seconds.
    """

    def __init__(
        self,
        recognize: Recognize,
        send: SendMessage,
        policy: CaptionPolicy,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._recognize = recognize
        self._send = send
        self._captioner = Captioner(policy, clock)
        self._wake = asyncio.Event()
        self._has_room = asyncio.Event()
        self._has_room.set()
        self._utterances = 0

    @property
    def arrived_s(self) -> float:
        """Audio that has arrived so far, seconds."""
        return self._captioner.arrived_s

    async def feed(self, samples: Float32) -> None:
        """Add ``samples`` ``(n,)``; waits while the buffer is full, which slows down a fast client."""
        while len(samples):
            fitting = samples[: self._captioner.room]
            self._captioner.append(fitting)
            samples = samples[len(fitting) :]
            self._wake.set()
            if len(samples):
                self._has_room.clear()
                await self._has_room.wait()

    def finish(self) -> None:
        """Announce the end of the audio; :meth:`run` returns when all of it is transcribed."""
        self._captioner.finish()
        self._wake.set()

    async def run(self) -> None:
        """Run passes and send captions until :meth:`finish`; cancelling it stops a running pass.

        Raises:
            Wav2Vec2Error: every pass would fail (the model or an option cannot be used).
        """
        status = asyncio.ensure_future(self._send_status())
        try:
            while not self._captioner.done:
                next_pass = self._captioner.next_pass()
                self._has_room.set()
                if next_pass is not None:
                    await self._run_pass(next_pass)
                elif not self._captioner.done:
                    await self._wait()
        finally:
            await cancel_all({status})
        await self._send(
            EndedMessage(arrived_s=round(self.arrived_s, 3), utterances=self._utterances)
        )

    async def _run_pass(self, running: Pass) -> None:
        try:
            recognition = await self._recognize(running.samples)
        except (InputError, ModelError, CancelledError):
            raise
        except Wav2Vec2Error as error:
            captions = self._captioner.pass_failed(running)
            await self._send(NoticeMessage(code=error.code, message=error.message))
        else:
            captions = self._captioner.pass_succeeded(running, recognition)
        self._has_room.set()
        for caption in captions:
            self._utterances += isinstance(caption, FinalCaption) and bool(caption.words)
            await self._send(caption_message(caption, self._captioner))
        if not captions:
            await self._send(status_message(self._captioner))

    async def _wait(self) -> None:
        """Until audio arrives or the next pass is due."""
        wait_s = self._captioner.wait_s()
        timer = asyncio.get_running_loop().call_later(wait_s, self._wake.set) if wait_s else None
        try:
            await self._wake.wait()
        finally:
            if timer is not None:
                timer.cancel()
        self._wake.clear()

    async def _send_status(self) -> None:
        while True:
            await asyncio.sleep(STATUS_INTERVAL_S)
            await self._send(status_message(self._captioner))
