"""The adapter that labels speakers below an orchestrator: steps, labels, problems, the cache."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.doubles import FakeAdapter, make_audio, make_policy, make_recognition, make_task
from tests.unit.server.adapters.test_whisper import LIMITS, FakePool
from wav2vec2_app.errors import InternalError, ModelError
from wav2vec2_app.protocol.speakers import (
    SpeakersRequest,
    SpeakersResponse,
    VoicesRequest,
    VoicesResponse,
)
from wav2vec2_app.server.adapters.speakers import SpeakersAdapter
from wav2vec2_app.server.operations import Operation, Step, Want
from wav2vec2_app.server.orchestrator import job
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator
from wav2vec2_app.server.results import Progress, Stage
from wav2vec2_app.server.service.result import StepResult
from wav2vec2_app.server.service.speakers import PART_S, SpeakersService, SpeakersStep
from wav2vec2_app.server.tasks import AudioTask, ModelTask, StepInputs
from wav2vec2_app.speech.channels import merged
from wav2vec2_app.speech.options import DecodingOptions
from wav2vec2_app.speech.transcript import Recognition, Word

BOTH = frozenset({Want.TRANSCRIPT, Want.SPEAKERS})
OTHERS = tuple(one for one in Operation if one is not Operation.LABEL_SPEAKERS)


class Client:
    """Answers requests of the role: the speakers of the words alternate."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.requests: list[Any] = []
        self.failure = failure

    def limit_s(self, audio_s: float = 0.0, *, loads_model: bool = False) -> float:
        return 30.0

    async def request(self, request: Any, **_: Any) -> StepResult[Any]:
        self.requests.append(request)
        if self.failure is not None:
            raise self.failure
        if isinstance(request, VoicesRequest):
            embeddings = np.ones((len(request.windows), 4), np.float32)
            return StepResult(VoicesResponse(embeddings), (Stage("voices", 0.0, 1.0, "speakers"),))
        assert isinstance(request, SpeakersRequest)
        return StepResult(SpeakersResponse(np.arange(len(request.words), dtype=np.int32) % 2))


def adapter_of(client: Client) -> SpeakersAdapter:
    service = SpeakersService(client)  # type: ignore[arg-type]
    return SpeakersAdapter(service, FakePool(), LIMITS)  # type: ignore[arg-type]


async def started(client: Client, **bounds: Any) -> tuple[ModelOrchestrator, FakeAdapter]:
    other = FakeAdapter(operations=OTHERS)
    orchestrator = ModelOrchestrator([other, adapter_of(client)], make_policy(**bounds))
    await orchestrator.start()
    return orchestrator, other


def speakers_of(recognition: Recognition | None) -> list[str]:
    assert recognition is not None
    return [word.speaker for word in recognition.transcript.words]


async def test_speakers_are_labelled_only_if_wanted() -> None:
    client = Client()
    orchestrator, _ = await started(client)

    plain = await orchestrator.run(make_task())
    labelled = await orchestrator.run(replace(make_task(wants=BOTH), speaker_names=("", "Ben")))

    assert speakers_of(plain.recognition) == ["", ""]
    assert speakers_of(labelled.recognition) == ["Speaker 1", "Ben"]
    assert len(client.requests) == 2
    assert labelled.speakers is not None
    assert labelled.speakers.count == 2
    assert "voices" in {stage.name for stage in labelled.stages}
    await orchestrator.stop()


async def test_transcript_comes_without_labels_where_the_extra_is_missing() -> None:
    missing = ModelError("Not installed.", code="speakers.extra_missing", hint="Install it.")
    orchestrator, _ = await started(Client(missing))

    result = await orchestrator.run(make_task(wants=BOTH))

    assert result.transcript is not None
    assert result.transcript.text.lower() == "hello world"
    assert speakers_of(result.recognition) == ["", ""]
    [problem] = result.problems
    assert (problem.operation, problem.error.code) == (
        Operation.LABEL_SPEAKERS, "speakers.extra_missing",
    )  # fmt: skip
    await orchestrator.stop()


async def test_cached_transcript_is_labelled_and_its_labels_are_cached() -> None:
    client = Client()
    orchestrator, other = await started(client, cache_bytes=10_000_000)
    task = make_task(session="me")
    await orchestrator.run(task)

    labelled = await orchestrator.run(replace(make_task(session="me"), wants=BOTH))
    requests = len(client.requests)
    again = await orchestrator.run(
        replace(make_task(session="me"), wants=BOTH, speaker_names=("Ann",))
    )
    plain = await orchestrator.run(make_task(session="me"))

    assert other.count(Operation.TRANSCRIBE) == 1
    assert speakers_of(labelled.recognition) == ["Speaker 1", "Speaker 2"]
    assert speakers_of(again.recognition) == ["Ann", "Speaker 2"]
    assert speakers_of(plain.recognition) == ["", ""]
    assert requests == len(client.requests) == 2
    await orchestrator.stop()


