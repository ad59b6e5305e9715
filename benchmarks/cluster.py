"""A Ray cluster of this machine, for tests and benchmarks."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil

from benchmarks.server import ROOT, free_port

OBJECT_STORE_BYTES = 200_000_000
STOP_LIMIT_S = 30.0
DEPLOY_LIMIT_S = 300.0
STARTED = b"Ray runtime started"
ENVIRONMENT = {
    "RAY_AUTH_MODE": "disabled",  # it listens on this machine only
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_worker_niceness": "0",  # Ray's default of 15 starves replicas beside other work
    "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
}
PORTS = (
    "--dashboard-agent-listen-port",
    "--dashboard-agent-grpc-port",
    "--runtime-env-agent-port",
    "--metrics-export-port",
    "--ray-client-server-port",
)
"""Free ones are given, so that several clusters can run on one machine."""
ATTEMPTS = 3
"""Ray gives up if its agents take 15 s to start, which happens on a busy machine."""


@contextmanager
def ray_cluster(cpus: int = 2) -> Iterator[str]:
    """Start a cluster of one node, in a process of its own; yields its address."""
    os.environ.update(ENVIRONMENT)  # before this process imports ray
    with tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as folder:
        process, port = _start(cpus, folder)
        try:
            yield f"127.0.0.1:{port}"
        finally:
            _leave()
            _stop(process)


def _start(cpus: int, folder: str) -> tuple[subprocess.Popen[bytes], int]:
    """The process of the node, and the port of the cluster."""
    output = b""
    for _ in range(ATTEMPTS):
        port = free_port()
        ports = (text for name in PORTS for text in (name, str(free_port())))
        command = [
            str(Path(sys.executable).with_name("ray")), "start", "--head", "--block",
            "--node-ip-address", "127.0.0.1", "--port", str(port), "--num-cpus", str(cpus),
            "--object-store-memory", str(OBJECT_STORE_BYTES), "--include-dashboard=false",
            "--include-log-monitor=false", "--temp-dir", folder, *ports,
        ]  # fmt: skip
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        output = _until_started(process)
        if STARTED in output:
            return process, port
        _stop(process)
    raise RuntimeError(f"Ray did not start: {output.decode(errors='replace')}")


def deploy(address: str, environment: Mapping[str, str], *options: str) -> str:
    """Run ``wav2vec2-app ray deploy`` with ``options``; what it prints."""
    environment = {**os.environ, "WAV2VEC2_RAY_ADDRESS": address, **environment}
    program = "from wav2vec2_app.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "ray", "deploy", *options],
        env=environment, cwd=ROOT, capture_output=True, text=True, timeout=DEPLOY_LIMIT_S,
        check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"not deployed ({done.returncode}): {done.stdout} {done.stderr}")
    return done.stdout


def replica_processes(role: str) -> list[psutil.Process]:
    """The processes of the replicas of a role on this machine."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        title = " ".join(process.info["cmdline"] or ())
        if title.startswith("ray::") and f"wav2vec2-{role}" in title:
            found.append(process)
    return found


def _until_started(process: subprocess.Popen[bytes]) -> bytes:
    """What the node printed until it had started, or failed."""
    output = b""
    assert process.stdout is not None
    for line in process.stdout:
        output += line
        if STARTED in line:
            break
    return output


def _leave() -> None:
    """Disconnect this process."""
    import ray

    ray.shutdown()


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the node with all its processes, and nothing of other clusters."""
    family = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    process.terminate()
    try:
        process.wait(STOP_LIMIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
    for child in family:
        if child.is_running():
            child.kill()
    psutil.wait_procs(family, STOP_LIMIT_S)
