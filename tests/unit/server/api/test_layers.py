"""``POST /v1/audio/layers``."""

from __future__ import annotations

import httpx
import pytest
from fastapi import FastAPI

from tests.doubles import FakeAdapter, make_layers
from tests.unit.conftest import Start
from wav2vec2_app.server.api import add_routes
from wav2vec2_app.server.operations import Operation
from wav2vec2_app.settings import Settings
from wav2vec2_app.speech.exploration import ExploredLayers
from wav2vec2_app.speech.picture_window import PictureWindow

URL = "/v1/audio/layers"


@pytest.fixture
async def client(start: Start, adapter: FakeAdapter) -> httpx.AsyncClient:
    app = FastAPI()
    settings = Settings(max_bytes=1000)
    orchestrator = await start(adapter)
    add_routes(app, orchestrator, settings, render_metrics=bytes, metrics_content_type="text/plain")
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://server")


async def test_layers_of_a_part_of_a_file(client: httpx.AsyncClient, adapter: FakeAdapter) -> None:
    for _ in range(2):
        adapter.answer(Operation.EXPLORE, make_layers())
    data = {"start": "0.2", "end": "0.8", "layer": "1", "columns": "50"}
    answer = await client.post(URL, files={"file": b"x"}, data=data)
    by_default = await client.post(URL, files={"file": b"x"})

    assert answer.status_code == by_default.status_code == 200, answer.text
    assert [one["text"] for one in answer.json()["layers"]] == ["", "A", "A"]
    assert answer.headers["x-request-id"] == answer.json()["request_id"]
    wanted = [one.task.explored for one in adapter.calls if one.operation is Operation.EXPLORE]
    assert wanted == [
        ExploredLayers(PictureWindow(0.2, 0.8), 1, 50),
        ExploredLayers(PictureWindow(0.0, 30.0), None, 240),
    ]


@pytest.mark.parametrize(
    ("files", "data", "code"),
    [
        ({}, {}, "audio.missing"),
        ({"file": b"x"}, {"start": "x"}, "explore.bad_value"),
        ({"file": b"x"}, {"start": "2", "end": "2"}, "explore.bad_value"),
        ({"file": b"x"}, {"layer": "two"}, "explore.bad_value"),
        ({"file": b"x"}, {"end": "30.1"}, "explore.too_long"),
    ],
)
async def test_unusable_part_is_refused_with_a_hint(
    client: httpx.AsyncClient, files: dict[str, bytes], data: dict[str, str], code: str
) -> None:
    answer = await client.post(URL, files=files, data=data)

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == code
    assert answer.json()["error"]["hint"]
