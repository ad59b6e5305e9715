"""The real server as a child process, for benchmarks that need all of it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class RunningServer:
    """A started server: ``page_s`` seconds to the first page, ``ready_s`` until it can answer."""

    url: str
    process: subprocess.Popen[bytes]
    page_s: float
    ready_s: float

    def resident_bytes(self) -> int:
        """Resident memory of the server and all its workers."""
        page = psutil.Process(self.process.pid)
        family = [page, *page.children(recursive=True)]
        return sum(process.memory_info().rss for process in family)


@contextmanager
def running_server(environment: Mapping[str, str]) -> Iterator[RunningServer]:
    """Start ``app.py`` on a free port, wait until it answers, stop it at the end."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    settings = {"WAV2VEC2_FETCH_MODELS": "false", "WAV2VEC2_LOG_LEVEL": "WARNING"}
    begin = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "app.py"],
        cwd=ROOT,
        env={**os.environ, **settings, "WAV2VEC2_PORT": str(port), **environment},
    )
    try:
        page_s = _wait_for(f"{url}/", process) - begin
        ready_s = _wait_for(f"{url}/readyz", process) - begin
        yield RunningServer(url, process, page_s, ready_s)
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait_for(url: str, process: subprocess.Popen[bytes], limit_s: float = 120.0) -> float:
    deadline = time.perf_counter() + limit_s
    while time.perf_counter() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with exit code {process.returncode}")
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own address
                if answer.status == 200:
                    return time.perf_counter()
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise TimeoutError(url)
