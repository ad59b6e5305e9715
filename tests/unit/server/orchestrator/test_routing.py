"""Which adapter runs which step, and tasks with several transcripts."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from tests.doubles import FakeAdapter, make_model_info, make_recognition, make_task
from tests.unit.server.orchestrator.conftest import Start
from tests.unit.server.orchestrator.follow import Submitted, error_of
from wav2vec2_app.errors import InputError, ModelError
from wav2vec2_app.server.events import Partial
from wav2vec2_app.server.operations import Operation, Target, Want
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator
from wav2vec2_app.server.results import AudioResult
from wav2vec2_app.server.status import AdapterStatus
from wav2vec2_app.server.tasks import AudioTask
from wav2vec2_app.speech.audio import AudioSource
from wav2vec2_app.speech.models import ModelChoice
from wav2vec2_app.speech.options import DecodingOptions
from wav2vec2_app.speech.transcript import Recognition

PROBE, DECODE, TRANSCRIBE, DECODE_TEXT, ALIGN, ANALYZE, MEASURE, DRAW, *_ = Operation
SEARCH, EXPLORE = Operation.SEARCH, Operation.EXPLORE


# --- routing --------------------------------------------------------------------------------------


async def test_each_operation_goes_to_the_first_adapter_that_can_do_it(start: Start) -> None:
    sound = FakeAdapter("sound", operations=[PROBE, DECODE, ANALYZE, MEASURE, DRAW])
    speech = FakeAdapter("speech")
    orchestrator = await start(sound, speech)

    await orchestrator.run(make_task(wants=[one for one in Want if one is not Want.DESCRIPTION]))

    assert [call.operation for call in speech.calls] == [
        TRANSCRIBE, ALIGN, SEARCH, Operation.LABEL_SPEAKERS, EXPLORE,
    ]  # fmt: skip
    assert {call.operation for call in sound.calls} == {PROBE, DECODE, ANALYZE, MEASURE, DRAW}


async def test_a_named_model_is_found_where_it_is_listed(start: Start) -> None:
    small, large = FakeAdapter("small", models=["s"]), FakeAdapter("large", models=["l"])
    orchestrator = await start(small, large)

    await orchestrator.run(make_task(model="l"))

    assert [call.operation for call in large.calls] == [TRANSCRIBE]


async def test_a_language_of_a_model_is_found_with_the_model(start: Start) -> None:
    small, large = FakeAdapter("small", models=["s"]), FakeAdapter("large", models=["l"])
    orchestrator = await start(small, large)

    await orchestrator.run(make_task(model="l:deu"))

    assert [call.operation for call in large.calls] == [TRANSCRIBE]


async def test_an_adapter_that_lists_no_models_gets_any(start: Start) -> None:
    adapter = FakeAdapter()
    orchestrator = await start(adapter)

    await orchestrator.run(make_task(model="whatever"))

    assert adapter.calls[-1].step.target.model == "whatever"


async def test_an_unknown_model_is_rejected_before_the_recording_is_opened(start: Start) -> None:
    adapter = FakeAdapter(models=["small", "large"])
    orchestrator = await start(adapter)

    error = await error_of(orchestrator, make_task(model="huge"))

    assert isinstance(error, ModelError)
    assert error.code == "model.unknown"
    assert "small, large" in error.hint
    assert adapter.calls == []


async def test_an_operation_that_no_adapter_has_is_rejected(start: Start) -> None:
    orchestrator = await start(FakeAdapter(operations=[PROBE, DECODE]))

    assert (await error_of(orchestrator, make_task())).code == "model.no_adapter"


# --- several transcripts of one task -----------------------------------------------------------

A, B = Target("a"), Target("b")
BOTH = AudioTask(AudioSource(data=b"RIFF", name="clip.wav"), targets=(A, B), session="me")


def pair() -> tuple[FakeAdapter, FakeAdapter]:
    """Two adapters that transcribe the same recording differently."""
    a, b = FakeAdapter("a"), FakeAdapter("b")
    a.answer(TRANSCRIBE, make_recognition("by a", model=make_model_info("model-a")))
    b.answer(TRANSCRIBE, make_recognition("by b", model=make_model_info("model-b")))
    a.default_model, b.default_model = "model-a", "model-b"
    return a, b


def texts(result: AudioResult) -> dict[Target, str]:
    return {target: one.transcript.text for target, one in result.recognitions.items()}


async def test_two_adapters_transcribe_one_task_side_by_side(start: Start) -> None:
    a, b = pair()
    gates = a.block(TRANSCRIBE), b.block(TRANSCRIBE)
    orchestrator = await start(a, b)
    submitted = Submitted(orchestrator, replace(BOTH, wants=frozenset(Want), text="by a"))
    await asyncio.gather(a.reached(TRANSCRIBE), b.reached(TRANSCRIBE))  # both run at this moment
    for gate in gates:
        gate.set()

    result = await submitted.result()

    assert texts(result) == {A: "by a", B: "by b"}
    assert result.recognition is result.recognitions[A]
    assert result.alignment is not None
    assert result.pictures
    assert a.count(DECODE) + b.count(DECODE) == 1
    assert b.count(ALIGN) + b.count(DRAW) == 0
    partials = [event for event in submitted.seen if isinstance(event, Partial)]
    assert {one.step.target for one in partials if isinstance(one.value, Recognition)} == {A, B}


async def test_two_models_of_one_adapter_transcribe_side_by_side(start: Start) -> None:
    adapter = FakeAdapter(models=["small", "large"])
    orchestrator = await start(adapter)
    small, large = Target(model="small"), Target(model="large")

    result = await orchestrator.run(replace(BOTH, targets=(small, large)))

    models = {target: one.transcript.model.name for target, one in result.recognitions.items()}
    assert models == {small: "small", large: "large"}


async def test_the_second_transcript_s_failure_is_a_problem_of_a_successful_task(
    start: Start,
) -> None:
    a, b = FakeAdapter("a"), FakeAdapter("b")
    b.fail(TRANSCRIBE, ModelError("no weights"))
    orchestrator = await start(a, b)

    result = await orchestrator.run(BOTH)

    assert list(texts(result)) == [A]
    [problem] = result.problems
    assert (problem.operation, problem.target, problem.error.code) == (
        TRANSCRIBE,
        B,
        "model.unavailable",
    )


async def test_the_first_transcript_s_failure_fails_the_task(start: Start) -> None:
    a, b = pair()
    a = FakeAdapter("a")
    a.fail(TRANSCRIBE, ModelError("no weights"))
    orchestrator = await start(a, b)

    assert isinstance(await error_of(orchestrator, BOTH), ModelError)


async def test_both_transcripts_are_cached_and_decoded_again(start: Start) -> None:
    a, b = pair()
    orchestrator = await start(a, b, cache_bytes=10_000_000)
    first = await orchestrator.run(BOTH)

    repeated = await orchestrator.run(replace(BOTH, id="repeated"))
    only_b = await orchestrator.run(replace(BOTH, id="only b", targets=(B,)))
    hot = DecodingOptions(hotwords=("ada",))
    again = await orchestrator.run(AudioTask(cached_id=first.id, decoding=hot, session="me"))

    assert a.count(TRANSCRIBE) + b.count(TRANSCRIBE) == 2
    assert texts(repeated) == {A: "by a", B: "by b"}
    assert texts(only_b) == {B: "by b"}
    assert [one.transcript.text for one in again.recognitions.values()] == ["ada", "ada"]
    assert (a.count(DECODE_TEXT), b.count(DECODE_TEXT)) == (1, 1)


async def test_pictures_of_another_primary_transcript_are_drawn_again(start: Start) -> None:
    a, b = pair()
    orchestrator = await start(a, b, cache_bytes=10_000_000)
    wants = frozenset({Want.TRANSCRIPT, Want.PICTURES})
    await orchestrator.run(replace(BOTH, wants=wants))

    result = await orchestrator.run(replace(BOTH, id="only b", wants=wants, targets=(B,)))

    [drawn] = [call for call in b.calls if call.operation is DRAW]
    assert drawn.inputs.recognition is result.recognition
    assert texts(result) == {B: "by b"}


async def test_an_unknown_adapter_is_rejected_with_the_names_of_those_there_are(
    start: Start,
) -> None:
    orchestrator = await start(FakeAdapter("a"), FakeAdapter("b"))

    error = await error_of(orchestrator, replace(BOTH, targets=(Target("c"),)))

    assert error.code == "model.no_adapter"
    assert error.hint == "Choose one of: a, b."


def test_a_target_is_named_once() -> None:
    with pytest.raises(ValueError, match="once"):
        replace(BOTH, targets=(A, A))


# --- models that give no emission --------------------------------------------------------------


@pytest.fixture
async def without_emission(start: Start) -> ModelOrchestrator:
    """An orchestrator whose model is not a CTC model."""
    adapter = FakeAdapter()
    transcript = make_recognition("no frames").transcript
    adapter.answer(TRANSCRIBE, Recognition(transcript))
    return await start(adapter, cache_bytes=10_000_000)


async def test_a_transcript_needs_no_emission(without_emission: ModelOrchestrator) -> None:
    result = await without_emission.run(make_task())

    assert result.transcript is not None
    assert result.transcript.text == "no frames"


async def test_alignment_without_an_emission_is_a_typed_error(
    without_emission: ModelOrchestrator,
) -> None:
    error = await error_of(without_emission, make_task(wants=[Want.ALIGNMENT]))

    assert isinstance(error, InputError)
    assert error.code == "model.no_emission"
    assert error.hint


async def test_decoding_again_without_an_emission_transcribes_again(start: Start) -> None:
    adapter = FakeAdapter()
    transcripts = [make_recognition(text).transcript for text in ("first", "second")]
    adapter.answer(TRANSCRIBE, *map(Recognition, transcripts))
    orchestrator = await start(adapter, cache_bytes=10_000_000)
    first = await orchestrator.run(make_task())

    hot = DecodingOptions(hotwords=("ada",))
    again = await orchestrator.run(AudioTask(cached_id=first.id, decoding=hot))

    assert again.transcript is not None
    assert again.transcript.text == "second"
    assert not again.cached
    assert [adapter.count(one) for one in (PROBE, DECODE, TRANSCRIBE, DECODE_TEXT)] == [1, 1, 2, 0]


async def test_text_is_aligned_by_transcribing_again_where_there_is_no_emission(
    start: Start,
) -> None:
    adapter = FakeAdapter()
    adapter.answer(TRANSCRIBE, Recognition(make_recognition().transcript), make_recognition())
    orchestrator = await start(adapter, cache_bytes=10_000_000)
    first = await orchestrator.run(make_task())

    wants = frozenset({Want.ALIGNMENT})
    aligned = await orchestrator.run(AudioTask(cached_id=first.id, wants=wants, text="a b"))

    assert aligned.alignment is not None
    assert (adapter.count(DECODE), adapter.count(TRANSCRIBE)) == (1, 2)


async def test_pictures_need_no_emission(without_emission: ModelOrchestrator) -> None:
    result = await without_emission.run(make_task(wants=[Want.TRANSCRIPT, Want.PICTURES]))

    assert result.pictures
    assert result.problems == ()


async def test_an_adapter_that_lists_the_model_comes_before_one_that_takes_any(
    start: Start,
) -> None:
    any_model, listed = FakeAdapter("any"), FakeAdapter("listed", models=["large"])
    orchestrator = await start(any_model, listed)

    await orchestrator.run(make_task(model="large"))

    assert (any_model.count(TRANSCRIBE), listed.count(TRANSCRIBE)) == (0, 1)


async def test_a_language_is_routed_to_the_adapter_that_lists_it(start: Start) -> None:
    class Multilingual(FakeAdapter):
        languages: tuple[str, ...] = ()

        def get_status(self) -> AdapterStatus:
            choice = ModelChoice("mms", "mms", ready=True, languages=self.languages)
            return replace(super().get_status(), choices=(choice,))

    german, french = Multilingual("a", models=["mms"]), Multilingual("b", models=["mms"])
    german.languages, french.languages = ("deu", "nds"), ("fra",)
    orchestrator = await start(german, french)

    for language in ("fra", "French", "deu", "xyz"):
        await orchestrator.run(make_task(model=f"mms:{language}"))

    assert french.count(TRANSCRIBE) == 2
    assert german.count(TRANSCRIBE) == 2, "an unknown language is refused by the adapter itself"
