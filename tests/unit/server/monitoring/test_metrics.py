"""Events become Prometheus metrics."""

from __future__ import annotations

from tests.doubles import FakeAdapter, FakeClock, make_task
from wav2vec2_app.errors import InputError, InternalError, ResourceError
from wav2vec2_app.server.monitoring.metrics import TaskMetrics
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator
from wav2vec2_app.server.tasks import Operation, Want


async def followed(adapter: FakeAdapter, clock: FakeClock) -> tuple[ModelOrchestrator, TaskMetrics]:
    orchestrator = ModelOrchestrator([adapter], concurrency=1, clock=clock)
    metrics = TaskMetrics()
    orchestrator.subscribe(metrics)
    await orchestrator.start()
    return orchestrator, metrics


def value(metrics: TaskMetrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


async def test_finished_tasks_are_counted_with_their_audio_stages_and_real_time_factor() -> None:
    clock = FakeClock()
    adapter = FakeAdapter(duration_s=8.0, clock=clock, takes_s={Operation.TRANSCRIBE: 2.0})
    orchestrator, metrics = await followed(adapter, clock)

    await orchestrator.run(make_task())
    await orchestrator.stop()

    assert value(metrics, "wav2vec2_tasks_total", outcome="done", code="") == 1
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
    orchestrator, metrics = await followed(adapter, clock)

    async for _ in orchestrator.submit(make_task()):
        pass
    await orchestrator.run(make_task())
    await orchestrator.stop()

    assert value(metrics, "wav2vec2_tasks_total", outcome="failed", code="audio.too_long") == 1
    assert value(metrics, "wav2vec2_retries_total", operation="transcribe") == 1


async def test_missing_extras_are_counted() -> None:
    clock = FakeClock()
    adapter = FakeAdapter(clock=clock)
    adapter.fail(Operation.DRAW, InternalError("no ink"))
    orchestrator, metrics = await followed(adapter, clock)

    await orchestrator.run(make_task(wants=[Want.TRANSCRIPT, Want.PICTURES]))
    await orchestrator.stop()

    assert value(metrics, "wav2vec2_task_problems_total", operation="draw", code="internal") == 1


async def test_the_queue_and_the_tasks_in_work_are_gauged_while_they_last() -> None:
    clock = FakeClock()
    adapter = FakeAdapter(clock=clock)
    gate = adapter.block(Operation.DECODE_AUDIO)
    orchestrator, metrics = await followed(adapter, clock)
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
    assert TaskMetrics().registry is not TaskMetrics().registry


def test_what_a_scraper_reads_is_prometheus_text() -> None:
    assert b"# TYPE wav2vec2_tasks_total counter" in TaskMetrics().render()
    assert TaskMetrics.content_type.startswith("text/plain")
