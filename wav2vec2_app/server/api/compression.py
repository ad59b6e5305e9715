"""Compresses the page, the largest thing that a browser loads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.middleware.gzip import GZipMiddleware

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

GZIP_LEVEL: Final = 5
"""Of gzip: higher ones take twice the time for 2 % of the bytes."""
COMPRESSED: Final = frozenset({"", "/", "/config"})
"""The page, and its description for ``gradio_client``."""


class CompressPage:
    """Middleware that compresses the page for clients that accept gzip; all else passes untouched."""

    def __init__(self, app: ASGIApp) -> None:
        self._plain = app
        self._compressed = GZipMiddleware(app, compresslevel=GZIP_LEVEL)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        compressed = scope["type"] == "http" and _route(scope) in COMPRESSED
        await (self._compressed if compressed else self._plain)(scope, receive, send)


def _route(scope: Scope) -> str:
    path, root = str(scope["path"]), str(scope.get("root_path", ""))
    return path.removeprefix(root)
