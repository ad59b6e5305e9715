"""Several variants on one clip: side by side, failures of some, cost, and the synthesis."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.doubles import (
    FakeAdapter,
    FakeClock,
    make_model_info,
    make_recognition,
)
from tests.unit.server.orchestrator.conftest import Start
from tests.unit.speech.transcripts import make_transcript
from wav2vec2_app.errors import InputError, ModelError, ResourceError
from wav2vec2_app.server.operations import Operation
from wav2vec2_app.server.orchestrator.comparison import (
    Comparison,
    ComparisonRequest,
    compare,
)
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator
from wav2vec2_app.server.orchestrator.synthesizer import ResultSynthesizer
from wav2vec2_app.server.results import Stage, TaskResult
from wav2vec2_app.server.tasks import ModelTask
from wav2vec2_app.speech.audio import AudioSource
from wav2vec2_app.speech.synthesis import LATEST, SynthesisOptions
from wav2vec2_app.speech.transcript import Recognition
from wav2vec2_app.speech.variants import combined, parse_variants

TRANSCRIBE = Operation.TRANSCRIBE
DECODERS = ComparisonRequest(combined((), ()))
SOURCE = AudioSource(data=b"RIFF", name="clip.wav")


def by_decoder(**texts: str | Exception) -> Callable[[ModelTask], Any]:
    """Answers with the text of the decoder of the step, or fails."""

    def answer(task: ModelTask) -> Recognition | Exception:
        text = texts[task.decoding.decoder]
        return make_recognition(text) if isinstance(text, str) else text

    return answer


async def outcome(orchestrator: ModelOrchestrator, request: ComparisonRequest) -> Comparison:
    return await compare(orchestrator, request.task(SOURCE), request)


def texts_of(comparison: Comparison) -> dict[str, str]:
    return {
        one.variant.name: one.recognition.transcript.text
        for one in comparison.outcomes
        if one.recognition is not None
    }


async def test_decoders_of_one_model_run_side_by_side(start: Start) -> None:
    adapter = FakeAdapter()
    adapter.answer(TRANSCRIBE, *[by_decoder(greedy="a cat", beam="the cat")] * 2)
    gate = adapter.block(TRANSCRIBE)
    orchestrator = await start(adapter)

    running = asyncio.ensure_future(outcome(orchestrator, DECODERS))
    await adapter.reached(TRANSCRIBE, 2)  # both run at this moment
    gate.set()

    assert texts_of(await running) == {"greedy": "a cat", "beam": "the cat"}
    assert adapter.count(Operation.DECODE_AUDIO) == 1


async def test_models_of_different_adapters_run_side_by_side(start: Start) -> None:
    ctc, whisper = FakeAdapter("ctc", models=["small"]), FakeAdapter("whisper", models=["base"])
    written = make_transcript("The cat.", model="base")
    whisper.answer(TRANSCRIBE, Recognition(written))  # without an emission
    ctc.answer(TRANSCRIBE, make_recognition("THE CAT", model=make_model_info("small")))
    orchestrator = await start(ctc, whisper)

    found = await outcome(orchestrator, ComparisonRequest(combined(["small", "base"], [])))

    assert texts_of(found) == {"small": "THE CAT", "base": "The cat."}
    assert found.synthesis is not None
    assert found.synthesis.text == "The cat."


@pytest.mark.parametrize("failing", ["greedy", "beam"])
async def test_variant_that_fails_does_not_stop_the_others(start: Start, failing: str) -> None:
    adapter = FakeAdapter()
    texts: dict[str, Any] = {"greedy": "the cat", "beam": "the cat"}
    texts[failing] = InputError("no", code="decoder.not_available")
    adapter.answer(TRANSCRIBE, *[by_decoder(**texts)] * 2)

    found = await outcome(await start(adapter), DECODERS)

    [failed] = [one for one in found.outcomes if one.error is not None]
    assert failed.variant.name == failing
    assert failed.error is not None
    assert failed.error.code == "decoder.not_available"
    assert list(texts_of(found).values()) == ["the cat"]
    assert found.synthesis is not None
    assert found.synthesis.text == "the cat"


@pytest.mark.parametrize("unknown", [{"model": "huge"}, {"adapter": "nobody"}])
async def test_variant_of_an_unknown_model_fails_alone(
    start: Start, unknown: dict[str, str]
) -> None:
    orchestrator = await start(FakeAdapter(models=["small"]))

    found = await outcome(orchestrator, ComparisonRequest(parse_variants([unknown, "small"])))

    assert isinstance(found.outcomes[0].error, ModelError)
    assert list(texts_of(found)) == [found.outcomes[1].variant.name]


async def test_comparison_in_which_all_variants_fail_is_an_error(start: Start) -> None:
    adapter = FakeAdapter()
    errors = {"greedy": ModelError("no weights"), "beam": InputError("no", code="decoder.x")}
    adapter.answer(TRANSCRIBE, *[by_decoder(**errors)] * 2)

    with pytest.raises(ModelError) as caught:
        await outcome(await start(adapter), DECODERS)

    assert caught.value.metadata["variants"] == {
        "greedy": "model.unavailable",
        "beam": "decoder.x",
    }


async def test_recording_that_cannot_be_decoded_fails_the_comparison(start: Start) -> None:
    adapter = FakeAdapter()
    adapter.fail(Operation.DECODE_AUDIO, InputError("broken", code="audio.broken"))

    with pytest.raises(InputError) as caught:
        await outcome(await start(adapter), DECODERS)

    assert caught.value.code == "audio.broken"
    assert adapter.count(TRANSCRIBE) == 0


async def test_weights_of_unknown_models_are_rejected_before_anything_runs(start: Start) -> None:
    adapter = FakeAdapter()
    orchestrator = await start(adapter)
    request = replace(DECODERS, synthesis=SynthesisOptions(weights={"whisper": 1}))

    with pytest.raises(InputError) as caught:
        await outcome(orchestrator, request)

    assert caught.value.code == "synthesis.unknown_model"
    assert adapter.calls == []


@pytest.mark.parametrize("name", ["auto", "fake/wav2vec2", "beam"])
async def test_weights_name_variants_or_their_models(start: Start, name: str) -> None:
    request = replace(DECODERS, synthesis=SynthesisOptions(weights={name: 2, "greedy": 1}))

    found = await outcome(await start(FakeAdapter()), request)

    assert found.synthesis is not None
    assert found.synthesis.weights == pytest.approx({"greedy": 1 / 3, "beam": 2 / 3})


async def test_weight_of_a_variant_that_fails_is_no_error(start: Start) -> None:
    adapter = FakeAdapter()
    error = InputError("no", code="decoder.x")
    adapter.answer(TRANSCRIBE, *[by_decoder(greedy="the cat", beam=error)] * 2)
    request = replace(DECODERS, synthesis=SynthesisOptions(weights={"beam": 5}))

    found = await outcome(await start(adapter), request)

    assert found.synthesis is not None
    assert found.synthesis.text == "the cat"


async def test_threshold_that_nothing_meets_is_a_problem_beside_the_texts(start: Start) -> None:
    request = replace(DECODERS, synthesis=SynthesisOptions(quality_threshold=1.0))

    found = await outcome(await start(FakeAdapter()), request)

    assert len(texts_of(found)) == 2
    assert found.synthesis is None
    assert found.problem is not None
    assert found.problem.code == "synthesis.below_threshold"


async def test_latest_is_what_was_finished_last(start: Start) -> None:
    fast, slow = FakeAdapter("fast"), FakeAdapter("slow")
    fast.answer(TRANSCRIBE, make_recognition("quick"))
    slow.answer(TRANSCRIBE, make_recognition("thorough"))
    gate = slow.block(TRANSCRIBE)
    orchestrator = await start(fast, slow)
    request = ComparisonRequest(
        parse_variants([{"adapter": "slow"}, {"adapter": "fast"}]),
        SynthesisOptions(conflict_resolution=LATEST),
    )
    running = asyncio.ensure_future(outcome(orchestrator, request))
    await fast.reached(TRANSCRIBE)
    for _ in range(20):
        await asyncio.sleep(0)
    gate.set()

    found = await running

    assert found.synthesis is not None
    assert found.synthesis.text == "thorough"


async def test_cost_of_each_variant_is_measured(start: Start) -> None:
    clock = FakeClock()
    adapter = FakeAdapter(clock=clock)

    def answer(task: ModelTask) -> TaskResult:
        clock.advance(3.0 if task.decoding.decoder == "beam" else 1.0)
        stages = (Stage("wait", 0.0, 0.5), Stage("forward", 0.5, 0.5, "inference"))
        return TaskResult(TRANSCRIBE, make_recognition("a cat"), stages)

    adapter.answer(TRANSCRIBE, answer, answer)
    orchestrator = await start(adapter, clock=clock)

    greedy, beam = (await outcome(orchestrator, DECODERS)).outcomes

    assert greedy.elapsed_s >= 1.0
    assert beam.elapsed_s >= 3.0
    assert beam.work_s == beam.elapsed_s - 0.5
    [inference] = [
        process.rss_bytes
        for process in adapter.get_status().memory.processes  # type: ignore[union-attr]
        if process.name == "inference"
    ]
    assert beam.memory_bytes == inference


async def test_comparison_does_not_use_the_result_cache(start: Start) -> None:
    adapter = FakeAdapter()
    orchestrator = await start(adapter, cache_bytes=10**9)

    for _ in range(2):
        task = DECODERS.task(SOURCE, "me")
        await compare(orchestrator, task, DECODERS)

    assert adapter.count(TRANSCRIBE) == 4
    assert orchestrator.cache_bytes == 0


async def test_retry_of_one_variant_does_not_repeat_the_others(start: Start) -> None:
    adapter = FakeAdapter()
    adapter.fail(TRANSCRIBE, ResourceError("once", code="resource.memory"))

    found = await outcome(await start(adapter), DECODERS)

    assert len(texts_of(found)) == 2
    assert adapter.count(TRANSCRIBE) == 3


async def test_cancelled_comparison_cancels_every_variant(start: Start) -> None:
    adapter = FakeAdapter()
    adapter.block(TRANSCRIBE)
    orchestrator = await start(adapter)
    running = asyncio.ensure_future(outcome(orchestrator, DECODERS))
    await adapter.reached(TRANSCRIBE, 2)

    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert len(adapter.cancelled) == 2


async def test_synthesizer_uses_recognitions_with_and_without_emission() -> None:
    results = {
        "ctc": make_recognition("the cat"),
        "whisper": Recognition(make_transcript("The cat.", step_s=0.2)),
    }

    synthesis = await ResultSynthesizer().synthesize(results)

    assert synthesis.text == "The cat."
    assert synthesis.words[0].origins == ("ctc", "whisper")
