"""The Whisper adapter below an orchestrator: the steps that it gets, and what follows from its answers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.doubles import FakeAdapter, make_audio, make_policy, make_recognition, make_task
from tests.unit.server.service.test_whisper import Client, models_of
from wav2vec2_app.errors import InputError, InternalError
from wav2vec2_app.server.adapters.base import AudioLimits
from wav2vec2_app.server.adapters.whisper import WhisperAdapter
from wav2vec2_app.server.operations import Operation, Step, Target, Want
from wav2vec2_app.server.orchestrator.comparison import ComparisonRequest, compare
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator
from wav2vec2_app.server.results import Progress
from wav2vec2_app.server.service.whisper import WhisperService
from wav2vec2_app.server.tasks import AudioTask, ModelTask, StepInputs
from wav2vec2_app.speech.options import DecodingOptions
from wav2vec2_app.speech.transcript import Recognition
from wav2vec2_app.speech.variants import combined

LIMITS = AudioLimits(600.0, 1_000_000)


class FakePool:
    """A pool without processes."""

    stopped = 0

    def statuses(self) -> tuple[()]:
        return ()

    async def stop(self) -> None:
        self.stopped += 1


def adapter_of(client: Client, **options: Any) -> WhisperAdapter:
    service = WhisperService(client, models_of(**options))  # type: ignore[arg-type]
    return WhisperAdapter(service, FakePool(), LIMITS)  # type: ignore[arg-type]


def ctc() -> FakeAdapter:
    return FakeAdapter("wav2vec2", models=["auto", "ctc"])


async def started(*adapters: Any, **bounds: Any) -> ModelOrchestrator:
    orchestrator = ModelOrchestrator(adapters, make_policy(**bounds))
    await orchestrator.start()
    return orchestrator


async def test_named_model_is_answered_by_whisper_and_auto_by_the_other() -> None:
    client, other = Client(), ctc()
    orchestrator = await started(other, adapter_of(client))

    named = await orchestrator.run(make_task(model="a/w:de"))
    automatic = await orchestrator.run(make_task())

    assert named.transcript is not None
    assert named.transcript.text == "Word1."
    assert automatic.transcript is not None
    assert automatic.transcript.text == "hello world"
    assert len(client.requests) == 1
    await orchestrator.stop()


async def test_named_model_is_answered_by_whisper_before_other_models_are_known() -> None:
    client, starting = Client(), FakeAdapter("wav2vec2", models=[])
    orchestrator = await started(starting, adapter_of(client))

    await orchestrator.run(make_task(model="a/w"))

    assert len(client.requests) == 1
    await orchestrator.stop()


async def test_whisper_as_default_leaves_alignment_to_a_model_with_an_emission() -> None:
    client, other = Client(), ctc()
    orchestrator = await started(adapter_of(client, default="a/w"), other)

    task = make_task(wants=[Want.ALIGNMENT])
    aligned = await orchestrator.run(AudioTask(task.source, task.wants, text="hello world"))
    transcribed = await orchestrator.run(make_task())

    assert aligned.alignment is not None
    assert [word.text for word in aligned.alignment.words] == ["hello", "world"]
    assert transcribed.transcript is not None
    assert transcribed.transcript.model.name == "a/w"
    assert len(client.requests) == 1
    await orchestrator.stop()


async def test_named_whisper_model_cannot_align() -> None:
    orchestrator = await started(ctc(), adapter_of(Client()))
    task = make_task(wants=[Want.ALIGNMENT], model="a/w")

    with pytest.raises(InputError) as rejected:
        await orchestrator.run(task)

    assert rejected.value.code == "model.no_emission"
    await orchestrator.stop()


async def test_pictures_are_drawn_without_an_emission() -> None:
    orchestrator = await started(ctc(), adapter_of(Client()))

    result = await orchestrator.run(make_task(wants=[Want.TRANSCRIPT, Want.PICTURES], model="a/w"))

    assert result.pictures
    assert result.problems == ()
    await orchestrator.stop()


async def test_other_decoding_options_of_a_cached_recording_transcribe_it_again() -> None:
    client = Client()
    orchestrator = await started(ctc(), adapter_of(client), cache_bytes=1 << 20)
    first = make_task(model="a/w", session="s")
    await orchestrator.run(first)

    greedy = DecodingOptions(decoder="greedy")
    again = await orchestrator.run(AudioTask(cached_id=first.id, decoding=greedy, session="s"))

    assert again.transcript is not None
    assert again.transcript.decoder == "greedy"
    assert [request.beam_size for request in client.requests] == [5, 1]
    assert not again.cached
    await orchestrator.stop()


async def test_decoders_of_whisper_are_compared_with_another_model() -> None:
    client = Client()
    orchestrator = await started(ctc(), adapter_of(client))
    request = ComparisonRequest(combined(["a/w", "ctc"], ["greedy", "beam"]))

    found = await compare(orchestrator, request.task(make_task().source), request)

    assert sorted(call.beam_size for call in client.requests) == [1, 5]
    decoders = [one.recognition and one.recognition.transcript.decoder for one in found.outcomes]
    assert decoders[:2] == ["greedy", "beam"]
    assert found.synthesis is not None
    assert all(word.origins for word in found.synthesis.words)
    await orchestrator.stop()


async def test_text_is_aligned_with_a_recording_that_whisper_transcribed() -> None:
    other = ctc()
    other.answer(Operation.TRANSCRIBE, make_recognition())
    orchestrator = await started(other, adapter_of(Client()), cache_bytes=1 << 20)
    first = make_task(model="a/w", session="s")
    await orchestrator.run(first)

    aligned = await orchestrator.run(
        AudioTask(cached_id=first.id, wants=frozenset({Want.ALIGNMENT}), text="a b", session="s")
    )

    assert aligned.alignment is not None
    await orchestrator.stop()


@pytest.mark.parametrize("operation", [one for one in Operation if one is not Operation.TRANSCRIBE])
async def test_other_operations_are_rejected(operation: Operation) -> None:
    task = ModelTask(Step(operation), make_task(), StepInputs(audio=make_audio()))

    with pytest.raises(InternalError) as rejected:
        await adapter_of(Client()).handle_task(task)

    assert rejected.value.code == "adapter.unsupported"


async def test_workers_are_stopped_with_the_adapter() -> None:
    adapter = adapter_of(Client())
    await adapter.initialize()

    await adapter.dispose()

    assert adapter._pool.stopped == 1  # type: ignore[attr-defined]
    assert adapter.get_status().ready


def test_status_offers_the_models_with_their_languages() -> None:
    status = adapter_of(Client()).get_status()

    assert [choice.name for choice in status.choices] == ["a/w", "a/w.en"]
    assert status.model is None


async def test_channels_are_transcribed_one_by_one_and_merged() -> None:
    client, reports = Client(), list[Progress]()
    samples = make_audio(2.0).samples
    audio = replace(make_audio(2.0), channels=(samples, samples))
    task = ModelTask(
        Step(Operation.TRANSCRIBE, Target(model="a/w")), make_task(), StepInputs(audio=audio)
    )

    result = await adapter_of(client).handle_task(task, reports.append)

    assert isinstance(result.value, Recognition)
    assert [word.channel for word in result.value.transcript.words] == [1, 2]
    assert not result.value.has_emission
    assert [one.value for one in reports] == [None] * len(reports)
    assert reports[-1].fraction == 1.0
