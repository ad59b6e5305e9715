"""Pages of other sites may use the routes only if the settings name their origin."""

from __future__ import annotations

import httpx
import pytest

from tests.unit.server.api.test_routes import ALIGNMENTS, FILE, URL, make_app
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator

ORIGIN = "https://app.example.org"
PATHS = [URL, ALIGNMENTS, "/v1/models", "/v1/models/auto", "/healthz"]


def preflight(origin: str = ORIGIN) -> dict[str, str]:
    return {
        "origin": origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type,x-stainless-lang",
    }


def connect(orchestrator: ModelOrchestrator, *origins: str) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(make_app(orchestrator, trusted_origins=origins))
    return httpx.AsyncClient(transport=transport, base_url="http://server")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("allowed", [ORIGIN, f"{ORIGIN}/", ORIGIN.upper(), "*"])
async def test_preflight_of_an_allowed_origin_succeeds(
    orchestrator: ModelOrchestrator, path: str, allowed: str
) -> None:
    async with connect(orchestrator, "https://other.example", allowed) as client:
        answer = await client.options(path, headers=preflight())

    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] in {ORIGIN, "*"}
    assert "authorization" in answer.headers["access-control-allow-headers"].lower()
    assert "POST" in answer.headers["access-control-allow-methods"]


@pytest.mark.parametrize("origins", [(), ("https://other.example",)])
@pytest.mark.parametrize("origin", [ORIGIN, "null", "http://localhost:3000"])
async def test_preflight_of_another_origin_is_refused(
    orchestrator: ModelOrchestrator, origins: tuple[str, ...], origin: str
) -> None:
    async with connect(orchestrator, *origins) as client:
        answer = await client.options(URL, headers=preflight(origin))

    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers
    assert answer.json()["error"]["code"] == "request.origin_not_allowed"


async def test_options_without_an_origin_lists_the_methods(
    orchestrator: ModelOrchestrator,
) -> None:
    async with connect(orchestrator) as client:
        answer = await client.options(URL)

    assert answer.status_code == 204
    assert "POST" in answer.headers["allow"]


async def test_response_to_an_allowed_origin_can_be_read_by_its_page(
    orchestrator: ModelOrchestrator,
) -> None:
    async with connect(orchestrator, ORIGIN) as client:
        answer = await client.post(URL, files=FILE, headers={"origin": ORIGIN})
        failed = await client.post(URL, headers={"origin": ORIGIN})
        other = await client.post(URL, files=FILE, headers={"origin": "https://other.example"})

    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert "X-Request-Id" in answer.headers["access-control-expose-headers"]
    assert failed.headers["access-control-allow-origin"] == ORIGIN
    assert "access-control-allow-origin" not in other.headers
