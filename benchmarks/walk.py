"""``python -m benchmarks.walk``: the modules between a Gradio handler and the worker's operation.

Serves the application in this process, sends it one real request by ``gradio_client`` and traces the calls of
the package, here and in the workers (:mod:`benchmarks.tracing`). The walk is the longest chain from a handler
of the page to the queue of a pool, then from the pool's queue to the pipe, and the longest chain of a
worker from its request loop to an operation.
Counted are the distinct modules. A module that occurs again after others is listed: there the request goes
up again.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from unittest import mock

from gradio_client import Client, handle_file

from benchmarks.clips import clip_of
from benchmarks.report import Figure, show
from benchmarks.server import free_port, wait_for
from benchmarks.tracing import (
    FOLDER,
    ROOT,
    SITE,
    Chain,
    Leg,
    Tracer,
    modules_of,
    revisits,
    worker_chain,
)

BRIDGE = "wav2vec2_app.server.bridge"
TO_QUEUE = Leg("wav2vec2_app.server.ui", f"{BRIDGE}.pool._enqueue")
TO_PIPE = Leg(f"{BRIDGE}.pool._run", f"{BRIDGE}.writer.put")
FRAME = "wav2vec2_app.protocol.frame"
MODULES_BAR = 16


class OneRequest(threading.Thread):
    """Sends one request to the server of this process and stops it; ``at`` is when it was sent."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self.at = float("inf")
        self.failure: Exception | None = None
        self._url = f"http://127.0.0.1:{port}"

    def run(self) -> None:
        """Wait for the server, send the request, interrupt the server."""
        try:
            wait_for(f"{self._url}/readyz")
            client = Client(self._url, verbose=False, ssl_verify=False)
            self.at = time.time()
            answer = client.predict(handle_file(str(clip_of(3.0))), "auto", api_name="/transcribe")
            if "error" in answer:
                raise RuntimeError(answer["error"])
        except Exception as failure:
            self.failure = failure
        finally:
            os.kill(os.getpid(), signal.SIGINT)


def server_chain(port: int, request: OneRequest) -> Chain:
    """Serve in this thread until the request was answered; the longest chain to the pipe."""
    from wav2vec2_app.server import serve
    from wav2vec2_app.settings import Settings

    tracer = Tracer(TO_QUEUE, TO_PIPE)
    request.start()
    new_loop = asyncio.new_event_loop

    def traced_loop() -> asyncio.AbstractEventLoop:
        loop = new_loop()
        loop.set_task_factory(tracer.create_task)
        return loop

    settings = Settings(port=port, model="embedded", fetch_models=False, log_level="ERROR")
    with mock.patch.object(asyncio.events, "new_event_loop", traced_loop):
        sys.setprofile(tracer)
        serve.run(settings)
        sys.setprofile(None)
    request.join()
    if request.failure:
        raise request.failure
    return (*tracer.longest(TO_QUEUE), *tracer.longest(TO_PIPE))


def measure() -> Sequence[Figure]:
    with tempfile.TemporaryDirectory(prefix="walk-") as name:
        folder = Path(name)
        (folder / "sitecustomize.py").write_text(SITE, "utf-8")
        port = free_port()
        request = OneRequest(port)
        environment = {FOLDER: name, "PYTHONPATH": os.pathsep.join((name, str(ROOT)))}
        with mock.patch.dict(os.environ, environment):
            server = server_chain(port, request)
        worker = worker_chain(folder, since=request.at)
    if not server or not worker:
        raise RuntimeError(f"The request was not traced: server {server}, worker {worker}.")
    modules = tuple(dict.fromkeys((*modules_of(server), FRAME, *modules_of(worker))))
    for module in modules:
        functions = dict.fromkeys(
            one.function for one in (*server, *worker) if one.module == module
        )
        print(f"{module}: {', '.join(functions)}")
    again = [*revisits(server), *revisits(worker)]
    print("\n".join(f"goes up again: {step}" for step in again))
    return (
        Figure(
            "modules from a Gradio handler to the worker's operation", len(modules), "", MODULES_BAR
        ),
        Figure("calls on this way", len(server) + len(worker), ""),
        Figure("steps that go up again", len(again), "", 0),
    )


if __name__ == "__main__":
    sys.exit(0 if show("walk", measure()) else 1)
