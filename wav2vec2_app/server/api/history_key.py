"""The key of a history: a cookie of the browser, or a header of a program.

ASGI middleware: a browser that opens the page without a key gets one. Routes and Gradio's events find the
owner of the history in the scope of the request.
"""

from __future__ import annotations

import secrets
from contextlib import suppress
from http.cookies import CookieError, SimpleCookie
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from wav2vec2_app.errors import InputError, Wav2Vec2Error
from wav2vec2_app.server.api.access import OWN_PATHS
from wav2vec2_app.server.api.errors import respond
from wav2vec2_app.server.clients import HISTORY_IN_SCOPE, storing
from wav2vec2_app.server.storage.records import owner_of_key

HEADER: Final = "x-history-key"
HISTORY_COOKIE: Final = "wav2vec2_history"
KEY_BYTES: Final = 32
COOKIE_AGE_S: Final = 400 * 24 * 3600
"""How long a browser keeps the key after the last visit; browsers allow no more."""


class HistoryKeys:
    """The middleware.

    Args:
        app: everything behind it.
        path: of the page, which a browser opens first.
    """

    def __init__(self, app: ASGIApp, path: str = "/") -> None:
        self._app = app
        self._path = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        try:
            owner = _owner(headers)
        except Wav2Vec2Error as error:
            await respond(error)(scope, receive, send)
            return
        scope[HISTORY_IN_SCOPE] = owner
        if scope["method"] == "GET" and scope["path"] == self._path:
            send = _with_cookie(scope, _cookie(headers), send)
        if scope["path"].startswith(OWN_PATHS):
            with storing(owner):
                await self._app(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def history_owner(request: Request) -> str:
    """The owner of the history that a request is about.

    Raises:
        InputError: ``history.no_key``.
    """
    owner = str(request.scope.get(HISTORY_IN_SCOPE, ""))
    if not owner:
        raise InputError(
            "The request has no history key.",
            code="history.no_key",
            hint="Allow cookies for this page, or send a key of your own as `X-History-Key`.",
        )
    return owner


def _owner(headers: Headers) -> str:
    """The owner of the key in the header, else in the cookie; empty without a key.

    Raises:
        InputError: ``history.bad_key``.
    """
    if HEADER in headers:
        return owner_of_key(headers[HEADER].strip())
    key = _cookie(headers)
    return owner_of_key(key) if key else ""


def _cookie(headers: Headers) -> str:
    """The key in the cookie; empty if there is none that can be used."""
    with suppress(CookieError, InputError):
        morsel = SimpleCookie(headers.get("cookie", "")).get(HISTORY_COOKIE)
        if morsel is not None:
            owner_of_key(morsel.value)
            return morsel.value
    return ""


def _with_cookie(scope: Scope, key: str, send: Send) -> Send:
    """Give the browser its key, again or for the first time: a cookie that scripts cannot read.

    On a page served with TLS, the cookie is also sent where another site shows the page in a frame, as
    Hugging Face does; other sites cannot use it to send requests (``server/api/access.py``).
    """
    secure = scope["scheme"] == "https"
    rules = "SameSite=None; Secure; Partitioned" if secure else "SameSite=Lax"
    value = key or secrets.token_urlsafe(KEY_BYTES)
    cookie = f"{HISTORY_COOKIE}={value}; Path=/; Max-Age={COOKIE_AGE_S}; HttpOnly; {rules}"

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == 200:
            headers = MutableHeaders(scope=message)
            headers.append("set-cookie", cookie)
            headers["cache-control"] = "no-store"  # the key is this browser's alone
        await send(message)

    return sending
