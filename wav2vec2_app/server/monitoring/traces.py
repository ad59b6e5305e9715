"""OpenTelemetry traces, computed from events: one trace for each task, with a span for each stage.

They need the extra ``otel``. Where they are sent is configured by OpenTelemetry's own environment variables
(``OTEL_EXPORTER_OTLP_ENDPOINT``…). Audio and transcripts are private: no span contains either.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from opentelemetry import trace
from opentelemetry.trace import Span, Status, StatusCode, Tracer

from wav2vec2_app.server.events import Done, Event, Failed, TaskEvent
from wav2vec2_app.server.results import AudioResult, Stage

SERVICE: Final = "wav2vec2-app"
_NS: Final = 1_000_000_000


class TraceSink:
    """A sink that makes a trace of each finished task, except for the many passes of live captions.

    Args:
        tracer: makes the spans.
        now_ns: time since the epoch, nanoseconds.
    """

    def __init__(self, tracer: Tracer, now_ns: Callable[[], int] = time.time_ns) -> None:
        self._tracer = tracer
        self._now_ns = now_ns

    def __call__(self, event: Event) -> None:
        """Make the trace of a finished task."""
        if isinstance(event, Done | Failed) and not event.task.live:
            self._trace(event)

    def _trace(self, event: Done | Failed) -> None:
        end_ns = self._now_ns()
        begin_ns = end_ns - round(event.at_s * _NS)
        span = self._tracer.start_span(
            "task", start_time=begin_ns, attributes=_facts(event), kind=trace.SpanKind.SERVER
        )
        if isinstance(event, Done):
            _describe(span, event.result)
            for stage in event.result.stages:
                if stage.name != "total":
                    self._trace_stage(span, stage, begin_ns)
        else:
            span.set_attributes(
                {"error.type": event.error.code, "wav2vec2.error.layer": event.error.layer}
            )
            span.set_status(Status(StatusCode.ERROR, event.error.message))
        span.end(end_ns)

    def _trace_stage(self, parent: Span, stage: Stage, begin_ns: int) -> None:
        start_ns = begin_ns + round(stage.start_s * _NS)
        span = self._tracer.start_span(
            stage.name,
            context=trace.set_span_in_context(parent),
            start_time=start_ns,
            attributes={"wav2vec2.process": stage.process},
        )
        span.end(start_ns + round(stage.duration_s * _NS))


def export_traces() -> TraceSink:
    """A sink whose traces are sent by OTLP over HTTP.

    Raises:
        ImportError: the extra ``otel`` is not installed.
    """
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({"service.name": SERVICE}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    tracer: Tracer = provider.get_tracer(SERVICE)
    return TraceSink(tracer)


def _facts(event: TaskEvent) -> dict[str, str]:
    wants = "+".join(sorted(want.value for want in event.task.wants))
    return {"wav2vec2.request_id": event.task_id, "wav2vec2.wants": wants}


def _describe(span: Span, result: AudioResult) -> None:
    span.set_attributes(
        {"wav2vec2.audio_s": result.audio.duration_s, "wav2vec2.cached": result.cached}
    )
    if result.transcript is not None:
        span.set_attribute("wav2vec2.model", result.transcript.model.name)
    for problem in result.problems:
        facts = {"operation": problem.operation.value, "code": problem.error.code}
        span.add_event("problem", facts)
