"""Explorations of what a tab shows, as its script fetches them, and the endpoints for programs."""

from __future__ import annotations

import html
import json
import re
from base64 import b64decode

import gradio as gr
import numpy as np
import pytest

from tests.doubles import FakeAdapter, make_layers
from tests.unit.conftest import Start
from tests.unit.server.ui.test_decode_again import Browser
from wav2vec2_app.server.assets import assets_path
from wav2vec2_app.server.operations import Operation
from wav2vec2_app.server.schema import JsonObject
from wav2vec2_app.server.ui.exploration_handlers import fetch_wanted
from wav2vec2_app.server.ui.page import build_page
from wav2vec2_app.settings import Settings
from wav2vec2_app.speech.exploration import (
    ComparedWord,
    Explanation,
    ExploredLayers,
    ExploredPart,
    ExploredWord,
)
from wav2vec2_app.speech.picture_window import PictureWindow


@pytest.fixture
async def browser(start: Start, adapter: FakeAdapter) -> Browser:
    return Browser(await start(adapter, cache_bytes=10_000_000))


async def fetch(browser: Browser, values: object, session: str = "tab") -> dict:
    request = f"explore:{values if isinstance(values, str) else json.dumps(values)} 7"
    update = await fetch_wanted(browser.orchestrator, browser.tabs, session, request)
    found = re.fullmatch(r"<div [^>]*data-request=\"(.*?)\"[^>]*>(.*)</div>", str(update["file"]))
    assert found is not None
    assert html.unescape(found[1]) == request
    answer: dict = json.loads(html.unescape(found[2]))
    return answer


def explored(adapter: FakeAdapter) -> list[object]:
    return [one.task.explored for one in adapter.calls if one.operation is Operation.EXPLORE]


async def test_a_part_of_the_result_is_explored_without_the_model(
    browser: Browser, adapter: FakeAdapter, clip: str
) -> None:
    await browser.transcribe(clip)
    answer = await fetch(browser, {"start": 1, "end": 3.5, "columns": 320})

    assert explored(adapter) == [ExploredPart(PictureWindow(1.0, 3.5), 320)]
    assert adapter.count(Operation.TRANSCRIBE) == 1
    emission = answer["emission"]
    assert emission["tokens"] == ["A", " "]
    shorts = np.frombuffer(b64decode(emission["probabilities"]), "<u2").reshape(2, 4)
    assert shorts.tolist() == [[0, 65535, 0, 32768], [0, 0, 16384, 0]]
    levels = np.frombuffer(b64decode(answer["spectrum"]["levels"]), np.uint8)
    assert levels.tolist() == list(range(40))
    assert (answer["spectrum"]["rows"], answer["spectrum"]["columns"]) == (4, 10)


async def test_words_are_compared_with_the_decoder_of_the_transcript(
    browser: Browser, adapter: FakeAdapter, clip: str
) -> None:
    await browser.transcribe(clip)
    candidates = (
        ComparedWord("<b>", (), 0.5, -1.0, -2.0),
        ComparedWord("x", (), 0.0, None, -2.0),
        ComparedWord("y", (), 0.5, -3.0, None),
    )
    adapter.answer(Operation.EXPLORE, Explanation(candidates, 3.0, -1.0, "B"))
    values = {"start": 0, "end": 0.4, "words": ["<b>", "x", "y"], "before": ["good"]}
    answer = await fetch(browser, values)

    assert explored(adapter) == [
        ExploredWord(0.0, 0.4, ("<b>", "x", "y"), ("good",), decoder="greedy")
    ]
    assert [one["text"] for one in answer["words"]] == ["<b>", "x", "y"]
    assert [one["total"] for one in answer["words"]] == [-8.0, None, None]


