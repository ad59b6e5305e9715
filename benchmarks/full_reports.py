"""``python -m benchmarks.full_reports [ROUNDS]``: the server's answers while eight clients get full reports.

Eight clients of ``gradio_client`` request transcript, analysis and all pictures of different 10 s clips, each
again as soon as it has an answer. Meanwhile ``/healthz`` is requested every 20 ms.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import httpx
from gradio_client import handle_file

from benchmarks.clips import clip_of
from benchmarks.report import Figure, show
from benchmarks.server import RunningServer, running_server

CLIENTS = 8
ROUNDS = 3
CLIP_S = 10.0
EVERY_S = 0.02


def full_reports(server: RunningServer, client_number: int, rounds: int) -> list[float]:
    """Seconds that one client waited for each of its reports."""
    client, waits_s = server.client(), []
    for number in range(rounds):
        seed = 1 + client_number * rounds + number
        clip = handle_file(str(clip_of(CLIP_S, shift_s=seed, seed=seed)))
        begin = time.perf_counter()
        answer: Any = client.predict(clip, api_name="/analyze")
        report = answer[0] if isinstance(answer, tuple) else answer
        assert "error" not in report, report
        waits_s.append(time.perf_counter() - begin)
    return waits_s


def health_checks(server: RunningServer, ended: Event) -> list[float]:
    """Seconds that each request of ``/healthz`` took until ``ended`` is set."""
    took_s = []
    with httpx.Client(base_url=server.url) as http:
        while not ended.wait(EVERY_S):
            begin = time.perf_counter()
            http.get("/healthz").raise_for_status()
            took_s.append(time.perf_counter() - begin)
    return took_s


def measure(rounds: int = ROUNDS) -> Sequence[Figure]:
    ended = Event()
    with running_server({}) as server, ThreadPoolExecutor(CLIENTS + 1) as threads:
        checks = threads.submit(health_checks, server, ended)
        clients = [threads.submit(full_reports, server, one, rounds) for one in range(CLIENTS)]
        try:
            waits_s = [wait for client in clients for wait in client.result()]
        finally:
            ended.set()
        took_ms = sorted(1000 * took for took in checks.result())
    p95 = statistics.quantiles(took_ms, n=20)[-1]
    return [
        Figure(f"full report, {CLIENTS} clients", statistics.median(waits_s), "s"),
        Figure("/healthz meanwhile, median", statistics.median(took_ms), "ms"),
        Figure("/healthz meanwhile, 95th percentile", p95, "ms", 50, (took_ms[0], took_ms[-1])),
    ]


if __name__ == "__main__":
    show("full_reports", measure(*map(int, sys.argv[1:2])))
