"""One WebSocket of live captions: PCM in, JSON messages out, and the limits on both."""

from __future__ import annotations

import asyncio
import uuid
from typing import Final

from fastapi import WebSocket, WebSocketDisconnect

from wav2vec2_app.errors import InputError, TimedOutError
from wav2vec2_app.server.deadline import cancel_all
from wav2vec2_app.server.live.captions import CaptionPolicy
from wav2vec2_app.server.live.encoding import EncodingCheck
from wav2vec2_app.server.live.messages import LiveMessage, NoticeMessage, ReadyMessage
from wav2vec2_app.server.live.resampler import PcmResampler
from wav2vec2_app.server.live.session import LiveSession, Recognize, SessionOptions
from wav2vec2_app.server.live.start import (
    LiveStart,
    bad_message,
    is_keep_alive,
    is_stop,
    parse_start,
)
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator
from wav2vec2_app.settings import Settings
from wav2vec2_app.speech.audio import Float32
from wav2vec2_app.speech.transcript import Recognition

CLOSE_NORMAL: Final = 1000
MAX_MESSAGE_BYTES: Final = 512 * 1024
"""Largest accepted message: several seconds of audio at any rate."""
MAX_READ_BYTES: Final = 16 * 1024 * 1024
"""A larger message is cut off while it arrives; up to this size the client receives an error message."""
SMALL_BYTES: Final = 320
"""Messages below this size (10 ms at 16 kHz) are limited in number."""
SMALL_PER_S: Final = 400
SMALL_BURST: Final = 2000


class SmallMessageLimit:
    """A token bucket for messages below :data:`SMALL_BYTES`."""

    def __init__(self, now_s: float) -> None:
        self._tokens = float(SMALL_BURST)
        self._updated_s = now_s

    def count(self, now_s: float) -> None:
        """Count one small message.

        Raises:
            InputError: ``live.too_many_messages``.
        """
        earned = (now_s - self._updated_s) * SMALL_PER_S
        self._tokens = min(SMALL_BURST, self._tokens + earned) - 1
        self._updated_s = now_s
        if self._tokens < 0:
            raise InputError(
                "Too many very small blocks of audio were sent.",
                code="live.too_many_messages",
                hint="Send blocks of about 100 ms.",
            )


class LiveConnection:
    """One client: its first message has the options, then its audio is transcribed."""

    def __init__(
        self, socket: WebSocket, orchestrator: ModelOrchestrator, settings: Settings
    ) -> None:
        self._socket = socket
        self._orchestrator = orchestrator
        self._settings = settings
        self._id = f"live-{uuid.uuid4()}"
        self._sending = asyncio.Lock()
        self._small_messages = SmallMessageLimit(asyncio.get_running_loop().time())

    async def serve(self) -> None:
        """Run the session until its end.

        Raises:
            WebSocketDisconnect: the client disconnected.
            Wav2Vec2Error: the session cannot begin or continue.
        """
        start = parse_start(await self._receive(), self._orchestrator.status())
        options = start.options
        session = LiveSession(self._recognizer(options), self._send, self._policy())
        await self._send(self._ready(options))
        if start.ignored:
            fields = ", ".join(f"`{name}`" for name in start.ignored[:10])
            await self._send(
                _notice("live.unknown_field", f"Unknown fields are ignored: {fields}.")
            )
        receiving = asyncio.ensure_future(self._receive_audio(session, start))
        captioning = asyncio.ensure_future(session.run())
        try:
            await asyncio.wait({receiving, captioning}, return_when=asyncio.FIRST_EXCEPTION)
            for work in (receiving, captioning):
                if work.done():
                    work.result()
            await self._socket.close(CLOSE_NORMAL)
        finally:
            await cancel_all({receiving, captioning})
            self._orchestrator.cancel_session(self._id)

    # --- out ---

    async def _send(self, message: LiveMessage) -> None:
        async with self._sending:
            await self._socket.send_text(message.model_dump_json())

    def _ready(self, options: SessionOptions) -> ReadyMessage:
        settings = self._settings
        return ReadyMessage(
            session=self._id,
            model=options.model,
            interval_s=settings.live_interval_s,
            pause_s=settings.live_pause_s,
            max_message_bytes=MAX_MESSAGE_BYTES,
            max_session_s=settings.live_session_s,
        )

    def _policy(self) -> CaptionPolicy:
        settings = self._settings
        return CaptionPolicy(
            settings.live_interval_s, settings.live_pause_s, settings.live_utterance_s
        )

    def _recognizer(self, options: SessionOptions) -> Recognize:
        async def recognize(samples: Float32) -> Recognition:
            result = await self._orchestrator.run(options.task(samples, self._id))
            assert result.recognition is not None  # noqa: S101 - the task wants a transcript
            return result.recognition

        return recognize

    # --- in ---

    async def _receive_audio(self, session: LiveSession, start: LiveStart) -> None:
        """Pass the client's audio to the session until its ``stop`` message, or an empty message."""
        resampler = PcmResampler(start.rate_hz, start.encoding)
        encoding = EncodingCheck(start.encoding)
        while not self._is_end(message := await self._receive()):
            if isinstance(message, bytes):
                await self._notice_encoding(encoding.add(message))
                await session.feed(resampler.resample(message))
                self._check_length(session)
        await self._notice_encoding(encoding.finish())
        await session.feed(resampler.resample(b"", last=True))
        session.finish()

    def _is_end(self, message: str | bytes) -> bool:
        """Whether a message ends the audio.

        Raises:
            InputError: ``live.bad_message``.
        """
        if isinstance(message, bytes):
            return not message
        if is_stop(message):
            return True
        if not is_keep_alive(message):
            raise bad_message("After the start message only audio and a stop message may follow.")
        return False

    async def _notice_encoding(self, notice: str) -> None:
        if notice:
            await self._send(_notice("live.encoding", notice))

    async def _receive(self) -> str | bytes:
        """The client's next message."""
        receiving = asyncio.ensure_future(self._socket.receive())
        try:
            await asyncio.wait({receiving}, timeout=self._settings.live_idle_s)
            if not receiving.done():
                raise self._idle()
        finally:
            await cancel_all({receiving})
        event = receiving.result()
        if event["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(event.get("code", CLOSE_NORMAL))
        data = event.get("bytes")
        message: str | bytes = event.get("text") or "" if data is None else data
        self._check_size(message)
        return message

    def _idle(self) -> TimedOutError:
        limit_s = self._settings.live_idle_s
        return TimedOutError(
            f"No audio arrived for {limit_s:g} s.",
            code="live.idle",
            hint="Send audio without interruption (silence, too), or connect again.",
            metadata={"limit_s": limit_s},
        )

    def _check_size(self, message: str | bytes) -> None:
        if len(message) < SMALL_BYTES:
            self._small_messages.count(asyncio.get_running_loop().time())
        if len(message) > MAX_MESSAGE_BYTES:
            raise InputError(
                f"The message has {len(message)} bytes; the limit is {MAX_MESSAGE_BYTES}.",
                code="live.message_too_large",
                hint="Send blocks of about 100 ms.",
                metadata={"most": MAX_MESSAGE_BYTES},
            )

    def _check_length(self, session: LiveSession) -> None:
        limit_s = self._settings.live_session_s
        if session.arrived_s > limit_s:
            raise InputError(
                f"The session reached its maximum length of {limit_s:.0f} s.",
                code="live.too_long",
                hint="Connect again to continue.",
                metadata={"limit_s": limit_s},
            )


def _notice(code: str, message: str) -> NoticeMessage:
    return NoticeMessage(code=code, message=message)
