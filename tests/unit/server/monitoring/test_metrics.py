"""Prometheus metrics are computed from events."""

from __future__ import annotations

import pytest

from tests.doubles import (
    FakeAdapter,
    FakeClock,
    make_audio,
    make_policy,
    make_recognition,
    make_task,
)
from wav2vec2_app.errors import InputError, InternalError, ResourceError
from wav2vec2_app.server.events import BreakerEvent, EventBus, WorkerEvent
from wav2vec2_app.server.monitoring.metrics import Metrics
from wav2vec2_app.server.operations import Operation, Want
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator
from wav2vec2_app.server.tasks import AudioTask


async def start_with_metrics(
    adapter: FakeAdapter, clock: FakeClock, **bounds: int
) -> tuple[ModelOrchestrator, Metrics]:
    policy = make_policy(concurrency=1, **bounds)
    orchestrator = ModelOrchestrator([adapter], policy, clock=clock)
    metrics = Metrics()
    orchestrator.events.subscribe(metrics)
    await orchestrator.start()
    return orchestrator, metrics


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


async def test_finished_tasks_are_counted_with_their_audio_stages_and_real_time_factor() -> None:
    clock = FakeClock()
    adapter = FakeAdapter(duration_s=8.0, clock=clock, takes_s={Operation.TRANSCRIBE: 2.0})
    orchestrator, metrics = await start_with_metrics(adapter, clock)

    await orchestrator.run(make_task())
    await orchestrator.stop()

    assert value(metrics, "wav2vec2_tasks_total", outcome="done", code="", kind="upload") == 1
    assert value(metrics, "wav2vec2_audio_seconds_total") == 8.0
    assert value(metrics, "wav2vec2_real_time_factor_sum") == 0.25
    assert value(metrics, "wav2vec2_stage_seconds_sum", stage="forward") == 1.8
    assert value(metrics, "wav2vec2_stage_seconds_count", stage="queue") == 1
    assert value(metrics, "wav2vec2_stage_seconds_sum", stage="total") == 2.0


async def test_failures_are_counted_by_code_and_retries_by_operation() -> None:
    clock = FakeClock()
    adapter = FakeAdapter(clock=clock)
    adapter.fail(Operation.PROBE, InputError("too long", code="audio.too_long"))
    adapter.fail(Operation.TRANSCRIBE, ResourceError("no room at the moment"))
    orchestrator, metrics = await start_with_metrics(adapter, clock)

    async for _ in orchestrator.submit(make_task()):
        pass
    await orchestrator.run(make_task())
    await orchestrator.stop()

    labels = {"outcome": "failed", "code": "audio.too_long", "kind": "upload"}
    assert value(metrics, "wav2vec2_tasks_total", **labels) == 1
    assert value(metrics, "wav2vec2_retries_total", operation="transcribe") == 1


@pytest.mark.parametrize("kind", ["live", "cached"])
async def test_live_passes_and_cached_answers_are_counted_without_audio_and_real_time_factor(
    kind: str,
) -> None:
    clock = FakeClock()
    adapter = FakeAdapter(duration_s=8.0, clock=clock, takes_s={Operation.TRANSCRIBE: 2.0})
    orchestrator, metrics = await start_with_metrics(adapter, clock, cache_bytes=10_000_000)
    first = await orchestrator.run(make_task())
    adapter.answer(Operation.TRANSCRIBE, make_recognition())
    other = {
        "live": AudioTask(audio=make_audio(0.5), live=True),
        "cached": AudioTask(cached_id=first.id),
    }

    await orchestrator.run(other[kind])
    await orchestrator.stop()

    assert value(metrics, "wav2vec2_tasks_total", outcome="done", code="", kind=kind) == 1
    assert value(metrics, "wav2vec2_audio_seconds_total") == 8.0
    assert value(metrics, "wav2vec2_real_time_factor_count") == 1


def test_events_of_workers_and_circuit_breakers_are_counted() -> None:
    bus, metrics = EventBus(), Metrics()
    bus.subscribe(metrics)

    bus.publish(WorkerEvent("inference", "died"))
    bus.publish(WorkerEvent("inference", "retried"))
    bus.publish(BreakerEvent("fake.draw", "closed", "open"))

    worker, breaker = "wav2vec2_worker_events_total", "wav2vec2_breaker_transitions_total"
    assert value(metrics, worker, role="inference", event="died") == 1
    assert value(metrics, worker, role="inference", event="retried") == 1
    assert value(metrics, breaker, circuit="fake.draw", state="open") == 1


@pytest.mark.parametrize(("state", "gauge"), [("closed", 0), ("half-open", 1), ("open", 2)])
def test_the_state_of_each_circuit_breaker_is_a_gauge(state: str, gauge: int) -> None:
    bus, metrics = EventBus(), Metrics()
    bus.subscribe(metrics)

    bus.publish(BreakerEvent("fake.draw", "open", state))
    bus.publish(BreakerEvent("fake.align", "closed", "open"))

    assert value(metrics, "wav2vec2_breaker_state", circuit="fake.draw") == gauge
    assert value(metrics, "wav2vec2_breaker_state", circuit="fake.align") == 2


async def test_missing_extras_are_counted() -> None:
    clock = FakeClock()
    adapter = FakeAdapter(clock=clock)
    adapter.fail(Operation.DRAW, InternalError("no ink"))
    orchestrator, metrics = await start_with_metrics(adapter, clock)

    await orchestrator.run(make_task(wants=[Want.TRANSCRIPT, Want.PICTURES]))
    await orchestrator.stop()

    assert value(metrics, "wav2vec2_task_problems_total", operation="draw", code="internal") == 1


async def test_waiting_and_running_tasks_are_gauged_while_they_last() -> None:
    clock = FakeClock()
    adapter = FakeAdapter(clock=clock)
    gate = adapter.block(Operation.DECODE_AUDIO)
    orchestrator, metrics = await start_with_metrics(adapter, clock)
    first, second = orchestrator.submit(make_task()), orchestrator.submit(make_task())
    for events in (first, second):
        while type(await anext(events)).__name__ != "Queued":
            pass
    await adapter.reached(Operation.DECODE_AUDIO)

    assert value(metrics, "wav2vec2_queue_depth") == 1
    assert value(metrics, "wav2vec2_tasks_running") == 1

    gate.set()
    for events in (first, second):
        async for _ in events:
            pass
    await orchestrator.stop()
    assert value(metrics, "wav2vec2_queue_depth") == 0
    assert value(metrics, "wav2vec2_tasks_running") == 0


def test_two_applications_in_one_process_do_not_share_metrics() -> None:
    assert Metrics().registry is not Metrics().registry


def test_rendered_metrics_are_prometheus_text() -> None:
    assert b"# TYPE wav2vec2_tasks_total counter" in Metrics().render()
    assert Metrics.content_type.startswith("text/plain")