async def test_layers_of_a_part_are_shown_as_arrays_with_their_summary(
    browser: Browser, adapter: FakeAdapter, page: gr.Blocks, clip: str
) -> None:
    await browser.transcribe(clip)
    adapter.answer(Operation.EXPLORE, make_layers())
    answer = await fetch(browser, {"start": 1, "end": 3.5, "layer": 1, "columns": 100})

    assert explored(adapter) == [ExploredLayers(PictureWindow(1.0, 3.5), 1, 100)]
    assert [one["text"] for one in answer["layers"]] == ["", "A", "A"]
    assert [one["moved"] for one in answer["layers"]] == [0.0, 1.1667, 0.5]
    assert (answer["frames"], answer["tokens"]) == (3, ["", " ", "A"])

    def shorts(name: str) -> list[list[int]]:
        return np.frombuffer(b64decode(answer[name]), "<u2").reshape(3, 3).tolist()

    assert shorts("top") == [[0, 0, 1], [0, 2, 0], [0, 2, 0]]
    assert shorts("probabilities") == [[0, 0, 0], [32768, 65535, 16384], [32768, 0, 16384]]
    assert shorts("moved") == shorts("probabilities"), "half of 1 - cosine"
    similarity = answer["similarity"]
    bytes_ = np.frombuffer(b64decode(similarity["values"]), np.uint8).reshape(3, 3)
    assert bytes_.tolist() == [[255, 128, 0], [128, 255, 191], [0, 191, 255]]
    assert (similarity["layer"], similarity["side"], similarity["merged"]) == (1, 3, 1)

    finished = browser.tabs.of("tab").finished
    assert finished is not None
    adapter.answer(Operation.EXPLORE, make_layers())
    by_name = await call(page, "layers", finished.task_id, 1, 3.5, 1, 100)
    assert {**by_name, "request_id": ""} == {**answer, "request_id": ""}
    too_long = await call(page, "layers", finished.task_id, 0, 31)
    assert too_long["error"]["code"] == "explore.too_long"  # type: ignore[index]


@pytest.mark.parametrize("values", ["", "{", "[]", "3", {"start": 2, "end": 1}, {"words": "a"},
    {"layer": 0}, {"start": 0, "end": 1, "layer": 1.5}, {"start": 0, "end": 1, "layer": -2},
    {"start": 0, "end": 1, "layer": "x"}, {"start": 1, "end": 1, "layer": 0},
    {"start": 0, "end": 1, "layer": True}, {"start": 0, "end": 1e400, "layer": 0},
    {"start": 0, "end": 1, "layer": 0, "channel": -1},
    {"start": 0, "end": 1, "layer": 0, "columns": []},
])  # fmt: skip
async def test_unusable_requests_are_answered_with_an_error(
    browser: Browser, adapter: FakeAdapter, clip: str, values: object
) -> None:
    await browser.transcribe(clip)
    answer = await fetch(browser, values)

    assert answer["error"]["code"] == "explore.bad_value"
    assert explored(adapter) == []


async def test_another_tab_has_nothing_to_explore(browser: Browser, clip: str) -> None:
    await browser.transcribe(clip)
    answer = await fetch(browser, {"start": 0, "end": 1}, session="other")

    assert answer["error"]["code"] == "task.not_cached"


async def test_files_are_fetched_as_before(browser: Browser, clip: str) -> None:
    await browser.transcribe(clip)
    update = await fetch_wanted(browser.orchestrator, browser.tabs, "tab", "transcript.txt 1")

    assert 'data-request="transcript.txt 1"' in str(update["file"])


@pytest.fixture
async def page(browser: Browser) -> gr.Blocks:
    settings = Settings(max_bytes=1000)
    return build_page(browser.orchestrator, settings, examples=[], assets=assets_path())


async def call(page: gr.Blocks, name: str, *values: object) -> JsonObject:
    fn = next(one for one in page.fns.values() if one.api_name == name)
    request = gr.Request(session_hash="tab")
    found = await fn.fn(request, *values)
    assert isinstance(found, dict)
    return found


async def test_programs_explore_an_earlier_request(
    browser: Browser, adapter: FakeAdapter, page: gr.Blocks, clip: str
) -> None:
    await browser.transcribe(clip)
    finished = browser.tabs.of("tab").finished
    assert finished is not None
    answer = await call(page, "explore", finished.task_id, 0.5, "1.5", 50)
    assert explored(adapter) == [ExploredPart(PictureWindow(0.5, 1.5), 50)]
    assert answer["high"]

    adapter.answer(Operation.EXPLORE, Explanation((ComparedWord("a"),), 0.0, 0.0))
    answer = await call(page, "explain", finished.task_id, 0, 1, "a", "the")
    assert answer["lm_weight"] == 0.0
    missing = await call(page, "explain", "", 0, 1, "a")
    assert missing["error"]["code"] == "request.bad_value"  # type: ignore[index]
