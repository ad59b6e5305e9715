"""Metrics of the state of the system: memory and processor time of processes, workers, queues.

They are read when they are rendered; nothing is measured in between.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import psutil
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from wav2vec2_app.server.status import MemoryReport, OrchestratorStatus, WorkerStatus


class SystemCollector(Collector):
    """Exports the state of the system.

    Args:
        status: reads it.
    """

    def __init__(self, status: Callable[[], OrchestratorStatus]) -> None:
        self._status = status

    def describe(self) -> Iterator[Metric]:
        """Nothing: registering it then does not read the state."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """All metrics of this moment."""
        now = self._status()
        yield _gauge("queue_wait_seconds", "Estimated time until a new task starts.", now.wait_s)
        for adapter in now.adapters:
            if adapter.memory is not None:
                yield from _memory(adapter.memory)
        yield from _workers([worker for one in now.adapters for worker in one.workers])


def named(workers: Sequence[WorkerStatus]) -> list[tuple[str, WorkerStatus]]:
    """The workers by name: ``inference``, ``inference-1``, ``inference-2``…"""
    seen: Counter[str] = Counter()
    found = []
    for worker in workers:
        number = seen[worker.role]
        seen[worker.role] += 1
        found.append((f"{worker.role}-{number}" if number else worker.role, worker))
    return found


def _memory(report: MemoryReport) -> Iterator[Metric]:
    resident = _family("process_resident_bytes", "Resident memory of each process.", "process")
    peak = _family("process_peak_bytes", "Highest resident memory of each process.", "process")
    cpu = CounterMetricFamily(
        "wav2vec2_process_cpu_seconds", "Processor time of each process.", labels=["process"]
    )
    for process in report.processes:
        resident.add_metric([process.name], process.rss_bytes)
        peak.add_metric([process.name], process.peak_rss_bytes)
        if (cpu_s := cpu_seconds(process.pid)) is not None:
            cpu.add_metric([process.name], cpu_s)
    yield from (resident, peak, cpu)
    yield _gauge("memory_limit_bytes", "Limit of the memory of all processes.", report.limit_bytes)


def _workers(workers: Sequence[WorkerStatus]) -> Iterator[Metric]:
    ready = _family("worker_ready", "1 if the worker can take requests, else 0.", "worker")
    age = _family("worker_age_seconds", "Age of the worker's process.", "worker")
    busy = CounterMetricFamily(
        "wav2vec2_worker_busy_seconds", "Time in which a worker had a request.", labels=["worker"]
    )
    restarts = CounterMetricFamily(
        "wav2vec2_worker_restarts", "Restarts of each worker.", labels=["worker"]
    )
    waiting = _family("worker_queue_depth", "Requests that wait for a worker of a role.", "role")
    for name, worker in named(workers):
        ready.add_metric([name], worker.state == "ready")
        age.add_metric([name], worker.age_s or 0.0)
        busy.add_metric([name], worker.busy_s)
        restarts.add_metric([name], worker.restarts)
    for role, depth in {worker.role: worker.waiting for worker in workers}.items():
        waiting.add_metric([role], depth)
    yield from (ready, age, busy, restarts, waiting)


def cpu_seconds(pid: int) -> float | None:
    """Processor time of a process so far, seconds; None if it has ended."""
    try:
        times = psutil.Process(pid).cpu_times()
    except psutil.Error:
        return None
    return float(times.user + times.system)


def _family(name: str, description: str, label: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"wav2vec2_{name}", description, labels=[label])


def _gauge(name: str, description: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"wav2vec2_{name}", description, value)
