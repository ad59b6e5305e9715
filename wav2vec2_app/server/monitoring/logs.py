"""Logging: how lines look, and the one line that tells what became of a task.

Audio and transcripts are people's own: no line above DEBUG carries either.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from wav2vec2_app.server.events import Done, Failed, TaskEvent
from wav2vec2_app.server.tasks import AudioResult, AudioTask
from wav2vec2_app.settings import Settings

PACKAGE = "wav2vec2_app"

logger = logging.getLogger(__name__)

_OF_EVERY_RECORD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def configure_logging(settings: Settings) -> logging.Handler:
    """Send our log, and other libraries' warnings, to stderr; calling it again replaces the former.

    Returns:
        The handler, now on the root logger.
    """
    root = logging.getLogger()
    for former in [handler for handler in root.handlers if isinstance(handler, _StderrHandler)]:
        root.removeHandler(former)
    handler = _StderrHandler()
    handler.setFormatter(JsonFormatter() if settings.log_json else ReadableFormatter())
    root.addHandler(handler)
    logging.getLogger(PACKAGE).setLevel(settings.log_level)
    return handler


def log_task(task: AudioTask, event: TaskEvent) -> None:
    """A sink of the orchestrator's events: one line for each finished task."""
    if isinstance(event, Done):
        _log_done(task, event)
    elif isinstance(event, Failed):
        _log_failed(task, event)


class ReadableFormatter(logging.Formatter):
    """Time, level, logger, message, then the extra facts as ``key=value``; tracebacks below."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        line = _one_line(super().formatMessage(record))
        return " ".join(
            [line, *(f"{key}={_brief(value)}" for key, value in _facts(record).items())]
        )


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, the extra facts, traceback."""

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
    """Writes to what ``sys.stderr`` is at that moment."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            sys.stderr.write(self.format(record) + "\n")
        except Exception:
            self.handleError(record)


def _log_done(task: AudioTask, event: Done) -> None:
    result = event.result
    facts = {"outcome": "done", **_facts_of(task, event), **_facts_of_result(result)}
    level = logging.DEBUG if task.live else logging.INFO  # one for each word spoken is no news
    logger.log(level, "task done", extra=facts)
    if result.transcript is not None:
        logger.debug("transcript: %s", result.transcript.text, extra={"task_id": task.id})


def _log_failed(task: AudioTask, event: Failed) -> None:
    error = event.error
    facts = {
        "outcome": "failed",
        **_facts_of(task, event),
        "code": error.code,
        "layer": error.layer,
        "metadata": error.metadata,
    }
    level = logging.INFO if error.severity == "warning" else logging.ERROR
    logger.log(level, "task failed: %s", error.message, extra=facts)


def _facts_of(task: AudioTask, event: TaskEvent) -> dict[str, Any]:
    wants = "+".join(sorted(want.value for want in task.wants))
    return {"task_id": task.id, "wants": wants, "took_s": round(event.at_s, 4)}


def _facts_of_result(result: AudioResult) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "audio_s": round(result.audio.duration_s, 3),
        "rtf": round(result.real_time_factor, 4),
        "stages": {stage.name: round(stage.duration_s, 4) for stage in result.stages},
    }
    if result.transcript is not None:
        facts["model"] = result.transcript.model.name
    if result.problems:
        facts["problems"] = {p.operation.value: p.error.code for p in result.problems}
    return facts


def _facts(record: logging.LogRecord) -> Mapping[str, Any]:
    """What was passed as ``extra``."""
    return {key: value for key, value in vars(record).items() if key not in _OF_EVERY_RECORD}


def _brief(value: Any) -> str:
    if isinstance(value, Mapping):
        value = ",".join(f"{key}:{fact}" for key, fact in value.items())
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if set(text) & set(' \n\r"') else text


def _one_line(text: str) -> str:
    """A message cannot forge further lines."""
    return text.replace("\r", "\\r").replace("\n", "\\n")
