"""Lets pages of other sites use the routes (CORS): those of the origins in the settings, by default none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from wav2vec2_app.errors import InputError
from wav2vec2_app.server.api.errors import respond
from wav2vec2_app.server.api.origins import ANY_NAME

PATHS: Final = ("/v1/", "/healthz", "/readyz")
"""Beginnings of the paths that other sites may use; the page and its endpoints have rules of their own."""
METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
EXPOSED: Final = ("X-Request-Id", "X-Model", "Retry-After")
MAX_AGE_S: Final = 600
"""How long a browser may remember the permission, seconds."""


def is_allowed(origin: str, allowed: Sequence[str]) -> bool:
    """Whether an origin is in the settings; case and a slash at the end do not matter."""
    plain = origin.rstrip("/").lower()
    return any(one == ANY_NAME or one.rstrip("/").lower() == plain for one in allowed)


def with_cors(app: ASGIApp, origins: Sequence[str]) -> ASGIApp:
    """``app`` whose responses pages of the allowed origins can read."""
    return CORSMiddleware(
        app,
        allow_origins=[origin.rstrip("/").lower() for origin in origins],
        allow_methods=METHODS,
        allow_headers=[ANY_NAME],
        expose_headers=EXPOSED,
        max_age=MAX_AGE_S,
    )


class ApiCors:
    """Answers preflight requests for the routes and adds the headers of CORS to their responses.

    Args:
        app: everything behind it.
        origins: the allowed ones, or :data:`ANY_NAME`.
    """

    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        self._app = app
        self._origins = origins
        self._cors = with_cors(app, origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(PATHS):
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        origin = request.headers.get("origin", "")
        if request.method == "OPTIONS" and not is_allowed(origin, self._origins):
            await _without_permission(origin)(scope, receive, send)
            return
        await self._cors(scope, receive, send)


def _without_permission(origin: str) -> Response:
    """The answer to OPTIONS: which methods there are, or why another site may not use them."""
    if not origin:
        return Response(status_code=204, headers={"Allow": ", ".join(METHODS)})
    error = InputError(
        "Pages of this origin may not use the server.",
        code="request.origin_not_allowed",
        hint="Add the origin to WAV2VEC2_TRUSTED_ORIGINS, or send the request from a program.",
        metadata={"origin": origin[:200]},
    )
    response = respond(error)
    response.headers["Vary"] = "Origin"
    return response