async def test_decoding_again_keeps_the_speakers() -> None:
    client = Client()
    orchestrator, _ = await started(client, cache_bytes=10_000_000)
    first = await orchestrator.run(replace(make_task(session="me"), wants=BOTH))

    hot = DecodingOptions(hotwords=("ada", "lovelace"))
    again = await orchestrator.run(
        AudioTask(cached_id=first.id, decoding=hot, wants=BOTH, session="me")
    )

    assert again.transcript is not None
    assert again.transcript.text.split() == ["ada", "lovelace"]
    assert speakers_of(again.recognition) == ["Speaker 1", "Speaker 2"]
    assert len(client.requests) == 2
    await orchestrator.stop()


async def test_silence_and_separate_channels_need_no_model() -> None:
    client = Client()
    orchestrator, other = await started(client)
    other.answer(Operation.TRANSCRIBE, make_recognition(""))
    silent = await orchestrator.run(make_task(wants=BOTH))
    other.answer(Operation.TRANSCRIBE, merged([make_recognition("a b"), make_recognition("c")]))
    separate = await orchestrator.run(replace(make_task(wants=BOTH), speaker_names=("Ann", "Ben")))

    assert client.requests == []
    assert silent.problems == separate.problems == ()
    assert set(speakers_of(separate.recognition)) == {"Ann", "Ben"}
    await orchestrator.stop()


async def test_long_recording_is_sent_in_parts() -> None:
    client = Client()
    audio = make_audio(200.0)
    words = tuple(Word("a", float(at), at + 0.4, 0.9) for at in np.arange(0, 199, 0.5))
    transcript = replace(make_recognition().transcript, words=words)
    fractions: list[float | None] = []

    def report(progress: Progress) -> None:
        fractions.append(progress.fraction)

    found = await SpeakersService(client).label(  # type: ignore[arg-type]
        SpeakersStep(audio, transcript, report)
    )

    voices = [one for one in client.requests if isinstance(one, VoicesRequest)]
    assert len(voices) == 4
    assert all(len(one.samples) <= (PART_S + 2) * 16_000 for one in voices)
    assert all(one.windows.min() >= 0 and one.windows.max() <= PART_S + 2 for one in voices)
    grouped = client.requests[-1]
    assert len(grouped.embeddings) == len(grouped.windows) == sum(len(v.windows) for v in voices)
    assert len(grouped.words) == len(words)
    assert fractions[-1] == 1.0
    assert found.value.count == 2


async def test_other_steps_and_missing_inputs_are_errors_of_the_program() -> None:
    adapter = adapter_of(Client())
    step = Step(Operation.LABEL_SPEAKERS)

    with pytest.raises(InternalError, match="transcript"):
        await adapter.handle_task(ModelTask(step, make_task()))
    with pytest.raises(InternalError, match="draw"):
        await adapter.handle_task(
            ModelTask(Step(Operation.DRAW), make_task(), StepInputs(audio=make_audio()))
        )
    assert adapter.get_status().ready
    assert adapter.answering_model("auto") == ""


@pytest.mark.parametrize(
    ("duration_s", "wants", "elsewhere"),
    [(3600.0, BOTH, True), (3600.0, frozenset({Want.TRANSCRIPT}), False), (60.0, BOTH, False)],
)
async def test_words_of_long_recordings_get_their_speakers_beside_the_event_loop(
    monkeypatch: pytest.MonkeyPatch, duration_s: float, wants: frozenset[Want], elsewhere: bool
) -> None:
    threads = []
    assemble = job.assemble_result

    def assembled(*arguments: Any, **named: Any) -> Any:
        threads.append(threading.current_thread())
        return assemble(*arguments, **named)

    monkeypatch.setattr(job, "assemble_result", assembled)
    orchestrator = ModelOrchestrator([FakeAdapter(duration_s=duration_s)], make_policy())
    await orchestrator.start()
    try:
        result = await orchestrator.run(make_task(wants=wants))
    finally:
        await orchestrator.stop()

    assert result.transcript is not None
    labels = {word.speaker for word in result.transcript.words}
    assert labels == ({"Speaker 1"} if Want.SPEAKERS in wants else {""})
    assert [one is not threading.main_thread() for one in threads] == [elsewhere]
