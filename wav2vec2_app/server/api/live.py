"""The route of live captions, ``/v1/live``: admission, and the end of a connection."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final
from urllib.parse import urlsplit

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from wav2vec2_app.errors import BusyError, Wav2Vec2Error, translate
from wav2vec2_app.server.api.cors import is_allowed
from wav2vec2_app.server.api.live_connection import LiveConnection
from wav2vec2_app.server.live.messages import error_message
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator
from wav2vec2_app.settings import Settings

logger = logging.getLogger(__name__)

RETRY_AFTER_S: Final = 10
"""When a client that was rejected with ``live.busy`` should try again, seconds."""

CLOSE_POLICY, CLOSE_TOO_BIG, CLOSE_INTERNAL, CLOSE_TRY_LATER = 1008, 1009, 1011, 1013
"""Close codes of a WebSocket (RFC 6455, section 7.4, and the IANA registry)."""

_CLOSE_CODES: Final = {
    "live.message_too_large": CLOSE_TOO_BIG,
    "live.busy": CLOSE_TRY_LATER,
}


class SessionSlots:
    """Limits the number of concurrent live sessions."""

    def __init__(self, count: int) -> None:
        self._free = count

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Holds a slot while the block runs.

        Raises:
            BusyError: ``live.busy``, if none is free.
        """
        if not self._free:
            raise BusyError(
                "The maximum number of concurrent live sessions is reached.",
                code="live.busy",
                hint="Try again in a moment, or record the speech and transcribe the file.",
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
    slots = SessionSlots(settings.live_sessions)

    @routes.websocket("/live")
    async def live(socket: WebSocket) -> None:
        """One live session."""
        if not is_same_origin(socket) and not is_allowed(
            socket.headers["origin"], settings.allowed_origins
        ):
            await socket.close(CLOSE_POLICY)  # not accepted yet: the browser sees HTTP 403
            return
        await socket.accept()
        try:
            async with slots.slot():
                await LiveConnection(socket, orchestrator, settings).serve()
        except WebSocketDisconnect:
            pass
        except Exception as failure:  # the boundary where unforeseen failures become a response
            error = translate(failure)
            if error is not failure:
                logger.exception("a live session failed")
            await _close(socket, error)

    return routes


def is_same_origin(socket: WebSocket) -> bool:
    """Whether the client is a page of this server, or a program (which sends no ``Origin``)."""
    origin = socket.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == socket.headers.get("host")


async def _close(socket: WebSocket, error: Wav2Vec2Error) -> None:
    """Send the error and close; a client that has disconnected already is ignored."""
    caused_by_client = error.layer in ("validation", "context")
    code = _CLOSE_CODES.get(error.code, CLOSE_POLICY if caused_by_client else CLOSE_INTERNAL)
    with suppress(RuntimeError, WebSocketDisconnect):
        await socket.send_text(error_message(error).model_dump_json())
        await socket.close(code)
