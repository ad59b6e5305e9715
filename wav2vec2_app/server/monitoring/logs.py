"""Logging: the format of log lines, and a sink that logs events.

Audio and transcripts are private: no line above DEBUG contains either.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import TypeAlias

from wav2vec2_app.server.events import (
    BreakerEvent,
    Done,
    Event,
    Failed,
    Retried,
    Started,
    TaskEvent,
    WorkerEvent,
)
from wav2vec2_app.server.results import AudioResult

PACKAGE = "wav2vec2_app"

logger = logging.getLogger(__name__)

Facts: TypeAlias = dict[str, object]
"""Key-value pairs of a log line, passed to :mod:`logging` as ``extra``."""

_STANDARD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def configure_logging(level: str, *, as_json: bool = False) -> logging.Handler:
    """Send the package's log, and warnings of other libraries, to stderr.

    A repeated call replaces the handler of the previous one.

    Args:
        level: of the package's loggers, such as ``INFO``.
        as_json: one JSON object a line instead of readable text.

    Returns:
        The handler, installed on the root logger.
    """
    root = logging.getLogger()
    for previous in [handler for handler in root.handlers if isinstance(handler, _StderrHandler)]:
        root.removeHandler(previous)
    handler = _StderrHandler()
    handler.setFormatter(JsonFormatter() if as_json else ReadableFormatter())
    root.addHandler(handler)
    logging.getLogger(PACKAGE).setLevel(level)
    return handler


def log_event(event: Event) -> None:
    """A sink that logs finished tasks, retries, workers and circuit breakers; steps at DEBUG."""
    match event:
        case Started():
            facts = {"request_id": event.task_id, "attempt": event.attempt}
            logger.debug("%s started", event.operation.value, extra=facts)
        case Done():
            _log_done(event)
        case Failed():
            _log_failed(event)
        case Retried():
            facts = {**_facts_of(event), "code": event.error.code, "adapter": event.adapter}
            logger.warning("%s failed, trying again", event.operation.value, extra=facts)
        case WorkerEvent(kind="ready", role=role, pid=pid):
            logger.info("worker ready", extra={"role": role, "pid": pid})
        case WorkerEvent(kind="retried", role=role, error=error):
            code = error.code if error is not None else ""
            logger.warning("a request to the %s worker is retried", role, extra={"code": code})
        case BreakerEvent(circuit=circuit, before=before, after=after):
            logger.warning("circuit %s: %s -> %s", circuit, before, after)


class ReadableFormatter(logging.Formatter):
    """Time, level, logger, message, then the extra facts as ``key=value``, then tracebacks."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        line = _one_line(super().formatMessage(record))
        return " ".join(
            [line, *(f"{key}={_brief(value)}" for key, value in _facts(record).items())]
        )


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, extra facts, traceback."""

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": datetime.fromtimestamp(record.created, timezone.utc).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **_facts(record),
        }
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False, default=str)


class _StderrHandler(logging.Handler):
    """Writes to the current ``sys.stderr``."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            sys.stderr.write(self.format(record) + "\n")
        except Exception:
            self.handleError(record)


def _log_done(event: Done) -> None:
    result = event.result
    facts = {"outcome": "done", **_facts_of(event), **_facts_of_result(result)}
    level = logging.DEBUG if event.task.live else logging.INFO  # a live session has many passes
    logger.log(level, "task done", extra=facts)
    if result.transcript is not None:
        logger.debug("transcript: %s", result.transcript.text, extra={"request_id": event.task_id})


def _log_failed(event: Failed) -> None:
    error = event.error
    facts = {
        "outcome": "failed",
        **_facts_of(event),
        "code": error.code,
        "layer": error.layer,
        "metadata": error.metadata,
    }
    level = logging.INFO if error.severity == "warning" else logging.ERROR
    logger.log(level, "task failed: %s", error.message, extra=facts)


def _facts_of(event: TaskEvent) -> Facts:
    wants = "+".join(sorted(want.value for want in event.task.wants))
    return {"request_id": event.task_id, "wants": wants, "took_s": round(event.at_s, 4)}


def _facts_of_result(result: AudioResult) -> Facts:
    facts: Facts = {
        "cached": result.cached,
        "audio_s": round(result.audio.duration_s, 3),
        "rtf": round(result.real_time_factor, 4),
        "stages": {stage.name: round(stage.duration_s, 4) for stage in result.stages},
    }
    if result.transcript is not None:
        facts["model"] = result.transcript.model.name
    if result.problems:
        facts["problems"] = {p.operation.value: p.error.code for p in result.problems}
    return facts


def _facts(record: logging.LogRecord) -> Facts:
    """The facts that were passed as ``extra``."""
    return {key: value for key, value in vars(record).items() if key not in _STANDARD_FIELDS}


def _brief(value: object) -> str:
    if isinstance(value, Mapping):
        value = ",".join(f"{key}:{fact}" for key, fact in value.items())
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if set(text) & set(' \n\r"') else text


def _one_line(text: str) -> str:
    """Escape line breaks, so that a message cannot forge further lines."""
    return text.replace("\r", "\\r").replace("\n", "\\n")
