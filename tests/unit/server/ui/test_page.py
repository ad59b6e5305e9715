import json
from pathlib import Path

import gradio as gr
import httpx
import pytest
from fastapi import FastAPI

from wav2vec2_app.server.assets import assets_path
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator
from wav2vec2_app.server.ui.layout import Example
from wav2vec2_app.server.ui.page import build_page, load_examples, mount_page, upload_ceiling
from wav2vec2_app.server.ui.render import pictures
from wav2vec2_app.settings import Settings

SETTINGS = Settings(max_bytes=1000)


@pytest.fixture
async def page(orchestrator: ModelOrchestrator, tmp_path: Path) -> gr.Blocks:
    example = Example(tmp_path / "clip.wav", "A clip <1>")
    return build_page(orchestrator, SETTINGS, examples=[example], assets=assets_path())


async def test_every_picture_has_its_place(page: gr.Blocks) -> None:
    ids = {block.elem_id for block in page.blocks.values()}

    assert {f"picture-{place.name}" for place in pictures.PLACES} <= ids
    assert {"status", "problem", "transcript", "actions", "words", "latency", "memory"} <= ids


async def test_recordings_are_not_converted(page: gr.Blocks) -> None:
    audios = [block for block in page.blocks.values() if isinstance(block, gr.Audio)]

    assert {(one.format, one.type) for one in audios} == {(None, "filepath")}


async def test_mounted_page_requests_nothing_from_other_hosts(page: gr.Blocks) -> None:
    app = mount_page(FastAPI(), page, SETTINGS, assets=assets_path())
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://page") as client:
        answer = await client.get("/")
        config = (await client.get("/config")).json()

    assert answer.status_code == 200
    assert "fonts.googleapis" not in answer.text
    assert config["stylesheets"] == []
    assert config["analytics_enabled"] is False
    assert config["footer_links"] == ["api"]


async def test_mounted_page_rejects_paths_that_were_not_uploaded(
    page: gr.Blocks, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.wav"
    secret.write_bytes(b"RIFF")
    app = mount_page(FastAPI(), page, SETTINGS, assets=assets_path())
    stolen = {"path": str(secret), "meta": {"_type": "gradio.FileData"}}
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://page") as client:
        answer = await client.post(
            "/gradio_api/run/transcribe", json={"data": [stolen, "auto"], "session_hash": "x"}
        )

    assert answer.status_code >= 400
    assert page.has_launched


def test_upload_a_little_too_large_gets_the_typed_error() -> None:
    assert upload_ceiling(SETTINGS) == 2000


def test_examples_are_read_from_their_listing(tmp_path: Path) -> None:
    listing = [{"file": "a.flac", "title": "A", "text": "hello", "voice": "x"}, {"file": "b.flac"}]
    listing[1]["title"] = "B"
    (tmp_path / "examples.json").write_text(json.dumps(listing))

    assert load_examples(tmp_path) == (
        Example(tmp_path / "a.flac", "A", "hello"),
        Example(tmp_path / "b.flac", "B"),
    )


async def test_page_works_without_examples(orchestrator: ModelOrchestrator, tmp_path: Path) -> None:
    assert load_examples(tmp_path) == ()
    assert build_page(orchestrator, SETTINGS, examples=(), assets=assets_path())
