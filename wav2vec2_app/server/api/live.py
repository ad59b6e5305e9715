"""Live captions over a WebSocket: 16-bit PCM frames in, JSON messages out."""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final
from urllib.parse import urlsplit

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from wav2vec2_app.errors import BusyError, InputError, TimedOutError, Wav2Vec2Error, translate
from wav2vec2_app.server.deadline import cancel_all
from wav2vec2_app.server.live import messages
from wav2vec2_app.server.live.captioner import Rules
from wav2vec2_app.server.live.resampler import Stream
from wav2vec2_app.server.live.session import LiveSession, Wish
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator
from wav2vec2_app.settings import Settings
from wav2vec2_app.speech import options
from wav2vec2_app.speech.audio import Float32
from wav2vec2_app.speech.models import AUTO_MODEL
from wav2vec2_app.speech.transcript import Recognition

logger = logging.getLogger(__name__)

MAX_MESSAGE_BYTES: Final = 512 * 1024
"""Largest message taken; several seconds of audio at any rate."""
CUT_OFF_BYTES: Final = 16 * 1024 * 1024
"""A message beyond this is not even read to its end; up to there the answer says what was wrong."""
RATES_HZ: Final = (8_000, 96_000)
"""Lowest and highest sampling rate taken."""
SMALL_BYTES, SMALL_PER_S, SMALL_AT_ONCE = 320, 400, 2000
"""Messages below 10 ms at 16 kHz are taken at this rate, after a first burst."""
RETRY_AFTER_S: Final = 10
"""When one who found no place should come back, seconds."""

NORMAL, POLICY, TOO_BIG, INTERNAL, TRY_LATER = 1000, 1008, 1009, 1011, 1013
"""Codes with which a WebSocket is closed (RFC 6455, section 7.4, and IANA's registry)."""

_CLOSE_CODES: Final = {"live.message_too_large": TOO_BIG, "live.busy": TRY_LATER}


class Places:
    """How many may speak at once."""

    def __init__(self, count: int) -> None:
        self._free = count

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """A place for as long as the block lasts.

        Raises:
            BusyError: all are taken.
        """
        if not self._free:
            raise BusyError(
                "All places for live captions are taken.",
                code="live.busy",
                hint="Try again in a moment, or record and transcribe as a whole.",
                metadata={"retry_after_s": RETRY_AFTER_S},
            )
        self._free -= 1
        try:
            yield
        finally:
            self._free += 1


def router(orchestrator: ModelOrchestrator, settings: Settings) -> APIRouter:
    """``/v1/live``."""
    routes = APIRouter(prefix="/v1")
    places = Places(settings.live_sessions)

    @routes.websocket("/live")
    async def live(socket: WebSocket) -> None:
        """One live session."""
        if not same_origin(socket):
            await socket.close(POLICY)  # before it is accepted: the browser sees HTTP 403
            return
        await socket.accept()
        try:
            async with places.one():
                await _Connection(socket, orchestrator, settings).serve()
        except WebSocketDisconnect:
            pass
        except Exception as failure:  # the seam where anything unforeseen becomes an answer
            error = translate(failure)
            if error is not failure:
                logger.exception("a live session failed")
            await _refuse(socket, error)

    return routes


def same_origin(socket: WebSocket) -> bool:
    """Whether a page of this server asks, or a program (which sends no ``Origin``)."""
    origin = socket.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == socket.headers.get("host")


