"""Access to the whole server: host names, origins, API keys, and the bytes that a client may upload.

ASGI middleware around all routes, Gradio's and WebSockets included.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ipaddress
import time
from collections.abc import Callable
from contextlib import suppress
from http.cookies import CookieError, SimpleCookie
from typing import Final
from urllib.parse import unquote

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from wav2vec2_app.errors import BusyError, InputError, ResourceError, Wav2Vec2Error, translate
from wav2vec2_app.server.api.cors import with_cors
from wav2vec2_app.server.api.disk import check_free_space
from wav2vec2_app.server.api.errors import respond
from wav2vec2_app.server.api.origins import is_trusted_host, is_trusted_origin
from wav2vec2_app.server.api.quota import UploadQuota
from wav2vec2_app.server.clients import ADDRESS, CLIENT_IN_SCOPE, KEY, answering
from wav2vec2_app.settings import Settings

OPEN_PATHS: Final = frozenset({"/health", "/healthz", "/readyz"})
"""Paths that need no key."""
OWN_PATHS: Final = "/v1/"
"""Paths whose tasks are made during the request; Gradio makes them later, in tasks of its queue."""
COOKIE: Final = "wav2vec2_key"
CLOSE_REJECTED: Final = 1008
ASK_FOR_KEY: Final = 'Basic realm="wav2vec2_app", charset="UTF-8"'
KEY_PROTOCOLS: Final = ("wav2vec2-key.", "openai-insecure-api-key.")
"""Beginnings of the WebSocket subprotocol that has the key, percent-encoded: a page cannot send headers."""


class Access:
    """The middleware.

    Args:
        app: what it protects.
        settings: host names, origins, keys and limits.
        clock: monotonic, seconds.
    """

    def __init__(
        self, app: ASGIApp, settings: Settings, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._app = app
        self._settings = settings
        self._keys = {_digest(key.get_secret_value()) for key in settings.api_keys}
        self._quota = UploadQuota(settings.client_upload_bytes, clock=clock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        key = _known_key(headers, self._keys) if self._keys else ""
        client = f"{KEY}{key[:16]}" if key else _address(scope)
        try:
            self._check(scope, headers, key)
            receive = self._limited(scope, headers, receive, client)
        except Wav2Vec2Error as error:
            await self._reject(error, scope, receive, send)
            return
        scope[CLIENT_IN_SCOPE] = client
        await self._run(scope, receive, _with_cookie(headers, key, send), client)

    def _check(self, scope: Scope, headers: Headers, key: str) -> None:
        if scope["path"] in OPEN_PATHS:
            return
        settings = self._settings
        if not is_trusted_host(headers.get("host", ""), settings.trusted_hosts, settings.host):
            raise _untrusted_host()
        if not is_trusted_origin(headers, settings.trusted_origins):
            raise _untrusted_origin()
        preflight = scope.get("method") == "OPTIONS"  # browsers send it without the key
        if self._keys and not key and not preflight:
            raise _no_key()

    def _limited(self, scope: Scope, headers: Headers, receive: Receive, client: str) -> Receive:
        """``receive`` that counts the body of an upload; what is announced is checked beforehand.

        Raises:
            BusyError: ``client.uploads``.
            ResourceError: ``resource.disk``.
        """
        if scope["type"] != "http" or scope["method"] != "POST":
            return receive
        announced = headers.get("content-length", "")
        size = int(announced) if announced.isdigit() else 0
        self._quota.check(client, size)
        check_free_space(size)

        async def counted() -> Message:
            message = await receive()
            self._quota.add(client, len(message.get("body", b"")))
            return message

        return counted

    async def _run(self, scope: Scope, receive: Receive, send: Send, client: str) -> None:
        """Run the application; a full disk or an exceeded quota is a typed response."""
        began = False

        async def noting(message: Message) -> None:
            nonlocal began
            began = True
            await send(message)

        try:
            if scope["path"].startswith(OWN_PATHS):
                with answering(client):
                    await self._app(scope, receive, noting)
            else:
                await self._app(scope, receive, noting)
        except (OSError, BusyError) as failure:
            error = translate(failure)
            if began or scope["type"] != "http" or not isinstance(error, ResourceError):
                raise
            await self._reject(error, scope, receive, send)

    async def _reject(
        self, error: Wav2Vec2Error, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Respond with an error, which a page of an allowed origin can read."""
        if scope["type"] == "websocket":
            await send(
                {"type": "websocket.close", "code": CLOSE_REJECTED}
            )  # a browser sees HTTP 403
            return
        answer = respond(error)
        if error.code == "access.key":
            answer.headers["WWW-Authenticate"] = ASK_FOR_KEY
        response: ASGIApp = answer
        if scope["method"] != "OPTIONS":  # to a preflight, the headers would be a permission
            response = with_cors(response, self._settings.trusted_origins)
        await response(scope, receive, send)


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _known_key(headers: Headers, known: set[str]) -> str:
    """The digest of the key that a request has; empty if it has no valid one."""
    sent = {_digest(key) for key in _sent_keys(headers)} | {_cookie(headers)}
    return next(
        (one for one in known if any(hmac.compare_digest(one, given) for given in sent)), ""
    )


def _sent_keys(headers: Headers) -> list[str]:
    keys = [headers[name] for name in ("x-api-key", "api-key") if name in headers]
    for protocol in _protocols(headers):
        keys += [unquote(protocol[len(p) :]) for p in KEY_PROTOCOLS if protocol.startswith(p)]
    kind, _, value = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        keys.append(value.strip())
    if kind.lower() == "basic":
        with suppress(binascii.Error, UnicodeDecodeError):
            keys.append(base64.b64decode(value).decode().partition(":")[2])
    return keys


def _protocols(headers: Headers) -> list[str]:
    """The WebSocket subprotocols that a client offers."""
    offered = ",".join(headers.getlist("sec-websocket-protocol")).split(",")
    return [protocol.strip() for protocol in offered if protocol.strip()]


def _cookie(headers: Headers) -> str:
    with suppress(CookieError):
        morsel = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
        return morsel.value if morsel is not None and morsel.value.isascii() else ""
    return ""


def _with_cookie(headers: Headers, key: str, send: Send) -> Send:
    """Give a browser that sent its key a cookie: not every one repeats the key for a WebSocket."""
    if not headers.get("authorization", "").lower().startswith("basic") or not key:
        return send

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            cookie = f"{COOKIE}={key}; Path=/; HttpOnly; SameSite=Strict"
            MutableHeaders(scope=message).append("set-cookie", cookie)
        await send(message)

    return sending


def _address(scope: Scope) -> str:
    """The client's network address; of IPv6 the network, which is what one client gets."""
    host = (scope.get("client") or ("unknown", 0))[0]
    with suppress(ValueError):
        address = ipaddress.ip_address(host)
        if address.version == 6 and not address.is_loopback:
            host = str(ipaddress.ip_network(f"{host}/64", strict=False))
    return f"{ADDRESS}{host}"


def _untrusted_host() -> InputError:
    return InputError(
        "The server is not known under this host name.",
        code="access.host",
        hint="Use its IP address, or add the name to WAV2VEC2_TRUSTED_HOSTS.",
    )


def _untrusted_origin() -> InputError:
    return InputError(
        "A page on another site cannot use this server.",
        code="access.origin",
        hint="Add the origin of the page to WAV2VEC2_TRUSTED_ORIGINS.",
    )


def _no_key() -> InputError:
    return InputError(
        "The request has no valid API key.",
        code="access.key",
        hint="Send `Authorization: Bearer KEY`; in a browser, enter the key as the password.",
    )
