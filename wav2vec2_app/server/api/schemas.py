"""Routes of the published JSON schemas: ``GET /v1/schemas`` and ``GET /v1/schemas/{name}.json``."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from wav2vec2_app.errors import InputError
from wav2vec2_app.server import schema
from wav2vec2_app.server.api.errors import RequestFailed

MEDIA_TYPE = "application/schema+json"


def schema_router() -> APIRouter:
    """The routes."""
    routes = APIRouter(prefix="/v1", tags=["schemas"])

    @routes.get("/schemas")
    async def schemas() -> schema.JsonObject:
        """The addresses of the published schemas."""
        return {name: f"/v1/schemas/{name}.json" for name in schema.PUBLISHED}

    @routes.get("/schemas/{name}.json", responses={404: {"model": schema.ErrorResponse}})
    async def one(name: str) -> JSONResponse:
        """The JSON schema of an exported response."""
        if name not in schema.PUBLISHED:
            raise RequestFailed(
                InputError(
                    f"There is no schema called “{name[:40]}”.",
                    code="schema.unknown",
                    hint=f"Use one of: {', '.join(schema.PUBLISHED)}.",
                )
            )
        return JSONResponse(schema.json_schema(name), media_type=MEDIA_TYPE)

    return routes
