"""The panel "Compare models and decoders", and the endpoint ``/compare``."""

from __future__ import annotations

import asyncio

import gradio as gr
import pytest

from tests.doubles import FakeAdapter, make_recognition
from wav2vec2_app.errors import InputError
from wav2vec2_app.server.assets import assets_path
from wav2vec2_app.server.operations import Operation
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator
from wav2vec2_app.server.tasks import ModelTask
from wav2vec2_app.server.ui import comparison_panel, texts
from wav2vec2_app.server.ui.comparison_endpoint import answer
from wav2vec2_app.server.ui.comparison_panel import compare
from wav2vec2_app.server.ui.page import build_page
from wav2vec2_app.settings import Settings
from wav2vec2_app.speech.transcript import Recognition

BOTH = ["greedy", "beam"]


async def shown(
    orchestrator: ModelOrchestrator, audio: str | None, **inputs: object
) -> list[tuple]:
    values = {"models": ["auto"], "decoders": BOTH, "resolution": "weighted", "reference": ""}
    values |= inputs
    return [one async for one in compare(orchestrator, "tab", audio, **values)]


def by_decoder(adapter: FakeAdapter, **answers: str | Exception) -> None:
    def answer(task: ModelTask) -> Recognition | Exception:
        found = answers[task.decoding.decoder]
        return make_recognition(found) if isinstance(found, str) else found

    adapter.answer(Operation.TRANSCRIBE, *[answer] * len(answers))


async def test_texts_are_shown_side_by_side_with_their_differences(
    orchestrator: ModelOrchestrator, adapter: FakeAdapter, clip: str
) -> None:
    by_decoder(adapter, greedy="the cat sad", beam="the cat")

    *_, (status, result) = await shown(orchestrator, clip, reference="The cat sat")

    assert texts.COMPARED.format(count=2) in status
    assert "the cat <mark" in result
    assert ">sad</mark>" in result
    assert ">sat</del>" in result
    assert result.count(texts.COMPARE_ERRORS.format(rate="33 %")) >= 2
    assert texts.AGAINST_REFERENCE in result
    assert texts.SYNTHESIS in result


async def test_each_text_is_shown_when_it_is_there(
    orchestrator: ModelOrchestrator, adapter: FakeAdapter, clip: str
) -> None:
    by_decoder(adapter, greedy="a cat", beam="the cat")

    pages = [result for _, result in await shown(orchestrator, clip)]

    assert 'data-state="waiting"' in pages[0]
    assert any("cat" in page and 'data-state="waiting"' in page for page in pages)
    assert 'data-state="waiting"' not in pages[-1]


async def test_failed_variant_shows_its_error_beside_the_others(
    orchestrator: ModelOrchestrator, adapter: FakeAdapter, clip: str
) -> None:
    by_decoder(adapter, greedy="the cat", beam=InputError("No beam here.", code="decoder.x"))

    *_, (status, result) = await shown(orchestrator, clip)

    assert texts.COMPARED_SOME_FAILED.format(count=1, failed=1) in status
    assert "No beam here." in result
    assert "the cat" in result


async def test_variants_that_all_fail_show_their_errors(
    orchestrator: ModelOrchestrator, adapter: FakeAdapter, clip: str
) -> None:
    errors = {name: InputError(f"No {name} here.", code="decoder.x") for name in BOTH}
    by_decoder(adapter, **errors)

    *_, (status, result) = await shown(orchestrator, clip)

    assert 'data-state="failed"' in status
    assert "No greedy here." in result
    assert "No beam here." in result


@pytest.mark.parametrize(
    ("inputs", "code"),
    [
        ({"audio": None}, "audio.missing"),
        ({"decoders": ["greedy"]}, "compare.too_few"),
        ({"models": [], "decoders": ["beam"]}, "compare.too_few"),
        ({"models": [f"m{n}" for n in range(9)]}, "compare.too_many"),
        ({"resolution": "newest"}, "synthesis.unknown_resolution"),
        ({"decoders": ["best", "worst"]}, "decoder.unknown"),
        ({"reference": "a " * 60_000}, "compare.reference_too_long"),
        ({"track": "first"}, "request.bad_value"),
    ],
)
async def test_unusable_choice_is_an_error_on_the_page(
    orchestrator: ModelOrchestrator, adapter: FakeAdapter, clip: str, inputs: dict, code: str
) -> None:
    [(_, result)] = await shown(orchestrator, **{"audio": clip, **inputs})

    assert f"<code>{code}</code>" in result
    assert adapter.calls == []


@pytest.mark.parametrize("nothing", [None, "", [], "auto"])
async def test_nothing_chosen_means_the_default(
    orchestrator: ModelOrchestrator, clip: str, nothing: object
) -> None:
    *_, (status, _) = await shown(orchestrator, clip, models=nothing, decoders=nothing)

    assert texts.COMPARED.format(count=2) in status