class _Connection:
    """One client: its first message says how, then its audio goes into a session."""

    def __init__(
        self, socket: WebSocket, orchestrator: ModelOrchestrator, settings: Settings
    ) -> None:
        self._socket = socket
        self._orchestrator = orchestrator
        self._settings = settings
        self._id = f"live-{uuid.uuid4()}"
        self._sending = asyncio.Lock()
        self._small = float(SMALL_AT_ONCE)
        self._small_at_s = asyncio.get_running_loop().time()

    async def serve(self) -> None:
        """The whole session.

        Raises:
            WebSocketDisconnect: the client has gone.
            Wav2Vec2Error: the session cannot begin or go on.
        """
        wish, stream = _start(await self._receive())
        session = LiveSession(self._recognizer(wish), self._send, self._rules())
        await self._send(self._ready(wish))
        hearing = asyncio.ensure_future(self._hear(session, stream))
        answering = asyncio.ensure_future(session.run())
        try:
            await asyncio.wait({hearing, answering}, return_when=asyncio.FIRST_EXCEPTION)
            for work in (hearing, answering):
                if work.done():
                    work.result()
            await self._socket.close(NORMAL)
        finally:
            await cancel_all({hearing, answering})
            self._orchestrator.cancel_session(self._id)

    # --- out ---

    async def _send(self, message: messages.Message) -> None:
        async with self._sending:
            await self._socket.send_text(message.model_dump_json())

    def _ready(self, wish: Wish) -> messages.Ready:
        settings = self._settings
        return messages.Ready(
            session=self._id,
            model=wish.model,
            interval_s=settings.live_interval_s,
            pause_s=settings.live_pause_s,
            max_message_bytes=MAX_MESSAGE_BYTES,
            max_session_s=settings.live_session_s,
        )

    def _rules(self) -> Rules:
        settings = self._settings
        return Rules(settings.live_interval_s, settings.live_pause_s, settings.live_utterance_s)

    def _recognizer(self, wish: Wish) -> Any:
        async def recognize(samples: Float32) -> Recognition:
            result = await self._orchestrator.run(wish.task(samples, self._id))
            assert result.recognition is not None  # noqa: S101 - a transcript was wanted
            return result.recognition

        return recognize

    # --- in ---

    async def _hear(self, session: LiveSession, stream: Stream) -> None:
        """Pass the client's audio on until it says that was all."""
        while True:
            message = await self._receive()
            if isinstance(message, bytes):
                await session.hear(stream.take(message))
                self._bound_length(session)
            elif _object(message).get("type") == "stop":
                await session.hear(stream.take(b"", last=True))
                session.finish()
                return
            else:
                raise _bad("Only audio and “stop” can follow the first message.")

    async def _receive(self) -> str | bytes:
        """The client's next message."""
        receiving = asyncio.ensure_future(self._socket.receive())
        try:
            await asyncio.wait({receiving}, timeout=self._settings.live_idle_s)
            if not receiving.done():
                raise TimedOutError(
                    "Nothing arrived for a while.",
                    code="live.idle",
                    hint="Send silence where nobody speaks, or connect again.",
                    metadata={"limit_s": self._settings.live_idle_s},
                )
        finally:
            await cancel_all({receiving})
        event = receiving.result()
        if event["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(event.get("code", NORMAL))
        found = event.get("bytes")
        message: str | bytes = event.get("text") or "" if found is None else found
        self._bound_size(message)
        return message

    def _bound_size(self, message: str | bytes) -> None:
        """Refuse one message that is too large, and too many that are tiny."""
        if len(message) > MAX_MESSAGE_BYTES:
            raise InputError(
                "This message is too large.",
                code="live.message_too_large",
                hint=f"Send blocks of about 100 ms, at most {MAX_MESSAGE_BYTES} bytes.",
                metadata={"most": MAX_MESSAGE_BYTES},
            )
        if len(message) >= SMALL_BYTES:
            return
        now_s = asyncio.get_running_loop().time()
        earned = (now_s - self._small_at_s) * SMALL_PER_S
        self._small = min(SMALL_AT_ONCE, self._small + earned) - 1
        self._small_at_s = now_s
        if self._small < 0:
            raise InputError(
                "These blocks of audio are too small.",
                code="live.too_many_messages",
                hint="Send blocks of about 100 ms.",
            )

    def _bound_length(self, session: LiveSession) -> None:
        limit_s = self._settings.live_session_s
        if session.arrived_s > limit_s:
            raise InputError(
                f"A live session lasts {limit_s:.0f} s at most.",
                code="live.too_long",
                hint="Connect again to go on.",
                metadata={"limit_s": limit_s},
            )


# --- the first message ----------------------------------------------------------------------------

_FIELDS: Final = frozenset({"type", "sample_rate", "model"})
_READING: Final = frozenset(
    {"decoder", "beam_width", "lm_weight", "word_score", "hotwords", "hotword_boost"}
)


def _start(message: str | bytes) -> tuple[Wish, Stream]:
    """What the first message asks for.

    Raises:
        InputError: it makes no sense.
    """
    asked = _object(message)
    if asked.get("type") != "start":
        raise _bad("The first message has to be the start message.")
    unknown = sorted(set(asked) - _FIELDS - _READING)
    if unknown:
        raise _bad(f"The start message has an unknown field “{unknown[0][:40]}”.")
    rate_hz, model = asked.get("sample_rate", 16_000), asked.get("model") or AUTO_MODEL
    low, high = RATES_HZ
    if not isinstance(rate_hz, int) or isinstance(rate_hz, bool) or not low <= rate_hz <= high:
        raise _bad(f"`sample_rate` is a whole number from {low} to {high}.")
    if not isinstance(model, str):
        raise _bad("`model` is a name.")
    decoding = options.parse_options(**{name: asked[name] for name in _READING & set(asked)})
    return Wish(model, decoding), Stream(rate_hz)


def _object(message: str | bytes) -> dict[str, Any]:
    with suppress(ValueError, RecursionError):
        found = json.loads(message) if isinstance(message, str) else None
        if isinstance(found, dict):
            return found
    raise _bad("This message is no JSON object.")


def _bad(what: str) -> InputError:
    return InputError(
        what,
        code="live.bad_message",
        hint="Begin with {“type”: “start”, “sample_rate”: 16000}, then send 16-bit PCM; see docs/api.md.",
    )


async def _refuse(socket: WebSocket, error: Wav2Vec2Error) -> None:
    """Say why, and close; a client that has gone already is nobody's concern."""
    theirs = error.layer in ("validation", "context")
    code = _CLOSE_CODES.get(error.code, POLICY if theirs else INTERNAL)
    with suppress(RuntimeError, WebSocketDisconnect):
        await socket.send_text(messages.failure(error).model_dump_json())
        await socket.close(code)
