"""The measurement of adapters, and the test double of an adapter."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from tests.doubles import FakeAdapter, FakeClock, make_emission, make_recognition, make_task
from wav2vec2_app.errors import (
    BusyError,
    CancelledError,
    InputError,
    InternalError,
    ModelError,
    TimedOutError,
    WorkerDiedError,
)
from wav2vec2_app.server.adapters.base import ModelAdapter, RollingMeasure, is_fault
from wav2vec2_app.server.operations import Operation, Step
from wav2vec2_app.server.tasks import ModelTask


def test_a_measure_without_operations_has_no_figures() -> None:
    measure = RollingMeasure(clock=FakeClock())

    assert measure.samples == 0
    assert measure.average_latency_s is None
    assert measure.throughput is None
    assert measure.success_rate is None


def test_a_measure_averages_latency_and_throughput_over_successes_only() -> None:
    measure = RollingMeasure(clock=FakeClock())
    measure.record(latency_s=1.0, audio_s=10.0)
    measure.record(latency_s=3.0, audio_s=10.0)
    measure.record(latency_s=100.0, audio_s=10.0, success=False)

    assert measure.average_latency_s == 2.0
    assert measure.throughput == 5.0
    assert measure.success_rate == pytest.approx(2 / 3)


def test_operations_without_audio_do_not_lower_the_throughput() -> None:
    measure = RollingMeasure(clock=FakeClock())
    measure.record(latency_s=1.0, audio_s=8.0)
    measure.record(latency_s=5.0)

    assert measure.throughput == 8.0


def test_old_operations_leave_the_window_by_age_and_by_number() -> None:
    clock = FakeClock()
    measure = RollingMeasure(window=2, window_s=60.0, clock=clock)
    for latency_s in (1.0, 2.0, 4.0):
        measure.record(latency_s=latency_s)
    assert measure.average_latency_s == 3.0

    clock.advance(61.0)
    assert measure.samples == 0


def test_timing_records_success_and_faults_but_not_the_callers_mistakes() -> None:
    clock = FakeClock()
    measure = RollingMeasure(clock=clock)
    with measure.timing(audio_s=6.0):
        clock.advance(2.0)
    with pytest.raises(WorkerDiedError), measure.timing():
        raise WorkerDiedError("gone")
    with pytest.raises(InputError), measure.timing():
        raise InputError("empty file")

    assert measure.samples == 2
    assert measure.success_rate == 0.5
    assert measure.throughput == 3.0


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (InputError("x"), False),
        (ModelError("x"), False),
        (ModelError("x", layer="execution"), True),
        (CancelledError("x"), False),
        (BusyError("x"), False),
        (asyncio.CancelledError(), False),
        (KeyboardInterrupt(), False),
        (TimedOutError("x"), True),
        (InternalError("x"), True),
        (RuntimeError("x"), True),
    ],
)
def test_only_failures_of_what_did_the_work_are_faults(error: BaseException, fault: bool) -> None:
    assert is_fault(error) is fault


async def test_the_fake_adapter_has_the_real_interface_and_answers_from_the_task() -> None:
    adapter = FakeAdapter()
    assert isinstance(adapter, ModelAdapter)

    result = await adapter.handle_task(
        ModelTask(Step(Operation.TRANSCRIBE), make_task("one two.wav"))
    )

    assert result.value.transcript.text == "one two"
    assert [stage.name for stage in result.stages] == ["forward", "decode text"]


async def test_the_fake_adapter_gives_queued_answers_before_its_own() -> None:
    adapter = FakeAdapter()
    task = ModelTask(Step(Operation.TRANSCRIBE), make_task())
    adapter.answer(Operation.TRANSCRIBE, make_recognition("queued"))
    adapter.fail(Operation.TRANSCRIBE, InputError("queued"))

    assert (await adapter.handle_task(task)).value.transcript.text == "queued"
    with pytest.raises(InputError):
        await adapter.handle_task(task)
    assert (await adapter.handle_task(task)).value.transcript.text == "hello world"


async def test_the_fake_adapter_takes_time_on_its_clock_and_measures_it() -> None:
    clock = FakeClock()
    adapter = FakeAdapter(clock=clock, takes_s={Operation.TRANSCRIBE: 2.0})

    result = await adapter.handle_task(ModelTask(Step(Operation.TRANSCRIBE), make_task()))

    assert clock() == 1002.0
    assert sum(stage.duration_s for stage in result.stages) == pytest.approx(2.0)
    assert adapter.get_capabilities().average_latency_s == 2.0


def test_a_made_emission_decodes_greedily_to_its_text() -> None:
    emission = make_emission("see me")
    best = emission.log_probs.argmax(axis=1)
    spelled = [t for t, before in zip(best, [-1, *best], strict=False) if t not in (before, 0)]

    assert "".join(emission.vocabulary[token] for token in spelled) == "SEE|ME"
    assert np.allclose(np.exp(emission.log_probs.astype(np.float32)).sum(axis=1), 1, atol=1e-2)
    assert [word.text for word in make_recognition("see me").transcript.words] == ["see", "me"]
