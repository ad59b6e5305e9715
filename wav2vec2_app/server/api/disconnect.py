"""Watches for clients that close their connection."""

from __future__ import annotations

from fastapi import Request


async def disconnected(request: Request) -> None:
    """Return when the client of a request, whose body has been read, closes the connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
