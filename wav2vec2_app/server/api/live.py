"""The route of live captions, ``/v1/live``: admission, and the end of a connection."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from wav2vec2_app.errors import BusyError, Wav2Vec2Error, translate
from wav2vec2_app.server.api.access import KEY_PROTOCOLS
from wav2vec2_app.server.api.live_connection import LiveConnection
from wav2vec2_app.server.api.origins import is_trusted_origin
from wav2vec2_app.server.clients import LOCAL, current_client
from wav2vec2_app.server.live.messages import error_message
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator
from wav2vec2_app.settings import Settings

logger = logging.getLogger(__name__)

LIVE_RETRY_AFTER_S: Final = 10
"""When a client that was rejected with ``live.busy`` should try again, seconds."""

CLOSE_POLICY, CLOSE_TOO_BIG, CLOSE_INTERNAL, CLOSE_TRY_LATER = 1008, 1009, 1011, 1013
"""Close codes of a WebSocket (RFC 6455, section 7.4, and the IANA registry)."""

_CLOSE_CODES: Final = {
    "live.message_too_large": CLOSE_TOO_BIG,
    "live.busy": CLOSE_TRY_LATER,
    "client.live": CLOSE_TRY_LATER,
}


class SessionSlots:
    """Limits the number of concurrent live sessions, in all and of each client.

    Args:
        count: sessions in all.
        per_client: sessions of one client, and never all unless there is only one; 0: unlimited.
    """

    def __init__(self, count: int, per_client: int = 0) -> None:
        self._free = count
        self._per_client = min(per_client, max(1, count - 1)) if per_client else count
        self._clients: Counter[str] = Counter()

    @asynccontextmanager
    async def slot(self, client: str = LOCAL) -> AsyncIterator[None]:
        """Holds a slot while the block runs.

        Raises:
            BusyError: ``live.busy`` if none is free, ``client.live`` if the client has too many.
        """
        if client != LOCAL and self._clients[client] >= self._per_client and self._free:
            raise BusyError(
                f"This client has {self._clients[client]} live sessions already.",
                code="client.live",
                hint="End one of them first.",
                metadata={"retry_after_s": LIVE_RETRY_AFTER_S, "limit": self._per_client},
            )
        if not self._free:
            raise BusyError(
                "The maximum number of concurrent live sessions is reached.",
                code="live.busy",
                hint="Try again in a moment, or record the speech and transcribe the file.",
                metadata={"retry_after_s": LIVE_RETRY_AFTER_S},
            )
        self._free -= 1
        self._clients[client] += 1
        try:
            yield
        finally:
            self._free += 1
            self._clients[client] -= 1
            if not self._clients[client]:
                del self._clients[client]


def router(orchestrator: ModelOrchestrator, settings: Settings) -> APIRouter:
    """``/v1/live``."""
    routes = APIRouter(prefix="/v1")
    slots = SessionSlots(settings.live_sessions, settings.client_live_sessions)

    @routes.websocket("/live")
    async def live(socket: WebSocket) -> None:
        """One live session."""
        if not may_connect(socket, settings):
            await socket.close(CLOSE_POLICY)  # not accepted yet: the browser sees HTTP 403
            return
        await socket.accept(subprotocol=_subprotocol(socket))
        try:
            async with slots.slot(current_client()):
                await LiveConnection(socket, orchestrator, settings).serve()
        except WebSocketDisconnect:
            pass
        except Exception as failure:  # the boundary where unforeseen failures become a response
            error = translate(failure)
            if error is not failure:
                logger.exception("a live session failed")
            await _close(socket, error)

    return routes


def may_connect(socket: WebSocket, settings: Settings) -> bool:
    """Whether the client is a page of this server or a trusted site, or a program (without ``Origin``)."""
    return is_trusted_origin(socket.headers, settings.trusted_origins)


def _subprotocol(socket: WebSocket) -> str | None:
    """The one to choose of those that the client offers: not the one with the key, if there is another."""
    offered: list[str] = socket.scope.get("subprotocols") or []
    plain = [protocol for protocol in offered if not protocol.startswith(KEY_PROTOCOLS)]
    return next(iter([*plain, *offered]), None)


async def _close(socket: WebSocket, error: Wav2Vec2Error) -> None:
    """Send the error and close; a client that has disconnected already is ignored."""
    caused_by_client = error.layer in ("validation", "context")
    code = _CLOSE_CODES.get(error.code, CLOSE_POLICY if caused_by_client else CLOSE_INTERNAL)
    with suppress(RuntimeError, WebSocketDisconnect):
        await socket.send_text(error_message(error).model_dump_json())
        await socket.close(code)
