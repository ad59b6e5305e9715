"""The document's five metrics: starts, latency, memory, errors, utilisation; and their labels' bounds."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.doubles import FakeAdapter, FakeClock, make_memory, make_policy, make_task
from wav2vec2_app.errors import (
    InputError,
    InternalError,
    ResourceError,
    Wav2Vec2Error,
    WorkerDiedError,
)
from wav2vec2_app.server.events import Failed, WorkerEvent
from wav2vec2_app.server.monitoring.failures import MAX_CODES
from wav2vec2_app.server.monitoring.labels import OTHER, BoundedLabel
from wav2vec2_app.server.monitoring.metrics import Metrics
from wav2vec2_app.server.monitoring.starts import MAX_MODELS
from wav2vec2_app.server.operations import Operation, Want
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator
from wav2vec2_app.server.status import AdapterStatus, OrchestratorStatus, WorkerStatus

DASHBOARD = Path(__file__).parents[4] / "docs" / "grafana-dashboard.json"
PAGE = DASHBOARD.with_name("monitoring.md")


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"wav2vec2_{name}", labels)


def status(*workers: WorkerStatus, **changes: Any) -> OrchestratorStatus:
    adapter = AdapterStatus("fake", ready=True, workers=workers, memory=make_memory())
    now = OrchestratorStatus(2, 1, 32, 3.5, None, (adapter,), {"fake.draw": "open"})
    return replace(now, **changes)


# --- initialisation -------------------------------------------------------------------------------


def test_starts_of_workers_are_timed_and_counted_by_outcome() -> None:
    metrics = Metrics()
    for event in (
        WorkerEvent("audio", "starting"),
        WorkerEvent("audio", "ready", 7, took_s=1.5),
        WorkerEvent("audio", "died", 7, WorkerDiedError("killed"), took_s=1.5),
        WorkerEvent("audio", "restarting"),
        WorkerEvent("audio", "died", 8, WorkerDiedError("no memory")),
    ):
        metrics(event)

    assert value(metrics, "worker_starts_total", role="audio", outcome="ready") == 1
    assert value(metrics, "worker_starts_total", role="audio", outcome="failed") == 1
    assert value(metrics, "worker_start_seconds_sum", role="audio") == 1.5
    assert value(metrics, "worker_start_seconds_count", role="audio") == 1


async def test_answers_are_counted_by_model_and_outcome() -> None:
    adapter = FakeAdapter()
    metrics = Metrics()
    orchestrator = ModelOrchestrator([adapter], make_policy())
    orchestrator.events.subscribe(metrics)
    await orchestrator.start()
    await orchestrator.run(make_task())
    await orchestrator.run(make_task(model="m"))
    adapter.fail(Operation.TRANSCRIBE, InternalError("defect"))
    adapter.fail(Operation.PROBE, InputError("too long"))
    for _ in range(2):
        async for _ in orchestrator.submit(make_task(model="m")):
            pass
    await orchestrator.stop()

    assert value(metrics, "model_tasks_total", model="fake/wav2vec2", outcome="done") == 1
    assert value(metrics, "model_tasks_total", model="m", outcome="done") == 1
    # unusable input is not charged to a model
    assert value(metrics, "model_tasks_total", model="m", outcome="failed") == 1


# --- errors ---------------------------------------------------------------------------------------

ERRORS: tuple[Wav2Vec2Error, ...] = (
    InputError("x", code="audio.broken"),
    ResourceError("x", severity="critical"),
    WorkerDiedError("x"),
)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.code)
def test_failed_tasks_are_counted_by_layer_severity_and_code(error: Wav2Vec2Error) -> None:
    metrics = Metrics()

    metrics(Failed(make_task(), 1.0, error))

    labels = {"layer": error.layer, "severity": error.severity, "code": error.code}
    assert value(metrics, "errors_total", scope="task", **labels) == 1


async def test_errors_of_attempts_extras_and_workers_are_counted_too() -> None:
    adapter = FakeAdapter()
    metrics = Metrics()
    orchestrator = ModelOrchestrator([adapter], make_policy())
    orchestrator.events.subscribe(metrics)
    await orchestrator.start()
    adapter.fail(Operation.TRANSCRIBE, ResourceError("no room"))
    adapter.fail(Operation.DRAW, InternalError("no ink"))
    await orchestrator.run(make_task(wants=[Want.TRANSCRIPT, Want.PICTURES]))
    await orchestrator.stop()
    metrics(WorkerEvent("text", "died", 1, WorkerDiedError("gone", code="worker.crashed")))

    found = {
        (sample.labels["scope"], sample.labels["code"])
        for family in text_string_to_metric_families(metrics.render().decode())
        for sample in family.samples
        if sample.name == "wav2vec2_errors_total"
    }
    assert found == {
        ("attempt", "resource.exhausted"),
        ("extra", "internal"),
        ("worker", "worker.crashed"),
    }


# --- the state of the system ----------------------------------------------------------------------


def test_memory_processor_time_and_utilisation_are_read_when_they_are_rendered() -> None:
    reads = []
    metrics = Metrics()

    def read() -> OrchestratorStatus:
        reads.append(1)
        workers = (
            WorkerStatus("audio", "ready", os.getpid(), 0, 1, busy_s=12.5, age_s=60.0, waiting=3),
            WorkerStatus("inference", "restarting", None, 2, 0),
            WorkerStatus("inference", "ready", 2, 1, 0, waiting=1),
        )
        return status(*workers)

    metrics.observe(read)
    assert not reads

    metrics.render()
    assert len(reads) == 1
    assert value(metrics, "process_resident_bytes", process="inference") == 300 * 2**20
    assert value(metrics, "process_peak_bytes", process="audio") == 200 * 2**20
    assert value(metrics, "memory_limit_bytes") == 2048 * 2**20
    assert value(metrics, "queue_wait_seconds") == 3.5
    assert value(metrics, "worker_busy_seconds_total", worker="audio") == 12.5
    assert value(metrics, "worker_age_seconds", worker="audio") == 60.0
    assert value(metrics, "worker_ready", worker="inference") == 0
    assert value(metrics, "worker_ready", worker="inference-1") == 1
    assert value(metrics, "worker_restarts_total", worker="inference") == 2
    assert value(metrics, "worker_queue_depth", role="audio") == 3


def test_processor_time_of_running_processes_is_exported_and_ended_ones_are_left_out() -> None:
    metrics = Metrics()
    memory = make_memory()
    own, *_, ended = memory.processes
    report = replace(
        memory, processes=(replace(own, pid=os.getpid()), replace(ended, pid=2**22 + 7))
    )
    now = status(adapters=(AdapterStatus("fake", ready=True, memory=report),))
    metrics.observe(lambda: now)

    assert (value(metrics, "process_cpu_seconds_total", process="server") or 0) > 0
    assert value(metrics, "process_cpu_seconds_total", process=ended.name) is None


# --- text and labels ------------------------------------------------------------------------------


async def full_metrics() -> Metrics:
    """Metrics after everything has happened once."""
    clock = FakeClock()
    adapter = FakeAdapter(clock=clock, takes_s={Operation.TRANSCRIBE: 2.0})
    metrics = Metrics()
    orchestrator = ModelOrchestrator([adapter], make_policy(breaker_failures=1), clock=clock)
    orchestrator.events.subscribe(metrics)
    metrics.observe(orchestrator.status)
    await orchestrator.start()
    await orchestrator.run(make_task())
    adapter.fail(Operation.DRAW, InternalError('quote " backslash \\ line\n'))
    await orchestrator.run(make_task(wants=[Want.TRANSCRIPT, Want.PICTURES]))
    await orchestrator.stop()
    metrics(WorkerEvent("audio", "ready", 1, took_s=1.0))
    metrics(Failed(make_task(), 1.0, InputError("x", code='a"b\\c\nd')))
    return metrics


async def test_text_is_valid_for_prometheus() -> None:
    text = (await full_metrics()).render().decode()

    families = list(text_string_to_metric_families(text))
    assert len({family.name for family in families}) == len(families)
    for family in families:
        assert family.name.startswith("wav2vec2_")
        assert family.documentation
        assert family.type != "unknown"
        keys = [(s.name, tuple(sorted(s.labels.items()))) for s in family.samples]
        assert len(set(keys)) == len(keys)
        if family.type == "counter":
            assert all(sample.value >= 0 for sample in family.samples)


def expressions() -> Iterator[str]:
    dashboard = json.loads(DASHBOARD.read_text("utf-8"))
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            yield target["expr"]


async def test_dashboard_uses_metrics_that_exist() -> None:
    families = {
        f.name: f for f in text_string_to_metric_families((await full_metrics()).render().decode())
    }
    names = {name for text in expressions() for name in re.findall(r"wav2vec2_\w+", text)}

    assert len(names) > 15
    for name in names:
        base = re.sub(r"_(total|bucket|sum|count)$", "", name)
        assert name in families or base in families, name


def test_dashboard_has_a_panel_for_each_of_the_five_metrics() -> None:
    text = " ".join(expressions())

    for metric in (
        "worker_start_seconds", "worker_starts_total", "model_tasks_total", "stage_seconds_bucket",
        "process_resident_bytes", "errors_total", "process_cpu_seconds_total",
        "worker_busy_seconds_total", "queue_depth", "queue_wait_seconds",
    ):  # fmt: skip
        assert f"wav2vec2_{metric}" in text


async def test_documented_metrics_exist_and_all_are_documented() -> None:
    documented = set(re.findall(r"`([a-z_]+)[`{]", PAGE.read_text("utf-8").split("## Metrics")[1]))
    documented = {re.sub("_total$", "", name) for name in documented} - {"other", "wav2vec2_"}
    text = (await full_metrics()).render().decode()
    exported = {f.name.removeprefix("wav2vec2_") for f in text_string_to_metric_families(text)}

    assert {name for name in exported if not name.endswith("_created")} - documented == set()
    assert documented - exported - {"queue", "total"} == set()


@pytest.mark.parametrize("limit", [0, 1, 5])
def test_values_of_a_label_are_bounded(limit: int) -> None:
    label = BoundedLabel(limit)

    found = [label(str(number)) for number in range(10)] + [label("0")]

    assert found[:limit] == [str(number) for number in range(limit)]
    assert set(found[limit:10]) == {OTHER}
    assert found[10] == ("0" if limit else OTHER)


def test_clients_cannot_make_more_time_series_than_the_limits() -> None:
    metrics = Metrics()
    for number in range(max(MAX_CODES, MAX_MODELS) + 50):
        error = ResourceError("x", code=f"code.{number}")
        metrics(Failed(make_task(model=f"model-{number}"), 1.0, error))

    families = {f.name: f for f in text_string_to_metric_families(metrics.render().decode())}
    codes = {s.labels["code"] for s in families["wav2vec2_errors"].samples}
    models = {s.labels["model"] for s in families["wav2vec2_model_tasks"].samples}
    assert (len(codes), len(models)) == (MAX_CODES + 1, MAX_MODELS + 1)
    assert OTHER in codes & models
