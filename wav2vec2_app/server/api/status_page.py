"""Routes of the status view: ``GET /status``, and its changing part."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

NOT_STORED = {"Cache-Control": "no-store"}


def router(page: Callable[[], str], view: Callable[[], str]) -> APIRouter:
    """``/status`` and ``/status/view``; both are rendered at each request."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/status")
    async def status() -> HTMLResponse:
        """The state of the system as a page."""
        return HTMLResponse(page(), headers=NOT_STORED)

    @routes.get("/status/view")
    async def status_view() -> HTMLResponse:
        """What the page fetches again and again."""
        return HTMLResponse(view(), headers=NOT_STORED)

    return routes
