"""Servers as child processes: ours, and any other that it is compared with."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
from gradio_client import Client

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class RunningServer:
    """A started server: ``page_s`` seconds until the page is served, ``ready_s`` until requests are."""

    url: str
    process: subprocess.Popen[bytes]
    page_s: float
    ready_s: float

    def client(self) -> Client:
        """A new client. It loads no TLS certificates, which would take 80 ms per request."""
        return Client(self.url, verbose=False, ssl_verify=False)

    def resident_bytes(self) -> int:
        """Resident memory of the server and all its workers."""
        return sum(process.memory_info().rss for process in self._family())

    def processor_s(self) -> float:
        """Processor time used so far by the server and its running workers, seconds."""
        return sum(sum(process.cpu_times()[:2]) for process in self._family())

    def _family(self) -> list[psutil.Process]:
        page = psutil.Process(self.process.pid)
        return [page, *page.children(recursive=True)]


@contextmanager
def running_server(environment: Mapping[str, str], folder: Path = ROOT) -> Iterator[RunningServer]:
    """Start ``app.py`` of a checkout on a free port, wait until it is ready, stop it at the end."""
    port = free_port()
    own = {"PYTHONPATH": str(folder)} if folder != ROOT else {}
    with TemporaryDirectory(prefix="wav2vec2-storage-", ignore_cleanup_errors=True) as storage:
        settings = {
            "WAV2VEC2_FETCH_MODELS": "false",
            "WAV2VEC2_LOG_LEVEL": "WARNING",
            "WAV2VEC2_PORT": str(port),
            "WAV2VEC2_STORAGE_FOLDER": storage,
        }
        given = {**settings, **environment, **own}
        with running(["app.py"], given, port, ready="/readyz", folder=folder) as server:
            yield server


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


@contextmanager
def running(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    port: int,
    *,
    ready: str,
    folder: Path = ROOT,
) -> Iterator[RunningServer]:
    """Run Python with ``arguments``, wait for its page and its path ``ready``, stop it at the end."""
    url = f"http://127.0.0.1:{port}"
    begin = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *arguments], cwd=folder, env={**os.environ, **environment}
    )
    try:
        page_s = wait_for(f"{url}/", process) - begin
        ready_s = wait_for(f"{url}{ready}", process) - begin
        yield RunningServer(url, process, page_s, ready_s)
    finally:
        process.terminate()
        process.wait(timeout=30)


def wait_for(
    url: str, process: subprocess.Popen[bytes] | None = None, limit_s: float = 120.0
) -> float:
    """Wait until ``url`` is served with status 200, as long as ``process`` runs; the time it was."""
    deadline = time.perf_counter() + limit_s
    while time.perf_counter() < deadline:
        if process and process.poll() is not None:
            raise RuntimeError(f"The server exited with code {process.returncode}.")
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own address
                if answer.status == 200:
                    return time.perf_counter()
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise TimeoutError(url)
