import json
from pathlib import Path

import gradio as gr
import httpx
import pytest
from fastapi import FastAPI

from wav2vec2_app.server.build import assets_path
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator
from wav2vec2_app.server.ui import decoding, pictures
from wav2vec2_app.server.ui.page import (
    Example,
    build_page,
    load_examples,
    mount_page,
    upload_ceiling,
)
from wav2vec2_app.settings import Settings
from wav2vec2_app.speech import options
from wav2vec2_app.speech.options import DEFAULT_OPTIONS

SETTINGS = Settings(max_bytes=1000)


@pytest.fixture
async def page(orchestrator: ModelOrchestrator, tmp_path: Path) -> gr.Blocks:
    example = Example(tmp_path / "clip.wav", "A clip <1>")
    return build_page(orchestrator, SETTINGS, examples=[example], assets=assets_path())


SETTINGS_OF_A_READING = {
    "decoder": "auto",
    "beam_width": DEFAULT_OPTIONS.beam_width,
    "lm_weight": DEFAULT_OPTIONS.lm_weight,
    "word_score": DEFAULT_OPTIONS.word_score,
    "hotwords": "",
    "hotword_boost": 6.0,
}


async def test_clients_see_six_endpoints_and_nothing_of_the_page(page: gr.Blocks) -> None:
    named = page.get_api_info()["named_endpoints"]

    assert set(named) == {
        "/transcribe", "/analyze", "/read", "/align", "/capabilities", "/status",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("endpoint", "first"),
    [
        ("/transcribe", {"audio": None, "model": "auto"}),
        ("/analyze", {"audio": None, "model": "auto"}),
        ("/read", {"request_id": ""}),
    ],
)
async def test_settings_of_an_endpoint_have_their_defaults(
    page: gr.Blocks, endpoint: str, first: dict
) -> None:
    parameters = page.get_api_info()["named_endpoints"][endpoint]["parameters"]

    told = {one["parameter_name"]: one["parameter_default"] for one in parameters}
    assert told == {**first, **SETTINGS_OF_A_READING}
    assert list(told) == [*first, *SETTINGS_OF_A_READING]


async def test_everything_but_the_text_may_be_left_out_of_an_alignment(page: gr.Blocks) -> None:
    parameters = page.get_api_info()["named_endpoints"]["/align"]["parameters"]

    assert [one["parameter_name"] for one in parameters] == ["audio", "text", "request_id", "model"]
    assert all(one["parameter_has_default"] for one in parameters)


async def test_panel_begins_with_the_usual_settings(page: gr.Blocks) -> None:
    by_id = {block.elem_id: block for block in page.blocks.values() if block.elem_id}
    names = ("decoder", "beam-width", "lm-weight", "word-score", "hotwords", "hotword-boost")

    assert tuple(by_id[name].value for name in names) == decoding.defaults()
    assert options.parse_options(*decoding.defaults()) == DEFAULT_OPTIONS
    for slider_name in ("beam_width", "lm_weight", "word_score", "hotword_boost"):
        option, slider = options.OPTION[slider_name], by_id[slider_name.replace("_", "-")]
        assert option.low <= slider.minimum < slider.maximum <= option.high


async def test_gradios_queue_holds_no_request_back(page: gr.Blocks) -> None:
    limits = {fn.concurrency_limit for fn in page.fns.values() if fn.queue and fn.fn}

    assert limits <= {None, "default"}
    assert page._queue.default_concurrency_limit is None
    assert page._queue.max_size is None


async def test_every_picture_has_its_place(page: gr.Blocks) -> None:
    ids = {block.elem_id for block in page.blocks.values()}

    assert {f"picture-{place.name}" for place in pictures.PLACES} <= ids
    assert {"status", "problem", "transcript", "actions", "words", "latency", "memory"} <= ids


async def test_recordings_are_kept_as_they_are(page: gr.Blocks) -> None:
    audios = [block for block in page.blocks.values() if isinstance(block, gr.Audio)]

    assert {(one.format, one.type) for one in audios} == {(None, "filepath")}


async def test_mounted_page_asks_nothing_of_other_hosts(page: gr.Blocks) -> None:
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


async def test_mounted_page_takes_no_path_that_was_not_uploaded(
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


def test_upload_a_little_too_large_still_reaches_the_typed_refusal() -> None:
    assert upload_ceiling(SETTINGS) == 2000


def test_examples_are_read_from_their_listing(tmp_path: Path) -> None:
    listing = [{"file": "a.flac", "title": "A", "text": "hello", "voice": "x"}, {"file": "b.flac"}]
    listing[1]["title"] = "B"
    (tmp_path / "examples.json").write_text(json.dumps(listing))

    assert load_examples(tmp_path) == (
        Example(tmp_path / "a.flac", "A", "hello"),
        Example(tmp_path / "b.flac", "B"),
    )


async def test_page_does_without_examples(orchestrator: ModelOrchestrator, tmp_path: Path) -> None:
    assert load_examples(tmp_path) == ()
    assert build_page(orchestrator, SETTINGS, examples=(), assets=assets_path())


def test_every_slider_starts_on_one_of_its_steps(page: gr.Blocks) -> None:
    """A browser moves a slider that does not, and the page would take that for a person's change."""
    sliders = [block for block in page.blocks.values() if isinstance(block, gr.Slider)]

    assert len(sliders) >= 4
    for slider in sliders:
        steps = (slider.value - slider.minimum) / slider.step
        assert steps == pytest.approx(round(steps)), slider.label


async def test_event_without_news_changes_nothing_on_the_page(page: gr.Blocks) -> None:
    """Gradio empties all outputs of a generator that yields nothing."""
    read_again = next(fn.fn for fn in page.fns.values() if fn.name == "read_again")
    nobody = gr.Request(session_hash="a tab that shows nothing")

    changes = [change async for change in read_again(nobody, *decoding.defaults())]

    assert changes == [gr.skip()]
