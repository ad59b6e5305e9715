"""The page is compressed for clients that can read it; nothing else is touched."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from wav2vec2_app.server.api.compression import CompressPage

TEXT = "a long page " * 200


def client(root_path: str = "") -> TestClient:
    async def answer(request: Request) -> Response:
        return PlainTextResponse(TEXT)

    paths = ("/", "/config", "/v1/audio/transcriptions")
    app = Starlette(routes=[Route(path, answer) for path in paths])
    app.add_middleware(CompressPage)
    return TestClient(app, root_path=root_path)


@pytest.mark.parametrize("root_path", ["", "/demo"])
@pytest.mark.parametrize("path", ["/", "/config"])
def test_page_is_compressed(root_path: str, path: str) -> None:
    answer = client(root_path).get(root_path + path, headers={"Accept-Encoding": "gzip"})

    assert answer.headers["content-encoding"] == "gzip"
    assert int(answer.headers["content-length"]) < len(TEXT) / 10
    assert answer.text == TEXT


def test_client_that_cannot_read_it_gets_it_as_it_is() -> None:
    answer = client().get("/", headers={"Accept-Encoding": "identity"})

    assert "content-encoding" not in answer.headers
    assert answer.text == TEXT


def test_answers_of_the_api_are_untouched() -> None:
    answer = client().get("/v1/audio/transcriptions", headers={"Accept-Encoding": "gzip"})

    assert "content-encoding" not in answer.headers
