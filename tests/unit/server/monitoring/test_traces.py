"""OpenTelemetry traces of tasks; they need the SDK, which is an extra."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest

from tests.doubles import FakeAdapter, FakeClock, make_audio, make_policy, make_task
from wav2vec2_app.errors import InputError, InternalError
from wav2vec2_app.server.operations import Operation, Want
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator
from wav2vec2_app.server.tasks import AudioTask

pytest.importorskip("opentelemetry.sdk")

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from wav2vec2_app.server.monitoring.traces import TraceSink, export_traces

NOW_NS = 1_800_000_000_000_000_000


class Traced:
    def __init__(self) -> None:
        self.clock = FakeClock()
        takes_s = {Operation.TRANSCRIBE: 2.0}
        self.adapter = FakeAdapter(duration_s=8.0, clock=self.clock, takes_s=takes_s)
        self.exporter = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.orchestrator = ModelOrchestrator([self.adapter], make_policy(), clock=self.clock)
        sink = TraceSink(provider.get_tracer("test"), lambda: NOW_NS)
        self.orchestrator.events.subscribe(sink)

    async def run(self, task: AudioTask) -> dict[str, Any]:
        await self.orchestrator.start()
        async for _ in self.orchestrator.submit(task):
            pass
        await self.orchestrator.stop()
        return {span.name: span for span in self.exporter.get_finished_spans()}


async def test_task_is_a_span_with_a_child_for_each_stage() -> None:
    task = make_task()
    spans = await Traced().run(task)

    root = spans["task"]
    assert (root.start_time, root.end_time) == (NOW_NS - 2_000_000_000, NOW_NS)
    assert root.attributes["wav2vec2.request_id"] == task.id
    assert root.attributes["wav2vec2.model"] == "fake/wav2vec2"
    forward = spans["forward"]
    assert forward.parent.span_id == root.context.span_id
    assert forward.end_time - forward.start_time == 1_800_000_000
    assert forward.attributes["wav2vec2.process"] == "inference"
    assert {"queue", "decode audio", "resample", "decode text"} <= spans.keys()


async def test_failed_task_is_a_span_with_its_code() -> None:
    traced = Traced()
    traced.adapter.fail(Operation.PROBE, InputError("too long", code="audio.too_long"))

    [span] = (await traced.run(make_task())).values()

    assert span.status.status_code.name == "ERROR"
    assert span.attributes["error.type"] == "audio.too_long"


async def test_missing_extra_is_an_event_of_the_span() -> None:
    traced = Traced()
    traced.adapter.fail(Operation.DRAW, InternalError("no ink"))

    spans = await traced.run(make_task(wants=[Want.TRANSCRIPT, Want.PICTURES]))

    [event] = spans["task"].events
    assert event.attributes == {"operation": "draw", "code": "internal"}


async def test_transcripts_are_not_traced() -> None:
    spans = await Traced().run(make_task("secret words.wav"))

    assert not any("secret" in span.to_json() for span in spans.values())


async def test_live_passes_are_not_traced() -> None:
    assert await Traced().run(AudioTask(audio=make_audio(0.5), live=True)) == {}


async def test_traces_are_exported_with_the_name_of_the_service(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without the network: the exporter is in memory, and gets each span when it ends."""
    exporter, traced = InMemorySpanExporter(), Traced()
    module = ModuleType("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    module.OTLPSpanExporter = lambda: exporter  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr("opentelemetry.sdk.trace.export.BatchSpanProcessor", SimpleSpanProcessor)
    traced.orchestrator.events.subscribe(export_traces())

    await traced.run(make_task())

    names = [span.name for span in exporter.get_finished_spans()]
    assert names.count("task") == 1
    assert "forward" in names
    [service] = {span.resource.attributes["service.name"] for span in exporter.get_finished_spans()}
    assert service == "wav2vec2-app"
