"""The wav2vec2 adapter translates steps into calls of the service."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest

from tests.doubles import (
    FakeClock,
    make_acoustics,
    make_alignment,
    make_audio,
    make_exploration,
    make_features,
    make_model_info,
    make_picture,
    make_probe,
    make_recognition,
    make_task,
)
from wav2vec2_app.errors import InputError, InternalError
from wav2vec2_app.server.adapters.base import AudioLimits, ModelAdapter
from wav2vec2_app.server.adapters.wav2vec2 import Wav2Vec2Adapter
from wav2vec2_app.server.deadline import Deadline
from wav2vec2_app.server.operations import Operation, Step, Target
from wav2vec2_app.server.results import Stage
from wav2vec2_app.server.service.result import StepResult
from wav2vec2_app.server.service.wav2vec2 import Wav2Vec2Service
from wav2vec2_app.server.tasks import AudioTask, ModelTask, StepInputs
from wav2vec2_app.speech.exploration import parse_part
from wav2vec2_app.speech.models import ModelInfo
from wav2vec2_app.speech.transcript import Recognition

AUDIO, RECOGNITION = make_audio(2.0), make_recognition("good morning")
STAGES = (Stage("forward", 0.0, 0.5, "inference"),)
DEADLINE = Deadline(1060.0)
INPUTS = StepInputs(make_probe(2.0), AUDIO, RECOGNITION, make_features(2.0))


class FakeService:
    """Answers each method with a plausible value and records its keyword arguments."""

    formats = ("wav",)
    model_names = ()

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.model: ModelInfo | None = None
        self.calls: dict[str, dict[str, Any]] = {}

    async def probe(self, *_: object, **named: object) -> object:
        self.calls["probe"] = named
        return make_probe(2.0)

    def __getattr__(self, name: str) -> Any:
        values = {
            "decode": AUDIO,
            "process": RECOGNITION,
            "decode_text": RECOGNITION,
            "align": make_alignment(),
            "analyze": make_features(2.0),
            "measure": make_acoustics(2.0),
            "draw": (make_picture(),),
            "explore": make_exploration(),
        }

        async def call(*_: object, **named: object) -> StepResult[object]:
            self.calls[name] = named
            self.clock.advance(0.5)
            return StepResult(values[name], STAGES)

        return call

    def time_limit_s(self, operation: Operation, audio_s: float, model: str) -> float:
        return 30.0 + 2.0 * audio_s + (120.0 if model != "auto" else 0.0)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def service(clock: FakeClock) -> FakeService:
    return FakeService(clock)


@pytest.fixture
def adapter(service: FakeService, clock: FakeClock) -> Wav2Vec2Adapter:
    limits = AudioLimits(max_duration_s=600.0, max_bytes=1000)
    return Wav2Vec2Adapter(cast(Wav2Vec2Service, service), limits, clock=clock)


OTHERS = {Operation.DESCRIBE, Operation.LABEL_SPEAKERS}
OPERATIONS = [one for one in Operation if one not in OTHERS]
"""All but the one of another kind of model."""


def step(operation: Operation, inputs: StepInputs = INPUTS, *, model: str = "auto") -> ModelTask:
    task = replace(make_task(), explored=parse_part(0, 1))
    return ModelTask(Step(operation, Target(model=model)), task, inputs, DEADLINE)


def test_it_has_the_interface_of_an_adapter(adapter: Wav2Vec2Adapter) -> None:
    assert isinstance(adapter, ModelAdapter)
    assert adapter.get_capabilities().operations == frozenset(OPERATIONS)
    assert adapter.get_capabilities().max_duration_s == 600.0


@pytest.mark.parametrize(
    ("operation", "method"),
    [
        (Operation.PROBE, "probe"),
        (Operation.DECODE_AUDIO, "decode"),
        (Operation.TRANSCRIBE, "process"),
        (Operation.DECODE_TEXT, "decode_text"),
        (Operation.ALIGN, "align"),
        (Operation.ANALYZE, "analyze"),
        (Operation.MEASURE, "measure"),
        (Operation.DRAW, "draw"),
        (Operation.EXPLORE, "explore"),
    ],
)
async def test_every_operation_calls_the_service_with_the_deadline_and_the_request_id(
    adapter: Wav2Vec2Adapter, service: FakeService, operation: Operation, method: str
) -> None:
    task = step(operation)

    result = await adapter.handle_task(task)

    assert result.operation is operation
    assert result.stages == (() if operation is Operation.PROBE else STAGES)
    assert service.calls[method]["deadline"] == DEADLINE
    assert service.calls[method]["request_id"] == task.task.id


async def test_the_model_of_the_target_transcribes(
    adapter: Wav2Vec2Adapter, service: FakeService
) -> None:
    await adapter.handle_task(step(Operation.TRANSCRIBE, model="large"))

    assert service.calls["process"]["model"] == "large"


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_a_step_without_what_it_needs_is_an_internal_error(
    adapter: Wav2Vec2Adapter, operation: Operation
) -> None:
    task = step(operation, StepInputs())
    if operation in (Operation.PROBE, Operation.DECODE_AUDIO):
        task = ModelTask(Step(operation), AudioTask(cached_id="earlier"))

    with pytest.raises(InternalError) as caught:
        await adapter.handle_task(task)

    assert caught.value.code == "task.missing_input"


@pytest.mark.parametrize("operation", [Operation.DECODE_TEXT, Operation.ALIGN])
async def test_a_transcript_without_an_emission_is_a_typed_error(
    adapter: Wav2Vec2Adapter, operation: Operation
) -> None:
    inputs = StepInputs(audio=AUDIO, recognition=Recognition(RECOGNITION.transcript))

    with pytest.raises(InputError) as caught:
        await adapter.handle_task(step(operation, inputs))

    assert caught.value.code == "model.no_emission"


async def test_a_model_name_that_is_too_long_is_rejected(adapter: Wav2Vec2Adapter) -> None:
    with pytest.raises(InputError) as caught:
        await adapter.handle_task(step(Operation.TRANSCRIBE, model="x" * 201))

    assert caught.value.code == "model.bad_name"


@pytest.mark.parametrize(
    ("inputs", "limit_s"),
    [
        (StepInputs(), 30.0),
        (StepInputs(probe=make_probe(1.0)), 32.0),
        (StepInputs(probe=make_probe(1.0), audio=make_audio(5.0)), 40.0),  # longer than announced
    ],
)
def test_time_limits_follow_the_probe_and_then_the_decoded_audio(
    adapter: Wav2Vec2Adapter, inputs: StepInputs, limit_s: float
) -> None:
    assert adapter.time_limit_s(step(Operation.TRANSCRIBE, inputs)) == limit_s


def test_time_limits_include_the_loading_of_a_named_model(adapter: Wav2Vec2Adapter) -> None:
    assert adapter.time_limit_s(step(Operation.TRANSCRIBE, StepInputs(), model="large")) == 150.0


def test_auto_is_answered_by_the_default_model_once_it_is_known(
    adapter: Wav2Vec2Adapter, service: FakeService
) -> None:
    assert adapter.answering_model("auto") == ""

    service.model = make_model_info("facebook/wav2vec2-base-960h")

    assert adapter.answering_model("auto") == "facebook/wav2vec2-base-960h"
    assert adapter.answering_model("embedded") == "embedded"


async def test_only_transcriptions_are_measured(adapter: Wav2Vec2Adapter) -> None:
    await adapter.handle_task(step(Operation.ANALYZE))
    assert adapter.get_capabilities().samples == 0

    await adapter.handle_task(step(Operation.TRANSCRIBE))

    capabilities = adapter.get_capabilities()
    assert capabilities.samples == 1
    assert capabilities.average_latency_s == 0.5
    assert capabilities.throughput == 4.0
