"""``python -m benchmarks.long_page``: health checks while the page shows a three-hour transcript.

The server is a process of its own. Its adapter answers with a made-up transcript of three hours, first in
parts, then complete, so that everything measured is the work of the server process: rendering, delivery and
the export of every type of file.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import httpx
import numpy as np

from benchmarks.clips import clip_of
from benchmarks.report import Figure, show
from benchmarks.server import free_port, running
from wav2vec2_app.errors import InputError
from wav2vec2_app.server.adapters.base import RollingMeasure
from wav2vec2_app.server.build import System, build_system
from wav2vec2_app.server.events import EventBus
from wav2vec2_app.server.monitoring.metrics import Metrics
from wav2vec2_app.server.operations import Operation
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator
from wav2vec2_app.server.results import Progress, Report, TaskResult, ignore_progress
from wav2vec2_app.server.status import AdapterStatus, ModelCapabilities
from wav2vec2_app.server.tasks import ModelTask
from wav2vec2_app.settings import Settings
from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ, Audio, AudioProbe
from wav2vec2_app.speech.exports import EXPORT_FORMATS
from wav2vec2_app.speech.models import ModelInfo
from wav2vec2_app.speech.options import OPTIONS
from wav2vec2_app.speech.transcript import PreviewWords, Recognition, Transcript, Word

HOURS_S = 3 * 3600.0
WORDS_PER_S = 2.5
PART_S = 8.0
PART_PAUSE_S = 0.002
ROUNDS = 3
AT_MOST_MS = 50.0
MODEL = ModelInfo("made up", "folder", "none", "cpu", "fp32", 0, 0)


class ThreeHours:
    """An adapter whose every transcript is three hours long."""

    name = "three-hours"
    _measure = RollingMeasure()

    async def initialize(self) -> None: ...

    async def dispose(self) -> None: ...

    async def handle_task(self, task: ModelTask, report: Report = ignore_progress) -> TaskResult:
        if task.operation is Operation.PROBE:
            return TaskResult(task.operation, AudioProbe(HOURS_S, True, 16_000, 1, "wav", 1))
        if task.operation is Operation.DECODE_AUDIO:
            samples = np.broadcast_to(np.float32(0), (round(HOURS_S * SAMPLE_RATE_HZ),))
            return TaskResult(task.operation, Audio(samples, SAMPLE_RATE_HZ, 1, "wav"))
        if task.operation is Operation.TRANSCRIBE:
            await _report_previews(report)
        if task.operation is Operation.ANALYZE:
            raise InputError("Features are limited to shorter audio.", code="features.too_long")
        return TaskResult(task.operation, RECOGNITION)

    def time_limit_s(self, task: ModelTask) -> float:
        return 600.0

    def answering_model(self, model: str) -> str:
        return MODEL.name

    def get_capabilities(self) -> ModelCapabilities:
        return ModelCapabilities(
            name=self.name,
            operations=frozenset(Operation),
            max_duration_s=2 * HOURS_S,
            max_bytes=1 << 30,
            formats=(),
            features=(),
            models=(),
            average_latency_s=None,
            throughput=None,
            success_rate=None,
            samples=0,
        )

    def get_status(self) -> AdapterStatus:
        return AdapterStatus(self.name, ready=True, model=MODEL)


def _transcript() -> Transcript:
    step_s = 1 / WORDS_PER_S
    words = tuple(
        Word(f"word{number % 997}", number * step_s, number * step_s + 0.3, 0.9)
        for number in range(round(HOURS_S * WORDS_PER_S))
    )
    text = " ".join(word.text for word in words)
    return Transcript(text, words, 0.9, HOURS_S, MODEL)


RECOGNITION = Recognition(_transcript(), None)


async def _report_previews(report: Report) -> None:
    """The words of each window, as the service reports them."""
    words = RECOGNITION.transcript.words
    size = round(PART_S * WORDS_PER_S)
    for first in range(0, len(words), size):
        part = words[first : first + size]
        fraction = (first + len(part)) / len(words)
        report(Progress(fraction=fraction, value=PreviewWords(part)))
        await asyncio.sleep(PART_PAUSE_S)


def serve(port: int) -> None:
    """Serve until terminated."""
    import uvicorn

    from wav2vec2_app.server.serve import create_app, favour_event_loop, without_collection

    settings = Settings(port=port, fetch_models=False, log_level="ERROR")
    events = EventBus()
    system = build_system(settings)
    orchestrator = ModelOrchestrator([ThreeHours()], events=events)
    favour_event_loop()
    with without_collection():
        app = create_app(System(settings, orchestrator, system.service, events), Metrics())

    async def run() -> None:
        await orchestrator.start()
        await uvicorn.Server(uvicorn.Config(app, port=port, log_level="error")).serve()

    asyncio.run(run())


@dataclass(frozen=True)
class Browser:
    """What a browser sends and receives, without drawing it."""

    client: httpx.Client
    session: str

    def transcribe(self) -> float:
        """Have the page show a transcript; returns the bytes that arrived."""
        upload = ("clip.wav", clip_of(1.0).read_bytes())
        [path] = self.client.post("/gradio_api/upload", files={"files": upload}).json()
        audio = {"path": path, "meta": {"_type": "gradio.FileData"}}
        values = [None if option.is_number else option.default for option in OPTIONS]
        values = [
            option.default if value is None else value
            for option, value in zip(OPTIONS, values, strict=True)
        ]
        values = [", ".join(value) if isinstance(value, tuple) else value for value in values]
        self._call(
            "on_transcribe", "/gradio_api/queue/join", [audio, "auto", *values, "", False, False]
        )
        arrived = 0
        address = f"/gradio_api/queue/data?session_hash={self.session}"
        with self.client.stream("GET", address) as stream:
            for line in stream.iter_lines():
                arrived += len(line)
                if line.startswith("data:") and json.loads(line[5:])["msg"] == "close_stream":
                    break
        return arrived

    def export(self) -> float:
        """Fetch every type of file; returns the bytes that arrived."""
        arrived = 0
        for kind in [row.ending for row in EXPORT_FORMATS]:
            request = f"transcript.{kind} 1"
            answer = self._call("on_fetch_file", "/gradio_api/run/predict", [request])
            if "data-missing" in answer.text:
                raise RuntimeError(f"there is no file of the type {kind}")
            arrived += len(answer.content)
        return arrived

    def _call(self, name: str, address: str, data: list[object]) -> httpx.Response:
        dependencies = self.client.get("/config").json()["dependencies"]
        [called] = [one for one in dependencies if str(one["api_name"]) == name]
        body = {"data": data, "fn_index": called["id"], "session_hash": self.session}
        return self.client.post(address, json=body).raise_for_status()


def measure() -> Sequence[Figure]:
    port = free_port()
    arguments = ["-m", "benchmarks.long_page", str(port)]
    times_ms: list[float] = []
    with running(arguments, {}, port, ready="/healthz") as server:
        busy = threading.Event()
        busy.set()

        def load() -> None:
            with httpx.Client(base_url=server.url, timeout=120) as client:
                for _ in range(ROUNDS):
                    browser = Browser(client, uuid.uuid4().hex)
                    arrived.append(browser.transcribe())
                    exported.append(browser.export())
            busy.clear()

        arrived: list[float] = []
        exported: list[float] = []
        loading = threading.Thread(target=load, daemon=True)
        loading.start()
        with httpx.Client(base_url=server.url, timeout=60) as client:
            while busy.is_set() and loading.is_alive():
                begin = time.perf_counter()
                client.get("/healthz").raise_for_status()
                times_ms.append(1000 * (time.perf_counter() - begin))
                time.sleep(0.01)
        loading.join()
    if len(exported) < ROUNDS:
        raise RuntimeError("the page was not answered")
    p95 = statistics.quantiles(times_ms, n=20)[-1]
    return (
        Figure("size of the page's answer", max(arrived) / 2**20, "MiB"),
        Figure("size of all exported files", max(exported) / 2**20, "MiB"),
        Figure("health check meanwhile, 95th percentile", p95, "ms", AT_MOST_MS),
        Figure("health check meanwhile, slowest", max(times_ms), "ms"),
    )


if __name__ == "__main__":
    if len(sys.argv) > 1:
        serve(int(sys.argv[1]))
    else:
        show("long_page", measure())
