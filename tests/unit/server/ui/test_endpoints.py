import gradio as gr
import pytest

from wav2vec2_app.server.assets import assets_path
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator
from wav2vec2_app.server.ui import endpoint_options, options_panel
from wav2vec2_app.server.ui.page import build_page
from wav2vec2_app.settings import Settings
from wav2vec2_app.speech.options import OPTIONS, Option

DEFAULTS = {
    **dict(zip((option.name for option in OPTIONS), options_panel.defaults(), strict=True)),
    "letter_case": "sentence",
}


@pytest.fixture
async def page(orchestrator: ModelOrchestrator) -> gr.Blocks:
    return build_page(orchestrator, Settings(), examples=[], assets=assets_path())


def parameters(page: gr.Blocks, endpoint: str) -> list[dict]:
    return page.get_api_info()["named_endpoints"][endpoint]["parameters"]


async def test_clients_see_the_endpoints_and_no_events_of_the_page(page: gr.Blocks) -> None:
    named = page.get_api_info()["named_endpoints"]

    assert set(named) == {
        "/transcribe", "/analyze", "/decode", "/align", "/capabilities", "/status", "/compare",
        "/explore", "/explain", "/layers", "/find",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("endpoint", "first"),
    [
        ("/transcribe", {"audio": None, "model": "auto"}),
        ("/analyze", {"audio": None, "model": "auto"}),
        ("/decode", {"request_id": ""}),
    ],
)
async def test_endpoint_has_a_parameter_with_its_default_for_each_option(
    page: gr.Blocks, endpoint: str, first: dict
) -> None:
    found = {one["parameter_name"]: one["parameter_default"] for one in parameters(page, endpoint)}

    last = {"track": "", "channels": "mix"} if "audio" in first else {}
    last |= {"punctuation": "auto", "replacements": "", "fillers": "keep", "numbers": "words"}
    last |= {"diarize": False, "speaker_names": ""} if "audio" in first else {}
    assert found == {**first, **DEFAULTS, **last}
    assert list(found) == [*first, *DEFAULTS, *last]


async def test_parameters_are_described_by_the_table(page: gr.Blocks) -> None:
    found = {one["parameter_name"]: one for one in parameters(page, "/decode")}

    for option in OPTIONS:
        assert option.help in found[option.name]["type"]["description"]
        if option.is_number:
            assert found[option.name]["type"]["type"] == option.type


async def test_row_added_to_the_table_is_a_slider_and_a_parameter(
    orchestrator: ModelOrchestrator, monkeypatch: pytest.MonkeyPatch
) -> None:
    added = Option("new_weight", 1.5, "New weight", "A new option.", low=0.0, high=4.0, step=0.5)
    table = (*OPTIONS, added)
    monkeypatch.setattr(endpoint_options, "OPTIONS", table)
    monkeypatch.setattr(options_panel, "OPTIONS", table)
    page = build_page(orchestrator, Settings(), examples=[], assets=assets_path())

    sliders = [block for block in page.blocks.values() if isinstance(block, gr.Slider)]
    assert ("New weight", 1.5, 4.0) in [(one.label, one.value, one.maximum) for one in sliders]
    for endpoint in ("/transcribe", "/analyze", "/decode"):
        names = [one["parameter_name"] for one in parameters(page, endpoint)]
        assert names[names.index("letter_case") - 1] == "new_weight"


async def test_every_parameter_of_an_alignment_has_a_default(page: gr.Blocks) -> None:
    found = parameters(page, "/align")

    assert [one["parameter_name"] for one in found] == [
        "audio", "text", "request_id", "model", "track",
    ]  # fmt: skip
    assert all(one["parameter_has_default"] for one in found)


async def test_gradios_queue_delays_no_request(page: gr.Blocks) -> None:
    limits = {fn.concurrency_limit for fn in page.fns.values() if fn.queue and fn.fn}

    assert limits <= {None, "default"}
    assert page._queue.default_concurrency_limit is None
    assert page._queue.max_size is None