async def test_recording_that_cannot_be_used_shows_its_error(
    orchestrator: ModelOrchestrator, adapter: FakeAdapter, clip: str
) -> None:
    adapter.fail(Operation.DECODE_AUDIO, InputError("broken", code="audio.broken"))

    *_, (_, result) = await shown(orchestrator, clip)

    assert "<code>audio.broken</code>" in result


async def test_names_and_texts_are_escaped(
    orchestrator: ModelOrchestrator, adapter: FakeAdapter, clip: str
) -> None:
    by_decoder(adapter, greedy="<b>cat</b> sat", beam="<b>hat</b> sat")

    for _, result in await shown(orchestrator, clip, models=["<i>x</i>"], reference="<u>a</u>"):
        assert not {"<b>", "<i>", "<u>"} & {result[at : at + 3] for at in range(len(result))}


async def test_comparison_is_cancelled_with_its_event(
    orchestrator: ModelOrchestrator, adapter: FakeAdapter, clip: str
) -> None:
    adapter.block(Operation.TRANSCRIBE)
    running = asyncio.ensure_future(shown(orchestrator, clip))
    await adapter.reached(Operation.TRANSCRIBE, 2)

    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert len(adapter.cancelled) == 2


async def test_cancelled_comparison_shows_that_it_was_stopped(
    orchestrator: ModelOrchestrator, adapter: FakeAdapter, clip: str
) -> None:
    adapter.block(Operation.TRANSCRIBE)
    running = asyncio.ensure_future(shown(orchestrator, clip))
    await adapter.reached(Operation.TRANSCRIBE, 2)

    orchestrator.cancel_session("tab")
    *_, (status, result) = await running

    assert texts.STOPPED in status
    assert texts.COMPARED_IDLE in result


async def test_panel_is_folded(orchestrator: ModelOrchestrator) -> None:
    page = build_page(orchestrator, Settings(), examples=[], assets=assets_path())

    [panel] = [one for one in page.blocks.values() if getattr(one, "elem_id", "") == "comparison"]
    assert isinstance(panel, gr.Accordion)
    assert panel.open is False


# --- the endpoint ---------------------------------------------------------------------------------


async def test_endpoint_has_a_typed_signature(orchestrator: ModelOrchestrator) -> None:
    page = build_page(orchestrator, Settings(), examples=[], assets=assets_path())

    found = page.get_api_info()["named_endpoints"]["/compare"]["parameters"]

    assert {one["parameter_name"]: one["parameter_default"] for one in found} == {
        "audio": None,
        "variants": "",
        "reference": "",
        "conflict_resolution": "weighted",
        "quality_threshold": 0.0,
        "weights": "",
        "track": "",
        "letter_case": "sentence",
    }
    types = {one["parameter_name"]: one["type"]["type"] for one in found[1:]}
    assert types["quality_threshold"] == "number"
    assert types["variants"] == "string"


async def test_endpoint_answers_with_a_comparison(
    orchestrator: ModelOrchestrator, adapter: FakeAdapter, clip: str
) -> None:
    by_decoder(adapter, greedy="the cat", beam="the hat")

    body = await answer(orchestrator, "me", clip, "", "the hat", ("beam=2", 0, ""), "sentence")

    assert [one["word_errors"]["rate"] for one in body["variants"]] == [0.5, 0.0]
    assert body["synthesis"]["text"] == "the hat"


@pytest.mark.parametrize(
    ("variants", "synthesis", "case", "code"),
    [
        ("[", ("", "", ""), "sentence", "compare.bad_variants"),
        ([{}, {"model": {}}], ("", "", ""), "sentence", "compare.bad_variants"),
        ("", ("x=1", "", ""), "sentence", "synthesis.unknown_model"),
        ("", ([1], "", ""), "sentence", "synthesis.bad_weight"),
        ("", ("", "x", ""), "sentence", "synthesis.bad_value"),
        ("", ("", "", 5), "sentence", "synthesis.unknown_resolution"),
        ("", ("", "", ""), "loud", "export.bad_value"),
    ],
)
async def test_endpoint_answers_bad_arguments_with_an_error(
    orchestrator: ModelOrchestrator,
    clip: str,
    variants: object,
    synthesis: tuple,
    case: str,
    code: str,
) -> None:
    body = await answer(orchestrator, "me", clip, variants, "", synthesis, case)

    assert body["error"]["code"] == code


async def test_endpoint_without_audio_answers_with_an_error(
    orchestrator: ModelOrchestrator,
) -> None:
    body = await answer(orchestrator, "me", None, "", "", ("", "", ""), "sentence")

    assert body["error"]["code"] == "audio.missing"


async def test_panel_starts_with_both_decoders_of_the_default_model(
    orchestrator: ModelOrchestrator,
) -> None:
    with gr.Blocks():
        panel = comparison_panel.lay_out(orchestrator.status())

    assert panel.models.value == ["auto"]
    assert panel.decoders.value == BOTH
